"""What a create or an update answers.

An answer holds the key, what the client gave and what the server filled in. Attributes that are
simply unset stay out of it: clients then ask for them when they are read.

Source: ``ftrack_api/session.py``, `commit` and `merge`.
"""

from __future__ import annotations

from typing import Any

from trackteroid_cli.engine.schema.schema import EntityType, is_dense
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing import custom_attributes
from trackteroid_cli.engine.writing.transaction import (
    Fields,
    Key,
    Outcome,
    Row,
    StoredEntity,
    Transaction,
)


def created(transaction: Transaction, outcome: Outcome) -> dict[str, Any]:
    """Return the entity that was created, as it is at the end of the request."""
    found = transaction.find(outcome.entity_type, outcome.key)
    if found is None:
        return reference(outcome.entity_type, outcome.key)
    given = set(outcome.fields.named)
    names = [
        name
        for name, attribute in outcome.entity_type.scalars.items()
        if not attribute.computed and (found.row[name] is not None or name in given)
    ]
    return _entity(transaction, outcome.entity_type, found, names, outcome.fields)


def updated(transaction: Transaction, outcome: Outcome) -> dict[str, Any]:
    """Return the attributes that were given, as they are at the end of the request."""
    if is_dense(outcome.entity_type.name):
        return _dense_value(transaction, outcome)
    found = transaction.find(outcome.entity_type, outcome.key)
    if found is None:
        return reference(outcome.entity_type, outcome.key)
    scalars = found.entity_type.scalars
    names = [name for name in outcome.fields.named if name in scalars]
    names += found.entity_type.system_projections
    if "object_type_id" in found.entity_type.classifiers:
        names.append("object_type_id")
    return _entity(transaction, found.entity_type, found, names, outcome.fields)


def reference(entity_type: EntityType, key: Key) -> dict[str, Any]:
    """Return the type and key of an entity, as ftrack sends it."""
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
) -> dict[str, Any]:
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


def _scalar(transaction: Transaction, entity_type: EntityType, name: str, row: Row) -> Any:
    attribute = entity_type.scalars[name]
    if attribute.kind == "variable":
        return _variable(transaction, row, row[name])
    return values.to_wire(attribute, row[name])


def _variable(transaction: Transaction, row: Row, stored: Stored) -> Any:
    configuration_id = row["configuration_id"] if "configuration_id" in row else row["id"]
    return custom_attributes.configuration(transaction, configuration_id).to_wire(stored)


def _concrete(transaction: Transaction, target: EntityType, key: Key) -> dict[str, Any]:
    """Return a reference to an entity of *target* or of a kind of it, naming that."""

    def look_up() -> EntityType:
        found = transaction.find(transaction.schema.types[target.root], key)
        return found.entity_type if found else target

    if not transaction.schema.families[target.root].polymorphic:
        return reference(target, key)
    return reference(transaction.cached(("type", target.root, key), look_up), key)


def _dense_value(transaction: Transaction, outcome: Outcome) -> dict[str, Any]:
    configuration = custom_attributes.configuration(transaction, outcome.key[0])
    stored = transaction.fetch_value(
        "SELECT value FROM custom_attribute_value WHERE configuration_id = ? AND entity_id = ?",
        *outcome.key,
    )
    return {
        **reference(outcome.entity_type, outcome.key),
        "key": configuration.key,
        "value": configuration.to_wire(stored),
    }
