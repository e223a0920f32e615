"""Plain file access: what is at a path, and files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
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
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise DbmIsDirectory(path)
        if not stat.S_ISREG(mode):
            raise DbmForeign(path, "it is not a regular file")
        return path.open("rb")


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


class Bounded:
    """A file opened for reading, of which only what exists is ever asked for."""

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


@contextmanager
def whole_file(path: Path, *, replace: bool) -> Iterator[Path]:
    """Yield an empty temporary file beside *path*; it becomes *path* when the block ends well.

    It is named `.trackteroid-*.tmp`, and gone when the block raises anything. Only a process that
    is killed, or a machine that stops, leaves it behind.

    Args:
        path: where the file is to appear; its folder exists.
        replace: whether it may take the place of a file that is there.

    Raises:
        FileExistsError: *path* exists, or came to exist meanwhile, and *replace* is false.
        DbmNotWritten: anything else that the system refuses.

    """
    if not replace and os.path.lexists(path):
        raise _taken(path)
    temporary = path.with_name(f".trackteroid-{secrets.token_hex(8)}.tmp")
    try:
        with writing(path):
            # Made here and not by tempfile: the umask decides who may read it.
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        with writing(path):
            _sync_file(temporary)
            if replace:
                temporary.replace(path)
            else:
                _rename_to_free_name(temporary, path)
            sync_folder(path.parent)  # the name is durable only after this
    finally:
        with writing(path):
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable; Windows has no such call, and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_file(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _rename_to_free_name(temporary: Path, path: Path) -> None:
    """Give *temporary* the name *path*, never that of a file that a rival put there."""
    if os.name == "nt":
        temporary.rename(path)  # refuses a taken name on this platform, and only on this one
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise _taken(path) from None
    except OSError:
        _reserve_and_replace(temporary, path)


def _reserve_and_replace(temporary: Path, path: Path) -> None:
    """Do the same on a file system without hard links: an empty file keeps the name meanwhile."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        raise _taken(path) from None
    try:
        temporary.replace(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _taken(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
