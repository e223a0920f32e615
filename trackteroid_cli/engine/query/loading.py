"""Loading the projections of a page of rows, with one query for each relation of each level.

Source: the recorded form of ftrack's answers as ``ftrack_api/session.py`` reads it (`_decode`,
`_merge`): ``__entity_type__``, the whole primary key and what was asked for, at every depth.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, TypeAlias

from trackteroid_cli.engine.query.lookup import find
from trackteroid_cli.engine.query.projection import Node
from trackteroid_cli.engine.query.relations import HIERARCHIC, Link, link_condition, link_of
from trackteroid_cli.engine.query.rows import ONE_TYPE, Rows, columns, is_in_sql, select
from trackteroid_cli.engine.query.translate import Translator
from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.schema.schema import Attribute, Relation, Schema
from trackteroid_cli.engine.storage import computed, values
from trackteroid_cli.engine.storage.custom_attribute_values import variable_to_wire
from trackteroid_cli.engine.storage.sql import Sql, compose, is_one_of, json_list, quoted
from trackteroid_cli.engine.storage.values import Stored

#: A row: values by column, in stored form unless they are computed.
Record: TypeAlias = dict[str, Any]
#: An entity as ftrack sends it. Its values are JSON; callers know their types by the expression.
Entity: TypeAlias = dict[str, Any]
#: The parts of a key, which sort.
Key: TypeAlias = tuple[Any, ...]

#: Prefix of the columns with the key of the row that a related record belongs to.
_OWNER = "_owner"


class Loader:
    """Loads the entities of a projection tree.

    Args:
        connection: to a store, in a transaction if all queries must see the same state.
        translator: for the store's schema.
        server_url: the beginning of the addresses of files.
    """

    def __init__(
        self, connection: sqlite3.Connection, translator: Translator, server_url: str
    ) -> None:
        self._connection = connection
        self._translator = translator
        self._schema = translator.schema
        self._server_url = server_url
        self._configuration_types: dict[Stored, str] | None = None
        #: The entities of each node so far, by the root of their types.
        self._loaded: dict[str, list[list[Entity]]] = {}

    def fetch(self, query: Sql) -> list[Record]:
        """Return the rows of a SELECT as mappings by the names of its columns."""
        cursor = self._connection.execute(query.text, query.params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def entities(self, node: Node, records: Sequence[Record]) -> list[Entity]:
        """Return an entity object for each record, which has the columns of `needed_columns`."""
        for name in node.scalars:
            self._compute_attribute(node, name, records)
        shapes: dict[str, list[tuple[str, Attribute]]] = {}
        entities = []
        for record in records:
            type_name = self.type_of(node, record)
            if type_name not in shapes:
                shapes[type_name] = _shape(self._schema, node, type_name)
            entity: Entity = {"__entity_type__": type_name}
            for name, attribute in shapes[type_name]:
                entity[name] = self._to_wire(attribute, record[name], record)
            entities.append(entity)
        self._loaded.setdefault(self._schema.types[node.type_name].root, []).append(entities)
        for relation, (owners, target) in node.relations.items():
            self._attach(relation, owners, target, records, entities)
        return entities

    def has_repeated(self) -> bool:
        """Return whether several nodes have an entity, each with its own attributes of it."""
        for root, nodes in self._loaded.items():
            key = itemgetter(*self._schema.types[root].primary_key)
            known: set[object] = set()
            for keys in (set(map(key, entities)) for entities in nodes):
                if not known.isdisjoint(keys):
                    return True
                known |= keys
        return False

    def type_of(self, node: Node, record: Record) -> str:
        """Return the type of a record's entity."""
        family = self._schema.family_of(node.type_name)
        one_type = ONE_TYPE.get(family.root)
        return one_type or str(record.get(family.discriminator, node.type_name))

    # Relations.

    def _attach(
        self,
        relation: Relation,
        owner_types: Collection[str],
        target: Node,
        records: Sequence[Record],
        entities: Sequence[Entity],
    ) -> None:
        """Load the related entities of *entities*, where their type has the relation."""
        owner_key = _owner_key(self._schema, relation)
        having = {kind for owner in owner_types for kind in self._schema.concrete_types(owner)}
        owners = [
            (tuple(record[name] for name in owner_key), entity)
            for record, entity in zip(records, entities, strict=True)
            if entity["__entity_type__"] in having
        ]
        keys = {key for key, _ in owners if None not in key}
        reached: dict[Key, list[Entity]] = {}
        if keys:
            found = self._reach(relation, target, keys)
            for record, entity in zip(found, self.entities(target, found), strict=True):
                key = tuple(record[f"{_OWNER}{place}"] for place in range(len(owner_key)))
                reached.setdefault(key, []).append(entity)
        for key, entity in owners:
            there = reached.get(key, [])
            entity[relation.name] = (there[0] if there else None) if relation.single else there

    def _reach(self, relation: Relation, target: Node, keys: Iterable[Key]) -> list[Record]:
        """Return the rows related to those with *keys*, each with that key in `_OWNER` columns."""
        parts = [
            self._reach_part(relation, target, rows, sorted(keys))
            for rows in self._translator.rows(target.type_name)
        ]
        return [record for part in parts for record in self.fetch(part)]

    def _reach_part(self, relation: Relation, target: Node, rows: Rows, keys: Sequence[Key]) -> Sql:
        shown = aliased_columns(rows, needed_columns(self._schema, target))
        if relation.kind in HIERARCHIC:
            found = _along_hierarchy(relation, rows, shown, keys)
        else:
            found = _along_link(link_of(self._schema, relation), rows, shown, keys)
        return compose(f"{{}} ORDER BY {', '.join(rows.order)}", found)

    # Values.

    def _compute_attribute(self, node: Node, name: str, records: Sequence[Record]) -> None:
        """Add attribute *name* to *records*, if SQL cannot compute it."""
        family = self._schema.family_of(node.type_name)
        if is_in_sql(self._schema, node.type_name, name):
            return
        made = computed.compute(self._connection, family.root, name, records, self._server_url)
        for record, value in zip(records, made, strict=True):
            record[name] = value

    def _to_wire(self, attribute: Attribute, stored: Stored, record: Record) -> JSON:
        if attribute.kind == "variable" and stored is not None:
            configuration_id = record.get("configuration_id", record.get("id"))
            return variable_to_wire(self._configuration_type(configuration_id), stored)
        return values.to_wire(attribute, stored)

    def _configuration_type(self, configuration_id: Stored) -> str:
        if self._configuration_types is None:
            self._configuration_types = dict(
                self._connection.execute(
                    "SELECT configuration.id, type.name "
                    "FROM custom_configuration_base AS configuration "
                    "JOIN custom_attribute_type AS type ON type.id = configuration.type_id"
                ).fetchall()
            )
        return self._configuration_types.get(configuration_id, "text")


