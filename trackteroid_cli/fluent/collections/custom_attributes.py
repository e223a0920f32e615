"""Custom attributes that the entities of a type have.

Source: ``ftrack_api/entity/factory.py``, ``_get_entity_configurations``, which needs an entity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trackteroid_cli.fluent.collections.attributes import CUSTOM_PREFIX, no_attribute

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.schema import Schema
    from trackteroid_cli.fluent.collections.base import BaseCollection
    from trackteroid_cli.session.api.protocols import Entity

#: Type -> its name in configurations, also for every kind of the type. All other types are
#: contexts, named ``task``.
_CONFIGURED_TYPES = {
    "Asset": "asset",
    "AssetVersion": "assetversion",
    "List": "list",
    "Project": "show",
    "User": "user",
}

#: Names of types in configurations that have no hierarchical custom attributes.
_NOT_HIERARCHICAL = frozenset({"list", "user"})


def check_keys(collection: BaseCollection, keys: Sequence[str]) -> None:
    """Check that new entities of the collection's type have custom attributes of these *keys*.

    A key that only some projects have is accepted.

    Raises:
        NoAttribute: there is no such custom attribute.
    """
    if not keys:
        return
    schema, type_name = collection._server_schema(), collection.entity_type.__name__
    configurations = collection.session.query(
        "select key, entity_type, object_type_id, is_hierarchical from CustomAttributeConfiguration"
    )
    known = {each["key"] for each in configurations if _applies_to(each, schema, type_name)}
    for key in keys:
        if key not in known:
            raise no_attribute(
                collection, CUSTOM_PREFIX + key, [CUSTOM_PREFIX + each for each in known]
            )


def _applies_to(configuration: Entity, schema: Schema, type_name: str) -> bool:
    kinds = (kind for kind in _CONFIGURED_TYPES if schema.is_kind_of(type_name, kind))
    configured = _CONFIGURED_TYPES.get(next(kinds, ""), "task")
    if configuration["is_hierarchical"]:
        return configured not in _NOT_HIERARCHICAL
    object_type = schema.types[type_name].classifiers.get("object_type_id")
    wanted = configuration["entity_type"], configuration["object_type_id"]
    return wanted == (configured, object_type)
