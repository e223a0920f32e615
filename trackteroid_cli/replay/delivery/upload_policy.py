"""How files are uploaded: how many at once, in what parts, and who watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UploadPolicy:
    """How to upload files.

    Attributes:
        at_once: how many files, or parts of one.
        part_size: bytes of a part; a file of more than two parts goes in parts.
        watch: called, in any thread, with the bytes that have just left, and with all that are to
            leave.
    """

    at_once: int = 4
    part_size: int = 64 << 20
    watch: Callable[[int, int], None] = lambda _sent, _total: None

    def parts(self, size: int) -> int:
        """Return in how many parts a file of *size* bytes goes."""
        return -(-size // self.part_size) if size > 2 * self.part_size else 1
