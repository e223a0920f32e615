"""Media: the bytes of uploads, as files; copies of them lie in a folder, named by their digest."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from trackteroid_cli.files import is_ours, make_folder_of, sync_folder, whole_file

_CHUNK = 1 << 20


class Digest(NamedTuple):
    """What tells whether bytes are the same: their number, and SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


def digest(source: BinaryIO, copy: BinaryIO | None = None) -> Digest:
    """Return the digest of what *source* still has to read, which is written to *copy* as well."""
    size, sha256 = 0, hashlib.sha256()
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        sha256.update(chunk)
        if copy is not None:
            copy.write(chunk)
    return Digest(size, sha256.hexdigest())


def keep(source: BinaryIO, folder: Path) -> Digest:
    """Copy what *source* still has to read into *folder*, whole and durably, named by its digest.

    Raises:
        OSError: the disk refuses.
    """
    make_folder_of(folder / "any")
    # The name is known only at the end: it gets a name of its own first.
    draft = folder / f"{os.getpid()}-{os.urandom(8).hex()}.new"
    try:
        with whole_file(draft, replace=False) as temporary, temporary.open("wb") as copy:
            found = digest(source, copy)
        draft.replace(folder / found.sha256)
        sync_folder(folder)
    finally:
        draft.unlink(missing_ok=True)
    return found


def bring(name: str, source: Path, target: Path) -> None:
    """Let the copy *name* of the folder *source* be in the folder *target*, too.

    Outside of the home, whoever may read the batch may read it.

    Raises:
        OSError: the disk refuses, or there is no such copy.
    """
    make_folder_of(target / name)
    if (target / name).exists():
        return
    if is_ours(target):
        try:
            (target / name).hardlink_to(source / name)
        except FileNotFoundError:
            raise
        except OSError:
            pass  # another disk, or one without hard links
        else:
            return
    with (source / name).open("rb") as original:
        keep(original, target)


def beside(path: Path) -> Path:
    """Return the folder of the copies that lie with the batch file *path*, outside of a spool."""
    return path.with_name(f"{path.name}.media")


def keep_only(folder: Path, names: Container[str]) -> None:
    """Remove the copies of *folder* that are not among *names*, and a folder that is empty then."""
    with suppress(OSError):  # what stays behind harms nobody
        for copy in list(folder.iterdir()):
            if copy.name not in names:
                copy.unlink()
        folder.rmdir()


def remove(folder: Path) -> None:
    """Remove the *folder* of copies, if there is one.

    Raises:
        OSError: the system refuses.
    """
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
