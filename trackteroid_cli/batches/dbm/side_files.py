"""The files that SQLite keeps beside a database while it is written, and after a writer died.

They come from the same place as the database, so they are no more to be trusted: a journal can name
any file as its super-journal, and SQLite deletes that one when it plays the journal back.

Source: "Database File Format", sections 3 and 4, and "Atomic Commit In SQLite", sqlite.org.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from trackteroid_cli.batches.dbm.errors import DbmCorrupt, DbmForeign, DbmUnreadable
from trackteroid_cli.batches.dbm.files import open_regular, reading, side_file
from trackteroid_cli.files import SIDE_SUFFIXES, TemporaryFolder

#: With these eight bytes a journal begins, and ends if it names a super-journal.
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")

_ATTEMPTS = 5  # to copy files that nobody changes meanwhile


def check_side_files(path: Path) -> None:
    """Refuse what SQLite must not find beside the database *path*.

    Raises:
        DbmForeign: a pipe, a link or a folder, which could lead anywhere or block for ever.
        DbmCorrupt: a journal that names another file.

    """
    for suffix in SIDE_SUFFIXES:
        side = side_file(path, suffix)
        with reading(path):
            try:
                mode = side.lstat().st_mode
            except FileNotFoundError:
                continue
            if not stat.S_ISREG(mode):
                raise DbmForeign(
                    path, f"{side.name} beside it is not a plain file", f"move {side.name} away"
                )
            if suffix == "-journal":
                with side.open("rb") as journal:
                    _check_journal(path, journal)


def is_unsettled(path: Path, *suffixes: str) -> bool:
    """Return whether a writer of the database *path* died, or is at work.

    Args:
        suffixes: of the journals to look at; of both kinds if there are none.
    """
    for suffix in suffixes or ("-journal", "-wal"):
        with suppress(FileNotFoundError):
            if side_file(path, suffix).lstat().st_size > 0:
                return True
    return False


def private_copy(path: Path, folder: TemporaryFolder) -> Path:
    """Copy the database *path*, with what lies beside it, into *folder*; return the copy.

    There SQLite may settle what a writer left undone, without changing anything where it comes
    from.

    Raises:
        DbmUnreadable: it does not stay the same for long enough.
        DbmError: as `check_side_files`.

    """
    copy = folder.path / path.name
    # The write-ahead index is made anew from the log.
    names = ("", *(suffix for suffix in SIDE_SUFFIXES if suffix != "-shm"))
    for _ in range(_ATTEMPTS):
        before = _states(path, names)
        for suffix in names:
            _copy(side_file(path, suffix), side_file(copy, suffix), needed=not suffix)
        if _states(path, names) == before:
            check_side_files(copy)
            return copy
    raise DbmUnreadable(path, "another process is writing it", "wait a moment and try again")


def move_with_side_files(path: Path, target: Path) -> None:
    """Give a database, and what lies beside it, the name *target*, which is free.

    Raises:
        OSError: the system refuses.
    """
    path.rename(target)
    for suffix in SIDE_SUFFIXES:
        with suppress(FileNotFoundError):
            side_file(path, suffix).rename(side_file(target, suffix))


def _copy(source: Path, target: Path, *, needed: bool) -> None:
    target.unlink(missing_ok=True)
    if not needed and not os.path.lexists(source):
        return
    with open_regular(source) as original, reading(source), target.open("xb") as copy:
        shutil.copyfileobj(original, copy, 1 << 20)


def _states(path: Path, names: tuple[str, ...]) -> list[tuple[int, int, int] | None]:
    """Return what tells that a file is another one, or was written, since it was looked at."""
    states: list[tuple[int, int, int] | None] = []
    for suffix in names:
        state = None
        with suppress(FileNotFoundError):
            found = side_file(path, suffix).lstat()
            state = (found.st_ino, found.st_size, found.st_mtime_ns)
        states.append(state)
    return states


def _check_journal(path: Path, journal: BinaryIO) -> None:
    size = journal.seek(0, os.SEEK_END)
    if size > len(_JOURNAL_MAGIC):
        journal.seek(-len(_JOURNAL_MAGIC), os.SEEK_END)
        if journal.read() == _JOURNAL_MAGIC:
            raise DbmCorrupt(
                path,
                "the journal beside it names another file, which no batch has to do with",
                f"do not open {path.name} with any SQLite tool; get it again from where it came",
            )
