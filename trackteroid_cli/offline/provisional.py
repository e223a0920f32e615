"""Provisional values: what a recording is shown that only the server decides, at the commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from trackteroid_cli.batches.labels import label_of
from trackteroid_cli.batches.operations import UNSET, Identity
from trackteroid_cli.batches.recording import Recording
from trackteroid_cli.engine.schema.schema import Schema
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
    if any(recording.created for recording in recordings):
        for entity in _entities([result.get("data") for result in results]):
            for recording in recordings:
                _note_entity(recording, schema, entity)


def _note_entity(recording: Recording, schema: Schema, entity: Mapping[str, object]) -> None:
    entity_type = schema.types.get(str(entity["__entity_type__"]))
    if entity_type is None or any(name not in entity for name in entity_type.primary_key):
        return
    key = tuple(str(entity[name]) for name in entity_type.primary_key)
    identity = Identity(entity_type.name, key)
    if identity not in recording.created:
        return
    for column in dependent_columns(schema, entity_type.name):
        relation = next(
            (
                each
                for each in entity_type.relations.values()
                if each.kind == "reference" and each.column == column
            ),
            None,
        )
        names = [column] if relation is None else [relation.name, column]
        given = any(recording.value_of(identity, name) is not UNSET for name in names)
        shown = next((entity[name] for name in names if name in entity), None)
        if given or shown is None:
            continue
        if relation is None:
            recording.note_provisional(identity, column, shown)
        elif isinstance(shown, Mapping):
            reference = {"__entity_type__": shown["__entity_type__"], "id": shown["id"]}
            recording.note_provisional(identity, relation.name, reference, label_of(shown))
        else:
            reference = {"__entity_type__": relation.target, "id": shown}
            recording.note_provisional(identity, relation.name, reference)


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
