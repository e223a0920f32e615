"""Processes that are forked from an interpreter which has imported everything: see `ForkServer`."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from tests.support import fork_server

#: An interpreter looks at these when it starts or imports, and never again.
READ_AT_START = (
    *("PYTHON", "_PYTHON", "LC_", "LANG", "LD_"),
    *("FTRACK_API_FILE_CHUNK_SIZE", "PYDANTIC_", "TYPER_", "_TYPER", "TERMINAL", "FORCE_COLOR"),
)


class Forked:
    """A process that a fork server has forked."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status.makefile("r")
        status.close()
        self.pid = self._next_number()
        self.returncode: int | None = None

    def wait(self) -> int:
        """Return its exit status, or minus the signal that killed it, once it has ended."""
        if self.returncode is None:
            with self._status:
                self.returncode = self._next_number()
        return self.returncode

    def _next_number(self) -> int:
        line = self._status.readline()
        if not line:
            raise RuntimeError("the fork server has ended; standard error says why")
        return int(line)


class ForkServer:
    """Starts command lines by a fork of an interpreter that has imported everything.

    Args:
        prefix: what runs the interpreter, such as `unshare`; what it sets up, every command has.
    """

    def __init__(self, prefix: Sequence[str] = ()) -> None:
        self._control, theirs = socket.socketpair()
        self._started = {
            name: text for name, text in os.environ.items() if name.startswith(READ_AT_START)
        }
        with theirs:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, fork_server.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def close(self) -> None:
        """End the fork server; processes that it has forked go on."""
        self._control.close()
        self._process.wait()

    def suits(self, environment: dict[str, str]) -> bool:
        """Return whether *environment* has what the interpreter saw when it started."""
        seen = {name: text for name, text in environment.items() if name.startswith(READ_AT_START)}
        return seen == self._started

    def start(
        self,
        request: dict[str, Any],
        *,
        cwd: Path,
        environment: dict[str, str],
        streams: Sequence[int | IO[Any]],
    ) -> Forked:
        """Start what *request* names, with *streams* as standard input, output and error."""
        body = json.dumps({**request, "cwd": str(cwd), "environment": environment}).encode()
        ours, theirs = socket.socketpair()
        with theirs:
            fds = [each if isinstance(each, int) else each.fileno() for each in streams]
            socket.send_fds(self._control, [len(body).to_bytes(8, "big")], [*fds, theirs.fileno()])
            self._control.sendall(body)
        return Forked(ours)

    def run(
        self,
        request: dict[str, Any],
        *,
        cwd: Path,
        environment: dict[str, str],
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run what *request* names to its end, and return what it wrote."""
        with contextlib.ExitStack() as stack:
            files = [
                stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline=""))
                for _ in range(3)
            ]
            files[0].write(stdin or "")
            files[0].seek(0)
            process = self.start(request, cwd=cwd, environment=environment, streams=files)
            status = process.wait()
            for file in files[1:]:
                file.seek(0)
            written = [file.read().replace("\r\n", "\n") for file in files[1:]]
        return subprocess.CompletedProcess(list(request["arguments"]), status, *written)


class ForkServers:
    """One fork server for each prefix, started when it is first needed."""

    def __init__(self) -> None:
        self._servers: dict[tuple[str, ...], ForkServer] = {}

    def get(self, prefix: tuple[str, ...] = ()) -> ForkServer | None:
        """Return the fork server for commands that *prefix* runs; None where there can be none.

        Elsewhere than on Linux, system libraries may not survive a fork.
        """
        if sys.platform != "linux":
            return None
        if prefix not in self._servers:
            self._servers[prefix] = ForkServer(prefix)
        return self._servers[prefix]

    def close(self) -> None:
        """End the fork servers."""
        for each in self._servers.values():
            each.close()
