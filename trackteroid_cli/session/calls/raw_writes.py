"""Raw writes: creates, updates and deletes of a raw ``session.call``, as operations.

Source: ``ftrack_api/session.py``, ``commit``, for the form of an entry and of its answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from trackteroid_cli.batches.operations import Create, Delete, Operation, Update
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.server.schemas import ServerSchema

#: The actions of ordinary changes.
WRITES = frozenset({"create", "update", "delete"})

_TYPE = "__entity_type__"


class RawWrite(NamedTuple):
    """What one entry does.

    Attributes:
        entity: the entity, as a reference.
        data: the attributes that the entry gives; None of a delete.
    """

    action: str
    entity: dict[str, str]
    data: dict[str, object] | None
    operations: list[Operation]


def answers_of(
    writes: Sequence[RawWrite], normal: Callable[[str, str, object], object]
) -> list[dict[str, object]]:
    """Return what a server answers to *writes* of one request.

    An answer has the attributes that its entry gives, with their values after the last write.

    Args:
        normal: takes an entity type, an attribute and a value; returns the form in which a server
            gives the value back.
    """
    answers: list[dict[str, object]] = []
    later: dict[tuple[str, ...], dict[str, object] | None] = {}  # None if it is deleted
    for write in reversed(writes):
        entity = tuple(write.entity.values())
        if write.data is None:
            later[entity] = None
            answers.append({"action": write.action, "data": True})
            continue
        final = later.setdefault(entity, {})
        data: dict[str, object] = {**write.entity}
        if final is not None:
            for name, value in write.data.items():
                data[name] = normal(write.entity[_TYPE], name, final.get(name, value))
            later[entity] = {**write.data, **final}
        answers.append({"action": write.action, "data": data})
    return answers[::-1]


def read_write(entry: Mapping[str, object], schema: ServerSchema) -> RawWrite:
    """Return what an *entry* of a raw call does, in JSON form.

    Args:
        schema: the entity types; empty while the session is being made.

    Raises:
        CannotDefer: the entry is not one that a server would take.
    """
    action, entity_type = str(entry["action"]), entry.get("entity_type")
    if not isinstance(entity_type, str) or (schema and entity_type not in schema):
        raise _unreadable(action, entity_type, "the server has no such entity type")
    data: dict[str, object] = {}
    if action != "delete":
        given = entry.get("entity_data")
        if not isinstance(given, Mapping):
            raise _unreadable(action, entity_type, f'its "entity_data" is {given!r}')
        data = {name: _value(value, schema) for name, value in given.items() if name != _TYPE}
    names = schema.primary_key(entity_type)
    key = _key(entry, names, data if action == "create" else {})
    if action == "create" and names == ("id",):
        key.setdefault("id", str(uuid.uuid4()))
    if len(key) != len(names) or not all(isinstance(part, str) and part for part in key.values()):
        wanted = ", ".join(names)
        raise _unreadable(action, entity_type, f'its "entity_key" is not a list of: {wanted}')
    identified = {name: str(key[name]) for name in names}
    entity = {_TYPE: entity_type, **identified}
    if action == "create":
        create = Create(entity_type, identified, {**data, **identified})
        return RawWrite(action, entity, data, [create])
    if action == "delete":
        return RawWrite(action, entity, None, [Delete(entity_type, identified)])
    updates: list[Operation] = [
        Update(entity_type, identified, name, value)
        for name, value in data.items()
        if name not in identified or identified[name] != value
    ]
    return RawWrite(action, entity, data, updates)


def _key(
    entry: Mapping[str, object], names: tuple[str, ...], data: Mapping[str, object]
) -> dict[str, object]:
    """Return the parts of an entry's key that it gives, those in *data* first."""
    sent = entry.get("entity_key")
    if isinstance(sent, Mapping):
        parts = {name: sent[name] for name in names if name in sent}
    else:
        listed = sent if isinstance(sent, list) else [] if sent is None else [sent]
        parts = dict(zip(names, listed, strict=True)) if len(listed) == len(names) else {}
    return {**parts, **{name: data[name] for name in names if name in data}}


def _value(value: object, schema: ServerSchema) -> object:
    """Return *value* with entities as references."""
    if isinstance(value, list):
        return [schema.reference(each) for each in value]
    return schema.reference(value)


def _unreadable(action: str, entity_type: object, why: str) -> CannotDefer:
    return CannotDefer(
        f"cannot record the {action} of {entity_type} in a raw call",
        why=why,
        hint="correct the entry; a server would refuse it too",
    )
