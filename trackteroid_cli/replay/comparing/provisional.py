"""Provisional values that came out otherwise: the server has set another than the author read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trackteroid_cli.batches.operations import (
    UNSET,
    Create,
    Identity,
    Operation,
    identity,
    texts,
    values_set,
)
from trackteroid_cli.errors import in_short
from trackteroid_cli.replay.comparing.conflicts import names_for
from trackteroid_cli.replay.comparing.equality import equal
from trackteroid_cli.replay.comparing.history import History, histories
from trackteroid_cli.replay.comparing.server_state import ServerState

if TYPE_CHECKING:
    from trackteroid_cli.batches.batch import Batch
    from trackteroid_cli.batches.labels import Names
    from trackteroid_cli.server.connection import Connection


@dataclass(frozen=True, slots=True)
class Difference:
    """A provisional value, and what the server has set instead; both in ftrack's JSON form.

    Attributes:
        recorded: what the author read.
        now: what the server has set.
        label: what a person calls the entity.
    """

    entity_type: str
    entity_key: dict[str, str]
    attribute: str
    recorded: object
    now: object
    label: str = ""

    @property
    def entity(self) -> Identity:
        """The entity that the value is of."""
        return Identity(self.entity_type, tuple(self.entity_key.values()))


@dataclass(frozen=True, slots=True)
class Differences:
    """The provisional values of a batch that came out otherwise, and a sentence about them."""

    values: Sequence[Difference] = ()
    sentence: str = ""


def differences(
    batch: Batch, operations: Sequence[Operation], connection: Connection
) -> Differences:
    """Return which provisional values of a batch that landed the server has set otherwise.

    Raises:
        ServerError: the server cannot be asked.
    """
    marked = [
        replace(each, entity_data=each.provisional)
        for each in operations
        if isinstance(each, Create) and each.provisional
    ]
    if not marked:
        return Differences()
    asked = histories(marked)
    server = ServerState(connection, asked.values())
    found = list(_differing(asked, histories(operations), server))
    if not found:
        return Differences()
    names = names_for([each.now for each in found], batch, operations, connection)
    named = [replace(each, label=names.of(each.entity)) for each in found]
    return Differences(named, _sentence(named, operations, names))


def _differing(
    asked: dict[Identity, History], whole: dict[Identity, History], server: ServerState
) -> Iterator[Difference]:
    for entity, history in asked.items():
        if not server.holds(entity):
            continue  # the batch itself, or somebody else, has deleted it
        for name, attribute in history.attributes.items():
            if not whole[entity].attributes.keys().isdisjoint({name, f"{name}_id"}):
                continue  # the batch sets it later
            now = server.value(entity, name)
            if now is not UNSET and not equal(now, attribute.wanted):
                yield Difference(history.entity_type, history.key, name, attribute.wanted, now)


def _sentence(found: Sequence[Difference], operations: Sequence[Operation], names: Names) -> str:
    lines = [
        f"{each.attribute} of {each.entity_type} {each.label} was {names.value(each.recorded)} "
        f"when recorded, and is {names.value(each.now)} now"
        for each in found
    ]
    numbers = {each.recorded for each in found if isinstance(each.recorded, int)}
    places = dict.fromkeys(_places(numbers, operations, names))
    written = f"; see {in_short(list(places))}" if places else ""
    return in_short(lines) + written


def _places(numbers: set[int], operations: Sequence[Operation], names: Names) -> Iterator[str]:
    """Yield where the batch writes one of *numbers* as of a version, such as ``v003``."""
    if not numbers:
        return
    number = "|".join(map(str, sorted(numbers)))
    version = re.compile(rf"(?<![a-z0-9])v0*({number})(?!\d)", re.IGNORECASE)
    for operation in operations:
        for name, value in values_set(operation).items():
            match = next(filter(None, map(version.search, texts(value))), None)
            if match is not None:
                entity = names.of(identity(operation))
                yield f"{match[0]} in {name} of {operation.entity_type} {entity}"
