"""The interface of an opened dbm file, the same for every kind."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

_Opened = TypeVar("_Opened", bound="Reader")


class Reader(Mapping[bytes, bytes]):
    """An opened dbm file: a read-only mapping, and a context manager that closes it.

    Every access may raise ``DbmCorrupt`` where the file is damaged, and ``DbmUnreadable``.
    """

    path: Path

    @abstractmethod
    def close(self) -> None:
        """Close the file; harmless when it is closed."""

    def keys_with_prefix(self, prefix: bytes) -> list[bytes]:
        """Return the keys that begin with *prefix*, in the order of their bytes."""
        return sorted(key for key in self if key.startswith(prefix))

    def items_with_prefix(self, prefix: bytes) -> list[tuple[bytes, bytes]]:
        """Return the pairs whose key begins with *prefix*, in the order of their keys' bytes."""
        return [(key, self[key]) for key in self.keys_with_prefix(prefix)]

    def __enter__(self: _Opened) -> _Opened:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
