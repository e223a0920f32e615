"""The diff of a batch: what it creates, what it changes from what to what, what it deletes.

Entities are shown by the names that the batch keeps. Attributes that a create only sets to their
usual default are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from rich.text import Text

from trackteroid_cli.batches.labels import Label, Names, owner_id, referenced
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
    """A change of an attribute; a provisional value is what the server would set.

    A change that is *left_out* was in conflict, and was not sent with the rest of the batch.
    """

    name: str
    old: object
    new: object
    provisional: bool = False
    left_out: bool = False


_LEFT_OUT = "  left out: in conflict, not sent"

#: How many names of one type a delete shows of what it takes along.
_NAMED = 6


class Diff:
    """The lines of a review.

    Args:
        operations: those of a batch, in order.
        labels: what the entities that the batch does not create are called.
        left_out: the positions of operations that were left out when the batch was committed.
    """

    def __init__(
        self,
        operations: list[Operation],
        labels: Mapping[Identity, Label],
        left_out: Collection[int] = (),
    ) -> None:
        self._operations = operations
        self._names = Names(operations, labels)
        self._left_out = {
            id(operation) for position, operation in enumerate(operations) if position in left_out
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
        return self._names.known(owner_id(operation)) or identity(operation)

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
        whole = [each for each in own if not isinstance(each, Update)]
        line = Text(f"{mark} {entity[0]}", style=f"bold {_MARKS[mark]}")
        line.append(f"  {self._names.of(entity)}", style="not bold default")
        if any(id(each) in self._left_out for each in whole):
            line.append(_LEFT_OUT, style="not bold yellow")
        yield line
        width = max((len(change.name) for change in changes), default=0)
        for change in changes:
            line = self._change(change, width, known=mark != "+")
            if change.left_out:
                line.append(_LEFT_OUT, style="yellow")
            yield line
        for each in own:
            if isinstance(each, Delete):
                yield from _taken_along(each)

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
            yield _Change(
                operation.attribute_name,
                operation.old_value,
                operation.new_value,
                left_out=id(operation) in self._left_out,
            )

    def _part(self, operation: Operation) -> _Change:
        """Return the change of one metadata entry or custom attribute, named as scripts name it."""
        name = self._names.subject(operation)[1]
        left_out = id(operation) in self._left_out
        if isinstance(operation, Create):
            return _Change(name, None, operation.entity_data.get("value"), left_out=left_out)
        if isinstance(operation, Update):
            old, new = operation.old_value, operation.new_value
            return _Change(name, old, new, left_out=left_out)
        return _Change(name, operation.seen.get("value") or UNSET, None, left_out=left_out)

    def _change(self, change: _Change, width: int, *, known: bool) -> Text:
        name, old, new, provisional, _ = change
        line = Text(f"    {name.ljust(width)}  ", style="cyan")
        if provisional:
            line.append(self._names.value(new), style="yellow")
            return line.append("  provisional: the server decides", style="dim")
        if known:
            if isinstance(old, list) and isinstance(new, list):
                return line.append_text(self._membership(old, new))
            before, after = "?" if old is UNSET else self._names.value(old), self._names.value(new)
            if old == new:
                line.append(after, style="green")
                return line.append("  set again, unchanged", style="dim")
            if before == after:  # two entities of one name
                before, after = _with_key(before, old), _with_key(after, new)
            line.append(before, style="red")
            line.append(" → ", style="dim")
            return line.append(after, style="green")
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


def _with_key(name: str, value: object) -> str:
    """Return the *name* of a reference with what tells it from another one of that name."""
    key = " ".join(referenced(value).key) if isinstance(value, Mapping) else ""
    return f"{name} ({key})" if key else name


def _taken_along(delete: Delete) -> Iterator[Text]:
    """Yield what the server deletes along with the entity of *delete*, a line for each type."""
    if len(delete.entity_key) > 1:
        return  # nothing is below a value, or a row between two entities
    if delete.takes_along is None:
        yield Text("    with all that is below it, which was not recorded", style="yellow")
        return
    names: dict[str, list[str]] = defaultdict(list)
    for each in delete.takes_along:
        names[each.entity_type].append(each.label)
    counts = {kind: f"{len(each)} {kind}" for kind, each in names.items()}
    width = max(map(len, counts.values()), default=0)
    for kind, labels in names.items():
        shown = list(dict.fromkeys(filter(None, labels)))
        more = f", and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
        line = Text(f"    - {counts[kind].ljust(width)}  ", style="red")
        line.append(f"{', '.join(shown[:_NAMED])}{more}", style="default")
        line.rstrip()
        yield line
    if delete.not_known:
        kinds = ", ".join(delete.not_known)
        yield Text(f"    with all that is below it of these, not recorded: {kinds}", style="yellow")
