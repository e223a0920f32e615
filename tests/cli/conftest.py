"""What the tests of the command line share: messages, terminals, and batches in the spool."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trackteroid_cli.batches.batch import append_attempt, encode_operations, write
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.journal import Attempt
from trackteroid_cli.batches.operations import Operation, Update, counts
from trackteroid_cli.batches.spool import Entry, Spool, State, new_id

#: A key that no server here asks for; recognisable wherever it should not be.
SECRET = "c0ffee00-5ec2-e75e-c2e7-0123456789ab"

Finished = subprocess.CompletedProcess[str]


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


@pytest.fixture
def spool(home: Path) -> Spool:
    """The spool that the command line uses."""
    return Spool(home / "spool")


Put = Callable[..., Entry]


@pytest.fixture
def put(spool: Spool) -> Put:
    """Puts a batch into the spool as a recording would."""

    def put(
        *operations: Operation,
        name: str = "publish",
        server: str = "",
        state: State = State.PENDING,
        attempts: tuple[Attempt, ...] = (),
    ) -> Entry:
        header = Header(
            id=new_id(),
            name=name,
            created="2026-01-31T13:45:01.417Z",
            user="ada",
            host="farm-2",
            server=server,
            counts=counts(operations),
        )
        path = spool.place(header.id, name)
        write(path, header, encode_operations(operations), {})
        for attempt in attempts:
            append_attempt(path, attempt)
        entry = spool.find(header.id)
        if state is not State.PENDING:
            target = spool.folder / state.value / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
            entry = entry._replace(state=state, path=target)
        return entry

    return put


def describe(shot_id: str, text: str) -> Update:
    """Return the operation that gives a shot a description."""
    return Update("Shot", {"id": shot_id}, "description", text, old_value="")


def states(spool: Spool) -> dict[str, list[str]]:
    """Return the names of the batches in the spool, by state."""
    found: dict[str, list[str]] = {}
    for entry in spool.entries():
        found.setdefault(entry.state.value, []).append(entry.name)
    return found


def everything_below(folder: Path) -> dict[str, Any]:
    """Return the content of every file below *folder*, to see that nothing was changed."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
