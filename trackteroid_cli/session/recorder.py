"""The recorder: the recordings of a run in this process, one for each server of its sessions."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import TYPE_CHECKING, Protocol

from trackteroid_cli import settings
from trackteroid_cli.batches.recordings.recording import Recording
from trackteroid_cli.offline.answering.built_on import header_parts
from trackteroid_cli.session.calls.refusals import Refusals

if TYPE_CHECKING:
    from trackteroid_cli.batches.recordings.recording_file import RecordingFile
    from trackteroid_cli.offline.answering.server import OfflineServer


class RecordedSession(Protocol):
    """A session of a recorded run, with the members that the recording needs."""

    offline: OfflineServer | None

    @property
    def server_url(self) -> str:
        """The URL of its server."""

    @property
    def api_user(self) -> str:
        """The name of the user that it acts as."""

    @property
    def api_key(self) -> str:
        """The key of that user."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    @property
    def connected(self) -> bool:
        """Whether it could be made, with the schemas of its server."""

    @property
    def recorded_operations(self) -> Sized:
        """The operations that it has recorded since its last commit."""

    def complete_recording(self, recording: Recording) -> None:
        """Add labels and old values that the server knows to *recording*."""


class Recorder:
    """The sessions of one run in this process, and one recording for each of their servers.

    Args:
        file: what the run commits, in all of its processes.
        on_session: called with each new session.
    """

    def __init__(
        self,
        file: RecordingFile,
        on_session: Callable[[RecordedSession], None] = lambda _: None,
    ) -> None:
        self.file = file
        self.recordings: dict[str, Recording] = {}
        self.sessions: list[RecordedSession] = []
        #: What the run was refused.
        self.refusals = Refusals(file)
        self._on_session = on_session

    def add_session(self, session: RecordedSession) -> Recording:
        """Add a new session and return the recording of its server."""
        self.sessions.append(session)
        self.file.mask(session.api_key)
        self._on_session(session)
        url = settings.normalise_url(session.server_url)
        recording = self.recordings.setdefault(url, Recording(self.file, url))
        recording.author = session.api_user
        return recording

    @property
    def uncommitted(self) -> int:
        """The number of operations that the script has recorded and not committed."""
        return sum(
            len(session.recorded_operations) for session in self.sessions if not session.closed
        )

    def complete(self) -> None:
        """Add what the sessions know of what was committed so far, in all processes.

        Raises:
            StorageError: the disk refuses.
        """
        kept = self.file.counts()
        for url, recording in self.recordings.items():
            recording.catch_up()
            if url in kept:
                session = self.session_for(url)
                session.complete_recording(recording)
                recording.keep_completion(**header_parts(session.offline, recording))

    def session_for(self, url: str) -> RecordedSession:
        """Return the last session of the server *url*, one that could be made if there is one."""
        sessions = [
            session
            for session in reversed(self.sessions)
            if settings.normalise_url(session.server_url) == url
        ]
        return next((session for session in sessions if session.connected), sessions[0])


#: The recorder of the current run, which every new session joins; None outside of a run.
_current: Recorder | None = None


def current_recorder() -> Recorder | None:
    """Return the recorder of the current run, or None outside of a run."""
    return _current


def set_recorder(recorder: Recorder | None) -> None:
    """Make every session that is created from now on record into *recorder*; None ends that."""
    global _current
    _current = recorder
