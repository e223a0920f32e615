"""Provisional values: what a recording is shown that only the server decides, at the commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from trackteroid_cli.batches.labels import label_of
from trackteroid_cli.batches.operations import UNSET, Identity
from trackteroid_cli.batches.recordings.recording import Recording
from trackteroid_cli.engine.schema.schema import Relation, Schema
from trackteroid_cli.engine.writing.defaults import dependent_columns
from trackteroid_cli.engine.writing.transaction import Change


def note_side_effects(
    recordings: Iterable[Recording], schema: Schema, changes: Iterable[Change]
) -> None:
    """Note the entities among *changes*, made by *recordings*, that none of these creates itself.

    The server makes them again when the batch is committed, with other ids.
    """
    recordings = list(recordings)

    def is_created(type_name: str, key: str) -> bool:
        identity = Identity(type_name, (key,))
        return any(identity in recording.created for recording in recordings)

    made = {
        str(change.key[0]): change.entity_type
        for change in changes
        if change.action == "add" and len(change.key) == 1
    }
    for key, entity_type in made.items():
        # A row may have another type than the script has given.
        members = schema.family_of(entity_type).members
        if not any(is_created(name, key) for name in (entity_type, *members)):
            for recording in recordings:
                recording.side_effects[key] = entity_type


def note_values(
    recordings: Sequence[Recording], schema: Schema, results: Iterable[Mapping[str, object]]
) -> None:
    """Note what *results* of queries tell of new entities that the server will decide.

    Args:
        recordings: those that the results show.
        results: in ftrack's JSON form.
    """
    if not any(recording.created for recording in recordings):
        return
    attributes: dict[str, list[_Attribute]] = {}
    for entity in _entities([result.get("data") for result in results]):
        type_name = str(entity["__entity_type__"])
        if type_name not in attributes:
            attributes[type_name] = list(_dependent_attributes(schema, type_name))
        if attributes[type_name]:
            key_names = schema.types[type_name].primary_key
            key = tuple(str(entity.get(name)) for name in key_names)
            for recording in recordings:
                if Identity(type_name, key) in recording.created:
                    _note_entity(recording, Identity(type_name, key), attributes[type_name], entity)


class _Attribute(NamedTuple):
    """An attribute that the server decides: its column, and the reference in it if there is one."""

    column: str
    relation: Relation | None

    @property
    def names(self) -> list[str]:
        """The names by which scripts set and read it, the one that is noted first."""
        return [self.column] if self.relation is None else [self.relation.name, self.column]


def _dependent_attributes(schema: Schema, type_name: str) -> Iterator[_Attribute]:
    entity_type = schema.types.get(type_name)
    if entity_type is None:
        return
    references: dict[str, Relation] = {}
    for relation in entity_type.relations.values():
        if relation.kind == "reference":
            references.setdefault(relation.column, relation)
    for column in dependent_columns(schema, type_name):
        yield _Attribute(column, references.get(column))


def _note_entity(
    recording: Recording,
    identity: Identity,
    attributes: Iterable[_Attribute],
    entity: Mapping[str, object],
) -> None:
    for attribute in attributes:
        value = next((entity[name] for name in attribute.names if name in entity), None)
        if value is None or any(
            recording.value_of(identity, name) is not UNSET for name in attribute.names
        ):
            continue
        label = None
        if attribute.relation is not None:
            shown = value if isinstance(value, Mapping) else {}
            label = label_of(shown)
            entity_type = shown.get("__entity_type__", attribute.relation.target)
            value = {"__entity_type__": entity_type, "id": shown.get("id", value)}
        recording.note_provisional(identity, attribute.names[0], value, label)


def _entities(value: object) -> Iterator[Mapping[str, object]]:
    """Yield the entities in *value*, at every depth."""
    if isinstance(value, list):
        for each in value:
            yield from _entities(each)
    elif isinstance(value, Mapping):
        if "__entity_type__" in value:
            yield value
        for each in value.values():
            if isinstance(each, (list, dict)):
                yield from _entities(each)
