"""Import of entities that a server returned: without defaults, checks or side effects.

Computed attributes and dense custom attribute values are left out: the engine computes them.

Source: the form of ftrack's answers as ``ftrack_api/session.py`` reads it, ``_decode``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from trackteroid_cli.engine.schema.schema import Attribute, Relation, Schema
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.sql import quoted
from trackteroid_cli.engine.storage.values import Stored

Entity: TypeAlias = Mapping[str, Any]
_Convert: TypeAlias = Callable[[Any], Stored]


class ImportedRows(NamedTuple):
    """The number of rows that were new, and of rows that were changed."""

    new: int
    changed: int


class RowImporter:
    """Imports entities into a store of *schema*, and keeps the statements for later calls."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._importers: dict[tuple[str, ...], _ShapeImporter] = {}

    def import_rows(
        self, connection: sqlite3.Connection, entities: Iterable[Entity]
    ) -> ImportedRows:
        """Insert new entities, and update existing ones where they differ.

        Args:
            connection: to the store, in a transaction.
            entities: in ftrack's JSON form, each with its ``__entity_type__`` and primary key. A
                reference is stored in its column; a many-to-many relation without an entity type
                must have all of its members. Attributes that are not given stay as they are.

        Raises:
            ValidationError: an entity has a type that is not in the schema, no key, or a value
                that is not of its attribute's kind.
        """
        groups: dict[tuple[str, ...], list[Entity]] = {}
        for entity in entities:
            groups.setdefault((entity["__entity_type__"], *entity), []).append(entity)
        new = changed = 0
        for names, members in groups.items():
            if names not in self._importers:
                self._importers[names] = _ShapeImporter(self._schema, names[0], names[1:])
            imported = self._importers[names].import_entities(connection, members)
            new += imported.new
            changed += imported.changed
        return ImportedRows(new, changed)


def import_rows(
    connection: sqlite3.Connection, schema: Schema, entities: Iterable[Entity]
) -> ImportedRows:
    """Import *entities* into a store of *schema*; see `RowImporter.import_rows`."""
    return RowImporter(schema).import_rows(connection, entities)


