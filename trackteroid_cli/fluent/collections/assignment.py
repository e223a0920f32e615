"""Assignment to an attribute of every entity of a collection.

It records the same operations as assigning through ``ftrack_api``, entity by entity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ftrack_api.attribute import CollectionAttribute, ReferenceAttribute, ScalarAttribute

from trackteroid_cli.errors import AmbiguousRelation, EntityCollectionOperationError
from trackteroid_cli.fluent.collections.attributes import (
    CUSTOM_PREFIX,
    find_attribute,
    follow_path,
    is_loaded,
    no_attribute,
    read,
    split_path,
    target_type,
)
from trackteroid_cli.fluent.collections.base import BaseCollection, check_sessions
from trackteroid_cli.fluent.collections.projections import fetch
from trackteroid_cli.session.api.protocols import Entity, is_entity


def assign(collection: BaseCollection, name: str, value: object) -> None:
    """Assign *value* to an attribute of every entity.

    Args:
        name: an attribute, ``custom_<key>``, or an entity type that one relation leads to.
        value: one value for all entities, or a list with one for each. A reference takes a
            collection of one entity for all, or of one for each. A relation to many takes the
            collection of its new entities. Metadata and custom attributes take a dict, whose keys
            are added to the present ones or replace them; an empty dict removes all metadata, and
            is refused for custom attributes, which every entity has.

    Raises:
        EntityCollectionOperationError: the collection is empty, the value belongs to another
            session, or its number or type does not fit.
        NoAttribute: there is no attribute or type of that name.
        AmbiguousRelation: several relations lead to the type.
    """
    if not collection:
        raise EntityCollectionOperationError(
            f"cannot assign {name!r} to an empty collection",
            why="it holds no entity that could take the value",
            hint="check it first: if collection: ...",
        )
    attribute = find_attribute(collection, name)
    if isinstance(attribute, ScalarAttribute):
        _assign_each(collection, name, scalar_values(collection, name, value, len(collection)))
    elif isinstance(attribute, ReferenceAttribute):
        _assign_each(collection, name, reference_values(collection, name, value, len(collection)))
    elif isinstance(attribute, CollectionAttribute):
        _assign_each(collection, name, entity_lists(collection, name, value, len(collection)))
    elif attribute is not None:
        _assign_mappings(collection, name, mapping_values(collection, name, value, len(collection)))
    elif name.startswith(CUSTOM_PREFIX):
        key = name.removeprefix(CUSTOM_PREFIX)
        values = scalar_values(collection, name, value, len(collection))
        _assign_mappings(collection, "custom_attributes", [{key: each} for each in values])
    else:
        _assign_by_type(collection, name, value)


def apply(
    collection: BaseCollection, predicate: Callable[[Any], object], attribute_name: str | None
) -> Any:
    """Assign to each entity what *predicate* returns for it, and return the attribute's new values.

    Args:
        predicate: called with a collection of one entity.
        attribute_name: the attribute; None for a collection that was read from an attribute of
            another collection, to assign that attribute of each entity of the other collection.

    Raises:
        EntityCollectionOperationError: see `assign`; or *attribute_name* is None, and the
            collection was not read from an attribute.
    """
    owner = collection
    if attribute_name is None:
        if collection._origin is None:
            raise EntityCollectionOperationError(
                "apply() needs the name of an attribute",
                why="the collection was not read from an attribute of another one",
                hint='name it: collection.apply(predicate, "comment")',
            )
        owner, attribute_name = collection._origin
    for element in owner:
        assign(element, attribute_name, predicate(element))
    return getattr(owner, attribute_name)


def broadcast(owners: BaseCollection, name: str, value: object, count: int) -> list[object]:
    """Return *value* as one value for each of *count* entities.

    Raises:
        EntityCollectionOperationError: it is a list or a collection with another number of values,
            or another kind of iterable.
    """
    values: list[object]
    if isinstance(value, BaseCollection):
        check_sessions((owners, value))
        values = list(value.values())
        if len(values) == 1:
            values *= count
    elif isinstance(value, (list, tuple)):
        values = list(value)
    elif isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
        raise EntityCollectionOperationError(
            f"{name!r} takes one value for all, or a list with one for each entity",
            why=f"it was given {value!r} of type {type(value).__name__}",
            hint="give a list: list(values)",
        )
    else:
        return [value] * count
    if len(values) != count:
        raise EntityCollectionOperationError(
            f"{name!r} takes one value for each of {count} entities",
            why=f"it was given {len(values)}",
            hint="give one value for all, or one for each entity, in their order",
        )
    return values


def scalar_values(owners: BaseCollection, name: str, value: object, count: int) -> list[object]:
    """Return the values for an attribute that holds no entities; see `broadcast`."""
    if isinstance(value, BaseCollection):
        raise EntityCollectionOperationError(
            f"{name!r} takes a value",
            why=f"it was given {value!r}",
            hint="assign an attribute of the collection: collection.name",
        )
    return broadcast(owners, name, value, count)


def reference_values(
    owners: BaseCollection, name: str, value: object, count: int
) -> list[Entity | None]:
    """Return the ``ftrack_api`` entities for a reference, or None to remove it."""
    values = broadcast(owners, name, value, count)
    return [None if each is None else _single_entity(owners, name, each) for each in values]


def mapping_values(
    owners: BaseCollection, name: str, value: object, count: int
) -> list[Mapping[str, object]]:
    """Return one dict of metadata or custom attributes for each of *count* entities."""
    values = broadcast(owners, name, value, count)
    found: list[Mapping[str, object]] = []
    for each in values:
        if not isinstance(each, Mapping):
            raise EntityCollectionOperationError(
                f"{name!r} takes a dict",
                why=f"it was given {each!r}",
                hint="give one dict for all, or one for each entity",
            )
        found.append(each)
    return found


def set_items(entity: Entity, name: str, items: Mapping[str, object]) -> None:
    """Set *items* of the metadata or the custom attributes of an ``ftrack_api`` entity."""
    # ftrack_api finds a custom attribute's configuration by the entity's type and project.
    with entity.session.auto_populating(True):
        for key, item in items.items():
            entity[name][key] = item


def entity_lists(
    owners: BaseCollection, name: str, value: object, count: int
) -> list[list[Entity]]:
    """Return the ``ftrack_api`` entities for a relation to many, for each of *count* entities."""
    each_its_own = isinstance(value, (list, tuple))
    values = broadcast(owners, name, value, count) if each_its_own else [value] * count
    return [_entity_list(owners, name, each) for each in values]


def _entity_list(owners: BaseCollection, name: str, value: object) -> list[Entity]:
    if not isinstance(value, BaseCollection):
        raise EntityCollectionOperationError(
            f"{name!r} takes a collection",
            why=f"it was given {value!r}",
            hint="give the collection of all that it is to hold",
        )
    check_sessions((owners, value))
    found = list(value.values())
    _check_types(owners, name, found)
    return found


def _single_entity(owners: BaseCollection, name: str, value: object) -> Entity:
    """Return the entity in *value*, a collection of one entity, or *value* if it is an entity."""
    if isinstance(value, BaseCollection):
        check_sessions((owners, value))
        held = list(value.values())
        value = held[0] if len(held) == 1 else value
    if not is_entity(value):
        raise EntityCollectionOperationError(
            f"{name!r} takes a collection of one entity",
            why=f"it was given {value!r}",
            hint="None removes what it refers to",
        )
    _check_types(owners, name, [value])
    return value


def _check_types(owners: BaseCollection, name: str, entities: Iterable[Entity]) -> None:
    schema = owners._server_schema()
    target = target_type(owners, name)
    for entity in entities:
        if target is not None and not schema.is_kind_of(entity.entity_type, target):
            raise EntityCollectionOperationError(
                f"{name!r} of {owners.entity_type} takes {target}",
                why=f"it was given a {entity.entity_type}",
                hint=f"query for it: Query({target})",
            )


def _assign_each(collection: BaseCollection, name: str, values: Iterable[object]) -> None:
    for entity, value in zip(collection.values(), values, strict=True):
        entity[name] = value


def _assign_mappings(
    collection: BaseCollection, name: str, values: list[Mapping[str, object]]
) -> None:
    """Set keys of metadata or custom attributes; fetch the present ones that are not loaded."""
    if name == "custom_attributes" and not all(values):
        raise EntityCollectionOperationError(
            "custom attributes cannot be removed",
            why="every entity has a value of each, and an empty dict names none to set",
            hint="set those that are to change: collection.custom_<key> = value",
        )
    missing = {
        key: entity for key, entity in collection._entities.items() if not is_loaded(entity, name)
    }
    if missing:
        fetch(collection._derived(missing), [name])
    if name == "custom_attributes":
        _check_custom_keys(collection, values)
    for entity, value in zip(collection.values(), values, strict=True):
        if value:
            set_items(entity, name, value)
        else:
            with collection.session.auto_populating(True):
                entity[name] = {}


def _check_custom_keys(collection: BaseCollection, values: list[Mapping[str, object]]) -> None:
    for held, value in zip(read(collection, "custom_attributes"), values, strict=True):
        for key in value:
            if isinstance(held, dict) and held and key not in held:
                raise no_attribute(
                    collection, CUSTOM_PREFIX + key, [CUSTOM_PREFIX + each for each in held]
                )


def _assign_by_type(collection: BaseCollection, name: str, value: object) -> None:
    schema = collection._server_schema()
    if name not in schema.types:
        raise no_attribute(collection, name)
    paths = collection.schema.paths(schema, collection.entity_type.__name__, name)
    if len(paths) != 1:
        raise AmbiguousRelation(
            f"cannot assign to {name} of {collection.entity_type}",
            why="it is the type itself" if not paths else f"there are {', '.join(paths)}",
            hint="assign to an attribute instead",
        )
    owner, attribute = split_path(paths[0])
    assign(follow_path(collection, owner), attribute, value)
