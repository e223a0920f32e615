"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trackteroid_cli.files.local_state import is_ours, make_empty


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
        make_empty(temporary, private=private or is_ours(path))
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
        make_empty(path, private=True)
    except FileExistsError:
        raise _taken(path) from None
    try:
        temporary.replace(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _taken(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
