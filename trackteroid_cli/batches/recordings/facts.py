"""Facts: what is noted of a run, of each of its servers, and of jobs, by name."""

from __future__ import annotations

import json
import sqlite3

#: What the names of the facts begin with that name jobs.
_JOB = "job "


def read_facts(connection: sqlite3.Connection) -> dict[str, str]:
    """Return what was noted of the run, by name."""
    return dict(connection.execute("SELECT name, value FROM run").fetchall())


def note_server(connection: sqlite3.Connection, server: str, **noted: object) -> None:
    """Note what is known of the operations for *server*; see `RecordingFile.server`."""
    name = f"server {server}"
    row = connection.execute("SELECT value FROM run WHERE name = ?", (name,)).fetchone()
    known = json.loads(row[0]) if row is not None else {}
    if known != {**known, **noted}:
        text = json.dumps({**known, **noted})
        connection.execute("REPLACE INTO run VALUES (?, ?)", (name, text))


def jobs(connection: sqlite3.Connection, server: str) -> list[str]:
    """Return the ids of the jobs that requests for *server* were answered with."""
    names = connection.execute(
        "SELECT name FROM run WHERE name >= ? AND name < ? AND value = ?",
        (_JOB, f"{_JOB}~", server),
    )
    return [name.removeprefix(_JOB) for (name,) in names]


def note_job(connection: sqlite3.Connection, server: str, job_id: str) -> None:
    """Note a job that a request for *server* was answered with."""
    connection.execute("INSERT INTO run VALUES (?, ?)", (f"{_JOB}{job_id}", server))
