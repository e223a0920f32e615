"""Links between entities, as inputs and outputs of one another.

A link is itself an entity, with a reference ``from`` the input and one ``to`` the output.
Source: ftrack's API documentation, "Entity links"; the attributes ``incoming_links`` and
``outgoing_links`` of contexts and asset versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING

from ftrack_api.operation import CreateEntityOperation, DeleteEntityOperation

from trackteroid_cli.errors import EntityCollectionOperationError
from trackteroid_cli.fluent.collections.attributes import no_attribute, read, target_type
from trackteroid_cli.fluent.collections.base import (
    BaseCollection,
    Key,
    check_sessions,
    entities_by_key,
    entity_key,
    value_or_none,
)
from trackteroid_cli.fluent.collections.projections import fetch
from trackteroid_cli.session.api.protocols import is_entity

if TYPE_CHECKING:
    from trackteroid_cli.session.api.protocols import Entity
    from trackteroid_cli.session.session import Session

#: Whether the other entities are inputs -> the attribute that holds the links.
_LINK_ATTRIBUTES = {True: "incoming_links", False: "outgoing_links"}


def link(collection: BaseCollection, other: BaseCollection, *, inputs: bool) -> None:
    """Create the missing links between two collections.

    Args:
        inputs: whether the entities of *other* are the inputs of *collection*, or its outputs.

    Raises:
        EntityCollectionOperationError: entities of the two types cannot be linked, or they belong
            to different sessions.
        NoAttribute: entities of the type have no links.
    """
    attribute = _LINK_ATTRIBUTES[inputs]
    link_type = _link_type(collection, other, attribute)
    existing = _existing_links(collection, other, attribute, link_type)
    for source, target in _link_ends(collection, other, inputs=inputs):
        if (entity_key(source), entity_key(target)) not in existing:
            collection.session.create(link_type, {"from": source, "to": target})


def unlink(collection: BaseCollection, other: BaseCollection, *, inputs: bool) -> None:
    """Delete all links between two collections; see `link`."""
    attribute = _LINK_ATTRIBUTES[inputs]
    link_type = _link_type(collection, other, attribute)
    existing = _existing_links(collection, other, attribute, link_type)
    for source, target in _link_ends(collection, other, inputs=inputs):
        for found in existing.get((entity_key(source), entity_key(target)), []):
            collection.session.delete(found)


def _link_ends(
    collection: BaseCollection, other: BaseCollection, *, inputs: bool
) -> Iterator[tuple[Entity, Entity]]:
    """Yield the input and the output of each possible link between two collections."""
    for entity, linked in product(collection.values(), other.values()):
        yield (linked, entity) if inputs else (entity, linked)


def _link_type(owner: BaseCollection, other: BaseCollection, links: str) -> str:
    """Return the type of *owner*'s links, after a check that *other* can be linked."""
    check_sessions((owner, other))
    schema = owner._server_schema()
    link_type = target_type(owner, links)
    if link_type is None:
        raise no_attribute(owner, links)
    accepted = schema.types[link_type].relations["from"].target
    if not schema.is_kind_of(other.entity_type.__name__, accepted):
        raise EntityCollectionOperationError(
            f"{owner.entity_type} and {other.entity_type} cannot be linked",
            why=f"its links are of type {link_type}, between entities of type {accepted}",
            hint=f"give a collection of {accepted}",
        )
    return link_type


def _existing_links(
    owner: BaseCollection, other: BaseCollection, attribute: str, link_type: str
) -> dict[tuple[Key, Key], list[Entity]]:
    """Return the links of *owner* by the keys of input and output; a pair may have several.

    They are the links that the server has, and those that the session has not sent yet.
    """
    if not owner or not other:
        return {}
    fetch(owner, [f"{attribute}.from_id", f"{attribute}.to_id"])
    created, deleted = _unsent_links(owner.session, link_type)
    existing: dict[tuple[Key, Key], list[Entity]] = {}
    for key, link in entities_by_key([*read(owner, attribute).values(), *created]).items():
        if key not in deleted:
            existing.setdefault((_end_key(link, "from"), _end_key(link, "to")), []).append(link)
    return existing


def _unsent_links(session: Session, link_type: str) -> tuple[list[Entity], set[Key]]:
    """Return the links that the session created, and the ids of the links that it deleted.

    Only operations that were not sent count: those since the last commit, and deferred ones.
    """
    created: list[Entity] = []
    deleted: set[Key] = set()
    for operation in getattr(session, "unsent_operations", session.recorded_operations):
        if operation.entity_type != link_type:
            continue
        (key,) = operation.entity_key.values()
        if isinstance(operation, CreateEntityOperation):
            with suppress(KeyError):  # a rollback removed it from the session
                created.append(session._get(link_type, [key]))
        elif isinstance(operation, DeleteEntityOperation):
            deleted.add(str(key))
    return created, deleted


def _end_key(link: Entity, end: str) -> Key:
    """Return the key of the entity at *end* of *link*, which may hold only the entity or its id."""
    entity = value_or_none(link, end)
    return entity_key(entity) if is_entity(entity) else str(value_or_none(link, f"{end}_id"))
