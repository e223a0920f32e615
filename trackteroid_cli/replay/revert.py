"""Revert: a new batch that undoes a committed one.

The operations are inverted in reverse order: creates become deletes, updates set the former value,
and deletes become the creates of their preimages (see `preimages`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trackteroid_cli.batches.batch import Batch, encode_operations, write
from trackteroid_cli.batches.enclosures.follow_ups import in_words
from trackteroid_cli.batches.enclosures.steps import followed
from trackteroid_cli.batches.header import Header, make_header
from trackteroid_cli.batches.journal import Outcome
from trackteroid_cli.batches.labels import Label, Names
from trackteroid_cli.batches.operations import (
    LISTS_OF_PARTS,
    UNSET,
    Create,
    Delete,
    Identity,
    Operation,
    TakenAlong,
    Update,
    counts,
    identity,
    texts,
    to_json,
    values_set,
)
from trackteroid_cli.batches.placements import ON_SERVER, PLACEMENT_TYPE
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.errors import BatchInState, CannotRevert, in_short
from trackteroid_cli.replay.preimages import preimages_of


@dataclass(frozen=True, slots=True)
class Inverse:
    """The inverse of a batch.

    Attributes:
        operations: in the order in which to send them.
        unknown: what cannot be undone, as nobody knows what was there before; in words.
        lost: what the server deleted along with what the batch deleted, and stays lost; in words.
        followed: what was done once the batch had landed, such as mails that were sent; in words.
        labels: those of the entities that the operations mention.
    """

    operations: list[Operation] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)
    labels: dict[Identity, Label] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reverted:
    """The new batch, and what it does not restore."""

    header: Header
    path: Path
    inverse: Inverse


def revert(batch: Batch, spool: Spool, *, name: str = "", partial: bool = False) -> Reverted | None:
    """Record the inverse of *batch*, which is committed, as a new pending batch of *spool*.

    Args:
        name: what to call the new batch; ``revert`` and the name of *batch* unless given.
        partial: whether to leave out what cannot be undone.

    Returns:
        The new batch, or None where there is nothing to undo.

    Raises:
        BatchInState: *batch* is not committed.
        CannotRevert: it cannot be undone whole, and *partial* is false.
        BatchUnreadable: the file is damaged.
        StorageError: the disk refuses; nothing was recorded.
    """
    original, last = batch.header, batch.journal().last
    if last is None or last.outcome is not Outcome.LANDED:
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
        server=last.server or original.server,
        api_user=original.api_user,
        batch_id=spool.new_id(),
    )
    path = spool.place(header.id, header.name)
    write(path, header, encode_operations(inverse.operations), inverse.labels)
    return Reverted(header, path, inverse)


def _not_whole(header: Header, unknown: Sequence[str]) -> CannotRevert:
    return CannotRevert(
        f"batch {header.id} ({header.name}) cannot be reverted whole",
        why=f"nobody knows what was there before: {in_short(unknown, 5)}",
        hint=f"`trackteroid revert {header.id} --partial` takes back the rest",
    )


def invert(batch: Batch) -> Inverse:
    """Return the inverse of *batch*.

    Raises:
        BatchUnreadable: the file is damaged.
    """
    left_out = set(batch.journal().left_out)
    recorded = list(batch.operations())
    operations = [each for position, each in enumerate(recorded) if position not in left_out]
    names = Names(operations, batch.labels())
    inverter = _Inverter(operations, batch, names)
    for operation in reversed(operations):
        inverter.invert(operation)
    inverse = inverter.inverse
    inverse.labels.update(batch.labels())
    begun = followed(batch.steps()) if batch.header.follow_ups else {}
    inverse.followed.extend(
        in_words(each) for position, each in enumerate(batch.follow_ups()) if position in begun
    )
    for operation in inverse.operations:
        label = names.label(identity(operation))
        if label is not None and not isinstance(operation, Create):
            inverse.labels.setdefault(identity(operation), label)
    return inverse


class _Inverter:
    """Adds the inverses of the operations of one batch to `inverse`, the last one first."""

    def __init__(self, operations: Sequence[Operation], batch: Batch, names: Names) -> None:
        self.inverse = Inverse()
        self._names = names
        self._preimages = preimages_of(batch)
        self._last_commit = max((each.commit for each in operations), default=0)
        self._created = {identity(each) for each in operations if isinstance(each, Create)}
        self._deleted = {identity(each) for each in operations if isinstance(each, Delete)}
        first: dict[Identity, Operation] = {}
        for operation in operations:
            first.setdefault(identity(operation), operation)
        #: Created and deleted again: nothing of them is left.
        self._transient = {
            entity for entity in self._created & self._deleted if isinstance(first[entity], Create)
        }
        #: Ids of what goes or comes back as a whole, with all that its attributes were.
        self._whole = {key[0] for _, key in self._created | self._deleted if len(key) == 1}
        self._made: set[Identity] = set()
        #: What the batch sets of what it creates.
        self._set: dict[Identity, dict[str, object]] = {}
        #: Rows that it makes of what it creates, by the owner's id.
        self._parts: dict[str, dict[Identity, tuple[str, dict[str, str]]]] = {}
        for operation in operations:
            if identity(operation) in self._created:
                self._set.setdefault(identity(operation), {}).update(values_set(operation))
            if self._goes_with_owner(operation):
                for part in operation.entity_key.values():
                    made = operation.entity_type, operation.entity_key
                    self._parts.setdefault(part, {})[identity(operation)] = made

    def invert(self, operation: Operation) -> None:
        """Add the inverse of *operation*."""
        entity = identity(operation)
        if entity in self._transient:
            return
        if isinstance(operation, Update):
            self._invert_update(operation)
        elif entity in self._created & self._deleted:
            self._not_known(operation, "it was deleted and made anew")
        elif isinstance(operation, Create):
            if not self._goes_with_owner(operation):
                self._add(self._delete(operation), operation)
        else:
            self._invert_delete(operation)

    def _delete(self, create: Create) -> Delete:
        """Return the delete of what *create* makes; it expects what the batch itself has set."""
        parts = self._parts.get(create.entity_key.get("id", ""), {})
        return Delete(
            create.entity_type,
            create.entity_key,
            seen=self._set.get(identity(create), {}),
            takes_along=[TakenAlong(entity_type, key) for entity_type, key in parts.values()],
        )

    def _invert_update(self, update: Update) -> None:
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

    def _invert_delete(self, delete: Delete) -> None:
        entity = identity(delete)
        if entity in self._made:
            return  # it came back with its owner
        preimage = self._preimages.get(entity)
        if preimage is None:
            self._not_known(delete, "what it was is not kept")
            return
        for operation in preimage.operations:
            if identity(operation) not in self._made:
                self._made.add(identity(operation))
                self._add(operation, delete)
        self.inverse.labels.update(preimage.labels)
        if delete.entity_type == PLACEMENT_TYPE and any(
            ON_SERVER.intersection(texts(to_json(each))) for each in preimage.operations
        ):
            self.inverse.lost.append(f"{self._entity_label(delete)}: the file on the server")
        if preimage.lost:
            lost = ", ".join(f"{number} in {name}" for name, number in preimage.lost.items())
            self.inverse.lost.append(f"{self._entity_label(delete)}: {lost}")

    def _goes_with_owner(self, operation: Operation) -> bool:
        """Return whether *operation* is about a row of an entity that goes or comes as a whole."""
        key = operation.entity_key.values()
        return len(key) > 1 and not self._whole.isdisjoint(key)

    def _add(self, inverse: Operation, operation: Operation) -> None:
        """Add *inverse* to the operations that undo the commit of *operation*."""
        # In a commit of its own for each of the script's, the last one first.
        commit = self._last_commit - operation.commit + 1 if self._last_commit else 0
        self.inverse.operations.append(replace(inverse, commit=commit))

    def _not_known(self, operation: Operation, why: str) -> None:
        line = f"{self._entity_label(operation)} ({why})"
        if line not in self.inverse.unknown:
            self.inverse.unknown.append(line)

    def _entity_label(self, operation: Operation) -> str:
        return f"{operation.entity_type} {self._names.of(identity(operation))}"
