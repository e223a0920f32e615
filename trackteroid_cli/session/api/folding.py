"""Folding: one commit's operations become documents, as ``ftrack_api``'s own commit folds them.

Of several updates of an attribute the last is kept, with the first one's old value; updates right
after the create of their entity become part of it.

Source: ``ftrack_api/session.py``, ``commit``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict, TypeGuard

import ftrack_api.operation
import ftrack_api.symbol

from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.session.api.protocols import CreateOperation, Operation, UpdateOperation

_NOT_SET = ftrack_api.symbol.NOT_SET
_Create = ftrack_api.operation.CreateEntityOperation
_Update = ftrack_api.operation.UpdateEntityOperation
_Delete = ftrack_api.operation.DeleteEntityOperation

#: The value that each updated attribute had on the server, as the author last saw it.
RemoteValues: TypeAlias = Mapping[UpdateOperation, object]

#: What the author saw of each deleted entity.
SeenValues: TypeAlias = Mapping[Operation, dict[str, object]]

_AttributeKey: TypeAlias = tuple[str, ...]


class _Document(TypedDict):
    """The parts of every operation document."""

    entity_type: str
    entity_key: dict[str, str]
    commit: int


class CreateDocument(_Document):
    """A create; its values may still be objects of ``ftrack_api``."""

    operation: Literal["create"]
    entity_data: dict[str, object]


class _UpdateDocument(_Document):
    operation: Literal["update"]
    attribute_name: str
    new_value: object


class UpdateDocument(_UpdateDocument, total=False):
    """An update; without ``old_value`` if nobody saw the former value."""

    old_value: object


class _DeleteDocument(_Document):
    operation: Literal["delete"]


class DeleteDocument(_DeleteDocument, total=False):
    """A delete; without ``seen`` if the session knew nothing of the entity."""

    seen: dict[str, object]


OperationDocument: TypeAlias = CreateDocument | UpdateDocument | DeleteDocument


def is_create(operation: Operation) -> TypeGuard[CreateOperation]:
    """Return whether *operation* is a create of ``ftrack_api``."""
    return type(operation) is _Create


def is_update(operation: Operation) -> TypeGuard[UpdateOperation]:
    """Return whether *operation* is an update of ``ftrack_api``."""
    return type(operation) is _Update


def fold_operations(
    operations: Sequence[Operation],
    remote_values: RemoteValues,
    seen_values: SeenValues,
    commit: int,
) -> Iterator[OperationDocument]:
    """Yield the documents of one commit's operations, with ftrack's objects still in them.

    Args:
        operations: ``ftrack_api``'s, as the session recorded them.
        remote_values: the values before an update that follows no other update of its attribute.
        seen_values: of the entities that are deleted.
        commit: the number of the commit, from 1.

    Raises:
        CannotDefer: an operation is no create, update or delete.
    """
    updates = _FoldedUpdates(operations, remote_values)
    created: CreateDocument | None = None  # waits for updates that become part of it
    for index, operation in enumerate(operations):
        if is_update(operation):
            if not updates.is_kept(index) or operation.new_value is _NOT_SET:
                continue
            if created is not None and _is_update_of(operation, created):
                created["entity_data"][operation.attribute_name] = operation.new_value
                continue
        if created is not None:
            yield created
            created = None
        if is_create(operation):
            created = {
                "operation": "create",
                "entity_type": operation.entity_type,
                "entity_key": operation.entity_key,
                "entity_data": operation.entity_data.copy(),
                "commit": commit,
            }
        elif is_update(operation):
            yield updates.document(operation, commit)
        elif type(operation) is _Delete:
            yield _delete_document(operation, seen_values.get(operation), commit)
        else:
            raise CannotDefer(
                f"cannot record an operation of type {type(operation).__name__}",
                why="only creates, updates and deletes can be recorded",
                hint="send it outside of the recording",
            )
    if created is not None:
        yield created


def _delete_document(
    operation: Operation, seen: dict[str, object] | None, commit: int
) -> DeleteDocument:
    document: DeleteDocument = {
        "operation": "delete",
        "entity_type": operation.entity_type,
        "entity_key": operation.entity_key,
        "commit": commit,
    }
    if seen:
        document["seen"] = seen
    return document


class _FoldedUpdates:
    """Which of several updates of one attribute is kept, and the value before the first."""

    def __init__(self, operations: Sequence[Operation], remote_values: RemoteValues) -> None:
        self._remote_values = remote_values
        self._first: dict[_AttributeKey, UpdateOperation] = {}
        last: dict[_AttributeKey, int] = {}
        for index, operation in enumerate(operations):
            if is_update(operation):
                key = self._key(operation)
                last[key] = index
                self._first.setdefault(key, operation)
        self._kept = set(last.values())

    def is_kept(self, index: int) -> bool:
        """Return whether the operation at *index* is the last update of its attribute."""
        return index in self._kept

    def document(self, operation: UpdateOperation, commit: int) -> UpdateDocument:
        """Return the document of an update, with the value before the first of its attribute."""
        first = self._first[self._key(operation)]
        old_value = self._remote_values.get(first, first.old_value)
        document: UpdateDocument = {
            "operation": "update",
            "entity_type": operation.entity_type,
            "entity_key": operation.entity_key,
            "attribute_name": operation.attribute_name,
            "new_value": operation.new_value,
            "commit": commit,
        }
        if old_value is not _NOT_SET:
            document["old_value"] = old_value
        return document

    @staticmethod
    def _key(operation: UpdateOperation) -> _AttributeKey:
        return (
            operation.entity_type,
            operation.attribute_name,
            *operation.entity_key.values(),
        )


def _is_update_of(operation: UpdateOperation, document: CreateDocument) -> bool:
    """Return whether *operation* changes the entity that *document* creates."""
    return (
        operation.entity_key == document["entity_key"]
        and operation.entity_type == document["entity_type"]
    )
