"""Project lookup: which entities a replica holds, and which project each belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine
    from trackteroid_cli.engine.storage.values import Stored

#: Columns that hold the key of an owner of any type.
OWNER_COLUMNS = ("parent_id", "entity_id")

#: References that do not lead to an owner.
_NOT_OWNERS = frozenset({"thumbnail", "in_reply_to", "task"})


class ProjectLookup:
    """Looks entities up in *engines*, which have one schema, in order.

    Args:
        whole: the root types whose rows belong to no project.
    """

    def __init__(self, engines: Sequence[Engine], whole: frozenset[str]) -> None:
        self._engines = tuple({id(each): each for each in engines}.values())
        self._schema = engines[0].store.schema
        self._whole = whole
        self._projects: dict[tuple[str, str], str | None] = {}

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

    def root_of(self, key: str) -> str:
        """Return the root type of the entity with that key, '' if there is none."""
        return next((each for each in self._roots_with_id if self.row(each, key)), "")

    def project_of(self, root: str, key: str) -> str | None:
        """Return the key of the project that an entity belongs to, along the references of its row.

        Args:
            root: its root type, '' for any.
            key: its key.
        """
        if (root, key) not in self._projects:
            self._projects[root, key] = self._find_project(root, key)
        return self._projects[root, key]

    def row(self, root: str, key: str) -> dict[str, Stored] | None:
        """Return the stored row of an entity that has an id."""
        if root not in self._roots_with_id:
            return None
        for engine in self._engines:
            cursor = engine.store.connection.execute(
                f'SELECT * FROM "{self._table(root)}" WHERE id = ?', [key]
            )
            row = cursor.fetchone()
            if row is not None:
                return dict(zip([column[0] for column in cursor.description], row, strict=True))
        return None

    def _find_project(self, root: str, key: str) -> str | None:
        seen: set[tuple[str, str]] = set()
        waiting = [(root, key)] if root else [(each, key) for each in self._roots_with_id]
        while waiting:
            entity = waiting.pop()
            row = None if entity in seen else self.row(*entity)
            seen.add(entity)
            if row is None:
                continue
            if row.get("project_id"):
                return str(row["project_id"])
            waiting.extend(self._owners(entity[0], row))
        return None

    def _owners(self, root: str, row: Mapping[str, Stored]) -> Iterator[tuple[str, str]]:
        for name in self._schema.family_of(root).members:
            for relation in self._schema.types[name].relations.values():
                target = self._schema.types[relation.target].root
                if relation.kind == "reference" and relation.name not in _NOT_OWNERS:
                    value = row.get(relation.column)
                    if value and target not in self._whole:
                        yield target, str(value)
        for column in OWNER_COLUMNS:
            if row.get(column):
                yield from ((each, str(row[column])) for each in self._roots_with_id)

    def _table(self, root: str) -> str:
        return self._schema.families[root].table

    @cached_property
    def _roots_with_id(self) -> tuple[str, ...]:
        return tuple(
            root
            for root, family in self._schema.families.items()
            if family.primary_key == ("id",) and not family.dense
        )