class _ShapeImporter:
    """Imports entities of one type with the same attributes, by one statement."""

    def __init__(self, schema: Schema, type_name: str, names: Sequence[str]) -> None:
        if type_name not in schema.types:
            raise ValidationError(f"No entity type '{type_name}' exists.")
        entity_type = schema.types[type_name]
        family = schema.family_of(type_name)
        self._table = family.table
        self._key = entity_type.primary_key
        self._columns: dict[str, tuple[str, _Convert]] = {}
        self._constants: dict[str, str] = dict(entity_type.classifiers)
        self._pairs: list[Relation] = []
        for name in names:
            self._add(schema, type_name, name)
        missing = [name for name in self._key if name not in self._columns]
        if missing:
            raise ValidationError(f"An entity of type '{type_name}' came without '{missing[0]}'.")
        for column in self._columns:
            self._constants.pop(column, None)
        if family.polymorphic:
            self._constants[family.discriminator] = type_name
        self._statement = self._upsert(_other_discriminators(schema, type_name))

    def _add(self, schema: Schema, type_name: str, name: str) -> None:
        entity_type = schema.types[type_name]
        relation = entity_type.relations.get(name)
        if relation is not None:
            if relation.kind == "reference" and relation.column != name:
                self._columns.setdefault(relation.column, (name, _key_of))
            elif relation.kind == "through" and relation.between not in schema.types:
                self._pairs.append(relation)
            return
        attribute = schema.family_of(type_name).columns.get(name)
        if attribute is not None:
            self._columns[name] = (name, _converter(attribute))

    def _upsert(self, placeholders: Sequence[str]) -> str:
        given = [*self._columns, *self._constants]
        names = ", ".join(map(quoted, [*given, *placeholders]))
        marks = ", ".join(["?"] * len(given) + ["''"] * len(placeholders))
        key = ", ".join(map(quoted, self._key))
        statement = (
            f"INSERT INTO {quoted(self._table)} ({names}) VALUES ({marks}) ON CONFLICT ({key})"
        )
        others = [quoted(name) for name in given if name not in self._key]
        if not others:
            return f"{statement} DO NOTHING"
        table = quoted(self._table)
        # The columns compare names without regard to case; here a change of case is a change.
        differs = " OR ".join(
            f"{table}.{name} IS NOT excluded.{name} COLLATE BINARY" for name in others
        )
        sets = ", ".join(f"{name} = excluded.{name}" for name in others)
        return f"{statement} DO UPDATE SET {sets} WHERE {differs}"

    def import_entities(
        self, connection: sqlite3.Connection, entities: Sequence[Entity]
    ) -> ImportedRows:
        """Insert or update *entities*; return how many were new, and how many were changed."""
        # SQLite accepts NULL in a primary key.
        if any(entity[name] is None for entity in entities for name in self._key):
            raise ValidationError(f"A row of '{self._table}' came without its key.")
        getters = list(self._columns.values())
        constants = tuple(self._constants.values())
        rows = [
            (*(convert(entity[name]) for name, convert in getters), *constants)
            for entity in entities
        ]
        new = len(entities) - self._count_existing(connection, entities)
        before = connection.total_changes
        connection.executemany(self._statement, rows)
        written = connection.total_changes - before
        for relation in self._pairs:
            _replace_pairs(connection, relation, entities)
        return ImportedRows(new, written - new)

    def _count_existing(self, connection: sqlite3.Connection, entities: Sequence[Entity]) -> int:
        """Return how many of *entities*, which are distinct, have a row."""
        first = json.dumps([entity[self._key[0]] for entity in entities])
        listed = f"{quoted(self._key[0])} IN (SELECT value FROM json_each(?))"
        columns = ", ".join(map(quoted, self._key))
        found = connection.execute(
            f"SELECT {columns} FROM {quoted(self._table)} WHERE {listed}", [first]
        )
        if len(self._key) == 1:
            return len(found.fetchall())
        wanted = {tuple(entity[name] for name in self._key) for entity in entities}
        return len(wanted.intersection(found))


def _other_discriminators(schema: Schema, type_name: str) -> list[str]:
    """Return the type columns of other families that share the table of *type_name*."""
    family = schema.family_of(type_name)
    return [
        other.discriminator
        for other in schema.families.values()
        if other.table == family.table and other.root != family.root and other.polymorphic
    ]


def _replace_pairs(
    connection: sqlite3.Connection, relation: Relation, entities: Sequence[Entity]
) -> None:
    """Replace the members of a many-to-many relation by those in *entities*."""
    table, owner, target = map(quoted, (relation.between, relation.column, relation.target_column))
    wanted = {
        (entity["id"], member["id"]) for entity in entities for member in entity[relation.name]
    }
    held = set(
        connection.execute(
            f"SELECT {owner}, {target} FROM {table} WHERE {owner} IN "
            "(SELECT value FROM json_each(?))",
            [json.dumps([entity["id"] for entity in entities])],
        )
    )
    connection.executemany(f"DELETE FROM {table} WHERE {owner} = ? AND {target} = ?", held - wanted)
    connection.executemany(f"INSERT INTO {table} ({owner}, {target}) VALUES (?, ?)", wanted - held)


def _key_of(value: Mapping[str, object] | None) -> Stored:
    """Return the key of a reference."""
    if value is None:
        return None
    return str(value["id"])


def _converter(attribute: Attribute) -> _Convert:
    """Return the function that converts a value of *attribute* to its stored form."""
    # The usual forms are returned at once: this runs for each value of a production.
    if attribute.kind == "text":
        return lambda value: (
            value
            if value is None or (value.__class__ is str and value.isascii())
            else values.to_stored(attribute, value)
        )
    if attribute.kind in ("integer", "number"):
        return lambda value: value if value is None else values.to_stored(attribute, value)
    return lambda value: None if value is None else values.to_stored(attribute, value)
