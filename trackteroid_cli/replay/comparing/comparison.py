"""Comparison of a batch with the server: what its author saw, what is there now, what it wants.

Each operation is *there* (the server shows its effect), *missing* (the server shows what the author
saw), or in *conflict* (it shows something else, which may be somebody's newer work).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from trackteroid_cli.batches.labels import Label, is_custom_attribute_value
from trackteroid_cli.batches.operations import (
    LISTS_OF_PARTS,
    UNSET,
    Create,
    Identity,
    Operation,
    Update,
    texts,
    to_json,
)
from trackteroid_cli.replay.comparing.conflicts import Conflict, Problem
from trackteroid_cli.replay.comparing.deletions import NewerWork, newer_work
from trackteroid_cli.replay.comparing.equality import equal, key_of, keys_of
from trackteroid_cli.replay.comparing.history import (
    AttributeHistory,
    History,
    histories,
)
from trackteroid_cli.replay.comparing.server_state import ServerState

if TYPE_CHECKING:
    from trackteroid_cli.replay.comparing.predecessors import Predecessors
    from trackteroid_cli.server.connection import Connection


class Status(Enum):
    """What the server shows of an operation."""

    THERE = "there"  #: the server shows its effect
    MISSING = "missing"  #: the server shows what the author saw
    CONFLICT = "conflict"  #: the server shows something else


@dataclass(slots=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        statuses: one for each operation, in order.
        conflicts: what stands in the way.
        adjusted: values to send in place of the recorded ones, by the position of the operation:
            the members of a collection to which the batch only adds entities of its own, and to
            which others have added theirs since.
        labels: what people call entities of the conflicts that the batch does not mention.
    """

    statuses: list[Status]
    conflicts: list[Conflict] = field(default_factory=list)
    adjusted: dict[int, object] = field(default_factory=dict)
    labels: dict[Identity, Label] = field(default_factory=dict)

    @property
    def landed(self) -> bool:
        """Whether the server shows all effects."""
        return all(status is Status.THERE for status in self.statuses)


def compare(
    operations: Sequence[Operation],
    connection: Connection,
    *,
    sent: int = 0,
    known: int = 0,
    has_landed: bool = False,
    predecessors: Predecessors | None = None,
) -> Comparison:
    """Compare *operations* with what the server of *connection* holds now.

    Args:
        operations: of one batch, in order.
        sent: how many of them, from the first, earlier attempts may have brought to the server.
            One effect that only they can have had proves that they landed. Any other difference
            was made afterwards: newer work, and no conflict.
        known: how many of them, from the first, are on the server for certain. They prove nothing
            about the others.
        has_landed: whether the batch is known to have landed.
        predecessors: earlier batches; a value that they set counts like the recorded one.

    Raises:
        ServerError: the server cannot be asked.
    """
    found = histories(operations)
    server = ServerState(connection, found.values())
    comparison = Comparison([Status.MISSING] * len(operations))
    landed = sent if _is_proven(found, server, range(known, sent)) else known
    taken = _taken_along(operations, found, server, sent)
    never_sent = not (sent or has_landed or _is_proven(found, server, range(len(operations))))
    newer = NewerWork()
    if not has_landed:
        newer = newer_work(
            operations, found, server, connection, predecessors, landed=landed, sent=sent
        )
    for entity, history in found.items():
        held = entity in newer.held
        _Judgement(
            entity,
            history,
            server,
            comparison,
            landed,
            sent,
            taken,
            never_sent,
            has_landed,
            held,
            predecessors,
        ).set_statuses()
    comparison.conflicts += newer.conflicts
    comparison.labels.update(newer.labels)
    return comparison


def _is_proven(histories: Mapping[Identity, History], server: ServerState, unknown: range) -> bool:
    """Return whether the server shows an effect that only an *unknown* operation can have had."""
    for entity, history in histories.items():
        if not server.holds(entity):
            continue
        if history.is_ours and history.created in unknown:
            return True
        for name, attribute in history.attributes.items():
            if (
                attribute.positions
                and attribute.positions[-1] in unknown
                and attribute.recorded is not UNSET
                and not equal(attribute.recorded, attribute.wanted)
                and equal(server.value(entity, name), attribute.wanted)
            ):
                return True
    return False


