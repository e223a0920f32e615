"""Conflicts: attributes that show neither what the author saw nor what the batch wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from trackteroid_cli.batches.labels import (
    NAMES,
    Label,
    Names,
    label_of,
    owner_id,
    owner_types,
    references,
)
from trackteroid_cli.batches.operations import Identity, Operation
from trackteroid_cli.server.expressions import can_write, listed, query

if TYPE_CHECKING:
    from trackteroid_cli.batches.batch import Batch
    from trackteroid_cli.server.connection import Connection


#: What a custom attribute is.
_CONFIGURATION = "CustomAttributeConfiguration"


class Problem(Enum):
    """What a conflict is about."""

    CHANGED = "changed"  #: an attribute is not as the author saw it
    GONE = "gone"  #: the entity is not there any more
    EXISTS = "exists"  #: the batch creates the entity, and it is there, with another value
    CHANGED_AND_DELETED = "changed, to be deleted"  #: an attribute of what the batch deletes
    CHANGED_BELOW = "changed, to be deleted with"  #: an entity that goes with a deleted one
    ADDED_BELOW = "added, to be deleted with"  #: it would go with one that the batch deletes
    HELD_BELOW = "held"  #: an entity that the batch deletes takes along another one in conflict


class Subject(NamedTuple):
    """An entity that a conflict is about, too."""

    entity_type: str
    entity_key: dict[str, str]


@dataclass(frozen=True, slots=True)
class Conflict:
    """An attribute that is not as the author saw it; ``''`` stands for the entity as a whole.

    Values are in ftrack's JSON form; None where there is no entity, or no value.

    Attributes:
        recorded: what the author saw.
        now: what the server shows.
        wanted: what the batch sets.
        problem: what the conflict is about.
        other: the entity that the batch deletes, and this one with it; or the one in conflict that
            goes with this one.
        label: what a person calls the entity, as far as it was looked up.
        text: the conflict in a few words, as far as names were looked up.
    """

    entity_type: str
    entity_key: dict[str, str]
    attribute: str
    recorded: object = None
    now: object = None
    wanted: object = None
    problem: Problem = Problem.CHANGED
    other: Subject | None = None
    label: str = ""
    text: str = ""

    @property
    def entity(self) -> Identity:
        """The entity that the conflict is about."""
        return Identity(self.entity_type, tuple(self.entity_key.values()))

    @property
    def gone(self) -> bool:
        """Whether the entity itself is not there any more."""
        return self.problem is Problem.GONE


def of_entity(subject: Subject, problem: Problem, other: Subject) -> Conflict:
    """Return a conflict about an entity as a whole."""
    return Conflict(*subject, "", problem=problem, other=other)


def other_in_words(conflict: Conflict, names: Names) -> str:
    """Return what people call the other entity of *conflict*; '' if there is none."""
    if conflict.other is None:
        return ""
    whose, attribute = names.subject(conflict.other)
    return f"{attribute} of {whose}" if attribute else whose


def names_for(
    values: Iterable[object],
    batch: Batch,
    operations: Sequence[Operation],
    connection: Connection,
) -> Names:
    """Return the names of all that a batch mentions, and of what *values* of the server mention.

    Raises:
        ServerError: the server cannot be asked.
    """
    labels = batch.labels()
    now = {entity for value in values for entity in references(value)} - set(labels)
    return Names(operations, {**labels, **dict(_labels_on_server(connection, now) if now else ())})


def named(
    conflicts: Sequence[Conflict],
    known: Mapping[Identity, Label],
    batch: Batch,
    operations: Sequence[Operation],
    connection: Connection,
) -> tuple[list[Conflict], Names]:
    """Return *conflicts* in words, and the names that these use.

    Args:
        known: labels of entities of the conflicts that the batch does not mention.

    Raises:
        ServerError: the server cannot be asked.
    """
    labels = {**known, **batch.labels()}
    names = Names(operations, labels)
    asked = {
        entity
        for each in conflicts
        for entity in (*references(each.now), *references(each.recorded), *_owners(each, names))
    }
    missing = [each for each in asked if names.label(each) is None]
    if missing:
        names = Names(operations, {**dict(_labels_on_server(connection, missing)), **labels})
    return [
        replace(each, label=names.of(each.entity), text=_line(each, names)) for each in conflicts
    ], names


def _owners(conflict: Conflict, names: Names) -> Iterator[Identity]:
    """Yield what a value that *conflict* is about may belong to, if the batch does not say it."""
    owner = owner_id(conflict)
    if owner and names.known(owner) is None:
        yield from (Identity(each, (owner,)) for each in owner_types(conflict.entity_type))
    if "configuration_id" in conflict.entity_key and names.label(conflict.entity) is None:
        yield Identity(_CONFIGURATION, (conflict.entity_key["configuration_id"],))


def _line(conflict: Conflict, names: Names) -> str:
    """Return *conflict* in a few words."""
    whose, attribute = names.subject(conflict, conflict.attribute)
    what = f"{attribute} of {whose}" if attribute else whose
    other = other_in_words(conflict, names)
    recorded, now, wanted = (
        names.value(value) for value in (conflict.recorded, conflict.now, conflict.wanted)
    )
    return {
        Problem.CHANGED: f"{what} was {recorded} when recorded, is {now} now, and should become "
        f"{wanted}",
        Problem.GONE: f"{what} cannot be set: the entity is gone",
        Problem.EXISTS: f"{whose}, which should be created, exists already: its {attribute} is "
        f"{now}, and should be {wanted}",
        Problem.CHANGED_AND_DELETED: f"{what}, which should be deleted, was {recorded} when "
        f"recorded, and is {now} now",
        Problem.CHANGED_BELOW: f"{what} has changed since it was recorded, and would be deleted "
        f"with {other}",
        Problem.ADDED_BELOW: f"{what} was added since it was recorded, and would be deleted with "
        f"{other}",
        Problem.HELD_BELOW: f"{what} cannot be deleted without {other}",
    }[conflict.problem]


def _labels_on_server(
    connection: Connection, entities: Iterable[Identity]
) -> Iterator[tuple[Identity, Label]]:
    """Yield the labels that the server has for *entities*; those without a name are left out."""
    schema = connection.schema
    ids: dict[str, dict[str, None]] = {}
    for entity_type, key in entities:
        if entity_type in schema and schema[entity_type].has_id and can_write(key[0]):
            ids.setdefault(entity_type, {})[key[0]] = None
    for entity_type, keys in ids.items():
        # Scripts name a custom attribute by its key.
        best = ("key",) if entity_type == _CONFIGURATION else ("link", *NAMES)
        names = schema[entity_type].having(best)
        answer = connection.call([query(entity_type, ["id", *names], listed("id", keys))])[0]
        for data in answer["data"]:
            label = label_of(data)
            if label is not None:
                yield (
                    Identity(str(data.get("__entity_type__", entity_type)), (str(data["id"]),)),
                    label,
                )
