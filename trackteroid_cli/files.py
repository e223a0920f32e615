"""Files that appear whole or not at all, and what a disk that refuses says."""

from __future__ import annotations

import errno
import os
import secrets
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trackteroid_cli.errors import StorageError, TrackteroidError, cause


@contextmanager
def storing(
    what: str,
    *,
    hint: str,
    also: tuple[type[Exception], ...] = (),
    error_type: type[TrackteroidError] = StorageError,
    damaged: str = "",
) -> Iterator[None]:
    """Raise one clear error where the system refuses what the block does on the disk.

    Args:
        what: what could not be done: ``cannot write to PATH``.
        hint: what to do next.
        also: errors to treat like `OSError`, such as those of a database.
        error_type: what to raise.
        damaged: what to do next where a file is at fault, and not what the system allows; it may
            cost what is in the file. '' for the same *hint*.

    Raises:
        StorageError: or *error_type*, from the system's own error.
    """
    foreseen: tuple[type[Exception], ...] = (OSError, *also)
    try:
        yield
    except foreseen as error:
        at_fault = damaged and not _is_refusal(error)
        raise error_type(what, why=cause(error), hint=damaged if at_fault else hint) from error


def _is_refusal(error: Exception) -> bool:
    """Return whether the system refuses, as on a full disk, and nothing is wrong with a file."""
    import sqlite3

    if isinstance(error, sqlite3.OperationalError):
        return not str(error).startswith("no such")  # table or column
    return isinstance(error, OSError)


@contextmanager
def whole_file(path: Path, *, replace: bool, mode: int = 0o666) -> Iterator[Path]:
    """Yield an empty temporary file beside *path*; it becomes *path* when the block ends well.

    It is named `.trackteroid-*.tmp`, and is removed when the block raises anything. Only a process
    that is killed, or a machine that stops, leaves it behind.

    Args:
        path: where the file is to appear; its folder exists.
        replace: whether it may take the place of a file that is there.
        mode: who may read and write the file, before the umask.

    Raises:
        FileExistsError: *path* exists, or came to exist meanwhile, and *replace* is false.
        OSError: anything else that the system refuses.
    """
    if not replace and os.path.lexists(path):
        raise _taken(path)
    temporary = path.with_name(f".trackteroid-{secrets.token_hex(8)}.tmp")
    try:
        # Made here and not by tempfile: the umask decides who may read it.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        yield temporary
        _sync_file(temporary)
        if replace:
            temporary.replace(path)
        else:
            _rename_to_free_name(temporary, path)
        sync_folder(path.parent)  # the name is durable only after this
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write *text* to the private file *path*, so that no process ever reads a part of it.

    Raises:
        OSError: the system refuses.
    """
    with whole_file(path, replace=True, mode=0o600) as temporary:
        temporary.write_text(text, encoding="utf-8")


class TemporaryFolder:
    """A folder for what this process keeps for a while; a forked process does not remove it.

    It goes with `remove`, or when nothing refers to it any more, or at the end of the process.
    """

    def __init__(self) -> None:
        import tempfile

        self.path = Path(tempfile.mkdtemp(prefix="trackteroid-"))
        self._remove = weakref.finalize(self, _remove_folder, self.path, os.getpid())

    def remove(self) -> None:
        """Remove the folder and what is in it."""
        self._remove()


def _remove_folder(path: Path, process: int) -> None:
    if os.getpid() == process:
        import shutil

        shutil.rmtree(path, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable; Windows has no such call, and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
