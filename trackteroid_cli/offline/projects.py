"""Project lookup: which entities a replica holds, and which projects each belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from trackteroid_cli.offline.ownership import every_owner_of

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine
    from trackteroid_cli.engine.storage.values import Stored

#: Columns that hold the key of an owner of any type.
OWNER_COLUMNS = ("parent_id", "entity_id")


class ProjectLookup:
    """Looks entities up in *engines*, which have one schema, in order.

    Args:
        whole: the root types whose rows belong to no project.
    """

    def __init__(self, engines: Sequence[Engine], whole: frozenset[str]) -> None:
        self._engines = tuple({id(each): each for each in engines}.values())
        self._schema = engines[0].store.schema
        self._whole = whole
        self._projects: dict[tuple[str, str], frozenset[str]] = {}
        self._owners: dict[str, frozenset[tuple[str, str, str]]] = {}

    def unknown_keys(self, root: str, keys: Iterable[str]) -> list[str]:
        """Return the *keys* that no entity of that root type ('' for any) has."""
        unknown = dict.fromkeys(keys)
        for each in [root] if root else self._roots_with_id:
            for engine in self._engines:
                rows = engine.store.connection.execute(
                    f'SELECT id FROM "{self._table(each)}" '
                    "WHERE id IN (SELECT value FROM json_each(?))",
                    [json.dumps(list(unknown))],
                )
                for (key,) in rows.fetchall():
                    unknown.pop(str(key), None)
            if not unknown:
                break
        return list(unknown)

    def projects_of(self, root: str, key: str) -> frozenset[str]:
        """Return the keys of the projects that an entity belongs to; see `ownership`.

        Args:
            root: its root type, '' for any.
            key: its key.
        """
        if (root, key) not in self._projects:
            self._projects[root, key] = frozenset(self._find_projects(root, key))
        return self._projects[root, key]

    def row(self, root: str, key: str) -> dict[str, Stored] | None:
        """Return the stored row of an entity that has an id."""
        if root not in self._roots_with_id:
            return None
        return next(iter(self._rows(root, "id", key)), None)

    def type_of(self, root: str, key: str) -> str:
        """Return the type of the entity with that key, '' if there is none.

        Args:
            root: its root type, '' for any.
            key: its key.
        """
        for each in [root] if root else self._roots_with_id:
            row = self.row(each, key)
            if row is not None:
                family = self._schema.families[each]
                return str(row[family.discriminator]) if family.polymorphic else each
        return ""

    def _find_projects(self, root: str, key: str) -> Iterator[str]:
        seen: set[tuple[str, str, Stored]] = set()
        waiting: list[tuple[str, str, Stored]]
        waiting = [(each, "id", key) for each in ([root] if root else self._roots_with_id)]
        while waiting:
            wanted = waiting.pop()
            if wanted[2] is None or wanted in seen:
                continue
            seen.add(wanted)
            for row in self._rows(*wanted):
                if wanted[0] == "Context":
                    yield str(row["project_id"])
                    continue
                for owner, owner_column, column in self._owners_of(wanted[0]):
                    waiting.append((owner, owner_column, row.get(column)))

    def _owners_of(self, root: str) -> frozenset[tuple[str, str, str]]:
        """Return the root types that own rows of *root*, their column, and that of these rows."""
        if root not in self._owners:
            self._owners[root] = frozenset(
                (owner, owned.owner_column, owned.column)
                for owned in every_owner_of(self._schema, root)
                if (owner := self._schema.types[owned.owner].root) not in self._whole
            )
        return self._owners[root]

    def _rows(self, root: str, column: str, value: Stored) -> list[dict[str, Stored]]:
        """Return the rows of a root type with *value* in *column*."""
        if column not in self._schema.families[root].columns:
            return []
        for engine in self._engines:
            cursor = engine.store.connection.execute(
                f'SELECT * FROM "{self._table(root)}" WHERE "{column}" = ?', [value]
            )
            rows = cursor.fetchall()
            if rows:
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in rows]
        return []

    def _table(self, root: str) -> str:
        return self._schema.families[root].table

    @cached_property
    def _roots_with_id(self) -> tuple[str, ...]:
        return tuple(
            root
            for root, family in self._schema.families.items()
            if family.primary_key == ("id",) and not family.dense
        )
