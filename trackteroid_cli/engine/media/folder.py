"""The folder of bytes: each file is named by the SHA-256 of what is in it, and never changes.

A file gets its name, and loses it, only inside a writing transaction of the database that says
which component has it. So one that the database does not name is of no use to anybody.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.kill_points import kill_point

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Draft:
    """A file in the making, of bytes that arrive.

    Args:
        path: of the file, which is there and empty.
        limit: the number of bytes that it may have; None for any.

    Raises:
        OSError: the system refuses.
    """

    def __init__(self, path: Path, limit: int | None) -> None:
        self.path = path
        self.size = 0
        self._limit = limit
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._file = path.open("r+b")

    @property
    def digest(self) -> str:
        """The SHA-256 of the bytes so far, in hexadecimal."""
        return self._sha256.hexdigest()

    @property
    def md5(self) -> bytes:
        """The MD5 of the bytes so far."""
        return self._md5.digest()

    def write(self, data: bytes) -> None:
        """Add *data*.

        Raises:
            ValidationError: there are more bytes than there may be.
            OSError: the system refuses.
        """
        self.size += len(data)
        if self._limit is not None and self.size > self._limit:
            raise ValidationError(
                f"More bytes came than were announced: at least {self.size} instead of "
                f"{self._limit}. Ask for upload metadata with the right file_size."
            )
        self._sha256.update(data)
        self._md5.update(data)
        self._file.write(data)

    def finish(self) -> None:
        """Make the bytes durable; nothing more is written.

        Raises:
            OSError: the system refuses.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def discard(self) -> None:
        """Remove the file, unless `MediaFolder.adopt` has given it its name."""
        with suppress(OSError):  # what cannot be written at the end is not needed any more
            self._file.close()
        self.path.unlink(missing_ok=True)


class MediaFolder:
    """The files of one sandbox below *path*, which need not be there yet.

    Args:
        path: their folder.
        database: the file that names them: who may read or write it may do the same with them.
    """

    def __init__(self, path: Path, database: Path) -> None:
        self.path = path
        self._database = database
        self._drafts = path / "incoming"
        #: Pictures that were made from the files; anybody may remove them.
        self.thumbnails = path / "thumbnails"

    def draft(self, limit: int | None = None) -> Draft:
        """Return a new draft, of at most *limit* bytes.

        Raises:
            OSError: the system refuses.
        """
        self._make_folder(self._drafts)
        path = self._drafts / secrets.token_hex(16)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self._share(path)
        return Draft(path, limit)

    def _make_folder(self, folder: Path) -> None:
        """Make *folder*, and what is missing above it."""
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(0o700, exist_ok=True)
            self._share(folder)

    def _share(self, path: Path) -> None:
        """Let those reach *path* who reach the database, and nobody else."""
        if os.name == "posix":
            mode = self._database.stat().st_mode & 0o666
            if path.is_dir():  # who may read may search; and the group is that of the folder above
                mode |= (mode & 0o444) >> 2 | path.parent.stat().st_mode & stat.S_ISGID
            if stat.S_IMODE(path.stat().st_mode) != mode:
                path.chmod(mode)

    def adopt(self, draft: Draft) -> None:
        """Give a finished draft its name, inside a writing transaction.

        Raises:
            OSError: the system refuses.
        """
        place = self.file(draft.digest)
        if place.exists() and place.stat().st_size == draft.size:
            draft.path.unlink(missing_ok=True)
            return
        self._make_folder(place.parent)
        draft.path.replace(place)
        _sync(place.parent)
        kill_point("bytes in place")

    def file(self, digest: str) -> Path:
        """Return the file of the bytes with *digest*."""
        return self.path / digest[:2] / digest

    def remove(self, digest: str) -> None:
        """Remove the file of *digest*, inside a writing transaction in which nobody has it.

        Raises:
            PermissionError: a process has it open, and the system minds.
        """
        self.file(digest).unlink(missing_ok=True)

    def digests(self) -> Iterator[str]:
        """Yield the digests of all files."""
        for shard in self._entries(self.path):
            if len(shard.name) == 2:
                yield from (
                    each.name for each in self._entries(shard) if _DIGEST.fullmatch(each.name)
                )

    def remove_drafts(self, seconds: float) -> None:
        """Remove the drafts that nothing was added to for so many *seconds*."""
        for path in self._entries(self._drafts):
            with suppress(OSError):
                if path.stat().st_mtime < time.time() - seconds:
                    path.unlink()

    def thumbnail(self, name: str) -> bytes | None:
        """Return the picture that `keep_thumbnail` kept, or None."""
        try:
            return (self.thumbnails / name).read_bytes()
        except OSError:
            return None

    def keep_thumbnail(self, name: str, data: bytes) -> None:
        """Keep a picture by a name that begins with the digest of what it shows."""
        with suppress(OSError):  # it is made again when it is asked for again
            draft = self.draft()
            try:
                draft.write(data)
                draft.finish()
                self._make_folder(self.thumbnails)
                draft.path.replace(self.thumbnails / name)
            finally:
                draft.discard()

    def pictured_digests(self) -> set[str]:
        """Return the digests that there are pictures of."""
        return {path.name.partition("-")[0] for path in self._entries(self.thumbnails)}

    def remove_thumbnails(self, digest: str) -> None:
        """Remove the pictures of *digest*."""
        for path in self._entries(self.thumbnails):
            if path.name.startswith(digest):
                with suppress(OSError):
                    path.unlink()

    def _entries(self, folder: Path) -> list[Path]:
        try:
            return list(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


def _sync(folder: Path) -> None:
    """Make the names in *folder* durable; Windows has no such call, and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
