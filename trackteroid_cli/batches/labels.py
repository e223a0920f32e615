"""Labels: what a person calls the entities of a batch.

A batch is read without a server, so it keeps labels beside ids. Entities that it creates are named
by their own data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from trackteroid_cli.batches.operations import (
    KINDS,
    Create,
    Identity,
    Keyed,
    Operation,
    Update,
    identity,
)


class Label(NamedTuple):
    """What a person calls an entity: its own label, and the names from the project down to it."""

    label: str
    link: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the path where it is known: ``showroom / sq010 / sh010``."""
        return " / ".join(self.link) or self.label


#: Attributes that name an entity, the best one first.
NAMES = (
    "first_name",
    "last_name",
    "name",
    "username",
    "label",
    "key",
    "title",
    "content",
    "file_type",
)


def label_of(data: Mapping[str, object]) -> Label | None:
    """Return the label of the entity with the attributes *data* (ftrack's JSON form), if any."""
    link = data.get("link")
    parts = link if isinstance(link, list) else []
    names = tuple(str(part.get("name", "")) for part in parts if isinstance(part, Mapping))
    if names:
        return Label(names[-1], names)
    values = {name: value for name in NAMES if isinstance(value := data.get(name), str) and value}
    full_name = " ".join(values[name] for name in NAMES[:2] if name in values)
    if full_name:
        return Label(full_name)
    return next((Label(values[name][:80]) for name in NAMES[2:] if name in values), None)


def references(value: object) -> Iterator[Identity]:
    """Yield the entities that a value in ftrack's JSON form refers to."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, Mapping) and "__entity_type__" in value:
        yield referenced(value)


#: Types whose rows are values of their owner: the part of the key that is its id, and the attribute
#: of the owner that shows them.
_VALUES = {
    "Metadata": ("parent_id", "metadata"),
    "CustomAttributeValue": ("entity_id", "custom_attributes"),
}

#: Types that have metadata, each with all of its subtypes.
_WITH_METADATA = ("TypedContext", "Project", "Asset", "AssetVersion", "Component", "Note", "User")


def is_custom_attribute_value(entity_type: str) -> bool:
    """Return whether entities of that type are values of custom attributes."""
    return entity_type.endswith("CustomAttributeValue")


def owner_id(entity: Keyed) -> str:
    """Return the id of what *entity* is a value of: metadata, or a custom attribute; else ''."""
    return entity.entity_key.get(_value_of(entity.entity_type)[0], "")


def owner_types(entity_type: str) -> tuple[str, ...]:
    """Return the types of what values of that type may belong to."""
    if entity_type == "Metadata":
        return _WITH_METADATA
    return (entity_type.removesuffix("CustomAttributeValue") or "Context",)


def _value_of(entity_type: str) -> tuple[str, str]:
    kind = "CustomAttributeValue" if is_custom_attribute_value(entity_type) else entity_type
    return _VALUES.get(kind, ("", ""))


class Names:
    """The names of the entities of one batch.

    Args:
        operations: those of the batch.
        labels: those of the entities that it does not create.
    """

    def __init__(self, operations: Sequence[Operation], labels: Mapping[Identity, Label]) -> None:
        self._labels = dict(labels)
        self._created = {identity(each): each for each in operations if isinstance(each, Create)}
        self._by_key = {key: label for (_, key), label in labels.items()}
        self._known = {
            entity.key[0]: entity
            for entity in (*labels, *map(identity, operations))
            if len(entity.key) == 1
        }
        self._created_by_key = {entity.key: entity for entity in self._created}

    def of(self, entity: Identity) -> str:
        """Return the name of *entity*: its path, its label, or else its key."""
        return self._of(entity, frozenset())

    def label(self, entity: Identity) -> Label | None:
        """Return the label of *entity*, or None where the batch has none."""
        return self._label(entity, frozenset())

    def known(self, id_: str) -> Identity | None:
        """Return the entity with that id, or None where the batch does not mention it."""
        return self._known.get(id_)

    def subject(self, entity: Keyed, attribute: str = "") -> tuple[str, str]:
        """Return whose *attribute* is meant, and the attribute as scripts name it.

        Metadata and custom attributes are attributes of the entity that they are of.
        """
        whose = identity(entity)
        collection = _value_of(entity.entity_type)[1]
        owner = self.known(owner_id(entity))
        if collection and owner is not None:
            whose, attribute = owner, f"{collection}.{self._value_name(entity)}"
        return f"{whose.entity_type} {self.of(whose)}", attribute

    def operation(self, operation: Operation) -> str:
        """Return what *operation* does, in a few words."""
        kind = KINDS[type(operation)]
        attribute = operation.attribute_name if isinstance(operation, Update) else ""
        whose, attribute = self.subject(operation, attribute)
        what = f"{attribute} of {whose}" if attribute else whose
        return what if kind == "update" else f"{kind} of {what}"

    def _value_name(self, entity: Keyed) -> str:
        """Return what scripts call the metadata or the custom attribute of a value."""
        if "key" in entity.entity_key:
            return entity.entity_key["key"]
        label = self.label(identity(entity))
        return str(label or self._part(entity.entity_key.get("configuration_id", "?")))

    def value(self, value: object) -> str:
        """Return a value in ftrack's JSON form for a person, entities by name."""
        return self._value(value, frozenset())

    def _of(self, entity: Identity, above: frozenset[Identity]) -> str:
        label = self._label(entity, above)
        if label is not None:
            return str(label)
        create = self._created.get(entity)
        described = self._described(create, {*above, entity}) if create else ""
        return described or " ".join(map(self._part, entity[1]))

    def _value(self, value: object, above: Iterable[Identity]) -> str:
        if isinstance(value, list):
            return "[" + ", ".join(self._value(item, above) for item in value) + "]"
        if isinstance(value, Mapping):
            if "__entity_type__" in value:
                return self._of(referenced(value), frozenset(above))
            if "__type__" in value:
                return str(value.get("value"))
        return json.dumps(value, ensure_ascii=False)

    def _part(self, part: str) -> str:
        """Return a part of a key, by name where it is the id of something named."""
        label = self._by_key.get((part,))
        if label is None and (part,) in self._created_by_key:
            label = self._label(self._created_by_key[part,], frozenset())
        return str(label) if label else part

    def _described(self, create: Create, above: Iterable[Identity]) -> str:
        """Describe an entity without a name by what it connects, such as a link or a location."""
        parts = [
            self._value(value, above)
            for value in create.entity_data.values()
            if isinstance(value, Mapping)
            and "__entity_type__" in value
            and referenced(value) not in above
        ]
        return " \u2013 ".join(parts[:3])

    def _label(self, entity: Identity, above: frozenset[Identity]) -> Label | None:
        """Return the label of *entity*, with the path to it where its parents are known."""
        if entity in self._labels:
            return self._labels[entity]
        create = self._created.get(entity)
        if create is None or entity in above:
            return self._by_key.get(entity[1])
        label = label_of(create.entity_data)
        if entity[0] == "AssetVersion" and label is None:
            label = Label("version")
        if label is None:
            return None
        parent = create.entity_data.get("parent") or create.entity_data.get("asset")
        if isinstance(parent, Mapping):
            found = self._label(referenced(parent), above | {entity})
            if found is not None:
                label = Label(label.label, (*(found.link or (found.label,)), label.label))
        self._labels[entity] = label
        return label


def referenced(reference: Mapping[str, object]) -> Identity:
    """Return the entity that a reference in ftrack's JSON form names."""
    key = (value for name, value in reference.items() if name != "__entity_type__")
    return Identity(str(reference.get("__entity_type__")), tuple(map(str, key)))
