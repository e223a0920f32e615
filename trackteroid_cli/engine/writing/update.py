"""Updating one entity.

Source: ``ftrack_api/session.py``, `commit`, for what an update operation holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from trackteroid_cli.engine.schema.schema import EntityType, is_dense
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.writing import consequences, custom_attributes, defaults, membership
from trackteroid_cli.engine.writing.transaction import (
    Fields,
    Key,
    StoredEntity,
    Transaction,
    WriteResult,
    read_key,
)


def update(
    transaction: Transaction, entity_type: EntityType, sent_key: object, data: Mapping[str, object]
) -> WriteResult:
    """Set attributes of an entity.

    Args:
        transaction: the request's transaction.
        entity_type: the entity's type or a supertype.
        sent_key: the operation's ``entity_key``.
        data: the operation's ``entity_data``: attribute names to values, as clients send them.

    Returns:
        The entity and the attributes that the client gave.

    Raises:
        ValidationError: there is no such entity, or *data* is not acceptable.
    """
    key = read_key(entity_type, sent_key)
    if is_dense(entity_type.name):
        return _update_dense(transaction, entity_type, key, data)
    found = transaction.get(entity_type, key)
    fields = transaction.read_entity_data(found.entity_type, data)
    defaults.copy_synonyms(found.entity_type, fields.columns)
    _refuse_immutable(transaction, found, fields)
    if found.entity_type.name == "CustomAttributeConfiguration":
        _convert_default(transaction, found, fields)
    elif found.entity_type.name == "CustomAttributeValue" and "value" in fields.columns:
        configuration = custom_attributes.configuration(transaction, key[0])
        fields.columns["value"] = configuration.to_stored(fields.columns["value"])
    consequences.change(transaction, found, fields.columns)
    for name, members in fields.members.items():
        relation = found.entity_type.relations[name]
        membership.replace(transaction, found.entity_type, key, relation, members)
    return WriteResult(found.entity_type, key, fields)


def _update_dense(
    transaction: Transaction, entity_type: EntityType, key: Key, data: Mapping[str, object]
) -> WriteResult:
    fields = transaction.read_entity_data(entity_type, data)
    if "value" in fields.columns:
        custom_attributes.set_value(transaction, entity_type.name, key, fields.columns["value"])
    return WriteResult(entity_type, key, fields)


def _refuse_immutable(transaction: Transaction, found: StoredEntity, fields: Fields) -> None:
    """Refuse changes of immutable attributes, and drop those that set the same value."""
    entity_type = found.entity_type
    if (entity_type.root, found.key) in transaction.created:
        fixed = frozenset(entity_type.primary_key)
    else:
        fixed = entity_type.immutable
    for column in fixed.intersection(fields.columns):
        if fields.columns.pop(column) != found.row[column]:
            raise ValidationError(
                f"Attribute '{column}' of {entity_type.name} is immutable: "
                f"it cannot change once the entity is created."
            )


def _convert_default(transaction: Transaction, found: StoredEntity, fields: Fields) -> None:
    if (found.entity_type.root, found.key) not in transaction.created:
        custom_attributes.refuse_configuration_change(found, fields.columns)
    if "default" in fields.columns:
        row = {**found.row, **fields.columns}
        fields.columns["default"] = custom_attributes.configured_default(
            transaction, row, fields.columns["default"]
        )
