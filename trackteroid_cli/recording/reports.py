"""Reports: what the processes of a run tell the one that keeps its recording.

They go through a pipe, so that no key gets onto a disk.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from trackteroid_cli import settings
from trackteroid_cli.errors import NotConfigured

if TYPE_CHECKING:
    from trackteroid_cli.session.recorder import RecordedSession

#: What is written at once, so that texts of several processes do not mix.
_WHOLE = 512


class Reports:
    """The reports of a run; the processes that are forked for it share them."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        # A process waits for nobody here; what the pipe has no room for is not told.
        for end in (self._reading, self._writing):
            os.set_blocking(end, False)
        self._told: set[bytes] = set()
        self._servers: dict[str, settings.Server] = {}
        self._is_error_shown = False

    # -- in the processes of the run ---------------------------------------------------------------

    def session(self, session: RecordedSession) -> None:
        """Tell as whom *session* connects."""
        self._tell([session.server_url, session.api_user, session.api_key])

    def error_shown(self) -> None:
        """Tell that this process has said why it fails."""
        self._tell("error shown")

    def _tell(self, report: object) -> None:
        line = json.dumps(report).encode() + b"\n"
        if line not in self._told and len(line) <= _WHOLE:
            self._told.add(line)
            with suppress(OSError):
                os.write(self._writing, line)

    # -- in the process that keeps the recording ---------------------------------------------------

    @property
    def is_error_shown(self) -> bool:
        """Whether a process has said why it fails."""
        self._read()
        return self._is_error_shown

    @property
    def has_sessions(self) -> bool:
        """Whether the run made a session."""
        self._read()
        return bool(self._servers)

    def server(self, url: str) -> settings.Server:
        """Return as whom the run connects to the server *url*, or what the settings say of it.

        Raises:
            NotConfigured: neither is there.
        """
        self._read()
        return self._servers[url] if url in self._servers else configured(url)

    def _read(self) -> None:
        parts = []
        with suppress(BlockingIOError):
            while part := os.read(self._reading, 65536):
                parts.append(part)
        for line in b"".join(parts).splitlines():
            report = json.loads(line)
            if isinstance(report, list):
                told = settings.Server(*report)
                self._servers[settings.normalise_url(told.url)] = told
            else:
                self._is_error_shown = True


def configured(url: str) -> settings.Server:
    """Return what the settings say of the server *url*.

    Raises:
        NotConfigured: they name none, or another one, whose key is not for this one.
    """
    found = settings.as_server(settings.lookup())
    if settings.normalise_url(found.url) != url:
        raise NotConfigured(
            f"no key for {url} is configured",
            why=f"the settings are for {found.url}",
            hint=f"set FTRACK_SERVER, FTRACK_API_KEY and FTRACK_API_USER for {url}",
        )
    return found
