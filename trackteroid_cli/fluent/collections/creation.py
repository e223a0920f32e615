"""Creation of entities from a collection.

A collection that was read from an attribute creates an entity for each owner of that attribute:
``assets.AssetVersion.create(task=task)`` creates a version of each asset. Any other collection
creates siblings of its entities.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import ftrack_api.symbol

from trackteroid_cli.errors import EntityCollectionOperationError
from trackteroid_cli.fluent.collections.assignment import (
    entity_lists,
    mapping_values,
    reference_values,
    scalar_values,
    set_items,
)
from trackteroid_cli.fluent.collections.attributes import (
    CUSTOM_PREFIX,
    is_loaded,
    no_attribute,
    read,
)
from trackteroid_cli.fluent.collections.base import BaseCollection, CollectionT, entities_by_key
from trackteroid_cli.fluent.collections.custom_attributes import check_keys
from trackteroid_cli.fluent.collections.projections import fetch
from trackteroid_cli.server.expressions import listed

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.schema import EntityType, Relation, Schema
    from trackteroid_cli.session.api.protocols import Entity, EntityData

#: Type -> the reference to the owner of its entities, also for every kind of the type. Schemas do
#: not distinguish it from other references.
#: Source: ftrack's API reference, the relations of the entity types.
_OWNER_REFERENCES = {
    "Appointment": "context",
    "AssetVersion": "asset",
    "Component": "version",
    "ComponentLocation": "component",
    "List": "project",
    "Membership": "group",
    "ReviewSession": "project",
    "ReviewSessionInvitee": "review_session",
    "ReviewSessionObject": "review_session",
    "Timelog": "user",
    "TypedContext": "parent",
    "Asset": "parent",
}

#: Attributes that hold keys and values. ``ftrack_api`` sets the keys of a new entity one by one.
_MAPPINGS = ("metadata", "custom_attributes")


def create(collection: CollectionT, batch: Iterable[Mapping[str, object]]) -> CollectionT:
    """Create an entity for each owner and each of *batch*, and return all new entities.

    Args:
        batch: the attributes of new entities. A value is like one that is assigned to a
            collection: one for all owners, or a list with one for each. A reference to a type, a
            project schema, or another entity with a name also takes the name.

    Raises:
        EntityCollectionOperationError: the owner is not known, a value does not fit, or it belongs
            to another session.
        NoAttribute: the type has no such attribute.
    """
    type_name = collection.entity_type.__name__
    # Check everything before recording anything.
    wanted = [
        data for attributes in batch for data in _entity_data(collection, type_name, attributes)
    ]
    check_keys(collection, [key for data in wanted for key in data.get("custom_attributes", ())])
    made = [_create_entity(collection, type_name, data) for data in wanted]
    return collection._related(type_name, entities_by_key(made))


def _create_entity(collection: BaseCollection, type_name: str, data: EntityData) -> Entity:
    """Create and return one entity with the attributes in *data*."""
    items = {name: data.pop(name) for name in _MAPPINGS if name in data}
    entity: Entity = collection.session.create(type_name, data)
    for name, values in items.items():
        set_items(entity, name, values)
    return entity


def _entity_data(
    collection: BaseCollection, type_name: str, attributes: Mapping[str, object]
) -> Iterator[EntityData]:
    """Yield all attributes of each entity to create with *attributes*."""
    if not isinstance(attributes, Mapping):
        raise EntityCollectionOperationError(
            f"cannot create a {type_name} with {attributes!r}",
            why="the values of a new entity are a dict",
            hint="an example: create_batch({'name': 'a'}, {'name': 'b'})",
        )
    schema = collection._server_schema()
    entity_type = schema.types[type_name]
    places = _placements(collection, entity_type, attributes, schema)
    columns = {
        name: _attribute_values(collection, entity_type, name, value, len(places))
        for name, value in attributes.items()
    }
    defaults = _defaults(collection, type_name, attributes)
    for number, place in enumerate(places):
        given: EntityData = {name: values[number] for name, values in columns.items()}
        custom = [name for name in given if _is_custom(entity_type, name)]
        if custom:
            given["custom_attributes"] = {
                **given.get("custom_attributes", {}),
                **{name.removeprefix(CUSTOM_PREFIX): given.pop(name) for name in custom},
            }
        yield {**defaults, **place, **given}


# -- owners ----------------------------------------------------------------------------------------


def _placements(
    collection: BaseCollection,
    entity_type: EntityType,
    attributes: Mapping[str, object],
    schema: Schema,
) -> list[EntityData]:
    """Return, for each entity to create, the attributes that connect it with its owner."""
    if collection._origin is not None:
        owners, name = collection._origin
        places = [_placement(schema, owner, name, entity_type) for owner in owners.values()]
        if not places:
            raise EntityCollectionOperationError(
                f"cannot create a {entity_type.name} here",
                why=f"it would belong to one of {owners!r}, which holds none",
                hint=f"create the {owners.entity_type} first, or fetch it: fetch_attributes()",
            )
        if all(place is not None for place in places):
            return [place for place in places if place is not None]
    reference = _owner_reference(schema, entity_type)
    if reference is None or {reference, f"{reference}_id"} & attributes.keys():
        return [{}]
    return [{reference: owner} for owner in _owners(collection, reference)]


def _placement(
    schema: Schema, owner: Entity, name: str, entity_type: EntityType
) -> EntityData | None:
    """Return the attributes that place a new entity in relation *name* of *owner*.

    None if the entities in that relation do not belong to *owner*.
    """
    relation: Relation | None = schema.types[owner.entity_type].relations.get(name)
    if relation is None:
        return None
    if relation.kind == "descendants":
        return {"parent": owner}
    if relation.kind != "many":
        return None
    place: EntityData = dict([relation.where]) if relation.where else {}
    if relation.column not in entity_type.primary_key:  # a key needs the id itself
        for inverse in entity_type.relations.values():
            if inverse.kind == "reference" and inverse.column == relation.column:
                return {inverse.name: owner, **place}
    place[relation.column] = owner["id"]
    for attribute in entity_type.scalars.values():
        if attribute.names_type:  # with an id, such as that of a note's parent
            place[attribute.name] = owner.entity_type
    return place


def _owner_reference(schema: Schema, entity_type: EntityType) -> str | None:
    for kind, name in _OWNER_REFERENCES.items():
        if schema.is_kind_of(entity_type.name, kind) and name in entity_type.relations:
            return name
    return None


def _owners(collection: BaseCollection, name: str) -> list[Entity]:
    """Return the owners of the entities of *collection*; fetch them if they are not loaded."""
    if not all(is_loaded(entity, name) for entity in collection.values()):
        fetch(collection, [name])
    found = read(collection, name) if collection else collection
    if not found:
        raise EntityCollectionOperationError(
            f"cannot create a {collection.entity_type} here",
            why=f"its {name} is not known",
            hint=f"give it: create({name}=...), or create it from what it belongs to",
        )
    return list(found.values())


# -- values ----------------------------------------------------------------------------------------


def _defaults(
    collection: BaseCollection, type_name: str, attributes: Mapping[str, object]
) -> EntityData:
    """Return the default attributes of a new entity."""
    session = collection.session
    match type_name:
        case "Appointment":
            return {"type": "assignment"}
        case "ComponentLocation" if "location" not in attributes:
            return {"location_id": ftrack_api.symbol.UNMANAGED_LOCATION_ID}
        case "Note" if not {"author", "user_id"} & attributes.keys():
            return {
                "author": session.query(
                    f"User where {listed('username', [session.api_user])}"
                ).one()
            }
        case "Project" if "name" in attributes:
            return {"full_name": attributes["name"]}
    return {}


def _attribute_values(
    collection: BaseCollection, entity_type: EntityType, name: str, value: object, count: int
) -> Sequence[object]:
    """Return the values of attribute *name* for *count* new entities."""
    relation = entity_type.relations.get(name)
    if relation is None:
        if name not in entity_type and not _is_custom(entity_type, name):
            raise no_attribute(collection, name)
        return scalar_values(collection, name, value, count)
    if name in _MAPPINGS:
        return mapping_values(collection, name, value, count)
    if not relation.single:
        return entity_lists(collection, name, value, count)
    if isinstance(value, str):
        value = _find_by_name(collection, name, relation.target, value)
    return reference_values(collection, name, value, count)


def _is_custom(entity_type: EntityType, name: str) -> bool:
    """Return whether *name* is that of a custom attribute: ``custom_<key>``."""
    return (
        name.startswith(CUSTOM_PREFIX)
        and name not in entity_type
        and "custom_attributes" in entity_type.relations
    )


def _find_by_name(collection: BaseCollection, name: str, target: str, text: str) -> object:
    """Return the only entity of type *target* with the name *text*.

    ``CharacterAnimation`` also finds ``Character Animation``.
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    query = collection.session.query
    if "name" not in collection._server_schema().types[target]:
        return text
    found = query(f"select id, name from {target} where {listed('name', {text, spaced})}").all()
    if len(found) == 1:
        return found[0]
    known = sorted({each["name"] for each in query(f"select name from {target} limit 50")})
    raise EntityCollectionOperationError(
        f"{name!r} takes one {target}",
        why=f"the server has {len(found) or 'none'} of the name {text!r}",
        hint=f"there are {', '.join(known)}; or give a collection: Query({target})",
    )
