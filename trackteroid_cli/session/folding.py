"""Folding: one commit's operations become documents, as ``ftrack_api``'s own commit folds them.

Of several updates of an attribute the last is kept, with the first one's old value; updates right
after the create of their entity become part of it.

Source: ``ftrack_api/session.py``, ``commit``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ftrack_api.operation
import ftrack_api.symbol

from trackteroid_cli.errors import CannotDefer

_NOT_SET = ftrack_api.symbol.NOT_SET
_Create = ftrack_api.operation.CreateEntityOperation
_Update = ftrack_api.operation.UpdateEntityOperation
_Delete = ftrack_api.operation.DeleteEntityOperation


def documents(operations: list[Any], seen: dict[Any, Any], number: int) -> Iterator[dict[str, Any]]:
    """Yield the JSON documents of one commit's operations, with ftrack's objects still in them.

    An update without ``old_value`` is one of which nobody saw the former value.

    Args:
        operations: ``ftrack_api``'s, as the session recorded them.
        seen: update -> the value on the server, as the author last saw it.
        number: of the commit, from 1.

    Raises:
        CannotDefer: an operation is no create, update or delete.
    """
    updates = _FoldedUpdates(operations, seen)
    created: dict[str, Any] | None = None  # waits for updates that become part of it
    for index, operation in enumerate(operations):
        kind = type(operation)
        if kind is _Update:
            if not updates.is_kept(index) or operation.new_value is _NOT_SET:
                continue
            if created is not None and _is_of(operation, created):
                created["entity_data"][operation.attribute_name] = operation.new_value
                continue
        if created is not None:
            yield created
            created = None
        if kind is _Create:
            data = operation.entity_data.copy()
            created = _document("create", operation, {"entity_data": data}, number)
        elif kind is _Update:
            yield _document("update", operation, updates.change(operation), number)
        elif kind is _Delete:
            yield _document("delete", operation, {}, number)
        else:
            raise CannotDefer(
                f"cannot record an operation of type {kind.__name__}",
                why="only creates, updates and deletes can be recorded",
                hint="send it outside of the recording",
            )
    if created is not None:
        yield created


def _document(kind: str, operation: Any, more: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "operation": kind,
        "entity_type": operation.entity_type,
        "entity_key": operation.entity_key,
        **more,
        "commit": number,
    }


class _FoldedUpdates:
    """Which of several updates of one attribute is kept, and the value before the first."""

    def __init__(self, operations: list[Any], seen: dict[Any, Any]) -> None:
        self._seen = seen
        self._first: dict[Any, Any] = {}
        last: dict[Any, int] = {}
        for index, operation in enumerate(operations):
            if type(operation) is _Update:
                key = self._key(operation)
                last[key] = index
                self._first.setdefault(key, operation)
        self._kept = set(last.values())

    def is_kept(self, index: int) -> bool:
        """Return whether the operation at *index* is the last update of its attribute."""
        return index in self._kept

    def change(self, operation: Any) -> dict[str, Any]:
        """Return what an update changes, from the value before the first one of its attribute."""
        change = {"attribute_name": operation.attribute_name, "new_value": operation.new_value}
        first = self._first[self._key(operation)]
        old_value = self._seen.get(first, first.old_value)
        if old_value is not _NOT_SET:
            change["old_value"] = old_value
        return change

    @staticmethod
    def _key(operation: Any) -> Any:
        return (
            operation.entity_type,
            operation.attribute_name,
            *operation.entity_key.values(),
        )


def _is_of(operation: Any, document: dict[str, Any]) -> bool:
    return bool(
        operation.entity_key == document["entity_key"]
        and operation.entity_type == document["entity_type"]
    )
