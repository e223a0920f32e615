"""GNU dbm files, read without the GNU library, which most Pythons come without.

A file has a header, a directory of 2**dir_bits addresses of buckets, and buckets: tables of
elements, each of which says where a key and its value are. Numbers are those of the machine that
wrote the file: of either byte order, with addresses of four or eight bytes, and of these with the
alignment of its compiler. The magic number does not tell all of that, but the number of elements
that fit into a bucket does.

Source: the GNU dbm manual and the structures in gdbm's gdbmdefs.h and gdbmconst.h.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trackteroid_cli.batches.dbm.base import Reader
from trackteroid_cli.batches.dbm.errors import DbmCorrupt, DbmForeign
from trackteroid_cli.batches.dbm.files import Bounded, read_head

_MAGICS = {
    0x13579ACD,  # of the first versions
    0x13579ACE,  # addresses of four bytes; before version 1.9 also of eight
    0x13579ACF,  # addresses of eight bytes
    0x13579AD0,  # "numsync": a longer header; nothing in it is needed here
    0x13579AD1,
}
_FREE = -1  # the hash value of an element that holds nothing
_KEY_START = 4  # bytes of the key that its element repeats


@dataclass(frozen=True)
class _Layout:
    """How one kind of machine lays out a file; sizes in bytes."""

    order: str
    address: str  # struct's letter
    table_start: int  # of the elements in a bucket, behind its own list of free blocks

    @property
    def header(self) -> struct.Struct:
        return struct.Struct(f"{self.order}ii{self.address}iiii")

    @property
    def element(self) -> struct.Struct:
        return struct.Struct(f"{self.order}i{_KEY_START}s{self.address}ii")

    def elements_in(self, bucket_size: int) -> int:
        return (bucket_size - self.table_start) // self.element.size


# 64 bits; 64-bit addresses on a 32-bit machine, whose compiler aligns them to four; 32 bits.
_MACHINES = (("q", 112), ("q", 84), ("i", 60))


@dataclass(frozen=True)
class _Header:
    layout: _Layout
    directory: int
    directory_size: int
    directory_bits: int
    bucket_size: int
    bucket_elements: int

    def fits(self) -> bool:
        """Return whether the numbers agree with each other, as read by this layout."""
        address_size = struct.calcsize(self.layout.order + self.layout.address)
        return (
            0 <= self.directory_bits < 32
            and self.directory_size == address_size << self.directory_bits
            and self.bucket_elements == self.layout.elements_in(self.bucket_size) > 0
        )


@dataclass(frozen=True)
class _Place:
    offset: int
    size: int


class GdbmReader(Reader):
    """A GNU dbm file, opened for reading: a mapping of bytes to bytes.

    The keys are read at once, values when asked for. Nothing in the file can make it loop, or
    hold more in memory than the file is long.

    Raises:
        DbmNotFound, DbmIsDirectory, DbmUnreadable, DbmEmpty: as they say.
        DbmForeign: not a GNU dbm file.
        DbmCorrupt: truncated or damaged.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        order = byte_order(read_head(path, 4))
        if order is None:
            raise DbmForeign(path, "it is not a GNU dbm file")
        self._file = Bounded(path)
        try:
            self._places = _index(self._file, order)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        self._file.close()

    def __getitem__(self, key: bytes) -> bytes:
        place = self._places[key]
        return self._file.read(place.offset, place.size)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def byte_order(head: bytes) -> str | None:
    """Return struct's sign for the byte order of a GNU dbm file that begins with *head*."""
    if len(head) < 4:
        return None
    return next((sign for sign in "<>" if struct.unpack_from(f"{sign}I", head)[0] in _MAGICS), None)


def _index(file: Bounded, order: str) -> dict[bytes, _Place]:
    """Return where the value of each key is."""
    header = _read_header(file, order)
    places: dict[bytes, _Place] = {}
    claimed = 0
    for key_start, offset, key_size, value_size in _elements(file, header):
        # Keys and values share no byte in a sound file, so that their sizes have a bound.
        claimed += key_size + value_size
        if key_size < 0 or value_size < 0 or claimed > file.size:
            raise DbmCorrupt(file.path, "it is damaged: a size in it cannot be")
        key = file.read(offset, key_size)
        if offset + key_size + value_size > file.size:
            raise DbmCorrupt(file.path, "it is truncated: a value is missing")
        if key[:_KEY_START] != key_start[:key_size]:
            raise DbmCorrupt(file.path, "it is damaged: a key is not where it should be")
        places[key] = _Place(offset + key_size, value_size)
    return places


def _read_header(file: Bounded, order: str) -> _Header:
    for address, table_start in _MACHINES:
        layout = _Layout(order, address, table_start)
        _, _, *numbers = layout.header.unpack(file.read(0, layout.header.size))
        header = _Header(layout, *numbers)
        if header.fits():
            return header
    raise DbmCorrupt(file.path, "it is damaged: its header contradicts itself")


def _elements(file: Bounded, header: _Header) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield what the elements in use say: start of the key, its address, its size, the value's."""
    layout = header.layout
    for address, references in _buckets(file, header).items():
        bucket = file.read(address, header.bucket_size)
        bits, used = struct.unpack_from(f"{layout.order}ii", bucket, layout.table_start - 8)
        if not 0 <= bits <= header.directory_bits or references != 1 << (
            header.directory_bits - bits
        ):
            raise DbmCorrupt(file.path, "it is damaged: its directory contradicts its buckets")
        table_size = layout.element.size * header.bucket_elements
        table = bucket[layout.table_start : layout.table_start + table_size]
        elements = [
            (key_start, offset, key_size, value_size)
            for hash_value, key_start, offset, key_size, value_size in layout.element.iter_unpack(
                table
            )
            if hash_value != _FREE
        ]
        if len(elements) != used:
            raise DbmCorrupt(file.path, "it is damaged: a bucket holds not what it counts")
        yield from elements


def _buckets(file: Bounded, header: _Header) -> Counter[int]:
    """Return the addresses of the buckets, and how often the directory refers to each."""
    directory = file.read(header.directory, header.directory_size)
    layout = header.layout
    addresses = Counter(
        address for (address,) in struct.iter_unpack(layout.order + layout.address, directory)
    )
    # Buckets share no byte in a sound file: the work is linear in its size.
    if len(addresses) * header.bucket_size > file.size:
        raise DbmCorrupt(file.path, "it is truncated or damaged: its buckets do not fit into it")
    return addresses
