"""Squashing: operations become the entries of one request.

Source: ``ftrack_api/session.py``, ``commit``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypedDict

from trackteroid_cli.batches.operations import (
    KINDS,
    Create,
    Delete,
    Operation,
    Update,
    identity,
)


class _Target(TypedDict):
    """What every entry says."""

    action: str
    entity_type: str
    entity_key: list[str]


class Payload(_Target, total=False):
    """One entry of a request to the server; a delete has no ``entity_data``."""

    entity_data: dict[str, object]


def squash(operations: Iterable[Operation]) -> list[Payload]:
    """Return the entries of one request that sends *operations*, in order.

    Within each of the script's commits this is what ``ftrack_api`` itself would send: the last of
    several updates of an attribute, nothing for an entity that is created and deleted again, and
    one entry for updates that follow each other or their create. Nothing is squashed across
    commits, so that the server ends in the state that separate requests would leave.
    """
    payloads: list[Payload] = []
    for group in _by_commit(operations):
        payloads.extend(_squash_commit(group))
    return payloads


def _by_commit(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    group: list[Operation] = []
    for operation in operations:
        if group and group[-1].commit != operation.commit:
            yield group
            group = []
        group.append(operation)
    if group:
        yield group


def _squash_commit(operations: list[Operation]) -> Iterator[Payload]:
    vanished = {identity(op) for op in operations if isinstance(op, Create)} & {
        identity(op) for op in operations if isinstance(op, Delete)
    }
    last_update = {
        (identity(op), op.attribute_name): index
        for index, op in enumerate(operations)
        if isinstance(op, Update)
    }
    previous: Payload | None = None
    for index, operation in enumerate(operations):
        if identity(operation) in vanished:
            continue
        if isinstance(operation, Update):
            if last_update[identity(operation), operation.attribute_name] != index:
                continue
            if previous is not None and _same_entity(previous, operation):
                previous["entity_data"][operation.attribute_name] = operation.new_value
                continue
        if previous is not None:
            yield previous
        previous = _payload(operation)
    if previous is not None:
        yield previous


def _same_entity(payload: Payload, operation: Operation) -> bool:
    return bool(
        payload["action"] != "delete"
        and payload["entity_type"] == operation.entity_type
        and payload["entity_key"] == list(operation.entity_key.values())
    )


def _payload(operation: Operation) -> Payload:
    payload: Payload = {
        "action": KINDS[type(operation)],
        "entity_type": operation.entity_type,
        "entity_key": list(operation.entity_key.values()),
    }
    if isinstance(operation, Create):
        payload["entity_data"] = {
            "__entity_type__": operation.entity_type,
            **operation.entity_key,
            **operation.entity_data,
        }
    elif isinstance(operation, Update):
        payload["entity_data"] = {
            "__entity_type__": operation.entity_type,
            operation.attribute_name: operation.new_value,
        }
    return payload
