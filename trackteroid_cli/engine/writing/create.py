"""Creating one entity.

Source: ``ftrack_api/session.py``, `commit`, for what a create operation holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from trackteroid_cli.engine.schema import facts
from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.schema.schema import EntityType, is_dense
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.writing import consequences, defaults, membership
from trackteroid_cli.engine.writing.transaction import Key, Row, Transaction, WriteResult, read_key

#: Types whose rows are stored as another type.
_STORED_AS = {"NoteCategory": "NoteLabel"}


def create(
    transaction: Transaction,
    entity_type: EntityType,
    data: Mapping[str, object],
    sent_key: object = None,
) -> WriteResult:
    """Create an entity.

    Args:
        transaction: the request's transaction.
        entity_type: the operation's ``entity_type``.
        data: the operation's ``entity_data``: attribute names to values, as clients send them.
        sent_key: the operation's ``entity_key``, if it has one.

    Returns:
        The entity and the attributes that the client gave.

    Raises:
        ValidationError: the type cannot be created, or *data* is not acceptable.
        DuplicateEntryError: an entity with its key exists.

    A ComponentLocation takes the place of one of the same component and location, whatever its key:
    a client that has lost the answer asks again, with a new one. So the key that was given last
    holds.
    """
    _refuse_uncreatable(entity_type)
    fields = transaction.read_entity_data(entity_type, data)
    row = fields.columns
    if sent_key:
        for part, value in zip(
            entity_type.primary_key, read_key(entity_type, sent_key), strict=True
        ):
            row.setdefault(part, value)
    awaited = transaction.awaited.pop((entity_type.root, _given_key(entity_type, row)), {})
    for column, value in awaited.items():
        row.setdefault(column, value)
    entity_type = _concrete_type(transaction, entity_type, row)
    _refuse_other_classifiers(entity_type, row)
    defaults.apply_defaults(transaction, entity_type, row)
    stored_type = _stored_type(transaction, entity_type, row)
    if stored_type.name == "ComponentLocation":
        _give_up_same_place(transaction, stored_type, row)
    key = transaction.insert(stored_type, row)
    consequences.after_create(transaction, stored_type, key, row)
    for name, members in fields.members.items():
        membership.replace(transaction, entity_type, key, entity_type.relations[name], members)
    return WriteResult(entity_type, key, fields)


def _give_up_same_place(transaction: Transaction, entity_type: EntityType, row: Row) -> None:
    """Remove what says already that the component of *row* is in its location."""
    if row.get("component_id") is None:
        return
    family = transaction.family(entity_type)
    transaction.remove(
        family,
        [
            found
            for found in transaction.select(family, "component_id", [row["component_id"]])
            if found.row["location_id"] == row.get("location_id")
        ],
    )


def _refuse_uncreatable(entity_type: EntityType) -> None:
    if is_dense(entity_type.name):
        raise ValidationError(
            f"A {entity_type.name} cannot be created: every entity has one for each custom "
            f"attribute. Update it, or create a CustomAttributeValue."
        )
    if entity_type.name in facts.ABSTRACT:
        raise ValidationError(f"A {entity_type.name} cannot be created: create a kind of it.")


def _refuse_other_classifiers(entity_type: EntityType, row: Row) -> None:
    for column, value in entity_type.classifiers.items():
        if row.get(column, value) != value:
            raise ValidationError(
                f"The '{column}' of a {entity_type.name} is '{value}'. Got '{row[column]}'"
            )


def _given_key(entity_type: EntityType, row: Row) -> Key:
    return tuple(row.get(part) for part in entity_type.primary_key)


def _concrete_type(transaction: Transaction, entity_type: EntityType, row: Row) -> EntityType:
    """Return the subtype of *entity_type* whose classifiers match *row*, else *entity_type*."""
    for name in (
        transaction.schema.concrete_types(entity_type.name) if _is_base(entity_type) else ()
    ):
        kind = transaction.schema.types[name]
        if kind.classifiers and all(
            row.get(column, _default(entity_type, column)) == value
            for column, value in kind.classifiers.items()
        ):
            return kind
    return entity_type


def _stored_type(transaction: Transaction, entity_type: EntityType, row: Row) -> EntityType:
    """Return the type that the row is stored as, which the defaults may have set."""
    settled = row.get(transaction.family(entity_type).discriminator)
    name = settled or _STORED_AS.get(entity_type.name, entity_type.name)
    return transaction.schema.types[str(name)]


def _is_base(entity_type: EntityType) -> bool:
    return entity_type.name in ("TypedContext", "List")


def _default(entity_type: EntityType, column: str) -> JSON:
    attribute = entity_type.scalars.get(column)
    return attribute.default if attribute else None
