"""A batch as a reviewable diff: what is new, what changes from what to what, what goes.

Entities are shown by the names that the batch keeps. Attributes that a create only sets to their
usual default are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeAlias

from rich.text import Text

from trackteroid_cli.batch import Label
from trackteroid_cli.naming import label_of
from trackteroid_cli.operations import UNSET, Create, Delete, Identity, Operation, Update, identity

_MARKS = {
    "+": "green",
    "~": "yellow",
    "-": "red",
}

#: Attribute, old value, new value.
_Change: TypeAlias = tuple[str, Any, Any]

#: Collections whose members are shown as attributes of their owner.
_PARTS = frozenset({"metadata", "custom_attributes"})

#: For the types of such members, the part of the key that is the owner's id.
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
        self._labels = dict(labels)
        self._by_id = {key: label for (_, key), label in labels.items()}
        self._known_ids = {
            key[0]: (entity_type, key)
            for entity_type, key in (*labels, *map(identity, operations))
            if len(key) == 1
        }
        self._created = {identity(each): each for each in operations if isinstance(each, Create)}

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
        line.append(f"  {self._name(entity)}", style="not bold default")
        yield line
        width = max((len(name) for name, _, _ in changes), default=0)
        for name, old, new in changes:
            yield self._change(name.ljust(width), old, new, known=mark != "+")

    def _changes(self, operation: Operation, has_parts: bool) -> Iterator[_Change]:
        if isinstance(operation, Create):
            for name, value in self._told(operation).items():
                yield name, UNSET, value
        # Where the parts are shown, their list says no more.
        elif isinstance(operation, Update) and not (
            has_parts and operation.attribute_name in _PARTS
        ):
            yield operation.attribute_name, operation.old_value, operation.new_value

    def _part(self, operation: Operation) -> _Change:
        """Return the change of one metadata entry or custom attribute, named as scripts name it."""
        if _kind(operation.entity_type) == "Metadata":
            name = f"metadata.{operation.entity_key['key']}"
        else:
            label = self._labels.get(identity(operation))
            name = f"custom_attributes.{label.label if label else '?'}"
        if isinstance(operation, Create):
            return name, None, operation.entity_data.get("value")
        if isinstance(operation, Update):
            return name, operation.old_value, operation.new_value
        return name, UNSET, None

    def _change(self, name: str, old: Any, new: Any, *, known: bool) -> Text:
        line = Text(f"    {name}  ", style="cyan")
        if known:
            if isinstance(old, list) and isinstance(new, list):
                return line.append_text(self._membership(old, new))
            line.append("?" if old is UNSET else self._value(old), style="red")
            line.append(" → ", style="dim")
        line.append(self._value(new), style="green")
        return line

    def _membership(self, old: list[Any], new: list[Any]) -> Text:
        line = Text(style="default")
        gone = [item for item in old if item not in new]
        added = [item for item in new if item not in old]
        parts = [(f"- {self._value(item)}", "red") for item in gone]
        parts += [(f"+ {self._value(item)}", "green") for item in added]
        kept = len(new) - len(added)
        if kept:
            parts.append((f"{kept} unchanged", "dim"))
        for position, (text, style) in enumerate(parts or [("unchanged", "dim")]):
            line.append(", " if position else "", style="dim")
            line.append(text, style=style)
        return line

    def _told(self, create: Create) -> dict[str, Any]:
        """Return the attributes of a create that say something."""
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
    def _defaults(self) -> dict[str, dict[str, Any]]:
        from trackteroid_cli.engine.standard import standard_schemas

        return {
            schema["id"]: {
                name: fragment["default"]
                for name, fragment in schema["properties"].items()
                if "default" in fragment
            }
            for schema in standard_schemas()
        }

    def _name(self, entity: Identity) -> str:
        label = self._label(entity, set())
        if label is not None:
            return str(label)
        create = self._created.get(entity)
        if create is not None:
            described = self._described(create)
            if described:
                return described
        return " ".join(self._value_of_key(part) for part in entity[1])

    def _value_of_key(self, part: str) -> str:
        """Return one part of a composite key, by name where it is the id of something named."""
        label = self._by_id.get((part,))
        if label is None:
            label = next(
                (
                    found
                    for entity in self._created
                    if entity[1] == (part,) and (found := self._label(entity, set()))
                ),
                None,
            )
        return str(label) if label else part

    def _described(self, create: Create) -> str:
        """Describe an entity without a name by what it connects, such as a link or a location."""
        parts = [
            self._value(value)
            for name, value in create.entity_data.items()
            if isinstance(value, Mapping) and "__entity_type__" in value
        ]
        return " \u2013 ".join(parts[:3])

    def _label(self, entity: Identity, seen: set[Identity]) -> Label | None:
        """Return the label of *entity*, with the path to it where its parents are known."""
        if entity in self._labels:
            return self._labels[entity]
        create = self._created.get(entity)
        if create is None or entity in seen:
            return self._by_id.get(entity[1])
        label = label_of(create.entity_data)
        if entity[0] == "AssetVersion" and label is None:
            label = Label("version")
        parent = create.entity_data.get("parent") or create.entity_data.get("asset")
        if label is None:
            return None
        if isinstance(parent, Mapping):
            above = self._label(_referenced(parent), {*seen, entity})
            if above is not None:
                label = Label(label.label, (*(above.link or (above.label,)), label.label))
        self._labels[entity] = label
        return label

    def _value(self, value: Any) -> str:
        if isinstance(value, list):
            return "[" + ", ".join(self._value(item) for item in value) + "]"
        if isinstance(value, Mapping):
            if "__entity_type__" in value:
                return self._name(_referenced(value))
            if "__type__" in value:
                return str(value.get("value"))
        return json.dumps(value, ensure_ascii=False)


def _referenced(reference: Mapping[str, Any]) -> Identity:
    key: Iterable[Any] = (value for name, value in reference.items() if name != "__entity_type__")
    return str(reference["__entity_type__"]), tuple(map(str, key))
