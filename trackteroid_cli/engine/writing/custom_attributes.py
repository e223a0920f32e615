"""Custom attributes: which configurations apply to which entities, and the form of their values.

A value that was set is a row of ``custom_attribute_value``. Its column ``value`` is typed by the
configuration's type: text as text, numbers as numbers, booleans 0 and 1, dates as
``YYYY-MM-DD HH:MM:SS``, enumerators as a JSON list of strings. A configuration's ``default`` has
the same form, and is what an entity without such a row shows.

Source: ftrack's API documentation, "Custom attributes"; ``ftrack_api/entity/factory.py``,
``_get_entity_configurations``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from trackteroid_cli.engine.schema.schema import TYPE_COLUMN
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing.request import Found, Key, Row, Writing

#: Names of the rows of `CustomAttributeType`.
TYPE_NAMES = (
    "text",
    "boolean",
    "date",
    "enumerator",
    "dynamic enumerator",
    "number",
    "expression",
    "url",
)

_ENUMERATORS = frozenset({"enumerator", "dynamic enumerator"})

#: What an unset default reads as, by type; the others have none.
_EMPTY: dict[str, Stored] = {
    "text": "",
    "expression": "",
    "url": "",
    "boolean": 0,
    "enumerator": "[]",
    "dynamic enumerator": "[]",
}


def owner_of(dense_type: str) -> str:
    """Return the root type whose entities own the values of *dense_type*.

    ``ContextCustomAttributeValue`` belongs to ``Context``.
    """
    return {"User": "Resource"}.get(name := dense_type.removesuffix("CustomAttributeValue"), name)


def applicability(root: str, entity: str, configuration: str) -> str:
    """Return the SQL condition "this configuration applies to this entity".

    Args:
        root: the entity's root type, as `owner_of` returns it.
        entity: alias of the entity's table.
        configuration: alias of ``custom_configuration_base``.
    """
    project = _PROJECT[root].format(entity=entity)
    shadow = f"{configuration}_shadow"
    return (
        f"{_applies(root, entity, configuration, project)} "
        f"AND NOT ({configuration}.project_id IS NULL AND EXISTS ("
        f"SELECT 1 FROM custom_configuration_base {shadow} "
        f"WHERE {shadow}.key = {configuration}.key AND {shadow}.project_id IS NOT NULL "
        f"AND {_applies(root, entity, shadow, project)}))"
    )


def _applies(root: str, entity: str, configuration: str, project: str) -> str:
    """Return the condition before a project's configurations hide global ones of the same key."""
    own = _ENTITY_TYPE[root].format(entity=entity, configuration=configuration)
    if root in ("Context", "Asset", "AssetVersion"):
        own = f"({configuration}.is_hierarchical = 1 OR ({own}))"
    return (
        f"{configuration}._type = 'CustomAttributeConfiguration' AND {own} "
        f"AND ({configuration}.project_id IS NULL OR {configuration}.project_id = {project})"
    )


#: The project of an entity, as SQL.
_PROJECT = {
    "Context": "{entity}.project_id",
    "Asset": "(SELECT project_id FROM context WHERE id = {entity}.context_id)",
    "AssetVersion": (
        "(SELECT context.project_id FROM asset JOIN context ON context.id = asset.context_id "
        "WHERE asset.id = {entity}.asset_id)"
    ),
    "Resource": "NULL",
    "List": "{entity}.project_id",
    "ListObject": "(SELECT project_id FROM list WHERE id = {entity}.list_id)",
}

#: Whether a configuration's ``entity_type`` means an entity, as SQL.
_ENTITY_TYPE = {
    "Context": (
        "CASE {entity}._type WHEN 'Project' THEN {configuration}.entity_type = 'show' "
        "ELSE {configuration}.entity_type = 'task' "
        "AND {configuration}.object_type_id = {entity}.object_type_id END"
    ),
    "Asset": "{configuration}.entity_type = 'asset'",
    "AssetVersion": "{configuration}.entity_type = 'assetversion'",
    "Resource": "{configuration}.entity_type = 'user' AND {entity}._type = 'User'",
    "List": "{configuration}.entity_type = 'list'",
    "ListObject": "{configuration}.entity_type = 'listobject'",
}


def variable_to_wire(type_name: str, stored: Stored) -> Any:
    """Return a stored custom attribute value as ftrack sends it.

    Args:
        type_name: the name of the configuration's type, one of `TYPE_NAMES`.
        stored: the value as the store keeps it.
    """
    if stored is None:
        return None
    if type_name == "boolean":
        return bool(stored)
    if type_name == "date":
        return values.write_date(str(stored))
    if type_name in _ENUMERATORS:
        return json.loads(str(stored))
    return stored


def variable_to_stored(type_name: str, config: str | None, key: str, value: Any) -> Stored:
    """Return a custom attribute value, as a client sends it, as the store keeps it.

    Args:
        type_name: the name of the configuration's type, one of `TYPE_NAMES`.
        config: the configuration's ``config``: JSON text.
        key: the configuration's key, for the error.
        value: what the client sent.

    Raises:
        ValidationError: the value is not of that type.
    """
    if value is None:
        return None
    if type_name == "boolean":
        stored = _boolean(value)
    elif type_name == "date":
        stored = _date(value)
    elif type_name == "number":
        stored = _number(value, decimal=_is_decimal(config))
    elif type_name in _ENUMERATORS:
        stored = _options(value)
    else:
        stored = value if isinstance(value, str) and values.is_text(value) else None
    if stored is None:
        raise ValidationError(
            f'Custom attribute value for "{key}" must be of type {type_name}. '
            f'Got "{value}" of type {type(value)}'
        )
    return stored


