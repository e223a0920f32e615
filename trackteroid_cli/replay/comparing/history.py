"""Histories: what the operations of a batch do to each entity, taken together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trackteroid_cli.batches.labels import is_custom_attribute_value
from trackteroid_cli.batches.operations import (
    UNSET,
    Create,
    Delete,
    Identity,
    Operation,
    TakenAlong,
    Update,
    identity,
)


@dataclass(slots=True)
class AttributeHistory:
    """What a batch does to one attribute.

    Attributes:
        recorded: the value that the author saw.
        wanted: the value in the end.
        positions: those of the updates.
        earlier: the values before each update, from the one that the author saw.
    """

    recorded: object
    wanted: object
    positions: list[int]
    earlier: list[object] = field(default_factory=list)

    def values(self) -> Iterator[tuple[int, object]]:
        """Yield the position of each update, and the value that it sets."""
        yield from zip(self.positions, [*self.earlier[1:], self.wanted], strict=True)


@dataclass(slots=True)
class History:
    """What a batch does to one entity: the positions of its operations, and the net change.

    Attributes:
        created, deleted: the positions of the create and the delete.
        attributes: the net change of each attribute.
        seen, takes_along, not_known: those of the first delete; see `Delete`.
        first_delete: its position, unless the batch creates the entity before.
        replaced: the positions before the entity is created again in its own place, as happens
            when metadata is removed and set again.
    """

    entity_type: str
    key: dict[str, str]
    created: int | None = None
    deleted: int | None = None
    attributes: dict[str, AttributeHistory] = field(default_factory=dict)
    replaced: list[int] = field(default_factory=list)
    seen: dict[str, object] = field(default_factory=dict)
    takes_along: list[TakenAlong] | None = None
    not_known: list[str] = field(default_factory=list)
    first_delete: int | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the batch creates the entity, under an id that was drawn for it alone."""
        made = self.created is not None and self.deleted is None
        return made and len(self.key) == 1 and not self.replaced

    @property
    def positions(self) -> Iterator[int]:
        """The positions of all operations."""
        yield from self.replaced
        yield from (each for each in (self.created, self.deleted) if each is not None)
        for attribute in self.attributes.values():
            yield from attribute.positions

    def delete(self, position: int, operation: Delete) -> None:
        """Let the entity end with the operation at *position*."""
        self.deleted = position
        if self.first_delete is None and self.created is None:
            self.first_delete = position
            self.seen, self.takes_along = operation.seen, operation.takes_along
            self.not_known = operation.not_known

    def replace(self, position: int) -> None:
        """Let the entity begin anew with the operation at *position*."""
        self.replaced = list(self.positions)
        self.created, self.deleted, self.attributes = position, None, {}


def histories(operations: Sequence[Operation]) -> dict[Identity, History]:
    """Return what *operations* do to each entity, in the order of their first operations.

    The value of a custom attribute has several types: it is set as one, and may be deleted as
    another. Both belong to the history under the type of the delete.
    """
    found: dict[Identity, History] = {}
    deleted_values = {
        tuple(operation.entity_key.values()): identity(operation)
        for operation in operations
        if isinstance(operation, Delete) and is_custom_attribute_value(operation.entity_type)
    }
    for position, operation in enumerate(operations):
        entity = identity(operation)
        if is_custom_attribute_value(operation.entity_type):
            entity = deleted_values.get(entity[1], entity)
        history = found.get(entity)
        if history is None:
            history = found[entity] = History(entity[0], operation.entity_key)
        if isinstance(operation, Create):
            history.replace(position)
            for name, value in operation.entity_data.items():
                if name not in operation.entity_key:
                    history.attributes[name] = AttributeHistory(UNSET, value, [])
        elif (
            isinstance(operation, Update)
            and history.deleted is not None
            and is_custom_attribute_value(operation.entity_type)
        ):
            history.replace(position)  # setting it makes it anew
            history.attributes[operation.attribute_name] = AttributeHistory(
                UNSET, operation.new_value, []
            )
        elif isinstance(operation, Delete):
            history.delete(position, operation)
        else:
            _add_update(history, position, operation)
    return found


def _add_update(history: History, position: int, operation: Update) -> None:
    known = history.attributes.get(operation.attribute_name)
    if known is None:
        history.attributes[operation.attribute_name] = AttributeHistory(
            operation.old_value, operation.new_value, [position], [operation.old_value]
        )
    else:
        known.earlier.append(known.wanted)
        known.wanted = operation.new_value
        known.positions.append(position)
