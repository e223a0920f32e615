"""Pulled moments: when the rows of a replica were pulled that show the result of an operation.

Most rows were pulled with their project, whose moment `holdings` has. The moments of those that
came without the rest of a project are in the replica itself; one of an earlier version has none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from trackteroid_cli.batches.operations import Create, Operation, texts
from trackteroid_cli.offline.holdings import Holdings
from trackteroid_cli.offline.ownership import every_owner_of
from trackteroid_cli.offline.projects import ProjectLookup

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine

_TABLE = "_row_moment"


def note_rows(connection: sqlite3.Connection, keys: Iterable[str], moment: str) -> None:
    """Note that the rows with *keys*, and their parts, were pulled at *moment*."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_TABLE} (key TEXT PRIMARY KEY, moment TEXT) WITHOUT ROWID"
    )
    connection.executemany(
        f"INSERT OR REPLACE INTO {_TABLE} VALUES (?, ?)", ((key, moment) for key in keys)
    )


class PulledMoments:
    """When rows were pulled into the replica with *holdings*, whose data *engine* has."""

    def __init__(self, engine: Engine, holdings: Holdings) -> None:
        self._connection = engine.store.connection
        self._schema = engine.store.schema
        self._holdings = holdings
        self._lookup = ProjectLookup((engine,), frozenset(holdings.whole))
        tables = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        self._has_rows = (_TABLE,) in tables.fetchall()
        self._known: dict[str, str] = {}

    def of(self, operation: Operation) -> str:
        """Return when what *operation* changes was pulled, in UTC, ISO 8601.

        Of an entity that is not held this is when it would have been, if it had existed.
        """
        keys = list(operation.entity_key.values())
        moment = next(filter(None, map(self._of_entity, keys)), "")
        if not moment and isinstance(operation, Create):
            moment = next(filter(None, self._of_new(operation)), "")
        moment = moment or self._holdings.pulled
        if len(keys) == 1:
            self._known[keys[0]] = moment
        return moment

    def _of_entity(self, key: str) -> str:
        """Return when the entity with *key* was pulled, by itself or with its project, or ''."""
        if key in self._known:
            return self._known[key]
        by_itself = None
        if self._has_rows:
            by_itself = self._connection.execute(
                f"SELECT moment FROM {_TABLE} WHERE key = ?", [key]
            ).fetchone()
        return max(str(by_itself[0]) if by_itself else "", self._of_project(key))

    def _of_project(self, key: str) -> str:
        projects = self._lookup.projects_of("", key)
        return self._holdings.pulled_of(projects) if projects else ""

    def _of_new(self, operation: Create) -> Iterator[str]:
        """Yield when the rows of a new entity's owners, or projects, were pulled."""
        for key in self._whole_owners(operation.entity_type, operation.entity_data):
            yield self._of_entity(key)
        # Only what may be a key is looked up, as each lookup searches every table.
        for key in texts(
            [
                value
                for name, value in operation.entity_data.items()
                if "_id" in name or not isinstance(value, str)
            ]
        ):
            yield self._known.get(key) or self._of_project(key)

    def _whole_owners(self, type_name: str, data: Mapping[str, object]) -> Iterator[str]:
        """Yield the keys of entities that are never pulled without the new one, their part."""
        entity_type = self._schema.types.get(type_name)
        if entity_type is None:
            return
        columns = {
            owned.column
            for owned in every_owner_of(self._schema, entity_type.root)
            if owned.kind == "part" and owned.owner_column == "id"
        }
        references = {
            relation.name
            for relation in entity_type.relations.values()
            if relation.kind == "reference" and relation.column in columns
        }
        for name in columns | references:
            yield from texts(data.get(name))