def needed_columns(schema: Schema, node: Node) -> list[str]:
    """Return the columns that `Loader.entities` needs in the records of *node*."""
    family = schema.family_of(node.type_name)
    names = [*schema.types[node.type_name].primary_key]
    if family.polymorphic:
        names.append(family.discriminator)
    for type_name in schema.concrete_types(node.type_name):
        names += _system_attributes(schema, type_name)
    for name, owners in node.scalars.items():
        if is_in_sql(schema, node.type_name, name):
            names.append(name)
        else:
            names += [
                one for owner in owners for one in computed.input_columns(schema, owner, name)
            ]
    for relation in node.relations:
        names += _owner_key(schema, relation)
    return list(dict.fromkeys(names))


def aliased_columns(rows: Rows, names: Sequence[str]) -> list[str]:
    """Return the columns *names* of *rows* as SQL, with those names as aliases."""
    return [f"{rows.column(name)} AS {quoted(name)}" for name in names]


def _shape(schema: Schema, node: Node, type_name: str) -> list[tuple[str, Attribute]]:
    """Return the attributes, in order, that *node* shows of an entity of *type_name*."""
    asked_for = [
        name
        for name, owners in node.scalars.items()
        if any(schema.is_kind_of(type_name, owner) for owner in owners)
    ]
    names = [
        *schema.types[type_name].primary_key,
        *_system_attributes(schema, type_name),
        *asked_for,
    ]
    attributes = {name: find(schema, type_name, name).member for name in names}
    return [(name, one) for name, one in attributes.items() if isinstance(one, Attribute)]


def _system_attributes(schema: Schema, type_name: str) -> tuple[str, ...]:
    """Return the attributes, besides keys, that ftrack sends of a type without being asked."""
    system = schema.types[type_name].system_projections
    # Contexts have their object type too, although their schemas do not say so.
    is_typed = schema.is_kind_of(type_name, "TypedContext")
    return (*system, "object_type_id") if is_typed else system


def _owner_key(schema: Schema, relation: Relation) -> tuple[str, ...]:
    return ("id",) if relation.kind in HIERARCHIC else link_of(schema, relation).owner


def _owner_columns(keys: Sequence[str]) -> list[str]:
    return [f"{key} AS {_OWNER}{place}" for place, key in enumerate(keys)]


def _along_link(link: Link, rows: Rows, shown: Sequence[str], keys: Sequence[Key]) -> Sql:
    """Return a SELECT of the rows that *link* leads to from rows with *keys*."""
    if link.between is None:
        key = columns(rows, link.target)
        more = map(Sql, link_condition(link, rows))
        return select(rows, [*_owner_columns(key), *shown], is_one_of(key, keys), *more)
    table, owner_column, target_column = map(quoted, link.between)
    joined = replace(
        rows,
        source=f"{table} AS pair JOIN {rows.source} "
        f"ON {rows.column(link.target[0])} = pair.{target_column}",
    )
    key = [f"pair.{owner_column}"]
    return select(joined, [*_owner_columns(key), *shown], is_one_of(key, keys))


def _along_hierarchy(
    relation: Relation, rows: Rows, shown: Sequence[str], keys: Sequence[Key]
) -> Sql:
    """Return a SELECT of the contexts above or below those with *keys*."""
    start, step, joined = "id, parent_id", "parent_id", "context.id"
    if relation.kind == "descendants":
        start, step, joined = "parent_id, id", "id", "context.parent_id"
    # A condition on contexts alone would make SQLite read all of them, for a Bloom filter.
    reached = replace(
        rows,
        source=f"reach CROSS JOIN {rows.source} ON {rows.column('id')} = reach.id",
        where=f"CASE WHEN reach.id IS NOT NULL THEN {rows.where} END" if rows.where else "",
    )
    return compose(
        f"WITH RECURSIVE reach(owner, id) AS (SELECT {start} FROM context "
        f"WHERE {start.split(',')[0]} IN ({{}}) "
        f"UNION SELECT reach.owner, context.{step} FROM reach "
        f"CROSS JOIN context ON {joined} = reach.id) {{}}",
        json_list(key for (key,) in keys),
        select(reached, [*_owner_columns(["reach.owner"]), *shown]),
    )
