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

from trackteroid_cli.operations import (
    UNSET,
    Create,
    Delete,
    Identity,
    Operation,
    Update,
    identity,
)

if TYPE_CHECKING:
    from trackteroid_cli.connection import Connection

#: How many entities one query asks for.
_PAGE = 500

#: Lists of rows that have operations of their own.
_LISTS_OF_PARTS = frozenset({"metadata", "custom_attributes"})


class Standing(Enum):
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

    standings: list[Standing]
    conflicts: list[Conflict] = field(default_factory=list)
    adjusted: dict[int, Any] = field(default_factory=dict)

    @property
    def landed(self) -> bool:
        """Whether all effects are there."""
        return all(standing is Standing.THERE for standing in self.standings)


def compare(
    operations: Sequence[Operation], connection: Connection, *, sent: int = 0
) -> Comparison:
    """Compare *operations* with what the server of *connection* holds now.

    Args:
        operations: of one batch, in order.
        sent: how many of them, from the first, an earlier attempt may have brought to the server.
            One effect that only they can have had proves that they landed; what differs all the
            same was changed afterwards, and is no conflict but newer work.

    Raises:
        ServerError: the server cannot be asked.
    """
    histories = _histories(operations)
    server = _Server(connection, histories.values())
    comparison = Comparison([Standing.MISSING] * len(operations))
    landed = sent if sent and _is_proven(histories, server, sent) else 0
    for entity, history in histories.items():
        _Judgement(entity, history, server, comparison, landed).pass_()
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


@dataclass(slots=True)
class _History:
    """What a batch does to one entity, as the positions of its operations and the net change."""

    entity_type: str
    key: dict[str, str]
    created: int | None = None
    deleted: int | None = None
    attributes: dict[str, _Attribute] = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        """Whether the batch creates the entity and leaves it there."""
        return self.created is not None and self.deleted is None

    @property
    def positions(self) -> Iterator[int]:
        """The positions of all operations."""
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
            history.created, history.deleted = position, None
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


def _is_proven(histories: Mapping[Identity, _History], server: _Server, sent: int) -> bool:
    """Return whether one of the first *sent* operations shows an effect that is theirs alone."""
    for entity, history in histories.items():
        if not server.holds(entity):
            continue
        if history.is_new and history.created is not None and history.created < sent:
            return True
        for name, attribute in history.attributes.items():
            if (
                attribute.positions
                and attribute.positions[-1] < sent
                and attribute.recorded is not UNSET
                and not _equal(attribute.recorded, attribute.wanted)
                and _equal(server.value(entity, name), attribute.wanted)
            ):
                return True
    return False


@dataclass(frozen=True, slots=True)
class _Judgement:
    """Judges what a batch does to one entity; the first *landed* operations are on the server."""

    entity: Identity
    history: _History
    server: _Server
    comparison: Comparison
    landed: int

    def pass_(self) -> None:
        """Set the standing of each operation on the entity."""
        history = self.history
        there = self.server.holds(self.entity)
        if history.created is not None and history.deleted is not None:
            # It comes and goes: nothing of it can be seen, whether it was sent or not.
            known = history.deleted < self.landed
            self._set(history.positions, Standing.THERE if known else Standing.MISSING)
        elif history.deleted is not None:
            self._set(history.positions, Standing.MISSING if there else Standing.THERE)
        elif history.created is not None:
            if there:
                self._judge_new(history.created)
        elif there:
            for name, attribute in history.attributes.items():
                self._judge_attribute(name, attribute)
        else:
            self._judge_gone()

    def _judge_new(self, created: int) -> None:
        self._set([created], Standing.THERE)
        for name, attribute in self.history.attributes.items():
            self._judge_attribute(name, attribute, created)

    def _judge_attribute(
        self, name: str, attribute: _Attribute, created: int | None = None
    ) -> None:
        """Judge an attribute of an entity that is there, and that the batch creates at *created*."""
        positions = attribute.positions if created is None else [created, *attribute.positions]
        now = self.server.value(self.entity, name)
        known = positions[-1] < self.landed
        if name in _LISTS_OF_PARTS or now is UNSET:
            standing = Standing.THERE if known or created is not None else Standing.MISSING
        elif _equal(now, attribute.wanted):
            standing = Standing.THERE
        elif any(value is UNSET or _equal(now, value) for value in attribute.earlier):
            standing = Standing.MISSING
        elif known:
            standing = Standing.THERE
        elif _only_adds(attribute, self.server):
            standing = self._add_members(attribute, now)
        else:
            standing = Standing.CONFLICT
            self._report(name, attribute, now)
        self._set(positions if standing is Standing.CONFLICT else attribute.positions, standing)

    def _judge_gone(self) -> None:
        """Everything that was wanted of an entity that is gone is in conflict."""
        history = self.history
        if any(self.server.is_new((part,)) for part in history.key.values()):
            return  # a custom attribute of an entity that comes with the batch
        for name, attribute in history.attributes.items():
            if attribute.positions[-1] < self.landed:
                self._set(attribute.positions, Standing.THERE)
            else:
                self._set(attribute.positions, Standing.CONFLICT)
                self._report(name, attribute, None, gone=True)

    def _add_members(self, attribute: _Attribute, now: list[Any]) -> Standing:
        before, present = _keys(attribute.recorded), _keys(now)
        added = [item for item in attribute.wanted if _key(item) not in before]
        if all(_key(item) in present for item in added):
            return Standing.THERE
        together = [*now, *(item for item in added if _key(item) not in present)]
        self.comparison.adjusted[attribute.positions[-1]] = together
        return Standing.MISSING

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

    def _set(self, positions: Iterable[int], standing: Standing) -> None:
        for position in positions:
            self.comparison.standings[position] = standing


