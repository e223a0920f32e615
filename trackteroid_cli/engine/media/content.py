"""What a component has: bytes in one file, or in several that follow one another."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple


class Piece(NamedTuple):
    """Bytes in a file of their own."""

    path: Path
    size: int


class Content(NamedTuple):
    """The bytes of a component."""

    component_id: str
    file_name: str
    size: int
    #: As S3 makes it: the MD5 of the bytes, or of the MD5s of the parts and the number of parts.
    e_tag: str
    #: The SHA-256 of the bytes, or of the digests of the parts.
    digest: str
    pieces: Sequence[Piece]

    def open(self) -> BinaryIO:
        """Return a file of the bytes, open for reading.

        Raises:
            OSError: they are not there any more, or cannot be read.
        """
        if len(self.pieces) == 1:
            return self.pieces[0].path.open("rb")
        return io.BufferedReader(_Chain(self.pieces))


class _Chain(io.RawIOBase):
    """Several files as one; all of them are open, so that none vanishes half-way."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        super().__init__()
        self._pieces: list[tuple[int, int, BinaryIO]] = []
        self._size = self._position = 0
        try:
            for piece in pieces:
                file = piece.path.open("rb")
                self._pieces.append((self._size, self._size + piece.size, file))
                self._size += piece.size
        except BaseException:
            self.close()
            raise

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to *offset*."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("a position before the start")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: object) -> int:
        """Read bytes up to the end of one file into *buffer*; return their number."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        for start, end, file in self._pieces:
            if start <= self._position < end:
                file.seek(self._position - start)
                data = file.read(min(len(view), end - self._position))
                view[: len(data)] = data
                self._position += len(data)
                return len(data)
        return 0

    def close(self) -> None:
        """Close the files."""
        for *_, file in self._pieces:
            file.close()
        super().close()
