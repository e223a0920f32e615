"""Files of `dbm.dumb`: an index `x.dir`, a line a key, and the values in `x.dat`.

A line is the key, as Python writes a text of Latin-1 characters, and where its value is:
`'key', (position, size)`. The line is taken apart here; nothing in it is evaluated.
Source: Lib/dbm/dumb.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from trackteroid_cli.batches.dbm.base import Reader
from trackteroid_cli.batches.dbm.errors import DbmCorrupt
from trackteroid_cli.batches.dbm.files import Bounded, open_regular, reading, side_file

_ESCAPE = rb"""\\(?:['"\\nrt]|x[0-9a-f]{2})"""
_NUMBER = rb"([0-9]{1,18})"
_LINE = re.compile(
    rb"""(?:'((?:[^'\\]|%(escape)b)*)'|"((?:[^"\\]|%(escape)b)*)"), \(%(number)b, %(number)b\)"""
    % {b"escape": _ESCAPE, b"number": _NUMBER}
)


class DumbReader(Reader):
    """The dbm.dumb files `x.dir` and `x.dat`, opened for reading: a mapping of bytes to bytes.

    Args:
        path: `x`, which itself is no file.

    Raises:
        DbmNotFound, DbmIsDirectory, DbmUnreadable: as they say, of either file.
        DbmCorrupt: the index cannot be read, or points outside the values.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        index = side_file(path, ".dir")
        self._values = Bounded(side_file(path, ".dat"))
        try:
            self._places = _read_index(index, self._values.size)
        except BaseException:
            self._values.close()
            raise

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        self._values.close()

    def __getitem__(self, key: bytes) -> bytes:
        return self._values.read(*self._places[key])

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _read_index(index: Path, values_size: int) -> dict[bytes, tuple[int, int]]:
    """Return position and size of each key's value; a later line overrides an earlier one."""
    with open_regular(index) as file, reading(index):
        lines = file.read().splitlines()
    places = {}
    for number, line in enumerate(lines, start=1):
        matched = _LINE.fullmatch(line.rstrip())
        if matched is None:
            raise DbmCorrupt(index, f"line {number} is not the place of a value")
        single, double, position, size = matched.groups()
        if int(position) + int(size) > values_size:
            raise DbmCorrupt(index, f"line {number} points outside the file of the values")
        # Latin-1 characters and escapes in, the bytes of the key out.
        text = (double if single is None else single).decode("unicode_escape")
        places[text.encode("latin-1")] = (int(position), int(size))
    return places
