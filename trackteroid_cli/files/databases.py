"""SQLite files as a whole: each is one file and those that SQLite keeps beside it."""

from __future__ import annotations

from pathlib import Path

#: What SQLite adds to the name of a database for the files that it keeps beside it.
SIDE_SUFFIXES = ("-journal", "-wal", "-shm")


def remove_database(file: Path) -> None:
    """Remove an SQLite file, if it is there, with what SQLite keeps beside it.

    Processes that have it open keep what they have.

    Raises:
        PermissionError: the system does not let go of a file that a process has open.
    """
    for end in ("", *SIDE_SUFFIXES):
        file.with_name(file.name + end).unlink(missing_ok=True)


def move_database(file: Path, target: Path) -> None:
    """Give an SQLite file that nobody has open the name *target*, in place of what is there.

    What SQLite keeps beside a file is found by its name only. The file must therefore be at rest,
    and nothing may stay that an earlier one of that name has left.

    Raises:
        OSError: a log or a journal beside the file is not settled, or the system refuses.
    """
    for end in ("-journal", "-wal"):
        side = file.with_name(file.name + end)
        if side.exists() and side.stat().st_size:
            raise OSError(f"{side.name} holds what is not in {file.name}")
    remove_database(target)
    file.rename(target)
    remove_database(file)