def _only_adds(attribute: _Attribute, server: _Server) -> bool:
    """Return whether a collection only gains entities, all of which the batch itself creates."""
    if not isinstance(attribute.recorded, list) or not isinstance(attribute.wanted, list):
        return False
    before, after = _keys(attribute.recorded), _keys(attribute.wanted)
    return before <= after and all(server.is_new(key) for key in after - before)


# -- asking ----------------------------------------------------------------------------------------


class _Server:
    """What the server holds of the entities that a batch changes."""

    def __init__(self, connection: Connection, histories: Iterable[_History]) -> None:
        self._schemas = {schema["id"]: schema for schema in connection.schemas()}
        self._entities: dict[Identity, dict[str, Any]] = {}
        listed = list(histories)
        self._new = {tuple(history.key.values()) for history in listed if history.is_new}
        queries = list(self._queries(listed))
        for answer, entity_type in zip(
            connection.call([query for query, _ in queries]) if queries else (),
            (entity_type for _, entity_type in queries),
            strict=True,
        ):
            names = self._primary_key(entity_type)
            for data in answer["data"]:
                key = tuple(str(data[name]) for name in names)
                self._entities[entity_type, key] = data

    def holds(self, entity: Identity) -> bool:
        """Return whether the entity is there."""
        return entity in self._entities

    def is_new(self, key: tuple[str, ...]) -> bool:
        """Return whether the batch itself creates the entity with that key."""
        return key in self._new

    def value(self, entity: Identity, name: str) -> Any:
        """Return an attribute in ftrack's JSON form, or `UNSET` where it cannot be asked for."""
        value = self._entities[entity].get(name, UNSET)
        if isinstance(value, list):
            return [self._reference(item) for item in value]
        return self._reference(value)

    def _queries(self, histories: Sequence[_History]) -> Iterator[tuple[dict[str, str], str]]:
        by_type: dict[str, list[_History]] = {}
        for history in histories:
            by_type.setdefault(history.entity_type, []).append(history)
        for entity_type, listed in by_type.items():
            if entity_type not in self._schemas:
                continue
            names = self._projections(entity_type, listed)
            for start in range(0, len(listed), _PAGE):
                condition = _condition([each.key for each in listed[start : start + _PAGE]])
                expression = f"select {', '.join(names)} from {entity_type} where {condition}"
                yield {"action": "query", "expression": expression}, entity_type

    def _projections(self, entity_type: str, histories: Iterable[_History]) -> list[str]:
        properties = self._schemas[entity_type]["properties"]
        wanted = {name for history in histories for name in history.attributes}
        asked = sorted(
            name
            for name in wanted - _LISTS_OF_PARTS
            if name in properties and not properties[name].get("restricted_projection")
        )
        return [*self._primary_key(entity_type), *asked]

    def _reference(self, value: Any) -> Any:
        """Return an entity with no more than its key, everything else as it is."""
        if not isinstance(value, Mapping) or "__entity_type__" not in value:
            return value
        names = self._primary_key(value["__entity_type__"])
        return {name: value[name] for name in ("__entity_type__", *names)}

    def _primary_key(self, entity_type: str) -> list[str]:
        return list(self._schemas[entity_type]["primary_key"])


def _condition(keys: Sequence[Mapping[str, str]]) -> str:
    """Return the condition that an entity has one of *keys*."""
    names = list(keys[0])
    if len(names) == 1:
        return _listed(names[0], (key[names[0]] for key in keys))
    return " or ".join(
        "({})".format(" and ".join(f"{name} is {quoted(part)}" for name, part in key.items()))
        for key in keys
    )


def _listed(name: str, values: Iterable[str]) -> str:
    return f"{name} in ({', '.join(map(quoted, values))})"


def quoted(text: str) -> str:
    """Return *text* as a literal of the query language."""
    return '"' + text.replace('"', '\\"') + '"'


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
