"""The entities that a recording creates: a script may make very many of them."""

from __future__ import annotations

from collections.abc import Iterator

from trackteroid_cli.batches.operations import Identity

#: Between the parts of a key.
_BETWEEN = "\n"


class CreatedEntities:
    """The entities that exist only in a recording, and the positions of their creates.

    No two entities have one key, whatever their types are.
    """

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}

    def __len__(self) -> int:
        """Return their number."""
        return len(self._positions)

    def __contains__(self, entity: Identity) -> bool:
        """Return whether the recording creates *entity*."""
        return _BETWEEN.join(entity.key) in self._positions

    def add(self, entity: Identity, position: int) -> None:
        """Add the entity that the operation at *position* creates."""
        self._positions[_BETWEEN.join(entity.key)] = position

    def position(self, entity: Identity) -> int:
        """Return the position of the operation that creates *entity*."""
        return self._positions[_BETWEEN.join(entity.key)]

    def forget_from(self, position: int) -> None:
        """Forget those that operations from *position* on create."""
        late = [key for key, value in self._positions.items() if value >= position]
        for key in late:
            del self._positions[key]

    def key_parts(self) -> Iterator[str]:
        """Yield the parts of the keys of all of them."""
        for key in self._positions:
            yield from key.split(_BETWEEN)
