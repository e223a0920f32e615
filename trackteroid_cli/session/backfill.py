"""Backfill: labels and old values that a review or a commit needs and the script did not read.

Labels are those of the entities that the recording mentions; old values are those of attributes
that were changed without having been read. The session's memory is used first; one request fetches
the rest. If the server does not answer, the batch is saved without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from trackteroid_cli.batches.labels import NAMES, Label, label_of
from trackteroid_cli.batches.operations import Identity
from trackteroid_cli.errors import TrackteroidError
from trackteroid_cli.server.expressions import PAGE, can_write, condition, query
from trackteroid_cli.server.schemas import Attribute, ServerSchema
from trackteroid_cli.session.api.protocols import Entity, EntitySession, is_entity

if TYPE_CHECKING:
    from trackteroid_cli.batches.recordings.recording import Recording
    from trackteroid_cli.server.connection import Connection


def backfill(
    recording: Recording, session: EntitySession, connect: Callable[[], Connection]
) -> None:
    """Add labels and old values that *session* or its server knows to *recording*.

    Args:
        connect: opens a connection to the server; called only if the session lacks some of them.
    """
    schema = ServerSchema(session.schemas)
    wanted = _WantedAttributes(schema)
    for entity, label in recording.labels.items():
        if label is None and entity not in recording.created:
            label = recording.labels[entity] = label_in_memory(session, entity)
            if label is None:
                wanted.add(entity)
    for entity, attribute in recording.missing_old_values:
        if not any(Identity("", (part,)) in recording.created for part in entity.key):
            wanted.add(entity, attribute)  # else it is a custom attribute of a new entity
    queries = list(wanted.queries())
    if not queries:
        return
    try:
        with connect() as connection:
            connection.schema = schema  # what answers are checked against
            answers = connection.call([asked for _, asked in queries])
    except TrackteroidError:
        return
    found = {
        Identity(
            entity_type, tuple(str(data[name]) for name in schema.primary_key(entity_type))
        ): data
        for (entity_type, _), answer in zip(queries, answers, strict=True)
        for data in answer["data"]
    }
    for entity, label in recording.labels.items():
        if label is None and entity in found:
            recording.labels[entity] = label_of(found[entity])
    for (entity, attribute), position in recording.missing_old_values.items():
        data = found.get(entity)
        if data is not None and attribute in data:
            recording.set_old_value(position, schema.reference(data[attribute]))
            _label_reference(recording, data[attribute])


class _WantedAttributes:
    """The attributes to query, and the entities to query them of."""

    def __init__(self, schema: ServerSchema) -> None:
        self._schema = schema
        self._keys: dict[str, dict[tuple[str, ...], None]] = {}
        self._projections: dict[str, dict[str, None]] = {}

    def add(self, entity: Identity, attribute: str = "") -> None:
        """Add the label of *entity*, and the value of *attribute* unless it is a collection."""
        schema = self._schema.get(entity.entity_type)
        if schema is None or not any(map(can_write, entity.key)):
            return
        projections = self._projections.setdefault(
            entity.entity_type, dict.fromkeys(schema.having(("link", *NAMES)))
        )
        attribute_schema = schema.attributes.get(attribute, Attribute())
        if attribute_schema.members:
            return
        self._keys.setdefault(entity.entity_type, {})[entity.key] = None
        if attribute:
            projections[attribute] = None
        target = self._schema.get(attribute_schema.target)
        if target is not None:
            names = target.having(NAMES)
            projections.update(dict.fromkeys(f"{attribute}.{name}" for name in names))

    def queries(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield entity types and the queries of them, as entries of a request."""
        for entity_type, keys in self._keys.items():
            parts = self._schema.primary_key(entity_type)
            wanted = [dict(zip(parts, key, strict=True)) for key in keys]
            names = dict.fromkeys((*parts, *self._projections[entity_type]))
            for start in range(0, len(wanted), PAGE):
                among = condition(wanted[start : start + PAGE])
                yield entity_type, query(entity_type, names, among)


def name_in_memory(session: EntitySession, identity: Identity) -> str:
    """Return what a person calls an entity, or '' if the session does not know it."""
    try:
        label = label_in_memory(session, identity)
    except AttributeError:  # a session that has no entity types yet
        return ""
    return str(label) if label is not None else ""


def label_in_memory(session: EntitySession, identity: Identity) -> Label | None:
    """Return the label of an entity, if the session has the attributes for it in memory."""
    try:
        entity = session._get(*identity)
    except KeyError:
        return None
    with session.auto_populating(False):
        names = entity.attributes.keys()
        if "link" not in names:
            return label_of({name: entity[name] for name in NAMES if name in names})
        link = label_of({"link": entity["link"]})
        return link or (_path_in_memory(entity) if "context_type" in names else None)


def _path_in_memory(context: Entity) -> Label | None:
    """Return the path of names of *context*, if all of its parents are in memory."""
    names: list[str] = []
    parent: object = context
    while is_entity(parent):
        name = parent["name"]
        if not isinstance(name, str):
            return None
        names.insert(0, name)
        if parent.entity_type == "Project":
            return Label(names[-1], tuple(names))
        parent = parent["parent"]
    return None


def _label_reference(recording: Recording, value: object) -> None:
    """Add the label of the entity that an old value refers to, if it is a reference."""
    if isinstance(value, Mapping) and "__entity_type__" in value and "id" in value:
        entity = Identity(value["__entity_type__"], (value["id"],))
        if recording.labels.get(entity) is None:
            recording.labels[entity] = label_of(value)
