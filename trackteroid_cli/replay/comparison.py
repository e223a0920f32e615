"""Comparing a batch with the server: what its author saw, what is there now, what it wants.

Each operation is found to be *there* (the server shows its effect), *missing* (it shows what the
author saw), or in *conflict* (it shows something else, which may be somebody's newer work). The
server is asked in a few large queries, however many operations there are.

Values are compared as ftrack means them: dates to the second in UTC, references by their keys,
collections as sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from trackteroid_cli.batches.operations import (
    LISTS_OF_PARTS,
    UNSET,
    Create,
    Delete,
    Identity,
    Operation,
    Update,
    identity,
    texts,
    to_json,
)
from trackteroid_cli.server.expressions import PAGE, condition, query, reference

if TYPE_CHECKING:
    from trackteroid_cli.replay.predecessors import Predecessors
    from trackteroid_cli.server.connection import Connection


class Status(Enum):
    """How an operation and the server stand to each other."""

    THERE = "there"  #: the server shows its effect
    MISSING = "missing"  #: the server shows what the author saw
    CONFLICT = "conflict"  #: the server shows something else


@dataclass(frozen=True, slots=True)
class Conflict:
    """An attribute that is not as the author saw it; ``''`` stands for the entity as a whole.

    Values are in ftrack's JSON form; None where there is no entity, or no value.
    """

    entity_type: str
    entity_key: dict[str, str]
    attribute: str
    recorded: Any
    now: Any
    wanted: Any
    #: Whether the entity itself is not there any more.
    gone: bool = False

    @property
    def entity(self) -> Identity:
        """The entity that it is about."""
        return self.entity_type, tuple(self.entity_key.values())

    def as_json(self, label: str = "") -> dict[str, Any]:
        """Return the conflict as ``inspect --check --json`` shows it."""
        return {
            "entity_type": self.entity_type,
            "entity_key": self.entity_key,
            "label": label,
            "attribute": self.attribute,
            "recorded": self.recorded,
            "now": self.now,
            "wanted": self.wanted,
        }


@dataclass(slots=True)
class Comparison:
    """How the operations of a batch stand, in their order.

    ``adjusted`` holds values to send in place of recorded ones, by the operation's position: the
    members of a collection to which the batch only adds entities of its own, and others have added
    theirs since.
    """

    statuses: list[Status]
    conflicts: list[Conflict] = field(default_factory=list)
    adjusted: dict[int, Any] = field(default_factory=dict)

    @property
    def landed(self) -> bool:
        """Whether all effects are there."""
        return all(status is Status.THERE for status in self.statuses)


def compare(
    operations: Sequence[Operation],
    connection: Connection,
    *,
    sent: int = 0,
    known: int = 0,
    predecessors: Predecessors | None = None,
) -> Comparison:
    """Compare *operations* with what the server of *connection* holds now.

    Args:
        operations: of one batch, in order.
        sent: how many of them, from the first, an earlier attempt may have brought to the server.
            One effect that only they can have had proves that they landed; what differs all the
            same was changed afterwards, and is no conflict but newer work.
        known: how many of them, from the first, are on the server for certain. They prove nothing
            of the others.
        predecessors: earlier batches; a value that they have set is as good as the recorded one.

    Raises:
        ServerError: the server cannot be asked.
    """
    histories = _histories(operations)
    server = _Server(connection, histories.values())
    comparison = Comparison([Status.MISSING] * len(operations))
    landed = sent if _is_proven(histories, server, range(known, sent)) else known
    taken = _taken_along(operations, histories, server, sent)
    for entity, history in histories.items():
        _Judgement(entity, history, server, comparison, landed, sent, taken, predecessors).pass_()
    return comparison


@dataclass(slots=True)
class _Attribute:
    """What a batch does to one attribute: from what to what, by which updates.

    ``earlier`` are the values that it has on the way, from the one that the author saw.
    """

    recorded: Any
    wanted: Any
    positions: list[int]
    earlier: list[Any] = field(default_factory=list)

    def values(self) -> Iterator[tuple[int, Any]]:
        """Yield the position of each update, and the value that it sets."""
        yield from zip(self.positions, [*self.earlier[1:], self.wanted], strict=True)


@dataclass(slots=True)
class _History:
    """What a batch does to one entity, as the positions of its operations and the net change.

    ``replaced`` are the positions before the entity is created anew in its own place, as metadata
    is that is removed and set again.
    """

    entity_type: str
    key: dict[str, str]
    created: int | None = None
    deleted: int | None = None
    attributes: dict[str, _Attribute] = field(default_factory=dict)
    replaced: list[int] = field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        """Whether the batch leaves an entity there whose id was drawn for it alone."""
        made = self.created is not None and self.deleted is None
        return made and len(self.key) == 1 and not self.replaced

    @property
    def positions(self) -> Iterator[int]:
        """The positions of all operations."""
        yield from self.replaced
        yield from (each for each in (self.created, self.deleted) if each is not None)
        for attribute in self.attributes.values():
            yield from attribute.positions


def _histories(operations: Iterable[Operation]) -> dict[Identity, _History]:
    histories: dict[Identity, _History] = {}
    for position, operation in enumerate(operations):
        entity = identity(operation)
        history = histories.get(entity)
        if history is None:
            history = histories[entity] = _History(operation.entity_type, operation.entity_key)
        if isinstance(operation, Create):
            history.replaced = list(history.positions)
            history.created, history.deleted, history.attributes = position, None, {}
            for name, value in operation.entity_data.items():
                if name not in operation.entity_key:
                    history.attributes[name] = _Attribute(UNSET, value, [])
        elif isinstance(operation, Delete):
            history.deleted = position
        else:
            _add_update(history, position, operation)
    return histories


def _add_update(history: _History, position: int, operation: Update) -> None:
    known = history.attributes.get(operation.attribute_name)
    if known is None:
        history.attributes[operation.attribute_name] = _Attribute(
            operation.old_value, operation.new_value, [position], [operation.old_value]
        )
    else:
        known.earlier.append(known.wanted)
        known.wanted = operation.new_value
        known.positions.append(position)


# -- judging ---------------------------------------------------------------------------------------


def _is_proven(histories: Mapping[Identity, _History], server: _Server, unknown: range) -> bool:
    """Return whether an operation at an *unknown* position shows an effect that is its alone."""
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
                and not _equal(attribute.recorded, attribute.wanted)
                and _equal(server.value(entity, name), attribute.wanted)
            ):
                return True
    return False


def _taken_along(
    operations: Sequence[Operation],
    histories: Mapping[Identity, _History],
    server: _Server,
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

    The first *sent* may be; if they are, the ids in *taken* went with what they deleted.
    """

    entity: Identity
    history: _History
    server: _Server
    comparison: Comparison
    landed: int
    sent: int
    taken: frozenset[str]
    predecessors: Predecessors | None = None

    def pass_(self) -> None:
        """Set the status of each operation on the entity."""
        history = self.history
        there = self.server.holds(self.entity)
        if not self.server.can_hold(history):
            return  # missing, and the server says why that stays so
        if not there and not self.taken.isdisjoint(history.key.values()):
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
            elif there:
                self._judge_new(history.created)
        elif there:
            for name, attribute in history.attributes.items():
                self._judge_attribute(name, attribute)
        else:
            self._judge_gone()

    def _is_as_wanted(self) -> bool:
        return all(
            name in LISTS_OF_PARTS or _equal(self.server.value(self.entity, name), each.wanted)
            for name, each in self.history.attributes.items()
        )

    def _judge_new(self, created: int) -> None:
        self._set([created], Status.THERE)
        for name, attribute in self.history.attributes.items():
            self._judge_attribute(name, attribute, created)

    def _judge_attribute(
        self, name: str, attribute: _Attribute, created: int | None = None
    ) -> None:
        """Judge an attribute of an entity that is there; the batch may create it at *created*."""
        positions = attribute.positions if created is None else [created, *attribute.positions]
        now = self.server.value(self.entity, name)
        known = positions[-1] < self.landed
        if name in LISTS_OF_PARTS or now is UNSET:
            status = Status.THERE if known or created is not None else Status.MISSING
        elif _equal(now, attribute.wanted):
            status = Status.THERE
        elif any(_equal(now, value) for value in attribute.earlier):
            status = Status.MISSING
        elif known:
            status = Status.THERE
        elif UNSET in attribute.earlier:
            status = Status.MISSING  # nobody knows what the author saw
        elif self._is_of_forerunner(name, now):
            status = Status.MISSING
        elif _only_adds(attribute, self.server):
            status = self._add_members(attribute, now)
        else:
            status = Status.CONFLICT
            self._report(name, attribute, now)
        self._set(positions if status is Status.CONFLICT else attribute.positions, status)

    def _is_of_forerunner(self, name: str, now: Any) -> bool:
        if self.predecessors is None:
            return False
        return any(_equal(now, value) for value in self.predecessors.values(self.entity, name))

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
                self._report(name, attribute, None, gone=True)

    def _may_be_taken(self, attribute: _Attribute) -> bool:
        """Return whether the entity may have gone with one that the batch itself has deleted."""
        return bool(self.taken) and attribute.positions[-1] < self.sent

    def _add_members(self, attribute: _Attribute, now: list[Any]) -> Status:
        before, present = _keys(attribute.recorded), _keys(now)
        for position, value in attribute.values():
            added = [item for item in value if _key(item) not in before | present]
            self.comparison.adjusted[position] = [*now, *added]
        return Status.MISSING

    def _report(self, name: str, attribute: _Attribute, now: Any, *, gone: bool = False) -> None:
        recorded = None if attribute.recorded is UNSET else attribute.recorded
        self.comparison.conflicts.append(
            Conflict(
                self.history.entity_type,
                self.history.key,
                name,
                recorded,
                now,
                attribute.wanted,
                gone,
            )
        )

    def _set_all(self, *, known: bool) -> None:
        """Take every operation on the entity as *known* to be on the server, or as missing."""
        self._set(self.history.positions, Status.THERE if known else Status.MISSING)

    def _set(self, positions: Iterable[int], status: Status) -> None:
        for position in positions:
            self.comparison.statuses[position] = status


