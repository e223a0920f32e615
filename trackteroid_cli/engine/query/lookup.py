"""Lookup of the names in an expression: entity types, attributes and relations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from trackteroid_cli.engine.query.language import Path, Segment
from trackteroid_cli.engine.schema import facts
from trackteroid_cli.engine.schema.schema import Attribute, EntityType, Relation, Schema
from trackteroid_cli.engine.storage.errors import ParseError
from trackteroid_cli.errors import close_names

#: Supertypes that can be queried by the attributes of their subtypes: scripts write
#: ``assignments.resource.username`` and ``select user from CustomAttributeLink`` without a cast.
_ROOTS_WITH_SUBTYPES = frozenset({"Resource", "CustomAttributeLink", "CustomAttributeLinkFrom"})

#: The most attributes of a path.
MAX_SEGMENTS = 50


class Found(NamedTuple):
    """An attribute or relation, and the type that has it."""

    type_name: str
    member: Attribute | Relation


def find_type(schema: Schema, name: str) -> EntityType:
    """Return an entity type.

    Raises:
        ParseError: the schema has no such type; close names are suggested.
    """
    if name in schema.types:
        return schema.types[name]
    suggestion = " or ".join(f"'{close}'" for close in close_names(name, schema.types))
    hint = f" Did you mean {suggestion}?" if suggestion else " Names of types are case-sensitive."
    raise ParseError(f"No entity type '{name}' exists.{hint}")


def find(schema: Schema, type_name: str, name: str) -> Found:
    """Return the attribute or relation *name* of a type.

    Raises:
        ParseError: there is none; the message is ftrack's own.
    """
    found = find_if_any(schema, type_name, name)
    if found is None:
        raise ParseError(f"No attribute '{name}' exists for schema '{type_name}'.")
    return found


def find_if_any(schema: Schema, type_name: str, name: str) -> Found | None:
    """Return the attribute or relation *name* of a type, or None if there is none."""
    for candidate in _candidates(schema, type_name):
        entity_type = schema.types[candidate]
        member = entity_type.relations.get(name) or entity_type.scalars.get(name)
        if member is not None:
            return Found(candidate, member)
    shared = _shared_scalar(schema, type_name, name)
    return Found(type_name, shared) if shared else None


def find_relation(schema: Schema, type_name: str, name: str) -> Relation:
    """Return the relation *name* of a type.

    Raises:
        ParseError: there is no such attribute, or it holds a value.
    """
    member = find(schema, type_name, name).member
    if isinstance(member, Relation):
        return member
    raise ParseError(
        f"'{name}' of '{type_name}' holds a value, not entities: nothing can follow it, "
        "and has (…) or any (…) cannot test it."
    )


def target_of(schema: Schema, relation: Relation, segment: Segment) -> str:
    """Return the type that *segment* leads to along *relation*: the cast, if there is one.

    Raises:
        ParseError: there is no such type, or the relation never leads to it.
    """
    if segment.cast is None:
        return relation.target
    cast = find_type(schema, segment.cast)
    if cast.root != schema.types[relation.target].root:
        raise ParseError(
            f"'{segment.name}' leads to entities of type '{relation.target}', "
            f"none of which is a '{segment.cast}'."
        )
    return cast.name


def checked_segments(path: Path) -> tuple[Segment, ...]:
    """Return the segments of *path*.

    Raises:
        ParseError: there are more than `MAX_SEGMENTS`.
    """
    if len(path.segments) > MAX_SEGMENTS:
        raise ParseError(
            f"A path of {len(path.segments)} attributes is too long; "
            f"at most {MAX_SEGMENTS} are followed."
        )
    return path.segments


def _candidates(schema: Schema, type_name: str) -> Iterator[str]:
    yield type_name
    if type_name in _ROOTS_WITH_SUBTYPES:
        yield from (name for name in schema.concrete_types(type_name) if name != type_name)


def _shared_scalar(schema: Schema, type_name: str, name: str) -> Attribute | None:
    """Return an attribute that only the other family of a shared table declares, or None.

    The schemas list ``from_entity_type`` among the default projections of
    ``UserCustomAttributeLink``, yet define it for ``UserCustomAttributeLinkFrom`` alone.
    """
    root = schema.types[type_name].root
    for other, owner in facts.SHARED_TABLES.items():
        if owner == root and other in schema.types and name.endswith("_entity_type"):
            return schema.types[other].scalars.get(name)
    return None
