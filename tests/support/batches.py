"""Batches for the tests: put into a spool as a recording would, and what is in it."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from trackteroid_cli.batches.batch import append_attempt, encode_operations, write
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.ids import new_id
from trackteroid_cli.batches.journal import Attempt
from trackteroid_cli.batches.operations import Create, Operation, Update, counts
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.files import make_folder

Put: TypeAlias = Callable[..., Entry]


def put_batch(
    spool: Spool,
    *operations: Operation,
    name: str = "publish",
    server: str = "",
    state: State = State.PENDING,
    attempts: tuple[Attempt, ...] = (),
) -> Entry:
    """Put a batch into *spool* as a recording would."""
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
        make_folder(target.parent)
        path.rename(target)
        entry = entry._replace(state=state, path=target)
    return entry


def new_scope(number: int) -> Create:
    """Return the operation that makes a scope with a key and a name of that number."""
    key = {"id": f"00000000-0000-4000-8000-{number:012}"}
    return Create("Scope", key, {**key, "name": f"scope {number}"})


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


DIES_WHILE_WRITING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # so that unfinished work reaches the file
connection.execute("BEGIN")
connection.execute("UPDATE Dict SET value = zeroblob(1000)")
print("half done", flush=True)
sys.stdin.read()
"""


def interrupt_a_writer(path: Path) -> Path:
    """Kill a process in the middle of writing *path*; return the journal that it leaves."""
    with subprocess.Popen(
        [sys.executable, "-c", DIES_WHILE_WRITING, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    journal = Path(f"{path}-journal")
    assert journal.stat().st_size > 0
    return journal


def name_super_journal(journal: Path, victim: Path) -> None:
    """Make *journal* name *victim* as its super-journal, in SQLite's own form."""
    name = os.fsencode(victim)
    with journal.open("ab") as file:
        file.write(struct.pack(">I", 1 << 18) + name + struct.pack(">II", len(name), sum(name)))
        file.write(journal.read_bytes()[:8])
