"""Server rows: brings rows of the server into the store of an overlay, in a few large requests."""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, TypeAlias

from trackteroid_cli.engine.schema.schema import Family, Relation, Schema, is_dense
from trackteroid_cli.engine.storage.store import Store
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing.import_rows import Entity, RowImporter
from trackteroid_cli.engine.writing.transaction import Change
from trackteroid_cli.errors import CannotReadBack
from trackteroid_cli.offline.live.changes import Changes
from trackteroid_cli.offline.live.reading import Reads
from trackteroid_cli.offline.pull.plan import OWNERS_PER_QUERY, Include, Job, Plan
from trackteroid_cli.server.expressions import listed

#: Sends operations to the server and returns their results.
Ask: TypeAlias = Callable[[Sequence[dict[str, str]]], list[dict[str, Any]]]

#: The number of queries in one request.
_QUERIES = 20

#: The most rows that one question may bring here.
MOST_ROWS = 20_000


class ServerRows:
    """Fills *store* with rows of the server, as far as questions need them.

    A row that is here is never brought again: the recording may have changed it since.

    Args:
        store: the store of the overlay.
        changes: what the recording has changed in it.
    """

    def __init__(self, store: Store, changes: Changes) -> None:
        self.plan = Plan(store.schema)
        self._store = store
        self._changes = changes
        self._importer = RowImporter(store.schema)
        self._jobs: deque[Job] = deque()
        self._done: set[Job] = set()
        self._brought = 0
        #: Row numbers for rows of the server. They are negative, as those of what a recording
        #: creates are not, and far apart, as SQLite gives a new row the number after the last.
        self._numbers = count(-(2**62), 2**20)

    @property
    def schema(self) -> Schema:
        """The server's entity types."""
        return self._store.schema

    def begin_question(self) -> None:
        """Count the rows of a new question from zero."""
        self._brought = 0

    def add_base(self) -> None:
        """Ask for the small tables that every server holds whole: statuses, types, users."""
        self._jobs.extend(self.plan.base_jobs())

    def add_entities(self, type_name: str, ids: Iterable[str], include: Include) -> None:
        """Ask for entities by id, with the rows that *include* names."""
        self._jobs.extend(self.plan.id_jobs(type_name, ids, include))

    def add_descendants(self, ids: Iterable[str], include: Include) -> None:
        """Ask for the contexts below those with *ids*, with the rows that *include* names."""
        condition = listed("ancestors.id", ids)
        self._jobs.extend(
            Job(name, within=f"{name} where {condition}", include=include)
            for name in self.plan.sources_of("Context")
            if "ancestors" in self.schema.types[name].relations
        )

    def add_rows(self, type_name: str, column: str, values: Iterable[Stored]) -> None:
        """Ask for the rows of *type_name* with one of *values* in *column*, and nothing else."""
        if is_dense(type_name):
            type_name = self.schema.stored_root(type_name)
        texts = [str(value) for value in values if value is not None]
        self._jobs.extend(self.plan.value_jobs(type_name, column, texts, Include.ROW))

    def bring(self, ask: Ask) -> None:
        """Fetch everything that was asked for, and whatever has to come with it.

        Raises:
            CannotReadBack: these are too many rows.
        """
        while self._jobs:
            jobs: list[Job] = []
            while self._jobs and len(jobs) < _QUERIES:
                job = self._jobs.popleft()
                if job not in self._done:
                    self._done.add(job)
                    jobs.append(job)
            if not jobs:
                return
            queries = [{"action": "query", "expression": self.plan.expression(job)} for job in jobs]
            for job, result in zip(jobs, ask(queries), strict=True):
                self._store_rows(job, result["data"])

    def _store_rows(self, job: Job, rows: Sequence[Entity]) -> None:
        self._jobs.extend(self.plan.next_pages(job, rows))
        rows = self.plan.own_rows(job, rows)
        self._jobs.extend(self.plan.following_jobs(job, rows))
        self._brought += len(rows)
        if self._brought > MOST_ROWS:
            raise too_many_rows(job.entity_type)
        self.store_rows(job.entity_type, rows)

    def store_rows(self, type_name: str, rows: Sequence[Entity]) -> None:
        """Store rows of the server, except those that are here or that the recording removed."""
        root = self.schema.types[type_name].root
        fresh = [row for row in rows if not self._is_here(root, type_name, row)]
        removed = self._changes.removed_ids()
        if removed:
            fresh = [self._without_references(row, removed) for row in fresh]
        with self._store.writing() as connection:
            if fresh:
                self._importer.import_rows(connection, fresh)
            self._put_in_order(connection, type_name, rows)

    def _put_in_order(
        self, connection: sqlite3.Connection, type_name: str, rows: Sequence[Entity]
    ) -> None:
        """Give the rows the order of the server, before all that the recording created."""
        family = self.schema.family_of(type_name)
        connection.executemany(
            f'UPDATE "{family.table}" SET rowid = ? WHERE {is_row(family)}',
            [(next(self._numbers), *(row[part] for part in family.primary_key)) for row in rows],
        )

    def put_last(self, changes: Iterable[Change]) -> None:
        """Put the rows that were added after those of the server, in their order."""
        with self._store.writing() as connection:
            for change in changes:
                if change.action != "add":
                    continue
                family = self.schema.family_of(change.entity_type)
                connection.execute(
                    f'UPDATE "{family.table}" SET rowid = '
                    f'(SELECT max(coalesce(max(rowid), 0), 0) + 1 FROM "{family.table}") '
                    f"WHERE {is_row(family)} AND rowid < 0",
                    change.key,
                )

    def _is_here(self, root: str, type_name: str, row: Entity) -> bool:
        key = tuple(row[part] for part in self.schema.types[type_name].primary_key)
        changed = self._changes.of(root, key)
        if changed is not None and changed.removed:
            return True
        return self.has(root, key)

    def has(self, root: str, key: Sequence[Stored]) -> bool:
        """Return whether the store has the row of a root type with *key*."""
        family = self.schema.families[root]
        sql = f'SELECT 1 FROM "{family.table}" WHERE {is_row(family)}'
        return self._store.connection.execute(sql, list(key)).fetchone() is not None

    def _without_references(self, row: Entity, removed: set[Stored]) -> dict[str, Any]:
        """Return *row* without references to rows that the recording has removed."""
        return {
            name: None
            if (isinstance(value, str) and value in removed and name != "id")
            or (isinstance(value, dict) and value.get("id") in removed)
            else value
            for name, value in row.items()
        }

    # -- what rows lead to -------------------------------------------------------------------------

    def complete(self, reads: Reads, keys: Sequence[Stored], ask: Ask) -> None:
        """Bring every row that *reads* reach from the rows with *keys*, level by level.

        Raises:
            CannotReadBack: these are too many rows.
        """
        level = [(reads, list(keys))]
        while level:
            for node, owners in level:
                for relation, _ in node.relations:
                    self._add_related(node, relation, owners)
            self.bring(ask)
            following = []
            for node, owners in level:
                for (relation, target), below in node.relations.items():
                    related = self._related(node, relation, owners)
                    if relation.kind == "through":
                        self.add_rows(target, "id", self.missing(target, related))
                    if related:
                        following.append((below, related))
            self.bring(ask)
            level = following

    def _add_related(self, node: Reads, relation: Relation, owners: Sequence[Stored]) -> None:
        kind = relation.kind
        if kind == "reference":
            related = self._related(node, relation, owners)
            self.add_rows(relation.target, "id", self.missing(relation.target, related))
        elif kind in ("many", "dense"):
            self.add_rows(relation.target, relation.column, owners)
        elif kind == "latest_version":
            self.add_rows("AssetVersion", "asset_id", owners)
        elif kind == "through" and relation.between in self.schema.types:
            self.add_rows(relation.between, relation.column, owners)
        elif kind in ("ancestors", "descendants"):
            inverse = "descendants" if kind == "ancestors" else "ancestors"
            for start in range(0, len(owners), OWNERS_PER_QUERY):
                some = listed(
                    f"{inverse}.id",
                    (str(each) for each in owners[start : start + OWNERS_PER_QUERY]),
                )
                self._jobs.extend(
                    Job(name, within=f"{name} where {some}", include=Include.ROW)
                    for name in self.plan.sources_of("Context")
                    if inverse in self.schema.types[name].relations
                )

    def _related(self, node: Reads, relation: Relation, owners: Sequence[Stored]) -> list[Stored]:
        """Return the keys of the related rows that are here."""
        return related_keys(self._store, node.type_name, relation, owners)

    def missing(self, type_name: str, keys: Iterable[Stored]) -> list[Stored]:
        """Return those of *keys* whose rows are not here, of a type that has an id."""
        root = self.schema.types[type_name].root
        if self.schema.types[root].primary_key != ("id",):
            return []
        return [key for key in keys if not self.has(root, [key])]


