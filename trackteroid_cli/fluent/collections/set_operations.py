"""Set operations on collections: union, intersection, differences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from trackteroid_cli.errors import EntityCollectionOperationError
from trackteroid_cli.fluent.collections.base import BaseCollection, Key, check_sessions

if TYPE_CHECKING:
    from typing_extensions import Self


class SetOperations(BaseCollection):
    """The set operations of a collection.

    They raise `EntityCollectionOperationError` for collections of different sessions, and for two
    types if neither is a kind of the other.
    """

    __slots__ = ()

    def union(self, *collections: BaseCollection) -> Self:
        """Return all entities of this collection and of *collections*, with the widest type."""
        type_name = self._common_type(collections)
        found = dict(self._entities)
        for collection in collections:
            for key, entity in collection._entities.items():
                found.setdefault(key, entity)
        return self._related(type_name, found)

    def intersection(self, *collections: BaseCollection) -> Self:
        """Return the entities that are in all of *collections*, too."""
        self._common_type(collections)
        return self._subset(
            key for key in self._entities if all(key in each._entities for each in collections)
        )

    def difference(self, *collections: BaseCollection) -> Self:
        """Return the entities that are in none of *collections*."""
        self._common_type(collections)
        return self._subset(
            key for key in self._entities if not any(key in each._entities for each in collections)
        )

    def symmetric_difference(self, *collections: BaseCollection) -> Self:
        """Return the entities that are in exactly one of this collection and *collections*."""
        both = self.union(*collections)
        counts = Counter(self._entities.keys())
        for collection in collections:
            counts.update(collection._entities.keys())
        return both._subset(key for key in both._entities if counts[key] == 1)

    def _subset(self, keys: Iterable[Key]) -> Self:
        return self._derived({key: self._entities[key] for key in keys})

    def _common_type(self, collections: tuple[BaseCollection, ...]) -> str:
        """Return the widest of the collections' types, after a check that they can be combined."""
        check_sessions((self, *collections))
        schema = self._server_schema()
        widest = self.entity_type.__name__
        for collection in collections:
            other = collection.entity_type.__name__
            if schema.is_kind_of(widest, other):
                widest = other
            elif not schema.is_kind_of(other, widest):
                raise EntityCollectionOperationError(
                    f"a collection of {widest} and one of {other} cannot be combined",
                    why="neither type is a kind of the other",
                    hint="turn both into a type that they have in common: TypedContext(collection)",
                )
        return widest
