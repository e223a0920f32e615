"""Creates and updates of custom attributes: configurations, values and links.

Source: ftrack's API documentation, "Custom attributes".
"""

from __future__ import annotations

from collections.abc import Mapping

from trackteroid_cli.engine.schema.schema import TYPE_COLUMN
from trackteroid_cli.engine.storage.custom_attribute_values import Configuration, default_to_stored
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing.transaction import Key, Row, StoredEntity, Transaction


def configuration(transaction: Transaction, configuration_id: Stored) -> Configuration:
    """Return the configuration with an id.

    Raises:
        ValidationError: there is none.
    """

    def look_up() -> Configuration | None:
        row = transaction.connection.execute(
            "SELECT type.name, c.config, c.key FROM custom_configuration_base c "
            "JOIN custom_attribute_type type ON type.id = c.type_id WHERE c.id = ?",
            [configuration_id],
        ).fetchone()
        return Configuration(*row) if row else None

    known = transaction.cached(("configuration", configuration_id), look_up)
    if known is None:
        raise ValidationError(f"No CustomAttributeConfiguration '{configuration_id}' exists.")
    return known


def fill_configuration(transaction: Transaction, row: Row) -> None:
    """Convert the ``default`` of a new configuration to the stored form of its type."""
    row["default"] = configured_default(transaction, row, row.get("default"))


def configured_default(transaction: Transaction, row: Row, value: object) -> Stored:
    """Return the ``default`` of the configuration in *row* as the store keeps it."""
    type_name = transaction.fetch_value(
        "SELECT name FROM custom_attribute_type WHERE id = ?", row.get("type_id")
    )
    if type_name is None:
        raise ValidationError(
            "A CustomAttributeConfiguration needs a 'type' that exists: one of the entities "
            "CustomAttributeType."
        )
    return default_to_stored(type_name, str(row.get("config")), str(row.get("key")), value)


def fill_value(transaction: Transaction, row: Row) -> None:
    """Convert the value of a new ``CustomAttributeValue`` to the stored form of its type."""
    row["value"] = configuration(transaction, row["configuration_id"]).to_stored(row.get("value"))


def set_value(transaction: Transaction, dense_type: str, key: Key, value: object) -> None:
    """Set the value of a custom attribute of one entity, by one of the dense types.

    Args:
        transaction: the request's transaction.
        dense_type: the type, such as ``ContextCustomAttributeValue``.
        key: the ids of the configuration and of the entity.
        value: as the client sent it.

    Raises:
        ValidationError: there is no such configuration, or the value is not of its type.
    """
    stored = configuration(transaction, key[0]).to_stored(value)
    sparse = transaction.schema.types["CustomAttributeValue"]
    found = transaction.find(sparse, key)
    if found is None:
        row = {"configuration_id": key[0], "entity_id": key[1], "value": stored}
        transaction.insert(sparse, row)
    else:
        transaction.change(found, {"value": stored})
    transaction.dense_values.append((dense_type, str(key[0]), str(key[1])))


#: Prefixes of the names of link types, by a configuration's ``entity_type``.
_LINKED = {
    "show": "Context",
    "task": "Context",
    "asset": "Asset",
    "asset_version": "AssetVersion",
    "assetversion": "AssetVersion",
    "component": "Component",
    "group": "Group",
    "list": "List",
    "user": "User",
}


def fill_link(transaction: Transaction, row: Row) -> None:
    """Set the types of a new link, seen from either end, according to its configuration."""
    ends = transaction.connection.execute(
        "SELECT entity_type, entity_type_to FROM custom_configuration_base WHERE id = ?",
        [row.get("configuration_id")],
    ).fetchone() or (None, None)
    origin, target = (_LINKED.get(str(end), "") for end in ends)
    row[TYPE_COLUMN] = f"{target}CustomAttributeLink"
    row["_from_type"] = f"{origin}CustomAttributeLinkFrom"
    row.setdefault("from_entity_type", origin)
    row.setdefault("to_entity_type", target)


def refuse_configuration_change(found: StoredEntity, columns: Mapping[str, Stored]) -> None:
    """Refuse changes of a configuration that ftrack does not allow.

    Raises:
        ValidationError: its type would change, or it would be narrowed from global to one project.
    """
    row = {**found.row, **columns}
    if row["type_id"] != found.row["type_id"]:
        raise ValidationError("The type of a custom attribute cannot change once it is created.")
    if found.row["project_id"] is None and row["project_id"] is not None:
        raise ValidationError("A global custom attribute cannot be made specific to a project.")
