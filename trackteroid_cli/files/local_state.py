"""Local state: where its home is, and who may read it.

What is made there is for its owner alone, whatever the umask. An administrator may share the home,
or a folder in it, with a group: see `_group_access`. Elsewhere the umask decides.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli.files.temporary import TemporaryFolder

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
    if is_ours(path):
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
            make_empty(path, private=True)


def file_lock(path: Path, *, timeout: float = -1) -> BaseFileLock:
    """Return the lock that is the private file *path*, whose folder is there.

    Args:
        timeout: seconds to wait for it; for ever if negative.
    """
    import filelock

    return filelock.FileLock(path, timeout=timeout, mode=0o600 | _group_access(path.parent) & 0o060)


def make_empty(path: Path, *, private: bool) -> None:
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
    if os.name != "posix" or not is_ours(folder):
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


def is_ours(path: Path) -> bool:
    """Return whether *path* is, or would be, below the home."""
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
