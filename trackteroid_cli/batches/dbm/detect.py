"""Which kind of dbm file a path names, and its reader."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from trackteroid_cli.batches.dbm.base import Reader
from trackteroid_cli.batches.dbm.dumb import DumbReader
from trackteroid_cli.batches.dbm.errors import DbmCorrupt, DbmForeign, DbmNotFound
from trackteroid_cli.batches.dbm.files import read_head, reading, side_file
from trackteroid_cli.batches.dbm.gdbm import GdbmReader, byte_order
from trackteroid_cli.batches.dbm.ndbm import NdbmReader
from trackteroid_cli.batches.dbm.sqlite import MAGIC, DbmReader

# Berkeley DB's hash files, in which ndbm is often kept, at offset 12 or in old ones at 0.
# Source: the magic(5) data base of file(1).
_BERKELEY_MAGIC = 0x00061561


def existing_file(path: Path) -> Path | None:
    """Return the file, or the first of the files, of the dbm database called *path*; or None."""
    for suffix in ("", ".dat", ".dir", ".db", ".pag"):
        candidate = f"{path}{suffix}"
        if os.path.exists(candidate):  # noqa: PTH110  (Path's raises for impossible names)
            return Path(candidate)
    return None


def open_reader(path: Path) -> Reader:
    """Open the dbm file *path*, of any kind, for reading.

    Args:
        path: the file; of kinds that consist of two files also the name without their suffixes,
            which is what those who wrote them called it.

    Returns:
        A mapping of bytes to bytes that is a context manager, too.

    Raises:
        DbmNotFound, DbmIsDirectory, DbmUnreadable, DbmEmpty, DbmCorrupt: as they say.
        DbmForeign: a file, but not a dbm file.
        DbmUnsupported: an ndbm file, which only a Python with `dbm.ndbm` opens.

    """
    with reading(path):
        stem = path.with_suffix("")
        if path.suffix in {".dir", ".dat"} and _is_dumb(stem):
            return DumbReader(stem)
        if path.exists():
            return _open_by_content(path)
        if _is_dumb(path):
            return DumbReader(path)
        for side in (side_file(path, ".pag"), side_file(path, ".db")):
            if side.is_file():
                return _open_by_content(side)
    raise DbmNotFound(path)


def _is_dumb(stem: Path) -> bool:
    """Return whether there are both files; the index begins with a quote, or has no line."""
    index = side_file(stem, ".dir")
    if not index.is_file() or not side_file(stem, ".dat").is_file():
        return False
    return index.stat().st_size == 0 or read_head(index, 1) in {b"'", b'"'}


def _open_by_content(path: Path) -> Reader:
    head = read_head(path, 16)
    if head == MAGIC:
        return DbmReader(path)
    if byte_order(head) is not None:
        return GdbmReader(path)  # also what ndbm is on GNU systems: gdbm in `x.pag`
    if _is_ndbm(path, head):
        return NdbmReader(path.with_suffix(""))
    if MAGIC.startswith(head):
        raise DbmCorrupt(path, "it is truncated")
    raise DbmForeign(path, "it is not a dbm file")


def _is_ndbm(path: Path, head: bytes) -> bool:
    """Return whether the file is `x.db` of Berkeley DB, or one of the pair `x.pag` and `x.dir`."""
    if path.suffix == ".db":
        return any(
            struct.unpack(f"{sign}I", field)[0] == _BERKELEY_MAGIC
            for field in (head[:4], head[12:16])
            for sign in "<>"
            if len(field) == 4
        )
    return path.suffix in {".pag", ".dir"} and all(
        path.with_suffix(suffix).is_file() for suffix in (".pag", ".dir")
    )
