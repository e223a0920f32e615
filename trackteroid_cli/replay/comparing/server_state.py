"""The state of a server: what it holds of the entities that a batch changes.

It is asked in a few large queries, however many operations there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from trackteroid_cli.batches.operations import LISTS_OF_PARTS, UNSET, Identity
from trackteroid_cli.replay.comparing.equality import key_of
from trackteroid_cli.replay.comparing.taken_along import value_columns
from trackteroid_cli.server.expressions import PAGE, can_be_asked_for, condition, query

if TYPE_CHECKING:
    from trackteroid_cli.replay.comparing.history import History
    from trackteroid_cli.server.connection import Connection


class ServerState:
    """What the server holds of the entities that a batch changes."""

    def __init__(self, connection: Connection, histories: Iterable[History]) -> None:
        self._schema = connection.schema
        self._entities: dict[Identity, dict[str, object]] = {}
        listed = list(histories)
        self._new = {key_of(history.key) for history in listed if history.created is not None}
        queries = list(self._queries(listed))
        for answer, (entity_type, names) in zip(
            connection.call([asked for asked, *_ in queries]) if queries else (),
            ((entity_type, names) for _, entity_type, names in queries),
            strict=True,
        ):
            for data in answer["data"]:
                key = tuple(str(data[name]) for name in names)
                self._entities[Identity(entity_type, key)] = data

    def holds(self, entity: Identity) -> bool:
        """Return whether the entity is there."""
        return entity in self._entities

    def can_hold(self, history: History) -> bool:
        """Return whether there are entities of that type with such a key."""
        schema = self._schema.get(history.entity_type)
        named = schema is not None and set(history.key) == set(schema.primary_key)
        return named and can_be_asked_for(history.key)

    def is_new(self, key: tuple[str, ...]) -> bool:
        """Return whether the batch itself creates the entity with that key."""
        return key in self._new

    def value(self, entity: Identity, name: str) -> object:
        """Return an attribute in ftrack's JSON form, or `UNSET` where it cannot be asked for."""
        value = self._entities[entity].get(name, UNSET)
        if isinstance(value, list):
            return [self._schema.reference(item) for item in value]
        return self._schema.reference(value)

    def reference(self, entity_type: str, column: str) -> tuple[str, Callable[[object], object]]:
        """Return the attribute that shows what *column* holds, and what makes its value of that."""
        name = column.removesuffix("_id")
        attribute = self._schema[entity_type].attributes.get(name)
        if name == column or attribute is None or not attribute.target:
            return column, lambda value: value
        target = attribute.target
        return name, lambda id_: {"__entity_type__": target, "id": id_} if id_ else None

    def _queries(
        self, histories: Sequence[History]
    ) -> Iterator[tuple[dict[str, str], str, tuple[str, ...]]]:
        """Yield queries, each with its entity type and the names of the key's parts.

        Nothing is asked about what no server can hold: the server says so itself.
        """
        by_type: dict[tuple[str, tuple[str, ...]], list[History]] = {}
        for history in histories:
            by_type.setdefault((history.entity_type, tuple(history.key)), []).append(history)
        for (entity_type, key), listed in by_type.items():
            if not self.can_hold(listed[0]):
                continue
            names = self._projections(entity_type, listed)
            for start in range(0, len(listed), PAGE):
                wanted = condition([each.key for each in listed[start : start + PAGE]])
                yield query(entity_type, names, wanted), entity_type, key

    def _projections(self, entity_type: str, histories: Iterable[History]) -> list[str]:
        schema = self._schema[entity_type]
        histories = list(histories)
        wanted = {name for history in histories for name in history.attributes} - LISTS_OF_PARTS
        seen = schema.having({name for history in histories for name in history.seen})
        columns = set(value_columns(schema))
        wanted.update(each for each in seen if each in columns or schema.attributes[each].target)
        known = sorted(schema.having(wanted))
        asked = (name for name in known if not schema.attributes[name].is_restricted)
        return [*schema.primary_key, *asked]
