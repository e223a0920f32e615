"""Freed names: which waiting batch gives up what must be unique on the server.

Two shots below one sequence cannot have the same name. A recording that gives a shot the name of
one that a waiting batch renames or deletes can only land after that batch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from trackteroid_cli.batches.operations import Create, Delete, Operation, Update, identity
from trackteroid_cli.engine.storage.sql import quoted
from trackteroid_cli.engine.writing.checks import UNIQUE, Unique

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine
    from trackteroid_cli.engine.schema.schema import EntityType

_Row = dict[str, object]


class _Name(NamedTuple):
    """Values that only one entity may have."""

    rule: Unique
    values: tuple[object, ...]


class FreedNames:
    """The names that batches give up, one batch after another.

    Args:
        engine: on the replica, without the batches.
    """

    def __init__(self, engine: Engine) -> None:
        self._schema = engine.store.schema
        self._connection = engine.store.connection
        #: The values of entities after the operations so far, by root type and key.
        self._rows: dict[tuple[str, tuple[str, ...]], _Row] = {}
        self._freed_by: dict[_Name, str] = {}
        self._known_rules: dict[str, list[Unique]] = {}

    def add_batch(self, batch_id: str, operations: Iterable[Operation]) -> None:
        """Note the names that a batch gives up, and those that it takes for good."""
        taken: dict[_Name, str] = {}  # and which batch had given it up, if any
        for operation in operations:
            before, after = self._apply(operation)
            for name in after - before:
                taken[name] = self._freed_by.pop(name, "")
            for name in before - after:
                self._freed_by[name] = taken.pop(name, batch_id)

    def taken_from(self, operations: Iterable[Operation]) -> set[str]:
        """Return the ids of the batches whose freed names *operations* take."""
        found = set()
        for operation in operations:
            before, after = self._apply(operation)
            found |= {self._freed_by.get(name, "") for name in after - before}
        return found - {""}

    def _apply(self, operation: Operation) -> tuple[set[_Name], set[_Name]]:
        """Carry out an operation on the rows; return the entity's names before and after."""
        entity_type = self._schema.types.get(operation.entity_type)
        rules = self._rules(operation.entity_type) if entity_type else []
        if entity_type is None or not rules:
            return set(), set()
        columns = {column for rule in rules for column in rule.columns}
        changed = _changed_values(entity_type, operation, columns)
        if isinstance(operation, Update) and not changed:
            return set(), set()
        place = entity_type.root, identity(operation).key
        known = place in self._rows or isinstance(operation, Create)
        row = self._rows.get(place, {}) if known else self._read(*place, columns)
        self._rows[place] = {} if isinstance(operation, Delete) else {**row, **changed}
        return _names(rules, row), _names(rules, self._rows[place])

    def _rules(self, type_name: str) -> list[Unique]:
        if type_name not in self._known_rules:
            self._known_rules[type_name] = [
                rule
                for rule in UNIQUE
                if rule.entity_type in self._schema.types
                and self._schema.is_kind_of(type_name, rule.entity_type)
            ]
        return self._known_rules[type_name]

    def _read(self, root: str, key: tuple[str, ...], columns: set[str]) -> _Row:
        family = self._schema.families[root]
        names = sorted(columns)
        try:
            found = self._connection.execute(
                f"SELECT {', '.join(map(quoted, names))} FROM {quoted(family.table)} WHERE "
                + " AND ".join(f"{quoted(name)} = ?" for name in family.primary_key),
                key,
            ).fetchone()
        except sqlite3.Error:
            return {}  # it cannot be read any more; the batch is made without it
        return dict(zip(names, found, strict=True)) if found else {}


def _changed_values(entity_type: EntityType, operation: Operation, columns: set[str]) -> _Row:
    """Return the values that an operation sets in *columns*."""
    if isinstance(operation, Create):
        data: Mapping[str, object] = operation.entity_data
    elif isinstance(operation, Update):
        data = {operation.attribute_name: operation.new_value}
    else:
        data = {}
    changed: _Row = {}
    for name, value in data.items():
        relation = entity_type.relations.get(name)
        if relation is not None and relation.kind == "reference":
            name, value = relation.column, value.get("id") if isinstance(value, dict) else value
        if name in columns:
            changed[name] = value
    return changed


def _names(rules: Iterable[Unique], row: _Row) -> set[_Name]:
    found = set()
    for rule in rules:
        values = tuple(row.get(column) for column in rule.columns)
        if all(isinstance(value, str) and value for value in values):
            found.add(_Name(rule, tuple(str(value).casefold() for value in values)))
    return found
