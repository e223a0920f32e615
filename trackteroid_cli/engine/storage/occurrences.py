"""Entities that occur several times in an answer: the first occurrence tells all of them.

``ftrack_api`` merges what an answer tells of an entity into its cache when it meets the entity for
the first time, and passes over it after that. An attribute that only a later occurrence has would
be lost to it.

Source: ``ftrack_api/session.py``, `_merge_entity`, and ``ftrack_api/entity/base.py``, `merge`: the
related entities of one attribute after the other, in the order of the schema, each with all that
is below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from trackteroid_cli.engine.schema.schema import Schema

#: An entity as ftrack sends it.
Entity: TypeAlias = dict[str, Any]
#: What tells an entity from all others: its type and the parts of its key.
_Identity: TypeAlias = tuple[Any, ...]

#: How deep an answer may nest for relations that an entity has from one of its other occurrences.
#: Beyond it they are left to later requests: links from one shot to the next could make a chain of
#: all of them, and clients merge and decode by recursion.
DEPTH = 64


def complete(schema: Schema, answers: Sequence[Sequence[Entity]]) -> list[list[Entity]]:
    """Return *answers* with all that any of them tells of an entity at its first occurrence.

    Args:
        schema: of the entities.
        answers: the entities of each answer of one response; they are not changed.
    """
    told = _Told(schema)
    for entities in answers:
        told.read(entities)
    if not told.differently:
        return [list(entities) for entities in answers]
    places = _Places(told)
    return [[places.place(entity) for entity in entities] for entities in answers]


class _Told:
    """What is told of each entity, at all of its occurrences together."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        #: Whether two occurrences of an entity have different attributes.
        self.differently = False
        self._all: dict[_Identity, Entity] = {}
        self._read: set[int] = set()

    def read(self, entities: Iterable[Entity]) -> None:
        """Take in *entities* and those below them."""
        for entity in entities:
            # Loading shares one object among all rows that refer to it.
            if id(entity) in self._read:
                continue
            self._read.add(id(entity))
            identity = self.identity(entity)
            known = self._all.setdefault(identity, entity)
            if known.keys() != entity.keys():
                self.differently = True
                self._all[identity] = {**entity, **known}
            for value in entity.values():
                self.read(_related(value))

    def of(self, entity: Entity) -> Entity:
        """Return all that is told of *entity*, its own values before those of others."""
        return {**self._all[self.identity(entity)], **entity}

    def relations(self, entity: Entity) -> list[str]:
        """Return the relations that *entity* has, in the order in which clients follow them."""
        known = self._schema.types[entity["__entity_type__"]].relations
        return [name for name in known if name in entity]

    def reference(self, entity: Entity) -> Entity:
        """Return a reference to *entity*."""
        primary_key = self._schema.types[entity["__entity_type__"]].primary_key
        return {name: entity[name] for name in ("__entity_type__", *primary_key)}

    def identity(self, entity: Entity) -> _Identity:
        """Return what *entity* has in common with its other occurrences only."""
        type_name = entity["__entity_type__"]
        return (type_name, *[entity[part] for part in self._schema.types[type_name].primary_key])


class _Places:
    """Which entities an answer has told of so far, while it is written from its beginning.

    A client does not look below an entity that it has met before. What is there counts for readers
    of the text only, and what they read first need not be what the client meets first.
    """

    def __init__(self, told: _Told) -> None:
        self._told = told
        self._met: set[_Identity] = set()
        self._written: set[_Identity] = set()

    def place(
        self, entity: Entity, depth: int = 0, *, is_met: bool = True, is_borrowed: bool = False
    ) -> Entity:
        """Return *entity* as it is written in the next place.

        Args:
            entity: one occurrence, as it was loaded.
            depth: how many entities the place is in.
            is_met: whether a client comes to the place.
            is_borrowed: whether it is there only because of another occurrence.
        """
        identity = self._told.identity(entity)
        is_first = identity not in (self._met if is_met else self._written)
        self._written.add(identity)
        if is_met:
            self._met.add(identity)
        if is_borrowed and not is_first:
            return self._told.reference(entity)
        shown = self._told.of(entity) if is_first else entity
        relations = self._told.relations(shown)
        if not relations:
            return shown
        shown = dict(shown)
        for name in relations:
            value = shown.pop(name)
            borrowed = name not in entity
            if borrowed and depth >= DEPTH:
                continue
            placed = [
                self.place(
                    each,
                    depth + 1,
                    is_met=is_met and is_first,
                    is_borrowed=is_borrowed or borrowed,
                )
                for each in _related(value)
            ]
            # What was taken out is put in again at the end, so that the text has the same order.
            shown[name] = placed if isinstance(value, list) else placed[0] if placed else None
        return shown


def _related(value: object) -> Iterator[Entity]:
    """Yield the entities of an attribute's value: one, several or none."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict) and "__entity_type__" in each:
            yield each
