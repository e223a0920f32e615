"""What the tests of the documentation share: the command line on the demo sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CommandLine
from trackteroid_cli.batches.batch import encode_operations, write
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.ids import new_id
from trackteroid_cli.batches.operations import UNSET, Operation, Update, counts
from trackteroid_cli.batches.spool import Spool, State

Shell = Callable[..., "subprocess.CompletedProcess[str]"]
Put = Callable[..., Path]


@pytest.fixture
def sandbox(trackteroid: CommandLine, home: Path, demo_database: Path) -> CommandLine:
    """The command line, on a sandbox with the demo data."""
    file = home / "sandboxes" / "demo.sqlite"
    file.parent.mkdir(parents=True)
    shutil.copy(demo_database, file)
    trackteroid.environment = {"FTRACK_SERVER": "sandbox://demo"}
    return trackteroid


@pytest.fixture
def shell(sandbox: CommandLine) -> Shell:
    """Runs lines in bash, in the folder of the command line; errors join the output."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [bash, "-c", script],
            cwd=sandbox.folder,
            env={**os.environ, **sandbox.environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def put(sandbox: CommandLine, home: Path) -> Put:
    """Puts a batch that describes a shot, each time another one, into the spool or into a file."""
    spool = Spool(home / "spool")
    shots = sandbox("query", 'Shot where project.name is "salt_and_ember"', "-f", "ids")
    shot_ids = iter(shots.stdout.split())

    def put(
        name: str,
        *operations: Operation,
        seen: str | None = None,
        state: State = State.PENDING,
        path: Path | None = None,
    ) -> Path:
        """Write the batch; *seen* is a former value, which the server may not have."""
        seen_or_not = UNSET if seen is None else seen
        change = Update("Shot", {"id": next(shot_ids)}, "description", name, seen_or_not)
        listed = [*operations] or [change]
        header = Header(
            new_id(),
            name,
            "2026-01-31T13:45:01.417Z",
            server="sandbox://demo",
            counts=counts(listed),
        )
        place = path or spool.place(header.id, name)
        write(place, header, encode_operations(listed), {})
        if state is State.PENDING:
            return place
        target = spool.folder / state.value / place.name
        target.parent.mkdir(parents=True, exist_ok=True)
        return place.rename(target)

    return put
