"""Dense custom attribute values: a row for each configuration that applies to an entity.

``ContextCustomAttributeValue`` and its likes have no table. Their rows are the values that were
set, and the configurations' defaults for the entities that have no value of their own. The two are
separate SELECTs: a condition on ``value`` that no default meets never looks at the entities.

Source: ftrack's API documentation, "Custom attributes".
"""

from __future__ import annotations

from typing import NamedTuple

from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.writing.custom_attributes import applicability, owner_of


class DensePart(NamedTuple):
    """A part of the rows of a dense type: what to select from, which of it, and its columns."""

    source: str
    where: str
    columns: dict[str, str]


def dense_parts(schema: Schema, type_name: str, number: int) -> tuple[DensePart, DensePart]:
    """Return the rows of a dense type as two parts without a row in common.

    Args:
        schema: of the store.
        type_name: such as ``ContextCustomAttributeValue``.
        number: makes the aliases differ from all others in the statement.
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
            "value": f'{configuration}."default"',
        },
    )
    return stored, default
