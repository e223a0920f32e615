"""Transforms: methods of collections that call a function with each entity.

The function gets a collection of one entity. It often returns a list with one value, since that is
what a collection's attributes are. Results are compared by that value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ftrack_api.symbol import NOT_SET

from trackteroid_cli.fluent.collections.base import BaseCollection, Key

if TYPE_CHECKING:
    from typing_extensions import Self

    from trackteroid_cli.session.api.protocols import Entity

Result = TypeVar("Result")


class Transforms(BaseCollection):
    """The functional methods of a collection."""

    __slots__ = ()

    def count(self, predicate: Callable[[Self], object]) -> int:
        """Return the number of entities for which *predicate* holds."""
        return sum(1 for element in self if predicate(element))

    def filter(self, predicate: Callable[[Self], object]) -> Self:
        """Return the entities for which *predicate* holds."""
        kept: dict[Key, Entity] = {}
        for element in self:
            if predicate(element):
                kept.update(element._entities)
        return self._derived(kept)

    def fold(self, start_value: Result, predicate: Callable[[Result, Self], Result]) -> Result:
        """Return the last result of *predicate*, called with its previous result and each entity.

        The first call gets *start_value*, which is also the result for an empty collection.
        """
        for element in self:
            start_value = predicate(start_value, element)
        return start_value

    def group(self, predicate: Callable[[Self], object]) -> dict[Any, Self]:
        """Return the entities grouped by the result of *predicate*.

        A list with one value becomes that value, a longer one a tuple.
        """
        groups: dict[Any, dict[Key, Entity]] = {}
        for element in self:
            groups.setdefault(_group_key(predicate(element)), {}).update(element._entities)
        return {name: self._derived(entities) for name, entities in groups.items()}

    def group_and_map(
        self,
        group_predicate: Callable[[Self], object],
        map_predicate: Callable[[Self], Result],
    ) -> dict[Any, Result]:
        """Return the result of *map_predicate* for each group; see `group`."""
        return {name: map_predicate(found) for name, found in self.group(group_predicate).items()}

    def map(self, predicate: Callable[[Self], Result]) -> list[Result]:
        """Return the result of *predicate* for each entity."""
        return [predicate(element) for element in self]

    def max(self, predicate: Callable[[Self], object]) -> Self:
        """Return the entity with the largest value, the last one if there are several."""
        return self.sort(predicate)[-1:]

    def min(self, predicate: Callable[[Self], object]) -> Self:
        """Return the entity with the smallest value, the first one if there are several.

        Entities without a value are ignored unless no entity has one.
        """
        ranked = [(_sort_key(predicate(element)), element) for element in self]
        valued = [each for each in ranked if each[0]] or ranked
        return min(valued, key=lambda each: each[0])[1] if valued else self[:]

    def partition(self, predicate: Callable[[Self], object]) -> tuple[Self, Self]:
        """Return the entities for which *predicate* holds, and the others."""
        holds: dict[Key, Entity] = {}
        others: dict[Key, Entity] = {}
        for element in self:
            (holds if predicate(element) else others).update(element._entities)
        return self._derived(holds), self._derived(others)

    def sort(self, predicate: Callable[[Self], object], reverse: bool = False) -> Self:
        """Return the entities in the order of their values; those without one come first.

        A list or collection with several values counts as the largest of them.
        """
        ordered: dict[Key, Entity] = {}
        elements: list[Self] = [*self]
        for element in sorted(
            elements, key=lambda each: _sort_key(predicate(each)), reverse=reverse
        ):
            ordered.update(element._entities)
        return self._derived(ordered)


def _sort_key(result: object) -> tuple[Any, ...]:
    """Return a tuple to compare *result* by: its largest value, or nothing without a value."""
    values = result if isinstance(result, (list, tuple)) else [result]
    present: list[Any] = [
        value
        for value in values
        if value is not None and value is not NOT_SET and not _is_empty(value)
    ]
    return (max(present),) if present else ()


def _is_empty(value: object) -> bool:
    return isinstance(value, BaseCollection) and not value


def _group_key(result: object) -> Any:
    if not isinstance(result, list):
        return result
    return result[0] if len(result) == 1 else tuple(result)
