"""ndbm files, for which Python's own module is needed: their inside differs by platform."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from trackteroid_cli.batches.dbm.base import Reader
from trackteroid_cli.batches.dbm.errors import DbmCorrupt, DbmUnsupported


class NdbmReader(Reader):
    """The ndbm files `x.db`, or `x.pag` and `x.dir`, opened for reading: bytes to bytes.

    Args:
        path: `x`, which itself is no file.

    Raises:
        DbmUnsupported: this Python has no `dbm.ndbm`.
        DbmCorrupt: the module refuses the file.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if sys.platform == "win32" or find_spec("_dbm") is None:
            raise DbmUnsupported(
                path,
                "it is an ndbm file, and this Python has no dbm.ndbm to open it",
                "run trackteroid with a Python that has it, such as the system's own python3",
            )
        import dbm.ndbm

        try:
            self._file = dbm.ndbm.open(str(path), "r")  # noqa: SIM115 - closed by close()
        except dbm.ndbm.error as error:
            raise DbmCorrupt(path, f"dbm.ndbm refuses it ({error})") from error
        self._keys = dict.fromkeys(self._file.keys())

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        self._file.close()

    def __getitem__(self, key: bytes) -> bytes:
        if key not in self._keys:
            raise KeyError(key)
        return self._file.get(key, b"")  # on Berkeley DB an empty value counts as missing

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