def is_row(family: Family) -> str:
    """Return the SQL condition that a row of *family* has the key that its parameters give."""
    return " AND ".join(f'"{part}" = ?' for part in family.primary_key)


def related_keys(
    store: Store, type_name: str, relation: Relation, owners: Sequence[Stored]
) -> list[Stored]:
    """Return the keys of the rows in *store* that a relation leads to from rows of a type."""
    schema = store.schema
    owner, target = schema.family_of(type_name), schema.family_of(relation.target)
    if relation.kind == "reference":
        return _select(store, owner.table, relation.column, owner.primary_key[0], owners)
    if relation.kind == "through":
        between = schema.families.get(relation.between)
        table = between.table if between else relation.between
        return _select(store, table, relation.target_column, relation.column, owners)
    if relation.kind == "latest_version":
        return _select(store, target.table, "id", "asset_id", owners)
    if relation.kind == "dense":
        return []
    if relation.kind == "many":
        if target.primary_key != ("id",):
            return []
        return _select(store, target.table, "id", relation.column, owners)
    given, wanted = ("id", "parent_id") if relation.kind == "ancestors" else ("parent_id", "id")
    found: dict[Stored, None] = {}
    level = list(owners)
    while level:
        level = [
            key for key in _select(store, owner.table, wanted, given, level) if key not in found
        ]
        found.update(dict.fromkeys(level))
    return list(found)


def _select(
    store: Store, table: str, wanted: str, given: str, keys: Sequence[Stored]
) -> list[Stored]:
    rows = store.connection.execute(
        f'SELECT DISTINCT "{wanted}" FROM "{table}" WHERE "{wanted}" IS NOT NULL '
        f'AND "{given}" IN (SELECT value FROM json_each(?))',
        [json.dumps(list(keys))],
    )
    return [value for (value,) in rows.fetchall()]


def too_many_rows(type_name: str) -> CannotReadBack:
    """Return the error that a question needs too many rows of the server."""
    return CannotReadBack(
        f"cannot answer a query that looks at so many rows ({type_name})",
        why=f"the recording has changed some of them, and more than {MOST_ROWS} would have to be "
        "fetched to lay it over them",
        hint="query before the commit that changes them, narrow the query down, or record the "
        "parts of the script one after the other, with a commit in between",
    )
