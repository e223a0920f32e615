"""Plain files: reading what is at a path, with the errors of this package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from trackteroid_cli.batches.dbm.errors import (
    DbmCorrupt,
    DbmEmpty,
    DbmForeign,
    DbmIsDirectory,
    DbmNotFound,
    DbmNotWritten,
    DbmUnreadable,
)
from trackteroid_cli.files import NotPlain, open_plain


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Translate what the system says while *path* is read."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DbmNotFound(path) from error
    except OSError as error:
        raise DbmUnreadable(path, error.strerror or str(error)) from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translate what the system says while *path* is written; a name that is taken passes."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise DbmNotWritten(path, error.strerror or str(error)) from error


def open_regular(path: Path) -> BinaryIO:
    """Open the regular file *path* for reading.

    Raises:
        DbmNotFound, DbmIsDirectory, DbmUnreadable: as they say.
        DbmForeign: a pipe or a device, which could block for ever.

    """
    with reading(path):
        if path.is_dir():
            raise DbmIsDirectory(path)
        try:
            return open_plain(path)
        except NotPlain as error:
            raise DbmForeign(path, str(error.strerror)) from None


def read_head(path: Path, size: int) -> bytes:
    """Return the first *size* bytes of the file *path*, fewer where it is shorter.

    Raises:
        DbmEmpty: it has none.
        DbmError: as `open_regular`.

    """
    with open_regular(path) as file, reading(path):
        head = file.read(size)
    if not head:
        raise DbmEmpty(path)
    return head


def side_file(path: Path, suffix: str) -> Path:
    """Return *path* with *suffix* added to its name."""
    return path.with_name(path.name + suffix)


class Bounded:
    """A file opened for reading; it never reads beyond the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_regular(path)
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Return *size* bytes at *offset*.

        Raises:
            DbmCorrupt: they are not all inside the file, or no longer.

        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DbmCorrupt(self.path, "it is truncated or damaged: it points outside itself")
        with reading(self.path):
            self._file.seek(offset)
            found = self._file.read(size)
        if len(found) != size:
            raise DbmCorrupt(self.path, "it became shorter while it was read")
        return found

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        self._file.close()
