"""Attributes of the entities of a collection, read from loaded values.

Nothing here queries the server. A scalar attribute is read as a list with a value for each entity,
``NOT_SET`` if it was not fetched; a relation is read as a collection, empty if nothing was fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ftrack_api.attribute import CollectionAttribute, ReferenceAttribute, ScalarAttribute
from ftrack_api.symbol import NOT_SET

from trackteroid_cli.errors import NoAttribute
from trackteroid_cli.fluent.collections.base import (
    BaseCollection,
    CollectionT,
    Origin,
    entities_by_key,
    stored_value,
    value_or_none,
)
from trackteroid_cli.fluent.types.entity_types import EntityType
from trackteroid_cli.fluent.types.paths import did_you_mean

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.schema import Schema
    from trackteroid_cli.session.api.protocols import Attribute, Entity

#: The prefix of names of custom attributes, such as ``custom_fend``.
CUSTOM_PREFIX = "custom_"

#: Target of a relation -> the type of its collections. These relations lead to entities of several
#: types, so the collections have the wide type: ``TypedContext`` for contexts, though a parent may
#: be a project.
_GENERAL_TYPES = {
    "Context": "TypedContext",
    "TypedContext": "TypedContext",
    "Component": "Component",
}


def read(collection: BaseCollection, name: str) -> Any:
    """Return the values of attribute *name*, or the related entities.

    Args:
        name: an attribute, ``custom_<key>``, or an entity type.

    Returns:
        A list with a value for each entity (a dict for metadata and custom attributes), or a
        collection. The value is None for an entity whose own type lacks the attribute.

    Raises:
        NoAttribute: there is no attribute or type of that name.
        NoRelation, AmbiguousRelation: *name* is a type, and no path leads to it, or several do.
    """
    values = []
    for entity in collection._entities.values():
        attribute = entity.attributes.get(name)
        if not isinstance(attribute, ScalarAttribute):
            break
        values.append(stored_value(entity, attribute))
    else:
        return values
    return _read_any_kind(collection, name)


def _read_any_kind(collection: BaseCollection, name: str) -> Any:
    """Read any attribute; `read` itself handles the frequent case of a scalar of all entities."""
    attribute = find_attribute(collection, name)
    if isinstance(attribute, ScalarAttribute):
        return [value_or_none(entity, name) for entity in collection.values()]
    if isinstance(attribute, (ReferenceAttribute, CollectionAttribute)):
        return _related_entities(collection, name)
    if attribute is not None:
        return [_mapping_value(entity, name) for entity in collection.values()]
    if name.startswith(CUSTOM_PREFIX):
        return _custom_values(collection, name.removeprefix(CUSTOM_PREFIX))
    return follow_type(collection, name)


def find_attribute(collection: BaseCollection, name: str) -> Attribute | None:
    """Return attribute *name* of the first entity that has it, as ``ftrack_api`` defines it."""
    for entity in collection._entities.values():
        attribute = entity.attributes.get(name)
        if attribute is not None:
            return attribute
    return None


def follow_type(collection: CollectionT, name: str) -> CollectionT:
    """Return the entities of type *name* that are related to *collection*."""
    source = collection.entity_type.__name__
    paths = collection.schema.paths(_schema_with_type(collection, name), source, name)
    if not paths:
        return collection[EntityType(name)]
    found: list[Any] = [follow_path(collection, path) for path in paths]
    together: CollectionT = found[0].union(*found[1:]) if len(found) > 1 else found[0]
    return together


def follow_path(collection: BaseCollection, path: str) -> Any:
    """Return the values or entities at *path*, such as ``asset.parent[Shot]``."""
    found: Any = collection
    for segment in filter(None, path.split(".")):
        attribute, _, cast = segment.rstrip("]").partition("[")
        found = found.__getattr__(attribute)  # a method may have the same name
        if cast:
            found = found[EntityType(cast)]
    return found


def split_path(path: str) -> tuple[str, str]:
    """Return *path* up to its last attribute, and that attribute without a cast."""
    owner, _, last = path.rpartition(".")
    return owner, last.partition("[")[0]


def no_attribute(
    collection: BaseCollection, name: str, known: Iterable[str] | None = None
) -> NoAttribute:
    """Return the error that *collection* has no attribute *name*, only those in *known*."""
    schema = collection._server_schema()
    entity_type = schema.types[collection.entity_type.__name__]
    types = schema.types if known is None else ()
    if known is None:
        known = [*entity_type.scalars, *entity_type.relations]
    return NoAttribute(
        f"{entity_type.name} has no attribute {name!r}",
        why="it is neither in the server's schema of the type nor an entity type",
        hint=did_you_mean(name, [*known, *types])
        or f"there are: {', '.join(sorted(known)) or 'none'}",
    )


def target_type(collection: BaseCollection, name: str) -> str | None:
    """Return the type that attribute *name* leads to, or None if it holds values."""
    schema = collection._server_schema()
    kinds = {entity.entity_type for entity in collection.values()}
    for type_name in (collection.entity_type.__name__, *kinds):
        relation = schema.types[type_name].relations.get(name)
        if relation is not None:
            return relation.target
    return None


def empty_related(collection: CollectionT, name: str) -> CollectionT | None:
    """Return the empty collection for relation *name* of an empty one; None for other names."""
    schema = collection._server_schema()
    if name in schema.types:
        return follow_type(collection, name)
    target = target_type(collection, name)
    if target is None:
        return None
    return collection._related(_GENERAL_TYPES.get(target, target), {}, Origin(collection, name))


def is_loaded(entity: Entity, name: str) -> bool:
    """Return whether *entity* has attribute *name*, and its value is loaded."""
    attribute = entity.attributes.get(name)
    return attribute is not None and stored_value(entity, attribute) is not NOT_SET


def loaded_value(entity: Entity, name: str) -> Any:
    """Return the value of relation *name*, merged into the session; ``NOT_SET`` if not loaded.

    ``entity[name]`` would set an empty value for an attribute that was never fetched, and that
    value would hide what is fetched later.
    """
    attribute = entity.attributes.get(name)
    if attribute is None:
        return None
    if stored_value(entity, attribute) is NOT_SET:
        return NOT_SET
    return attribute.get_value(entity)


def _related_entities(collection: CollectionT, name: str) -> CollectionT:
    found = entities_by_key(_iterate_related(collection, name))
    target = target_type(collection, name)
    kinds = {entity.entity_type for entity in found.values()}
    if target in _GENERAL_TYPES:
        target = _GENERAL_TYPES[target]
    elif len(kinds) == 1:
        # The narrow type has more attributes and relations: a resource may be a user.
        target = kinds.pop()
    if target is None:
        raise no_attribute(collection, name)
    return collection._related(target, found, Origin(collection, name))


def _iterate_related(collection: BaseCollection, name: str) -> Iterator[Entity]:
    for entity in collection.values():
        value = loaded_value(entity, name)
        if value is None or value is NOT_SET:
            continue
        if hasattr(value, "entity_type"):
            yield value
        else:
            yield from value


def _mapping_value(entity: Entity, name: str) -> object:
    """Return the metadata or custom attributes of *entity* as a dict."""
    value = loaded_value(entity, name)
    if value is None or value is NOT_SET:
        return value
    return {
        value_or_none(item, value.key_attribute): value_or_none(item, value.value_attribute)
        for item in value.collection
    }


def _custom_values(collection: BaseCollection, key: str) -> list[object]:
    if find_attribute(collection, "custom_attributes") is None:
        raise no_attribute(collection, CUSTOM_PREFIX + key)
    mappings = [_mapping_value(entity, "custom_attributes") for entity in collection.values()]
    fetched = [each for each in mappings if isinstance(each, dict)]
    if fetched and not any(key in each for each in fetched):
        known = {CUSTOM_PREFIX + name for each in fetched for name in each}
        raise no_attribute(collection, CUSTOM_PREFIX + key, known)
    return [each.get(key) if isinstance(each, dict) else each for each in mappings]


def _schema_with_type(collection: BaseCollection, name: str) -> Schema:
    """Return the server's schema, after a check that it has a type *name*."""
    schema = collection._server_schema()
    if name not in schema.types:
        raise no_attribute(collection, name)
    return schema
