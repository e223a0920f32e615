"""The command line for the tests: each call is a process of its own, forked or fresh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.processes import ForkServer, ForkServers

Finished = subprocess.CompletedProcess[str]

#: A key that no server here asks for; recognisable wherever it should not be.
SECRET = "c0ffee00-5ec2-e75e-c2e7-0123456789ab"


@dataclass
class CommandLine:
    """Runs `trackteroid` as a process of its own, in a folder of the test's.

    ``trackteroid("inspect")`` is forked from an interpreter that has imported everything, which
    saves most of its time. It has streams, an environment, a status and a pid of its own all the
    same. ``trackteroid.fresh("inspect")`` starts a new interpreter: for tests of what happens at
    its start, and of processes that are killed. A forked process gives way to a fresh one where
    the environment has what an interpreter looks at when it starts, such as PYTHONIOENCODING, and
    where the platform cannot fork.
    """

    folder: Path
    fork_servers: ForkServers
    environment: dict[str, str] = field(default_factory=dict)
    #: What runs the command, such as `unshare`.
    prefix: tuple[str, ...] = ()

    def __call__(self, *arguments: object, stdin: str | None = None, **more: str) -> Finished:
        environment = {**os.environ, **self.environment, **more}
        server = self._fork_server(environment)
        if server is None:
            return self.fresh(*arguments, stdin=stdin, **more)
        request = {"module": "trackteroid_cli", "arguments": [str(each) for each in arguments]}
        return server.run(request, cwd=self.folder, environment=environment, stdin=stdin)

    def fresh(self, *arguments: object, stdin: str | None = None, **more: str) -> Finished:
        """Run a command in an interpreter of its own."""
        return self._fresh(["-m", "trackteroid_cli", *map(str, arguments)], stdin, more)

    def json(self, *arguments: object, **more: Any) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(self(*arguments, **more).stdout)

    def python(self, script: Path, *arguments: object, **more: str) -> Finished:
        """Run a script as ``python`` does, without recording it."""
        environment = {**os.environ, **self.environment, **more}
        server = self._fork_server(environment)
        if server is None:
            return self._fresh([str(script), *map(str, arguments)], None, more)
        request = {"script": str(script), "arguments": [str(each) for each in arguments]}
        return server.run(request, cwd=self.folder, environment=environment)

    def on_terminal(self, *arguments: str, status: int = 0, **more: str) -> str:
        """Return what a command writes to a standard output that is a terminal."""
        import pty

        terminal = {"TERM": "xterm-256color", "COLUMNS": "250"}
        environment = {**os.environ, **terminal, **self.environment, **more}
        server = self._fork_server(environment)
        with tempfile.TemporaryFile() as errors, Path(os.devnull).open() as nothing:
            master, slave = pty.openpty()
            if server is None:
                process: Any = subprocess.Popen(
                    [*self.prefix, sys.executable, "-m", "trackteroid_cli", *arguments],
                    cwd=self.folder,
                    env=environment,
                    stdin=nothing,
                    stdout=slave,
                    stderr=errors,
                )
            else:
                process = server.start(
                    {"module": "trackteroid_cli", "arguments": arguments},
                    cwd=self.folder,
                    environment=environment,
                    streams=(nothing, slave, errors),
                )
            os.close(slave)
            written = _read_terminal(master)
            process.wait()
            errors.seek(0)
            assert process.returncode == status, errors.read().decode()
        return written.decode()

    def script(self, text: str, name: str = "script.py") -> Path:
        """Write a script into the folder and return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def _fork_server(self, environment: dict[str, str]) -> ForkServer | None:
        server = self.fork_servers.get(self.prefix)
        return server if server and server.suits(environment) else None

    def _fresh(self, arguments: Sequence[str], stdin: str | None, more: dict[str, str]) -> Finished:
        return subprocess.run(
            [*self.prefix, sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment, **more},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )


def _read_terminal(master: int) -> bytes:
    """Return what is written to a terminal until its other end is closed."""
    written = b""
    try:
        while chunk := os.read(master, 65536):
            written += chunk
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(master)
    return written


def refused(finished: Finished, status: int, *, what: str, why: str = "", hint: str = "") -> None:
    """Check that a command ended with one clear message, and printed nothing else."""
    errors = finished.stderr
    assert finished.returncode == status, errors
    assert "Traceback" not in errors
    assert errors.count("error: ") == 1, errors
    said = dict(
        line.strip().split(": ", 1) for line in errors.splitlines() if line[:7].endswith(": ")
    )
    assert what in said["error"], errors
    assert why in errors.partition("  why: ")[2], errors
    assert hint in errors.partition(" next: ")[2], errors
    assert said["next"], errors
    if finished.stdout:
        told = json.loads(finished.stdout)["error"]
        assert set(told) == {"what", "why", "next", "exit"}
        assert (told["what"], told["exit"]) == (said["error"], status)
