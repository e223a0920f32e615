"""Files: where they are, whole or not at all, private if they are ours; what a full disk says.

What is made below the home is for its owner alone, whatever the umask. An administrator may share a
home, or a folder in it, with a group: see `_group_access`. Elsewhere the umask decides.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli.errors import StorageError, TrackteroidError, cause

if TYPE_CHECKING:
    from filelock import BaseFileLock


def home() -> Path:
    """Return the folder of all local state."""
    configured = os.environ.get("TRACKTEROID_HOME")
    if configured:
        return Path(configured).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_path("trackteroid", appauthor=False))


#: The copy of a server's schemas in `kept_folder`, which ftrack_api shares; the name is its own.
SCHEMAS = "ftrack_api_schema_cache.json"


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
def whole_file(path: Path, *, replace: bool, private: bool = False) -> Iterator[Path]:
    """Yield an empty temporary file beside *path*; it becomes *path* when the block ends well.

    It is named `.trackteroid-*.tmp`, and is removed when the block raises anything. Only a process
    that is killed, or a machine that stops, leaves it behind.

    Args:
        path: where the file is to appear; its folder exists.
        replace: whether it may take the place of a file that is there.
        private: whether the file is for its owner alone also outside of the home.

    Raises:
        FileExistsError: *path* exists, or came to exist meanwhile, and *replace* is false.
        OSError: anything else that the system refuses.
    """
    if not replace and os.path.lexists(path):
        raise _taken(path)
    temporary = path.with_name(f".trackteroid-{secrets.token_hex(8)}.tmp")
    try:
        _make_empty(temporary, private=private or _is_ours(path))
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
    with whole_file(path, replace=True, private=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


def make_folder(folder: Path, *, exist_ok: bool = True) -> None:
    """Make the private *folder*, and what is missing above it.

    Args:
        exist_ok: whether it may be there already, and is left as it is.

    Raises:
        FileExistsError: it is there, and must not be.
        OSError: anything else that the system refuses.
    """
    if exist_ok and folder.is_dir():
        return
    if not folder.parent.is_dir():
        make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=exist_ok)
    _set_mode(folder, stat.S_ISGID | 0o770)


def make_folder_of(path: Path) -> None:
    """Make the folder of the file *path*: a private one where it is ours.

    Raises:
        OSError: the system refuses.
    """
    if _is_ours(path):
        make_folder(path.parent)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)


def make_file(path: Path) -> None:
    """Make the empty private file *path*, unless it is there: what SQLite opens keeps its mode.

    Raises:
        OSError: the system refuses.
    """
    if not path.exists():
        with suppress(FileExistsError):  # another process was faster
            _make_empty(path, private=True)


def file_lock(path: Path, *, timeout: float = -1) -> BaseFileLock:
    """Return the lock that is the private file *path*, whose folder is there.

    Args:
        timeout: seconds to wait for it; for ever if negative.
    """
    import filelock

    return filelock.FileLock(path, timeout=timeout, mode=0o600 | _group_access(path.parent) & 0o060)


def _make_empty(path: Path, *, private: bool) -> None:
    """Make the file *path*, which must not be there."""
    mode = 0o600 if private else 0o666
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    if private:
        _set_mode(path, 0o660)


def _set_mode(path: Path, most: int) -> None:
    """Keep everybody but the owner from *path*, which is new, and the group it is shared with.

    Args:
        most: the mode of what is shared without limits.
    """
    if os.name != "posix":
        return
    made, shared = path.stat(), _group_access(path.parent)
    if not shared or made.st_gid != path.parent.stat().st_gid:
        most, shared = most & stat.S_IRWXU, 0
    mode = most & ~stat.S_IRWXG | most & shared
    if stat.S_IMODE(made.st_mode) != mode:
        path.chmod(mode)


def _group_access(folder: Path) -> int:
    """Return what its group may do with a folder of ours, as bits of a mode; 0 for one not shared.

    Of three signs two are needed: it has the set-group-ID bit, its group may write, others have no
    access. One alone may come from a umask, or from the folder above.
    """
    if os.name != "posix" or not _is_ours(folder):
        return 0
    try:
        mode = folder.stat().st_mode
    except OSError:
        return 0
    signs = (mode & stat.S_ISGID, mode & stat.S_IWGRP, not mode & stat.S_IRWXO)
    return mode & stat.S_IRWXG if sum(map(bool, signs)) > 1 else 0


def is_shared(folder: Path) -> bool:
    """Return whether *folder*, of ours, is shared with a group on purpose."""
    return _group_access(folder) != 0


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(home())


def open_to_others(folder: Path) -> Iterator[Path]:
    """Yield *folder*, and what is below it, where anybody but the owner has access.

    The group that a folder is shared with does not count, nor what cannot be looked at.
    """
    if os.name != "posix":
        return
    places = [folder]
    while places:
        place = places.pop()
        shared = _group_access(place)
        with suppress(OSError):
            if place.stat().st_mode & 0o077 & ~shared:
                yield place
            with os.scandir(place) as found:
                for each in found:
                    if each.is_dir(follow_symlinks=False):
                        places.append(Path(each.path))
                    elif not each.is_symlink() and each.stat().st_mode & 0o077 & ~shared:
                        yield Path(each.path)


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


def kept_folder(kind: str, name: str) -> Path:
    """Return (and make) the folder for what can be made again, such as kept answers.

    Where the local state cannot be written, that is a folder which goes when the process ends.

    Args:
        kind: what it holds; a folder's name.
        name: of what it is about, such as a server; a folder's name.
    """
    folder = home() / kind / name
    with suppress(OSError):
        make_folder(folder)
        if os.access(folder, os.W_OK):
            return folder
    folder = _passing_folder().path / kind / name
    make_folder(folder)
    return folder


@cache
def _passing_folder() -> TemporaryFolder:
    return TemporaryFolder()


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
        _make_empty(path, private=True)
    except FileExistsError:
        raise _taken(path) from None
    try:
        temporary.replace(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _taken(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
