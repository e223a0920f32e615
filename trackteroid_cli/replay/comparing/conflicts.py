"""Conflicts: attributes that show neither what the author saw nor what the batch wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trackteroid_cli.batches.labels import NAMES, Label, Names, label_of, references
from trackteroid_cli.batches.operations import Identity, Operation
from trackteroid_cli.server.expressions import listed, query

if TYPE_CHECKING:
    from trackteroid_cli.batches.batch import Batch
    from trackteroid_cli.server.connection import Connection


@dataclass(frozen=True, slots=True)
class Conflict:
    """An attribute that is not as the author saw it; ``''`` stands for the entity as a whole.

    Values are in ftrack's JSON form; None where there is no entity, or no value.

    Attributes:
        recorded: what the author saw.
        now: what the server shows.
        wanted: what the batch sets.
        gone: whether the entity itself is not there any more.
        label: what a person calls the entity, as far as it was looked up.
    """

    entity_type: str
    entity_key: dict[str, str]
    attribute: str
    recorded: object
    now: object
    wanted: object
    gone: bool = False
    label: str = ""

    @property
    def entity(self) -> Identity:
        """The entity that the conflict is about."""
        return Identity(self.entity_type, tuple(self.entity_key.values()))


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


def labelled(conflicts: Iterable[Conflict], names: Names) -> list[Conflict]:
    """Return *conflicts* with the labels of their entities."""
    return [replace(each, label=names.of(each.entity)) for each in conflicts]


def conflict_line(conflict: Conflict, names: Names) -> str:
    """Return a conflict in a few words."""
    what = f"{conflict.attribute} of {conflict.entity_type} {names.of(conflict.entity)}"
    if conflict.gone:
        return f"{what} cannot be set: the entity is gone"
    recorded, now, wanted = (
        names.value(value) for value in (conflict.recorded, conflict.now, conflict.wanted)
    )
    return f"{what} was {recorded} when recorded, is {now} now, and should become {wanted}"


def _labels_on_server(
    connection: Connection, entities: Iterable[Identity]
) -> Iterator[tuple[Identity, Label]]:
    """Yield the labels that the server has for *entities*; those without a name are left out."""
    schema = connection.schema
    ids: dict[str, dict[str, None]] = {}
    for entity_type, key in entities:
        if entity_type in schema and schema[entity_type].has_id:
            ids.setdefault(entity_type, {})[key[0]] = None
    for entity_type, keys in ids.items():
        names = schema[entity_type].having(NAMES)
        answer = connection.call([query(entity_type, ["id", *names], listed("id", keys))])[0]
        for data in answer["data"]:
            label = label_of(data)
            if label is not None:
                yield Identity(entity_type, (str(data["id"]),)), label
