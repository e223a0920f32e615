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

#: The types of values that may be entities, or hold some.
_HOLDS_ENTITIES = frozenset({dict, list})

#: How deep an answer may nest for relations that an entity has from one of its other occurrences.
#: Beyond it they are left to later requests: links from one shot to the next could make a chain of
#: all of them, and clients merge and decode by recursion.
DEPTH = 64


def complete(schema: Schema, entities: Sequence[Entity]) -> list[Entity]:
    """Return the entities of an answer with all that it tells of any of them when it first does.

    Args:
        schema: of the entities.
        entities: as they were loaded; they are not changed.
    """
    told = _Told(schema)
    told.read(entities)
    return _placed(told, [entities])[0] if told.differently else list(entities)


def complete_all(schema: Schema, answers: Sequence[Sequence[Entity]]) -> list[list[Entity]]:
    """Return the answers of a response with all that any of them tells, at its first occurrence.

    Args:
        schema: of the entities.
        answers: the entities of each answer, which is complete in itself; they are not changed.
    """
    told = _Told(schema)
    for entities in answers:
        told.read(entities)
    # Within an answer the first occurrence is complete, so that only later answers can add to it.
    return _placed(told, answers) if told.too_late else [list(each) for each in answers]


def _placed(told: _Told, answers: Iterable[Iterable[Entity]]) -> list[list[Entity]]:
    places = _Places(told)
    return [[places.place(entity) for entity in entities] for entities in answers]


class _Told:
    """What is told of each entity, at all of its occurrences together."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        #: Whether two occurrences of an entity have different attributes.
        self.differently = False
        #: Whether an occurrence has attributes that those read before it lack.
        self.too_late = False
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
                if not known.keys() >= entity.keys():
                    self.too_late = True
                    self._all[identity] = {**entity, **known}
            for value in entity.values():
                if value.__class__ in _HOLDS_ENTITIES:
                    self.read(_related(value))

    def of(self, entity: Entity, identity: _Identity) -> Entity:
        """Return all that is told of *entity*, its own values before those of others."""
        told = self._all[identity]
        return entity if told is entity else {**told, **entity}

    def relations(self, entity: Entity) -> list[str]:
        """Return the relations that *entity* has, in the order in which clients follow them."""
        if not any(value.__class__ in _HOLDS_ENTITIES for value in entity.values()):
            return []
        known = self._schema.types[entity["__entity_type__"]].relations
        return [name for name in known if name in entity]

    def reference(self, entity: Entity) -> Entity:
        """Return a reference to *entity*."""
        primary_key = self._schema.types[entity["__entity_type__"]].primary_key
        return {name: entity[name] for name in ("__entity_type__", *primary_key)}

    def identity(self, entity: Entity) -> _Identity:
        """Return what *entity* has in common with its other occurrences only."""
        type_name = entity["__entity_type__"]
        primary_key = self._schema.types[type_name].primary_key
        if len(primary_key) == 1:
            return (type_name, entity[primary_key[0]])
        return (type_name, *[entity[part] for part in primary_key])


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
        shown = self._told.of(entity, identity) if is_first else entity
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
