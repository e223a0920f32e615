"""Deletions: what the deletes of a recording delete, as the server or the replica knows it.

That is asked for once, at the end of the recording, in a few requests: the values of the deleted
entities, and what the server will delete along with them. A commit compares both with what it
finds then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trackteroid_cli.batches.batch import encode_json
from trackteroid_cli.batches.documents import MAX_LENGTH, read_operation
from trackteroid_cli.batches.operations import (
    Delete,
    Identity,
    TakenAlong,
    deletion_document,
    from_json,
)
from trackteroid_cli.errors import TrackteroidError
from trackteroid_cli.replay.comparing.taken_along import (
    ask_tolerantly,
    find_taken_along,
    value_columns,
)
from trackteroid_cli.server.expressions import PAGE, can_write, condition, query

if TYPE_CHECKING:
    from trackteroid_cli.batches.recordings.recording import Recording
    from trackteroid_cli.server.connection import Connection
    from trackteroid_cli.server.schemas import ServerSchema


def complete_deletions(recording: Recording, connect: Callable[[], Connection]) -> None:
    """Add to *recording* what its deletes delete.

    If the server does not answer, the batch is saved without that; so is what is too much for one
    operation.

    Args:
        connect: opens a connection to the server; called only if something is deleted.
    """
    if recording.deleted:
        recording.read_completion()  # another process of the run may have asked
    created = set(recording.created.key_parts()) if recording.deleted else ()
    deleted = [
        entity
        for entity in recording.deleted
        if not any(part in created for part in entity.key) and any(map(can_write, entity.key))
    ]
    if not deleted:
        return
    try:
        with connect() as connection:
            values = _values(deleted, connection)
            operations = map(from_json, map(json.loads, recording.operations()))
            takings = find_taken_along(list(values), connection, operations)
    except TrackteroidError:
        return
    taken: dict[Identity, list[TakenAlong]] = {entity: [] for entity in values}
    by_key = {entity.key: entity for entity in values}
    for key, row in takings.rows.items():
        owner = next(each for each in takings.above(key) if each in by_key)
        taken[by_key[owner]].append(row.taken)
    not_known = sorted(takings.refused)
    for entity, found in taken.items():
        known = deletion_document(
            Delete(entity.entity_type, {}, 0, values[entity], found, not_known)
        )
        if _fits(known):
            recording.set_deleted(recording.deleted[entity], known)


def _fits(document: dict[str, object]) -> bool:
    """Return whether an operation can hold *document*, and what the session knew, besides."""
    text = encode_json(document)
    try:
        read_operation(text)
    except ValueError:
        return False
    return len(text) <= MAX_LENGTH // 2


def _values(
    deleted: Sequence[Identity], connection: Connection
) -> dict[Identity, dict[str, object]]:
    """Return the values of those of the *deleted* entities that are there."""
    wanted = set(deleted)
    questions = list(_questions(deleted, connection.schema))
    answers = ask_tolerantly(connection, [asked for _, _, asked in questions])
    found: dict[Identity, dict[str, object]] = {}
    for (entity_type, names, _), answer in zip(questions, answers, strict=True):
        key_names = connection.schema.primary_key(entity_type)
        for data in answer["data"] if answer is not None else ():
            entity = Identity(entity_type, tuple(str(data[name]) for name in key_names))
            if entity in wanted:  # an expression cannot write every key, and finds more then
                found[entity] = {name: data.get(name) for name in names}
    return found


def _questions(
    deleted: Sequence[Identity], schema: ServerSchema
) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Yield entity types, their attributes, and queries for these."""
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for entity_type, key in deleted:
        names = schema.primary_key(entity_type)
        if entity_type in schema and len(names) == len(key):
            by_type.setdefault(entity_type, []).append(dict(zip(names, key, strict=True)))
    for entity_type, keys in by_type.items():
        columns = value_columns(schema[entity_type])
        names = schema.primary_key(entity_type)
        for start in range(0, len(keys), PAGE):
            among = condition(keys[start : start + PAGE])
            yield entity_type, columns, query(entity_type, [*names, *columns], among)
