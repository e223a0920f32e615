"""The diff of a batch: what it creates, what it changes from what to what, what it deletes.

Entities are shown by the names that the batch keeps. Attributes that a create only sets to their
usual default are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from rich.text import Text

from trackteroid_cli.batches.labels import Label, Names
from trackteroid_cli.batches.operations import (
    LISTS_OF_PARTS,
    UNSET,
    Create,
    Delete,
    Identity,
    Operation,
    Update,
    identity,
)

_MARKS = {
    "+": "green",
    "~": "yellow",
    "-": "red",
}


class _Change(NamedTuple):
    """A change of an attribute; a provisional value is what the server would set."""

    name: str
    old: object
    new: object
    provisional: bool = False


#: Types whose rows are shown as attributes of their owner -> the part of the key that is its id.
_OWNER_KEYS = {"Metadata": "parent_id", "CustomAttributeValue": "entity_id"}


def _kind(entity_type: str) -> str:
    return "CustomAttributeValue" if entity_type.endswith("CustomAttributeValue") else entity_type


class Diff:
    """The lines of a review.

    Args:
        operations: those of a batch, in order.
        labels: what the entities that the batch does not create are called.
    """

    def __init__(self, operations: list[Operation], labels: Mapping[Identity, Label]) -> None:
        self._operations = operations
        self._labels = labels
        self._names = Names(operations, labels)
        self._known_ids = {
            entity.key[0]: entity
            for entity in (*labels, *map(identity, operations))
            if len(entity.key) == 1
        }

    def lines(self) -> Iterator[Text]:
        """Yield the lines, entity by entity in the order of their first operations."""
        entities: dict[Identity, list[Operation]] = {}
        for operation in self._operations:
            entities.setdefault(self._shown_with(operation), []).append(operation)
        for entity, operations in entities.items():
            yield from self._entity(entity, operations)
            yield Text()

    def _shown_with(self, operation: Operation) -> Identity:
        """Return the entity below which *operation* is shown.

        Metadata and custom attributes are shown as attributes of the entity that they are of.
        """
        owner = operation.entity_key.get(_OWNER_KEYS.get(_kind(operation.entity_type), ""))
        return self._known_ids.get(owner or "", identity(operation))

    def _entity(self, entity: Identity, operations: list[Operation]) -> Iterator[Text]:
        own = [each for each in operations if identity(each) == entity]
        parts = [each for each in operations if identity(each) != entity]
        mark = "~"
        if any(isinstance(each, Create) for each in own):
            mark = "+"
        if any(isinstance(each, Delete) for each in own):
            mark = "-"
        changes = [change for each in own for change in self._changes(each, bool(parts))]
        changes += [self._part(each) for each in parts]
        line = Text(f"{mark} {entity[0]}", style=f"bold {_MARKS[mark]}")
        line.append(f"  {self._names.of(entity)}", style="not bold default")
        yield line
        width = max((len(change.name) for change in changes), default=0)
        for change in changes:
            yield self._change(change, width, known=mark != "+")

    def _changes(self, operation: Operation, has_parts: bool) -> Iterator[_Change]:
        if isinstance(operation, Create):
            for name, value in self._notable(operation).items():
                yield _Change(name, UNSET, value)
            for name, value in operation.provisional.items():
                yield _Change(name, UNSET, value, provisional=True)
        # Where the parts are shown, their list says no more.
        elif isinstance(operation, Update) and not (
            has_parts and operation.attribute_name in LISTS_OF_PARTS
        ):
            yield _Change(operation.attribute_name, operation.old_value, operation.new_value)

    def _part(self, operation: Operation) -> _Change:
        """Return the change of one metadata entry or custom attribute, named as scripts name it."""
        if _kind(operation.entity_type) == "Metadata":
            name = f"metadata.{operation.entity_key['key']}"
        else:
            label = self._labels.get(identity(operation))
            name = f"custom_attributes.{label.label if label else '?'}"
        if isinstance(operation, Create):
            return _Change(name, None, operation.entity_data.get("value"))
        if isinstance(operation, Update):
            return _Change(name, operation.old_value, operation.new_value)
        return _Change(name, UNSET, None)

    def _change(self, change: _Change, width: int, *, known: bool) -> Text:
        name, old, new, provisional = change
        line = Text(f"    {name.ljust(width)}  ", style="cyan")
        if provisional:
            line.append(self._names.value(new), style="yellow")
            return line.append("  provisional: the server decides", style="dim")
        if known:
            if isinstance(old, list) and isinstance(new, list):
                return line.append_text(self._membership(old, new))
            line.append("?" if old is UNSET else self._names.value(old), style="red")
            line.append(" → ", style="dim")
        line.append(self._names.value(new), style="green")
        return line

    def _membership(self, old: list[object], new: list[object]) -> Text:
        line = Text(style="default")
        before, after = set(map(str, old)), set(map(str, new))
        gone = [item for item in old if str(item) not in after]
        added = [item for item in new if str(item) not in before]
        parts = [(f"- {self._names.value(item)}", "red") for item in gone]
        parts += [(f"+ {self._names.value(item)}", "green") for item in added]
        kept = len(new) - len(added)
        if kept:
            parts.append((f"{kept} unchanged", "dim"))
        for position, (text, style) in enumerate(parts or [("unchanged", "dim")]):
            line.append(", " if position else "", style="dim")
            line.append(text, style=style)
        return line

    def _notable(self, create: Create) -> dict[str, object]:
        """Return the attributes of a create that are worth showing."""
        usual = self._defaults.get(create.entity_type, {})
        named = {name for name in create.entity_data if f"{name}_id" in create.entity_data}
        return {
            name: value
            for name, value in create.entity_data.items()
            if value is not None
            and name not in create.entity_key
            and not (name in usual and usual[name] == value)
            and name.removesuffix("_id") not in named - {name}
        }

    @cached_property
    def _defaults(self) -> dict[str, dict[str, object]]:
        from trackteroid_cli.engine.schema.standard import standard_schemas

        return {
            schema["id"]: {
                name: fragment["default"]
                for name, fragment in schema["properties"].items()
                if "default" in fragment
            }
            for schema in standard_schemas()
        }
