"""Deletions compared: newer work that a batch would delete without having seen it.

A delete knows the values of its entity and what the server deletes along with it, as they were when
it was recorded. What has changed or was added since is somebody's newer work, unless the batch
itself, or an earlier one, has done it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackteroid_cli.batches.labels import Label
from trackteroid_cli.batches.operations import UNSET, Identity, Operation, identity
from trackteroid_cli.replay.comparing.conflicts import Conflict, Problem, Subject, of_entity
from trackteroid_cli.replay.comparing.equality import equal, key_of
from trackteroid_cli.replay.comparing.history import History
from trackteroid_cli.replay.comparing.taken_along import Key, Row, Takings, find_taken_along

if TYPE_CHECKING:
    from trackteroid_cli.replay.comparing.predecessors import Predecessors
    from trackteroid_cli.replay.comparing.server_state import ServerState
    from trackteroid_cli.server.connection import Connection


@dataclass(frozen=True, slots=True)
class NewerWork:
    """What must not be deleted in silence.

    Attributes:
        conflicts: what has changed or was added.
        held: the entities whose deletes would delete any of that.
        labels: what people call the entities of the conflicts, and what these are parts of.
    """

    conflicts: list[Conflict] = field(default_factory=list)
    held: set[Identity] = field(default_factory=set)
    labels: dict[Identity, Label] = field(default_factory=dict)


def newer_work(
    operations: Sequence[Operation],
    histories: Mapping[Identity, History],
    server: ServerState,
    connection: Connection,
    predecessors: Predecessors | None,
    *,
    landed: int,
    sent: int,
) -> NewerWork:
    """Return what has changed since of what a batch deletes.

    Args:
        landed: how many operations, from the first, are on the server.
        sent: how many of them may be.

    Raises:
        ServerError: the server cannot be asked.
    """
    deleted = {
        entity: history
        for entity, history in histories.items()
        if history.first_delete is not None
        and history.first_delete >= landed
        and server.holds(entity)
    }
    found = NewerWork()
    for entity, history in deleted.items():
        changed = list(_changed(entity, history, server, predecessors))
        if changed:
            found.held.add(entity)
            found.conflicts.extend(changed)
    _Below(histories, deleted, found, predecessors, sent).compare(operations, connection)
    return found


def _changed(
    entity: Identity, history: History, server: ServerState, predecessors: Predecessors | None
) -> Iterator[Conflict]:
    """Yield the values of an entity that is to be deleted that are not as the author saw them."""
    for name, seen in history.seen.items():
        now = server.value(entity, name)
        if now is UNSET or equal(now, seen):
            continue
        reference = name.removesuffix("_id")
        ours = [
            value
            for each in (name, reference)
            for value in (
                *_values_of(history, each),
                *(predecessors.values(entity, each) if predecessors else ()),
            )
        ]
        if not any(equal(_column(value), now) for value in ours):
            attribute, shown = server.reference(history.entity_type, name)
            yield Conflict(
                history.entity_type,
                history.key,
                attribute,
                shown(seen),
                shown(now),
                problem=Problem.CHANGED_AND_DELETED,
            )


def _values_of(history: History, name: str) -> list[object]:
    attribute = history.attributes.get(name)
    return [*attribute.earlier, attribute.wanted] if attribute is not None else []


def _column(value: object) -> object:
    """Return what the column of a reference holds; any other value as it is."""
    if isinstance(value, Mapping) and "__entity_type__" in value:
        return next(iter(key_of(value)), None)
    return value


class _Below:
    """Compares what goes with the entities that a batch deletes, and adds to what was *found*."""

    def __init__(
        self,
        histories: Mapping[Identity, History],
        deleted: Mapping[Identity, History],
        found: NewerWork,
        predecessors: Predecessors | None,
        sent: int,
    ) -> None:
        self._histories = deleted
        self._found = found
        self._deleted = {entity.key: entity for entity in deleted}
        self._compared = [
            entity for entity, history in deleted.items() if history.takes_along is not None
        ]
        taken = [each for history in deleted.values() for each in history.takes_along or ()]
        self._digests = {key_of(each.entity_key): each.digest for each in taken}
        self._not_known = {name for each in deleted.values() for name in each.not_known}
        keys = {key_of(each.key): each for each in histories.values()}
        self._made: Container[Key] = {key for key, each in keys.items() if each.created is not None}
        self._touched: Container[Key] = keys if sent else ()
        self._predecessors = predecessors

    def compare(self, operations: Sequence[Operation], connection: Connection) -> None:
        """Ask the server what goes with the entities, and compare."""
        if not self._compared:
            return
        takings = find_taken_along(
            self._compared,
            connection,
            operations,
            without=self._not_known,
            tolerant=False,
        )
        for key, row in takings.rows.items():
            problem = self._problem(key, row, takings)
            if problem is not None:
                self._add(key, row, problem, takings)
        self._hold_what_is_above(takings)

    def _problem(self, key: Key, row: Row, takings: Takings) -> Problem | None:
        digest = self._digests.get(key)
        if digest is not None:
            same = digest in ("", row.taken.digest) or self._is_touched(key)
            return None if same else Problem.CHANGED_BELOW
        if row.moved or self._is_made(key) or self._is_moved(key, takings):
            return None
        # A row between two entities, or a value, comes with what it is of.
        if len(key) > 1 and any(map(self._is_made, takings.owners[key])):
            return None
        return Problem.ADDED_BELOW

    def _is_made(self, key: Key) -> bool:
        return key in self._made or (
            self._predecessors is not None and self._predecessors.created(key)
        )

    def _is_moved(self, key: Key, takings: Takings) -> bool:
        """Return whether an earlier batch has put the entity where it goes."""
        return self._predecessors is not None and any(
            self._predecessors.refers(key, owner[0]) for owner in takings.owners[key]
        )

    def _is_touched(self, key: Key) -> bool:
        return key in self._touched or (
            self._predecessors is not None and self._predecessors.changed(key)
        )

    def _add(self, key: Key, row: Row, problem: Problem, takings: Takings) -> None:
        owners = [self._deleted[each] for each in takings.above(key) if each in self._deleted]
        self._found.held.update(owners)
        self._found.conflicts.append(
            of_entity(
                Subject(row.taken.entity_type, row.taken.entity_key),
                problem,
                self._subject(owners[0]),
            )
        )
        # It may be a value of something else that goes, too.
        for each in (row, *filter(None, map(takings.rows.get, takings.owners[key]))):
            if each.label is not None:
                self._found.labels[identity(each.taken)] = each.label

    def _hold_what_is_above(self, takings: Takings) -> None:
        """Hold the deletes that would take along an entity whose own delete is held."""
        for entity in list(self._found.held):
            for key in takings.above(key_of(self._histories[entity].key)):
                above = self._deleted.get(key)
                if above is not None and above not in self._found.held:
                    self._found.held.add(above)
                    self._found.conflicts.append(
                        of_entity(self._subject(above), Problem.HELD_BELOW, self._subject(entity))
                    )

    def _subject(self, entity: Identity) -> Subject:
        return Subject(entity.entity_type, self._histories[entity].key)
