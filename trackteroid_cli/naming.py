"""Naming: what a person calls the entities that a batch mentions.

A batch is read without a server, so it keeps names beside ids. What the recording session has in
memory is used; the rest is asked for in one request. Names only help to read: where the server
does not answer, the batch is as good without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from trackteroid_cli.batch import Label
from trackteroid_cli.errors import ServerError
from trackteroid_cli.operations import Identity

if TYPE_CHECKING:
    from trackteroid_cli.deferral import Recording
    from trackteroid_cli.session import Session

#: Attributes that name an entity, the best one first.
NAMES = ("name", "username", "label", "key", "title", "content", "file_type")

_SHORT = ("first_name", "last_name", *NAMES)

#: How many entities one query asks for.
_PAGE = 500


def complete(recording: Recording, session: Session) -> None:
    """Find out what the entities are called that *recording* mentions."""
    unknown: dict[str, list[Identity]] = {}
    schemas = {schema["id"]: schema for schema in session.schemas}
    for entity, label in recording.mentioned.items():
        if label is None and entity not in recording.created:
            found = _from_memory(session, entity)
            if found is not None:
                recording.mentioned[entity] = found
            elif entity[0] in schemas and len(entity[1]) == 1:
                unknown.setdefault(entity[0], []).append(entity)
    queries = [
        query
        for entity_type, entities in unknown.items()
        for query in _queries(schemas[entity_type], entities)
    ]
    if not queries:
        return
    try:
        with session.open_connection() as connection:
            answers = connection.call(queries)
    except ServerError:
        return
    for answer in answers:
        for data in answer["data"]:
            entity = data["__entity_type__"], (str(data["id"]),)
            label = label_of(data)
            # The entity may be mentioned by a base type: a Context that is a Shot.
            for entity_type in (entity[0], *unknown):
                mentioned = entity_type, entity[1]
                if label is not None and mentioned in recording.mentioned:
                    recording.mentioned[mentioned] = label


def label_of(data: Mapping[str, Any]) -> Label | None:
    """Return what the entity with the attributes *data* (ftrack's JSON form) is called."""
    link = data.get("link")
    if isinstance(link, list) and link:
        names = tuple(str(part.get("name", "")) for part in link if isinstance(part, Mapping))
        return Label(names[-1], names)
    if data.get("first_name") or data.get("last_name"):
        full_name = f"{data.get('first_name') or ''} {data.get('last_name') or ''}".strip()
        return Label(full_name)
    for name in NAMES:
        if isinstance(data.get(name), str) and data[name]:
            return Label(data[name][:80])
    return None


def _from_memory(session: Session, entity: Identity) -> Label | None:
    """Return the label of an entity that the session has in memory, if it has what it takes."""
    try:
        found: Any = session._get(*entity)
    except KeyError:
        return None
    with session.auto_populating(False):
        names = found.attributes.keys()
        if "link" not in names:
            return label_of({name: found[name] for name in _SHORT if name in names})
        link = label_of({"link": found["link"]})
        return link or (_path_in_memory(found) if "context_type" in names else None)


def _path_in_memory(context: Any) -> Label | None:
    """Return the path of names of *context*, if all of its parents are in memory."""
    names: list[str] = []
    while isinstance(context, Mapping):
        name = context["name"]
        if not isinstance(name, str):
            return None
        names.insert(0, name)
        if context.entity_type == "Project":  # type: ignore[attr-defined]
            return Label(names[-1], tuple(names))
        context = context["parent"]
    return None


def _queries(schema: Mapping[str, Any], entities: list[Identity]) -> Iterable[dict[str, Any]]:
    properties = schema["properties"]
    projections = [
        name
        for name in ("link", *_SHORT)
        if name in properties and not properties[name].get("restricted_projection")
    ] or ["id"]
    for start in range(0, len(entities), _PAGE):
        ids = ", ".join(f'"{key[0]}"' for _, key in entities[start : start + _PAGE])
        expression = f"select {', '.join(projections)} from {schema['id']} where id in ({ids})"
        yield {"action": "query", "expression": expression}