def _taken_along(
    operations: Sequence[Operation],
    histories: Mapping[Identity, History],
    server: ServerState,
    sent: int,
) -> frozenset[str]:
    """Return the ids of what went with an entity that the first *sent* operations have deleted.

    A deleted entity takes its children, notes and values along. That they are gone is an effect of
    the batch, unless something else that it creates is missing: then it never landed.
    """
    gone = {
        history.key["id"]
        for entity, history in histories.items()
        if history.deleted is not None
        and history.deleted < sent
        and "id" in history.key
        and not server.holds(entity)
    }
    if not gone:
        return frozenset()
    for operation in operations[:sent]:
        key = operation.entity_key.get("id")
        if isinstance(operation, Update) and key in gone:
            gone.update(_created_members(operation.new_value, server))
        elif isinstance(operation, Create) and key and not gone.isdisjoint(_texts(operation)):
            gone.add(key)
    never_landed = any(
        history.is_ours
        and history.created in range(sent)
        and not server.holds(entity)
        and gone.isdisjoint(entity[1])
        for entity, history in histories.items()
    )
    return frozenset() if never_landed else frozenset(gone)


@dataclass(frozen=True, slots=True)
class _Judgement:
    """Judges what a batch does to one entity; the first *landed* operations are on the server.

    The first *sent* may be; if they are, the ids in *taken* went with what they deleted. None is if
    the batch was *never_sent*, from here or from a copy of its file. An entity that is *held* must
    not be deleted.
    """

    entity: Identity
    history: History
    server: ServerState
    comparison: Comparison
    landed: int
    sent: int
    taken: frozenset[str]
    never_sent: bool
    has_landed: bool
    held: bool
    predecessors: Predecessors | None = None

    def set_statuses(self) -> None:
        """Set the status of each operation on the entity."""
        history = self.history
        there = self.server.holds(self.entity)
        if not self.server.can_hold(history):
            return  # missing, and the server says why that stays so
        if self.held:
            self._set(history.positions, Status.CONFLICT)
        elif not there and not self.taken.isdisjoint(history.key.values()):
            self._set(history.positions, Status.THERE)
        elif history.created is not None and history.deleted is not None:
            # It comes and goes: nothing of it can be seen, whether it was sent or not.
            self._set_all(known=history.deleted < self.landed)
        elif history.deleted is not None:
            self._set_all(known=not there)
        elif history.created is not None:
            if history.replaced:
                known = history.created < self.landed
                self._set_all(known=known or (there and self._is_as_wanted()))
                if not there:
                    self._set(history.replaced, Status.THERE)  # nothing is left to be replaced
            elif there:
                self._judge_new(history.created)
        elif there:
            for name, attribute in history.attributes.items():
                self._judge_attribute(name, attribute)
        else:
            self._judge_gone()

    def _is_as_wanted(self) -> bool:
        return all(
            name in LISTS_OF_PARTS or equal(self.server.value(self.entity, name), each.wanted)
            for name, each in self.history.attributes.items()
        )

    def _judge_new(self, created: int) -> None:
        self._set([created], Status.THERE)
        for name, attribute in self.history.attributes.items():
            self._judge_attribute(name, attribute, created)

    def _judge_attribute(
        self, name: str, attribute: AttributeHistory, created: int | None = None
    ) -> None:
        """Judge an attribute of an entity that is there; the batch may create it at *created*."""
        positions = attribute.positions if created is None else [created, *attribute.positions]
        now = self.server.value(self.entity, name)
        known = positions[-1] < self.landed
        if name in LISTS_OF_PARTS or now is UNSET:
            status = Status.THERE if known or created is not None else Status.MISSING
        elif equal(now, attribute.wanted):
            leaves_trace = self.never_sent and created is None and self._leaves_trace(attribute)
            status = Status.MISSING if leaves_trace else Status.THERE
        elif any(equal(now, value) for value in attribute.earlier):
            status = Status.MISSING
        elif known:
            status = Status.THERE
        elif UNSET in attribute.earlier:
            status = Status.MISSING  # nobody knows what the author saw
        elif self._is_of_predecessor(name, now):
            status = Status.MISSING
        elif _only_adds(attribute, self.server):
            status = self._add_members(attribute, now)
        else:
            status = Status.CONFLICT
            is_new = created is not None and not self.has_landed
            self._report(name, attribute, now, Problem.EXISTS if is_new else Problem.CHANGED)
        self._set(positions if status is Status.CONFLICT else attribute.positions, status)

    def _leaves_trace(self, attribute: AttributeHistory) -> bool:
        """Return whether updates leave something on the server, although the value stays the same.

        A status that is set and set back has a history; a custom attribute that is set to its
        default keeps the value when the default is changed.
        """
        if not equal(attribute.recorded, attribute.wanted):
            return False
        changes = any(not equal(value, attribute.wanted) for value in attribute.earlier)
        return changes or is_custom_attribute_value(self.history.entity_type)

    def _is_of_predecessor(self, name: str, now: object) -> bool:
        if self.predecessors is None:
            return False
        return any(equal(now, value) for value in self.predecessors.values(self.entity, name))

    def _judge_gone(self) -> None:
        """Everything that was wanted of an entity that is gone is in conflict."""
        history = self.history
        part_of_new = any(self.server.is_new((part,)) for part in history.key.values())
        for name, attribute in history.attributes.items():
            if attribute.positions[-1] < self.landed or self._may_be_taken(attribute):
                self._set(attribute.positions, Status.THERE)
            elif part_of_new:  # a custom attribute of an entity that comes with the batch
                self._set(attribute.positions, Status.MISSING)
            else:
                self._set(attribute.positions, Status.CONFLICT)
                self._report(name, attribute, None, Problem.GONE)

    def _may_be_taken(self, attribute: AttributeHistory) -> bool:
        """Return whether the entity may have gone with one that the batch itself has deleted."""
        return bool(self.taken) and attribute.positions[-1] < self.sent

    def _add_members(self, attribute: AttributeHistory, now: object) -> Status:
        members = _members(now)
        known = keys_of(_members(attribute.recorded)) | keys_of(members)
        for position, value in attribute.values():
            added = [item for item in _members(value) if key_of(item) not in known]
            self.comparison.adjusted[position] = [*members, *added]
        return Status.MISSING

    def _report(
        self, name: str, attribute: AttributeHistory, now: object, problem: Problem
    ) -> None:
        recorded = None if attribute.recorded is UNSET else attribute.recorded
        self.comparison.conflicts.append(
            Conflict(
                self.history.entity_type,
                self.history.key,
                name,
                recorded,
                now,
                attribute.wanted,
                problem,
            )
        )

    def _set_all(self, *, known: bool) -> None:
        """Take every operation on the entity as *known* to be on the server, or as missing."""
        self._set(self.history.positions, Status.THERE if known else Status.MISSING)

    def _set(self, positions: Iterable[int], status: Status) -> None:
        for position in positions:
            self.comparison.statuses[position] = status


def _only_adds(attribute: AttributeHistory, server: ServerState) -> bool:
    """Return whether a collection only gains entities, and the batch itself creates them all."""
    if not isinstance(attribute.recorded, list) or not isinstance(attribute.wanted, list):
        return False
    before, after = keys_of(attribute.recorded), keys_of(attribute.wanted)
    return before <= after and all(map(server.is_new, after - before))


def _members(value: object) -> list[object]:
    """Return the members of a collection; any other value has none."""
    return value if isinstance(value, list) else []


def _created_members(value: object, server: ServerState) -> Iterator[str]:
    """Yield the ids in a collection of the entities that the batch creates."""
    for key in keys_of(_members(value)):
        if len(key) == 1 and server.is_new(key):
            yield key[0]


def _texts(operation: Operation) -> Iterator[str]:
    return texts(to_json(operation))