def _only_adds(attribute: _Attribute, server: _Server) -> bool:
    """Return whether a collection only gains entities, all of which the batch itself creates."""
    if not isinstance(attribute.recorded, list) or not isinstance(attribute.wanted, list):
        return False
    before, after = _keys(attribute.recorded), _keys(attribute.wanted)
    return before <= after and all(map(server.is_new, after - before))


def _created_members(value: Any, server: _Server) -> Iterator[str]:
    """Yield the ids in a collection of the entities that the batch creates."""
    if isinstance(value, list):
        yield from (key[0] for key in _keys(value) if len(key) == 1 and server.is_new(key))


def _texts(operation: Operation) -> Iterator[str]:
    return texts(to_json(operation))


# -- asking ----------------------------------------------------------------------------------------


class _Server:
    """What the server holds of the entities that a batch changes."""

    def __init__(self, connection: Connection, histories: Iterable[_History]) -> None:
        self._schemas = connection.schemas
        self._entities: dict[Identity, dict[str, Any]] = {}
        listed = list(histories)
        self._new = {_key(history.key) for history in listed if history.created is not None}
        queries = list(self._queries(listed))
        for answer, (entity_type, names) in zip(
            connection.call([asked for asked, *_ in queries]) if queries else (),
            ((entity_type, names) for _, entity_type, names in queries),
            strict=True,
        ):
            for data in answer["data"]:
                key = tuple(str(data[name]) for name in names)
                self._entities[entity_type, key] = data

    def holds(self, entity: Identity) -> bool:
        """Return whether the entity is there."""
        return entity in self._entities

    def can_hold(self, history: _History) -> bool:
        """Return whether there are entities of that type with such a key."""
        known = history.entity_type in self._schemas
        return known and set(history.key) == set(self._primary_key(history.entity_type))

    def is_new(self, key: tuple[str, ...]) -> bool:
        """Return whether the batch itself creates the entity with that key."""
        return key in self._new

    def value(self, entity: Identity, name: str) -> Any:
        """Return an attribute in ftrack's JSON form, or `UNSET` where it cannot be asked for."""
        value = self._entities[entity].get(name, UNSET)
        if isinstance(value, list):
            return [reference(item, self._schemas) for item in value]
        return reference(value, self._schemas)

    def _queries(
        self, histories: Sequence[_History]
    ) -> Iterator[tuple[dict[str, str], str, tuple[str, ...]]]:
        """Yield queries, each with the type that it asks for and the names of the key's parts.

        Of what no server can hold nothing is asked: it will say so itself.
        """
        by_type: dict[tuple[str, tuple[str, ...]], list[_History]] = {}
        for history in histories:
            by_type.setdefault((history.entity_type, tuple(history.key)), []).append(history)
        for (entity_type, key), listed in by_type.items():
            if not self.can_hold(listed[0]):
                continue
            names = self._projections(entity_type, listed)
            for start in range(0, len(listed), PAGE):
                wanted = condition([each.key for each in listed[start : start + PAGE]])
                yield query(entity_type, names, wanted), entity_type, key

    def _projections(self, entity_type: str, histories: Iterable[_History]) -> list[str]:
        properties = self._schemas[entity_type]["properties"]
        wanted = {name for history in histories for name in history.attributes}
        asked = sorted(
            name
            for name in wanted - LISTS_OF_PARTS
            if name in properties and not properties[name].get("restricted_projection")
        )
        return [*self._primary_key(entity_type), *asked]

    def _primary_key(self, entity_type: str) -> list[str]:
        return list(self._schemas[entity_type]["primary_key"])


# -- equality --------------------------------------------------------------------------------------


def _equal(one: Any, other: Any) -> bool:
    return bool(_comparable(one) == _comparable(other))


def _comparable(value: Any) -> Any:
    """Return what two equal values have in common, however they are written."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, list):
        return frozenset(map(_comparable, value))
    if isinstance(value, Mapping):
        if "__type__" in value:
            return _moment(str(value.get("value")))
        if "__entity_type__" in value:
            return _key(value)
        return tuple(sorted((name, _comparable(part)) for name, part in value.items()))
    return value


def _moment(text: str) -> str:
    """Return a date in UTC, to the second."""
    from datetime import datetime, timezone

    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _keys(references: Iterable[Any]) -> frozenset[Any]:
    return frozenset(map(_key, references))


def _key(reference: Any) -> tuple[str, ...]:
    """Return the key of a reference; its type may be named by a supertype, and does not count."""
    if not isinstance(reference, Mapping):
        return (str(reference),)
    return tuple(str(reference[name]) for name in sorted(reference) if not name.startswith("__"))
