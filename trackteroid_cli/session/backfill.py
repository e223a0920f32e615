"""Completing a recording: what the script did not ask for, and a reader or a commit will need.

That is the names of the entities it mentions, and the values of attributes that it changed without
reading them. What is in the session's memory is used; the rest is asked for in one request. Where
the server does not answer, the batch is recorded without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trackteroid_cli.batches.batch import Label
from trackteroid_cli.batches.labels import NAMES, label_of
from trackteroid_cli.batches.operations import Identity
from trackteroid_cli.errors import ServerError
from trackteroid_cli.server.expressions import PAGE, listed, query, reference

if TYPE_CHECKING:
    import ftrack_api

    from trackteroid_cli.server.connection import Connection
    from trackteroid_cli.session.deferral import Recording


def complete(
    recording: Recording, session: ftrack_api.Session, connect: Callable[[], Connection]
) -> None:
    """Add names and old values to *recording*, as far as *session* and its server know them."""
    questions = _Questions(session)
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
            recording.set_old_value(position, reference(data[attribute], questions.schemas))
            _name_reference(recording, data[attribute])


class _Questions:
    """Which attributes to ask for, of which entities."""

    def __init__(self, session: ftrack_api.Session) -> None:
        self.schemas = {schema["id"]: schema for schema in session.schemas}
        self._ids: dict[str, dict[str, None]] = {}
        self._projections: dict[str, dict[str, None]] = {}

    def add(self, entity: Identity, attribute: str = "") -> None:
        """Ask what *entity* is called, and for the value of *attribute* if it is one value."""
        schema = self.schemas.get(entity[0])
        if schema is None or schema["primary_key"] != ["id"]:
            return
        projections = self._projections.setdefault(
            entity[0], dict.fromkeys(self._names(schema, "link", *NAMES))
        )
        fragment = schema["properties"].get(attribute, {})
        if "items" in fragment:
            return
        self._ids.setdefault(entity[0], {})[entity[1][0]] = None
        if attribute:
            projections[attribute] = None
        if fragment.get("$ref") in self.schemas:
            target = self.schemas[fragment["$ref"]]
            names = self._names(target, *NAMES)
            projections.update(dict.fromkeys(f"{attribute}.{name}" for name in names))

    def queries(self) -> Iterator[dict[str, str]]:
        """Yield the queries, as entries of a request."""
        for entity_type, ids in self._ids.items():
            keys, names = list(ids), ("id", *self._projections[entity_type])
            for start in range(0, len(keys), PAGE):
                yield query(entity_type, names, listed("id", keys[start : start + PAGE]))

    @staticmethod
    def _names(schema: Mapping[str, Any], *names: str) -> list[str]:
        return [name for name in names if name in schema["properties"]]


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
        entity = value["__entity_type__"], (value["id"],)
        if recording.mentioned.get(entity) is None:
            recording.mentioned[entity] = label_of(value)
