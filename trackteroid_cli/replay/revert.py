"""Reverting: from a batch that the server has, a batch that takes back what it did.

The operations go in reverse order: creates become deletes, updates set what was there before, and
deletes become creates of what was kept when the batch was committed (see `keeping`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trackteroid_cli.batches.batch import Batch, Header, Label, encode_operations, write
from trackteroid_cli.batches.header import make_header
from trackteroid_cli.batches.labels import Names
from trackteroid_cli.batches.operations import (
    LISTS_OF_PARTS,
    UNSET,
    Create,
    Delete,
    Identity,
    Operation,
    Update,
    counts,
    identity,
)
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.errors import BatchInState, CannotRevert
from trackteroid_cli.replay.attempt import has_landed
from trackteroid_cli.replay.preimages import preimages_of


@dataclass(frozen=True, slots=True)
class Inverse:
    """What takes a batch back.

    Attributes:
        operations: in the order in which they are to be sent.
        unknown: what cannot be taken back, as nobody knows what was there before; in words.
        lost: what the server deleted along with what the batch deleted, and stays lost; in words.
        labels: what the entities that the operations mention are called.
    """

    operations: list[Operation] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    labels: dict[Identity, Label] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reverted:
    """The new batch, and what it does not bring back."""

    header: Header
    path: Path
    inverse: Inverse


def revert(batch: Batch, spool: Spool, *, name: str = "", partial: bool = False) -> Reverted | None:
    """Record what takes back *batch*, which is committed, as a new pending batch of *spool*.

    Args:
        name: what to call the new batch; ``revert`` and the name of *batch* unless given.
        partial: whether to leave out what cannot be taken back.

    Returns:
        The new batch, or None where there is nothing to take back.

    Raises:
        BatchInState: *batch* is not committed.
        CannotRevert: it cannot be taken back whole, and *partial* is false.
        BatchUnreadable: the file is damaged.
        StorageError: the disk refuses; nothing was recorded.
    """
    original, journal = batch.header, batch.journal()
    if not has_landed(journal):
        raise BatchInState(
            f"batch {original.id} ({original.name}) is not committed",
            why="there is nothing on the server to take back",
            hint=f"`trackteroid discard {original.id}` throws away a batch that is not to be sent",
        )
    inverse = invert(batch)
    if inverse.unknown and not partial:
        raise _not_whole(original, inverse.unknown)
    if not inverse.operations:
        return None
    header = make_header(
        name or f"revert {original.name}",
        counts(inverse.operations),
        argv=["revert", original.id],
        server=journal[-1].server or original.server,
        api_user=original.api_user,
    )
    path = spool.place(header.id, header.name)
    write(path, header, encode_operations(inverse.operations), inverse.labels)
    return Reverted(header, path, inverse)


def _not_whole(header: Header, unknown: Sequence[str]) -> CannotRevert:
    shown = "; ".join(unknown[:5])
    more = f"; and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    return CannotRevert(
        f"batch {header.id} ({header.name}) cannot be reverted whole",
        why=f"nobody knows what was there before: {shown}{more}",
        hint=f"`trackteroid revert {header.id} --partial` takes back the rest",
    )


def invert(batch: Batch) -> Inverse:
    """Return what takes back *batch*.

    Raises:
        BatchUnreadable: the file is damaged.
    """
    operations = list(batch.operations())
    names = Names(operations, batch.labels())
    inverting = _Inverting(operations, batch, names)
    for operation in reversed(operations):
        inverting.take_back(operation)
    inverse = inverting.inverse
    inverse.labels.update(batch.labels())
    for operation in inverse.operations:
        label = names.label(identity(operation))
        if label is not None and not isinstance(operation, Create):
            inverse.labels.setdefault(identity(operation), label)
    return inverse


class _Inverting:
    """Adds to `inverse` what takes back the operations of one batch, the last one first."""

    def __init__(self, operations: Sequence[Operation], batch: Batch, names: Names) -> None:
        self.inverse = Inverse()
        self._names = names
        self._kept = preimages_of(batch)
        self._last_commit = max((each.commit for each in operations), default=0)
        self._created = {identity(each) for each in operations if isinstance(each, Create)}
        self._deleted = {identity(each) for each in operations if isinstance(each, Delete)}
        first: dict[Identity, Operation] = {}
        for operation in operations:
            first.setdefault(identity(operation), operation)
        #: Created and deleted again: nothing of them is left.
        self._fleeting = {
            entity for entity in self._created & self._deleted if isinstance(first[entity], Create)
        }
        #: Ids of what goes or comes back as a whole, with all that its attributes were.
        self._whole = {key[0] for _, key in self._created | self._deleted if len(key) == 1}
        self._made: set[Identity] = set()

    def take_back(self, operation: Operation) -> None:
        """Add what takes back *operation*."""
        entity = identity(operation)
        if entity in self._fleeting:
            return
        if isinstance(operation, Update):
            self._take_back_update(operation)
        elif entity in self._created & self._deleted:
            self._not_known(operation, "it was deleted and made anew")
        elif isinstance(operation, Create):
            if not self._goes_with_owner(operation):
                self._add(Delete(operation.entity_type, operation.entity_key), operation)
        else:
            self._take_back_delete(operation)

    def _take_back_update(self, update: Update) -> None:
        if (
            update.attribute_name in LISTS_OF_PARTS
            or self._goes_with_owner(update)
            or identity(update) in self._created | self._deleted
        ):
            return
        if update.old_value is UNSET:
            self._not_known(update, f"the former {update.attribute_name} is not recorded")
            return
        self._add(
            Update(
                update.entity_type,
                update.entity_key,
                update.attribute_name,
                update.old_value,
                update.new_value,
            ),
            update,
        )

    def _take_back_delete(self, delete: Delete) -> None:
        entity = identity(delete)
        if entity in self._made:
            return  # it came back with its owner
        kept = self._kept.get(entity)
        if kept is None:
            self._not_known(delete, "what it was is not kept")
            return
        for operation in kept.operations:
            if identity(operation) not in self._made:
                self._made.add(identity(operation))
                self._add(operation, delete)
        self.inverse.labels.update(kept.labels)
        if kept.lost:
            told = ", ".join(f"{number} in {name}" for name, number in kept.lost.items())
            self.inverse.lost.append(f"{self._named(delete)}: {told}")

    def _goes_with_owner(self, operation: Operation) -> bool:
        """Return whether *operation* is about a row of an entity that goes or comes as a whole."""
        key = operation.entity_key.values()
        return len(key) > 1 and not self._whole.isdisjoint(key)

    def _add(self, inverse: Operation, operation: Operation) -> None:
        """Add *inverse* to the operations that take back the commit of *operation*."""
        # In a commit of its own for each of the script's, the last one first.
        commit = self._last_commit - operation.commit + 1 if self._last_commit else 0
        self.inverse.operations.append(replace(inverse, commit=commit))

    def _not_known(self, operation: Operation, why: str) -> None:
        told = f"{self._named(operation)} ({why})"
        if told not in self.inverse.unknown:
            self.inverse.unknown.append(told)

    def _named(self, operation: Operation) -> str:
        return f"{operation.entity_type} {self._names.of(identity(operation))}"
