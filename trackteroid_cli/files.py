"""SQLite files on disk, with what SQLite keeps beside them."""

from __future__ import annotations

from pathlib import Path


def remove(file: Path) -> None:
    """Remove a database, if it is there; processes that have it open keep what they have.

    Raises:
        PermissionError: the system does not let go of a file that a process has open.
    """
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
