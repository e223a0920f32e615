"""The results of creates and updates, as ftrack sends them.

A result has the key, the attributes that the client gave and those that the server set. Unset
attributes are left out: clients query them when they are read.

Source: ``ftrack_api/session.py``, `commit` and `merge`.
"""

from __future__ import annotations

from typing import TypeAlias

from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.schema.schema import EntityType, is_dense
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing import custom_attributes
from trackteroid_cli.engine.writing.transaction import (
    Fields,
    Key,
    Row,
    StoredEntity,
    Transaction,
    WriteResult,
)

#: An entity as ftrack sends it.
Entity: TypeAlias = dict[str, JSON]


def created(transaction: Transaction, result: WriteResult) -> Entity:
    """Return a created entity as it is at the end of the request."""
    found = transaction.find(result.entity_type, result.key)
    if found is None:
        return reference(result.entity_type, result.key)
    given = set(result.fields.named)
    names = [
        name
        for name, attribute in result.entity_type.scalars.items()
        if not attribute.computed and (found.row[name] is not None or name in given)
    ]
    return _entity(transaction, result.entity_type, found, names, result.fields)


def updated(transaction: Transaction, result: WriteResult) -> Entity:
    """Return the given attributes of an updated entity as they are at the end of the request."""
    if is_dense(result.entity_type.name):
        return _dense_value(transaction, result)
    found = transaction.find(result.entity_type, result.key)
    if found is None:
        return reference(result.entity_type, result.key)
    scalars = found.entity_type.scalars
    names = [name for name in result.fields.named if name in scalars]
    names += found.entity_type.system_projections
    if "object_type_id" in found.entity_type.classifiers:
        names.append("object_type_id")
    return _entity(transaction, found.entity_type, found, names, result.fields)


def reference(entity_type: EntityType, key: Key) -> Entity:
    """Return a reference to an entity, as ftrack sends it."""
    return {
        "__entity_type__": entity_type.name,
        **dict(zip(entity_type.primary_key, key, strict=True)),
    }


def _entity(
    transaction: Transaction,
    entity_type: EntityType,
    found: StoredEntity,
    names: list[str],
    fields: Fields,
) -> Entity:
    data = reference(entity_type, found.key)
    for name in names:
        data[name] = _scalar(transaction, entity_type, name, found.row)
    for name in fields.named:
        relation = entity_type.relations.get(name)
        if relation is None:
            continue
        target = transaction.schema.types[relation.target]
        if name in fields.members:
            data[name] = [_concrete(transaction, target, key) for key in fields.members[name]]
        elif len(target.primary_key) == 1:
            key = found.row[relation.column]
            data[name] = None if key is None else _concrete(transaction, target, (key,))
    return data


def _scalar(transaction: Transaction, entity_type: EntityType, name: str, row: Row) -> JSON:
    attribute = entity_type.scalars[name]
    if attribute.kind == "variable":
        return _variable(transaction, row, row[name])
    return values.to_wire(attribute, row[name])


def _variable(transaction: Transaction, row: Row, stored: Stored) -> JSON:
    configuration_id = row["configuration_id"] if "configuration_id" in row else row["id"]
    return custom_attributes.configuration(transaction, configuration_id).to_wire(stored)


def _concrete(transaction: Transaction, target: EntityType, key: Key) -> Entity:
    """Return a reference to an entity of *target*, with its concrete type."""

    def look_up() -> EntityType:
        found = transaction.find(transaction.schema.types[target.root], key)
        return found.entity_type if found else target

    if not transaction.schema.families[target.root].polymorphic:
        return reference(target, key)
    return reference(transaction.cached(("type", target.root, key), look_up), key)


def _dense_value(transaction: Transaction, result: WriteResult) -> Entity:
    configuration = custom_attributes.configuration(transaction, result.key[0])
    stored = transaction.fetch_value(
        "SELECT value FROM custom_attribute_value WHERE configuration_id = ? AND entity_id = ?",
        *result.key,
    )
    return {
        **reference(result.entity_type, result.key),
        "key": configuration.key,
        "value": configuration.to_wire(stored),
    }
