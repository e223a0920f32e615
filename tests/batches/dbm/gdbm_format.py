"""Builds GNU dbm files from the description of the format, for machines of every kind."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

BLOCK = 512
FREE_BLOCKS_IN_A_BUCKET = 6
NUMSYNC_MAGICS = {0x13579AD0, 0x13579AD1}


@dataclass(frozen=True)
class Machine:
    """The machine that writes the file."""

    magic: int
    order: str = "<"
    address: str = "q"
    padded: bool = True  # whether eight bytes are aligned to eight

    @property
    def free_block(self) -> str:
        return f"i4x{self.address}" if self.padded else f"i{self.address}"

    @property
    def bucket_head(self) -> str:
        start = "i4x" if self.padded else "i"
        return self.order + start + self.free_block * FREE_BLOCKS_IN_A_BUCKET + "ii"

    @property
    def element(self) -> str:
        return f"{self.order}i4s{self.address}ii"


MACHINES = {
    "64 bits": Machine(0x13579ACF),
    "64 bits, numsync": Machine(0x13579AD1),
    "64 bits, before 1.9": Machine(0x13579ACE),
    "64 bits, big-endian": Machine(0x13579ACF, order=">"),
    "32 bits": Machine(0x13579ACE, address="i", padded=False),
    "32 bits, numsync": Machine(0x13579AD0, address="i", padded=False),
    "32 bits, big-endian": Machine(0x13579ACD, order=">", address="i", padded=False),
    "32 bits, large files": Machine(0x13579ACF, padded=False),
}


def build(pairs: Mapping[bytes, bytes], machine: Machine) -> bytes:
    """Return the file: header with an empty list of free blocks, directory, buckets, data."""
    head = struct.calcsize(machine.bucket_head)
    capacity = (BLOCK - head) // struct.calcsize(machine.element)
    address_size = struct.calcsize(machine.order + machine.address)
    bits = 3
    while address_size << bits < BLOCK:  # the GNU library wants a directory of a block at least
        bits += 1
    while max(map(len, distribute(pairs, bits))) > capacity:
        bits += 1
    buckets = distribute(pairs, bits)

    directory_size = address_size << bits
    first_bucket = BLOCK + -(-directory_size // BLOCK) * BLOCK
    addresses = [first_bucket + number * BLOCK for number in range(len(buckets))]
    data_address = first_bucket + len(buckets) * BLOCK
    data = b""
    tables = b""
    for keys in buckets:
        table = struct.pack(machine.bucket_head, *[0] * 13, bits, len(keys))
        for key in slots(keys, capacity):
            if key is None:
                table += struct.pack(machine.element, -1, b"", 0, 0, 0)
                continue
            place = data_address + len(data)
            sizes = len(key), len(pairs[key])
            table += struct.pack(machine.element, hash_of(key), key[:4], place, *sizes)
            data += key + pairs[key]
        tables += table.ljust(BLOCK, b"\0")
    end = -(-(data_address + len(data)) // BLOCK) * BLOCK
    header = struct.pack(
        f"{machine.order}Ii{machine.address}iiii{machine.address}",
        machine.magic, BLOCK, BLOCK, directory_size, bits, BLOCK, capacity, end,
    )  # fmt: skip
    if machine.magic in NUMSYNC_MAGICS:
        header += bytes(32)  # version, number of syncs, space to grow
    list_head = f"{machine.order}ii{machine.address}"
    room = BLOCK - len(header) - struct.calcsize(list_head)
    header += struct.pack(
        list_head, room // struct.calcsize(machine.order + machine.free_block), 0, 0
    )
    directory = struct.pack(f"{machine.order}{len(addresses)}{machine.address}", *addresses)
    header = header.ljust(BLOCK, b"\0")
    directory = directory.ljust(first_bucket - BLOCK, b"\0")
    return header + directory + tables + data.ljust(end - data_address, b"\0")


def distribute(pairs: Mapping[bytes, bytes], bits: int) -> list[list[bytes]]:
    buckets: list[list[bytes]] = [[] for _ in range(1 << bits)]
    for key in pairs:
        buckets[hash_of(key) >> (31 - bits)].append(key)
    return buckets


def slots(keys: list[bytes], capacity: int) -> list[bytes | None]:
    """Each key at the place that its hash asks for, or at the next free one."""
    table: list[bytes | None] = [None] * capacity
    for key in keys:
        place = hash_of(key) % capacity
        while table[place] is not None:
            place = (place + 1) % capacity
        table[place] = key
    return table


def hash_of(key: bytes) -> int:
    value = 0x238F13AF * len(key)
    for place, byte in enumerate(key):
        value = (value + (byte << (place * 5 % 24))) & 0x7FFFFFFF
    return (1103515243 * value + 12345) & 0x7FFFFFFF
