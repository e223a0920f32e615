"""Dense custom attribute values: a row for each configuration that applies to an entity.

``ContextCustomAttributeValue`` and the other dense types (see `schema.is_dense`) have no table.
Their rows are the values that were set, and the defaults of the configurations for entities without
a value of their own. A hierarchical configuration has null for its default there: entities inherit
its values from above, and clients look for them there. These are two SELECTs, so that a condition
on ``value`` that no default meets need not look at the entities.

Source: ftrack's API documentation, "Custom attributes".
"""

from __future__ import annotations

from typing import NamedTuple

from trackteroid_cli.engine.schema.schema import Schema


class DensePart(NamedTuple):
    """A part of the rows of a dense type, as the SQL of a SELECT: FROM, WHERE and columns."""

    source: str
    where: str
    columns: dict[str, str]


def dense_parts(schema: Schema, type_name: str, number: int) -> tuple[DensePart, DensePart]:
    """Return the rows of a dense type as two disjoint parts.

    Args:
        schema: the entity types of the store.
        type_name: a dense type, such as ``ContextCustomAttributeValue``.
        number: makes the aliases unique in the statement.
    """
    root = owner_of(type_name)
    table = schema.families[root].table
    value, configuration, entity = f"v{number}", f"c{number}", f"e{number}"
    applies = applicability(root, entity, configuration)
    stored = DensePart(
        f"custom_attribute_value AS {value} "
        f"JOIN custom_configuration_base AS {configuration} "
        f"ON {configuration}.id = {value}.configuration_id "
        f'JOIN "{table}" AS {entity} ON {entity}.id = {value}.entity_id',
        applies,
        {
            "configuration_id": f"{value}.configuration_id",
            "entity_id": f"{value}.entity_id",
            "key": f"{configuration}.key",
            "value": f"{value}.value",
        },
    )
    default = DensePart(
        f'custom_configuration_base AS {configuration} JOIN "{table}" AS {entity}',
        f"{applies} AND NOT EXISTS (SELECT 1 FROM custom_attribute_value AS {value} "
        f"WHERE {value}.configuration_id = {configuration}.id "
        f"AND {value}.entity_id = {entity}.id)",
        {
            "configuration_id": f"{configuration}.id",
            "entity_id": f"{entity}.id",
            "key": f"{configuration}.key",
            "value": f'iif({configuration}.is_hierarchical, NULL, {configuration}."default")',
        },
    )
    return stored, default


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
    """Return the condition that ignores that a project's configuration hides a global one."""
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

#: Whether a configuration is for the type of an entity, as SQL.
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
