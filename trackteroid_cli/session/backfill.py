"""Backfill: what a script did not ask for, and a reviewer or a commit will need.

These are the labels of the entities that the recording mentions, and the old values of attributes
that were changed without having been read. The session's memory is used first; one request asks for
the rest. If the server does not answer, the batch goes without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trackteroid_cli.batches.labels import NAMES, Label, label_of
from trackteroid_cli.batches.operations import Identity
from trackteroid_cli.errors import ServerError
from trackteroid_cli.server.expressions import PAGE, listed, query
from trackteroid_cli.server.schemas import Attribute, ServerSchema

if TYPE_CHECKING:
    import ftrack_api

    from trackteroid_cli.batches.recording import Recording
    from trackteroid_cli.server.connection import Connection


def backfill(
    recording: Recording, session: ftrack_api.Session, connect: Callable[[], Connection]
) -> None:
    """Add labels and old values to *recording*, as far as *session* and its server know them."""
    schema = ServerSchema(session.schemas)
    questions = _Questions(schema)
    for entity, label in recording.mentioned.items():
        if label is None and entity not in recording.created:
            label = recording.mentioned[entity] = _from_memory(session, entity)
            if label is None:
                questions.add(entity)
    for entity, attribute in recording.unseen:
        questions.add(entity, attribute)
    queries = list(questions.queries())
    if not queries:
        return
    try:
        with connect() as connection:
            answers = connection.call(queries)
    except ServerError:
        return
    found = {data["id"]: data for answer in answers for data in answer["data"] if data.get("id")}
    for entity, label in recording.mentioned.items():
        if label is None and entity[1][0] in found:
            recording.mentioned[entity] = label_of(found[entity[1][0]])
    for (entity, attribute), position in recording.unseen.items():
        data = found.get(entity[1][0])
        if data is not None and attribute in data:
            recording.set_old_value(position, schema.reference(data[attribute]))
            _name_reference(recording, data[attribute])


class _Questions:
    """Which attributes to ask for, of which entities."""

    def __init__(self, schema: ServerSchema) -> None:
        self._schema = schema
        self._ids: dict[str, dict[str, None]] = {}
        self._projections: dict[str, dict[str, None]] = {}

    def add(self, entity: Identity, attribute: str = "") -> None:
        """Ask for the label of *entity*, and for the value of *attribute* if it is one value."""
        schema = self._schema.get(entity.entity_type)
        if schema is None or not schema.has_id:
            return
        projections = self._projections.setdefault(
            entity.entity_type, dict.fromkeys(schema.having(("link", *NAMES)))
        )
        described = schema.attributes.get(attribute, Attribute())
        if described.members:
            return
        self._ids.setdefault(entity.entity_type, {})[entity.key[0]] = None
        if attribute:
            projections[attribute] = None
        target = self._schema.get(described.target)
        if target is not None:
            names = target.having(NAMES)
            projections.update(dict.fromkeys(f"{attribute}.{name}" for name in names))

    def queries(self) -> Iterator[dict[str, str]]:
        """Yield the queries, as entries of a request."""
        for entity_type, ids in self._ids.items():
            keys, names = list(ids), ("id", *self._projections[entity_type])
            for start in range(0, len(keys), PAGE):
                yield query(entity_type, names, listed("id", keys[start : start + PAGE]))


def _from_memory(session: ftrack_api.Session, entity: Identity) -> Label | None:
    """Return the label of an entity that the session has in memory, if it has what it takes."""
    try:
        found: Any = session._get(*entity)
    except KeyError:
        return None
    with session.auto_populating(False):
        names = found.attributes.keys()
        if "link" not in names:
            return label_of({name: found[name] for name in NAMES if name in names})
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


def _name_reference(recording: Recording, value: Any) -> None:
    if isinstance(value, Mapping) and "__entity_type__" in value and "id" in value:
        entity = Identity(value["__entity_type__"], (value["id"],))
        if recording.mentioned.get(entity) is None:
            recording.mentioned[entity] = label_of(value)
