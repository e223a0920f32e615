"""Linking entities as inputs and outputs of one another.

A link is an entity of its own, with a reference ``from`` the input and one ``to`` the output.
Source: ftrack's API documentation, "Entity links"; the attributes ``incoming_links`` and
``outgoing_links`` of contexts and asset versions.
"""

from __future__ import annotations

from typing import Any

from trackteroid_cli.errors import EntityCollectionOperationError
from trackteroid_cli.fluent.elements import Elements, Key, check_sessions
from trackteroid_cli.fluent.fetching import fetch
from trackteroid_cli.fluent.reading import no_attribute, read, target_of

#: Whether they are to inputs -> the attribute that holds links, and what they refer to there.
_LINKS = {True: ("incoming_links", "from"), False: ("outgoing_links", "to")}


def link(collection: Elements, other: Elements, *, inputs: bool) -> None:
    """Create the links between two collections that are not there.

    Args:
        other: the inputs of *collection*; otherwise its outputs.

    Raises:
        EntityCollectionOperationError: entities of the two types cannot be linked, or they belong
            to different sessions.
        NoAttribute: entities of the type have no links.
    """
    attribute, end = _LINKS[inputs]
    link_type = _link_type(collection, other, attribute)
    present = _present(collection, attribute, end) if other else {}
    for key, links in present.items():
        entity = collection._elements[key]
        for other_key, linked in other._elements.items():
            if other_key not in links:
                source, target = (linked, entity) if inputs else (entity, linked)
                collection.session.create(link_type, {"from": source, "to": target})


def unlink(collection: Elements, other: Elements, *, inputs: bool) -> None:
    """Delete all links between two collections; see `link`."""
    attribute, end = _LINKS[inputs]
    _link_type(collection, other, attribute)
    for links in (_present(collection, attribute, end) if other else {}).values():
        for other_key, found in links.items():
            if other_key in other._elements:
                collection.session.delete(found)


def _link_type(owner: Elements, other: Elements, links: str) -> str:
    """Return the type of *owner*'s links, after a check that *other* can be linked."""
    check_sessions((owner, other))
    schema = owner._server_schema()
    link_type = target_of(owner, links)
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


def _present(owner: Elements, attribute: str, end: str) -> dict[Key, dict[Key, Any]]:
    """Return the links of each entity of *owner*, by the key of the entity at the other end."""
    present: dict[Key, dict[Key, Any]] = {}
    fetch(owner, [f"{attribute}.{end}_id"])
    for key, element in zip(owner.keys(), owner, strict=True):
        links = read(element, attribute)
        present[key] = {link[f"{end}_id"]: link for link in links.values()}
    return present
