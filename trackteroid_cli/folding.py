"""Folding: one commit's operations become documents, as ``ftrack_api``'s own commit folds them.

Of several updates of an attribute the last is kept, with the first one's old value; updates right
after the create of their entity become part of it.

Source: ``ftrack_api/session.py``, ``commit``.
"""

from __future__ import annotations

from typing import Any

import ftrack_api.operation
import ftrack_api.symbol

from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.operations import Identity

_NOT_SET = ftrack_api.symbol.NOT_SET
_Create = ftrack_api.operation.CreateEntityOperation
_Update = ftrack_api.operation.UpdateEntityOperation
_Delete = ftrack_api.operation.DeleteEntityOperation


class CommitDocuments:
    """The JSON documents of one commit's operations, with ftrack's objects still in them.

    ``unseen`` lists the updates whose old value is not known: position, entity, attribute.
    """

    def __init__(self, operations: list[Any], seen: dict[Any, Any], number: int) -> None:
        self.documents: list[dict[str, Any]] = []
        self.unseen: list[tuple[int, Identity, str]] = []
        self._number = number
        self._created: dict[str, Any] | None = None
        updates = _FoldedUpdates(operations, seen)
        for index, operation in enumerate(operations):
            kind = type(operation)
            if kind is _Update:
                if updates.is_kept(index) and operation.new_value is not _NOT_SET:
                    self._update(operation, updates)
            elif kind is _Create:
                data = operation.entity_data.copy()
                self._created = self._add("create", operation, {"entity_data": data})
            elif kind is _Delete:
                self._created = None
                self._add("delete", operation, {})
            else:
                raise CannotDefer(
                    f"cannot record an operation of type {kind.__name__}",
                    why="only creates, updates and deletes can be recorded",
                    hint="send it outside of the recording",
                )

    def _update(self, operation: Any, updates: _FoldedUpdates) -> None:
        if self._created is not None and _is_of(operation, self._created):
            self._created["entity_data"][operation.attribute_name] = operation.new_value
            return
        self._created = None
        more = {"attribute_name": operation.attribute_name, "new_value": operation.new_value}
        old_value = updates.old_value(operation)
        if old_value is _NOT_SET:
            unseen = len(self.documents), changed(operation), operation.attribute_name
            self.unseen.append(unseen)
        else:
            more["old_value"] = old_value
        self._add("update", operation, more)

    def _add(self, kind: str, operation: Any, more: dict[str, Any]) -> dict[str, Any]:
        document = {
            "operation": kind,
            "entity_type": operation.entity_type,
            "entity_key": operation.entity_key,
            **more,
            "commit": self._number,
        }
        self.documents.append(document)
        return document


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

    def old_value(self, operation: Any) -> Any:
        """Return the value before the first update of the attribute that *operation* updates."""
        first = self._first[self._key(operation)]
        return self._seen.get(first, first.old_value)

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


def changed(operation: Any) -> Identity:
    """Return the identity of the entity that *operation* changes."""
    return operation.entity_type, tuple(operation.entity_key.values())