def default_to_stored(type_name: str, config: str | None, key: str, value: Any) -> Stored:
    """Return a configuration's ``default`` as the store keeps it; '' and none are the same."""
    if value is None or value == "":
        return _EMPTY.get(type_name)
    return variable_to_stored(type_name, config, key, value)


class Configuration(NamedTuple):
    """What it takes to read a custom attribute's values."""

    type_name: str
    config: str | None
    key: str

    def stored(self, value: Any) -> Stored:
        """Return a value, as a client sends it, as the store keeps it."""
        return variable_to_stored(self.type_name, self.config, self.key, value)

    def wire(self, stored: Stored) -> Any:
        """Return a stored value as ftrack sends it."""
        return variable_to_wire(self.type_name, stored)


def configuration(writing: Writing, configuration_id: Stored) -> Configuration:
    """Return the configuration with an id.

    Raises:
        ValidationError: there is none.
    """

    def look_up() -> Configuration | None:
        row = writing.connection.execute(
            "SELECT type.name, c.config, c.key FROM custom_configuration_base c "
            "JOIN custom_attribute_type type ON type.id = c.type_id WHERE c.id = ?",
            [configuration_id],
        ).fetchone()
        return Configuration(*row) if row else None

    known = writing.remember(("configuration", configuration_id), look_up)
    if known is None:
        raise ValidationError(f"No CustomAttributeConfiguration '{configuration_id}' exists.")
    return known


# Writing configurations, values and links.


def fill_configuration(writing: Writing, row: Row) -> None:
    """Bring the ``default`` of a new configuration into the form of its type."""
    row["default"] = configured_default(writing, row, row.get("default"))


def configured_default(writing: Writing, row: Row, value: Any) -> Stored:
    """Return the ``default`` of the configuration in *row* as the store keeps it."""
    type_name = writing.one("SELECT name FROM custom_attribute_type WHERE id = ?", row["type_id"])
    if type_name is None:
        raise ValidationError(
            "A CustomAttributeConfiguration needs a 'type' that exists: one of the entities "
            "CustomAttributeType."
        )
    return default_to_stored(type_name, str(row["config"]), str(row["key"]), value)


def fill_value(writing: Writing, row: Row) -> None:
    """Bring the value of a new ``CustomAttributeValue`` into the form of its configuration."""
    row["value"] = configuration(writing, row["configuration_id"]).stored(row.get("value"))


def set_value(writing: Writing, dense_type: str, key: Key, value: Any) -> None:
    """Set the value of one entity's custom attribute, through one of the dense types.

    Args:
        writing: the request.
        dense_type: such as ``ContextCustomAttributeValue``.
        key: the ids of the configuration and of the entity.
        value: as the client sent it.

    Raises:
        ValidationError: there is no such configuration, or the value is not of its type.
    """
    stored = configuration(writing, key[0]).stored(value)
    sparse = writing.schema.types["CustomAttributeValue"]
    found = writing.find(sparse, key)
    if found is None:
        row = {"configuration_id": key[0], "entity_id": key[1], "value": stored}
        writing.insert(sparse, row)
    else:
        writing.change(found, {"value": stored})
    writing.dense_values.append((dense_type, str(key[0]), str(key[1])))


#: The prefix of the link types to entities of a configuration's ``entity_type``.
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


def fill_link(writing: Writing, row: Row) -> None:
    """Name the kind of a new link, seen from either end, as its configuration has it."""
    ends = writing.connection.execute(
        "SELECT entity_type, entity_type_to FROM custom_configuration_base WHERE id = ?",
        [row.get("configuration_id")],
    ).fetchone() or (None, None)
    origin, target = (_LINKED.get(str(end), "") for end in ends)
    row[TYPE_COLUMN] = f"{target}CustomAttributeLink"
    row["_from_type"] = f"{origin}CustomAttributeLinkFrom"
    row.setdefault("from_entity_type", origin)
    row.setdefault("to_entity_type", target)


def refuse_configuration_change(found: Found, columns: Mapping[str, Any]) -> None:
    """Refuse what ftrack never changes about a configuration.

    Raises:
        ValidationError: its type would change, or it would be narrowed from global to one project.
    """
    row = {**found.row, **columns}
    if row["type_id"] != found.row["type_id"]:
        raise ValidationError("The type of a custom attribute cannot change once it is created.")
    if found.row["project_id"] is None and row["project_id"] is not None:
        raise ValidationError("A global custom attribute cannot be made specific to a project.")


def _boolean(value: Any) -> Stored:
    return int(value) if isinstance(value, bool) or value in (0, 1) else None


def _date(value: Any) -> Stored:
    if isinstance(value, Mapping):
        value = value.get("value")
    return values.read_date(value) if isinstance(value, str) else None


def _number(value: Any, *, decimal: bool) -> Stored:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # Neither infinite nor too large for the store; false for what is not a number, too.
    if not abs(value) < 2**63:
        return None
    return value if decimal else int(value)


def _is_decimal(config: str | None) -> bool:
    try:
        settings = json.loads(config or "{}")
    except ValueError:
        return False
    return isinstance(settings, dict) and bool(settings.get("isdecimal"))


def _options(value: Any) -> Stored:
    chosen = [value] if isinstance(value, str) else value
    if isinstance(chosen, list) and all(isinstance(option, str) for option in chosen):
        return json.dumps(chosen)
    return None
