"""Attribute paths, checked against a schema."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trackteroid_cli.engine.schema.schema import Attribute, Relation, Schema
from trackteroid_cli.errors import NoRelation, close_names

_SEGMENT = re.compile(r"(\w+)(?:\[(\w+)\])?")


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """A path, and the attribute that it ends with.

    Args:
        text: the path, with the casts that ftrack needs to follow it.
        type_name: the type of the entities at the end of the path; for a value, the type of the
            entity that has it.
        member: the last attribute of the path.
    """

    text: str
    type_name: str
    member: Attribute | Relation


def resolve_path(schema: Schema, source: str, path: str) -> ResolvedPath:
    """Resolve *path*, such as ``asset.parent[Shot].name``, from an entity of type *source*.

    Where only kinds of a type have an attribute, the path is cast to the widest of these kinds:
    ``parent.project`` becomes ``parent[TypedContext].project``. ftrack refuses the path otherwise.

    Raises:
        NoRelation: there is no such attribute or type, or the path goes on after a value.
    """
    current = source
    texts: list[str] = []
    member: Attribute | Relation | None = None
    for segment in path.split("."):
        match = _SEGMENT.fullmatch(segment)
        if match is None:
            raise NoRelation(
                f"cannot read {segment!r} in the path {path!r}",
                why="a path is made of attributes and points, with a type in brackets as a cast",
                hint="an example: asset.parent[Shot].name",
            )
        name, cast = match.groups()
        owner = owner_of(schema, current, name)
        if owner is None or (owner != current and not texts):
            raise no_attribute(schema, current, name, path)
        if owner != current:
            texts[-1] = f"{texts[-1].partition('[')[0]}[{owner}]"
        member = member_of(schema, owner, name)
        texts.append(segment)
        current = owner
        if isinstance(member, Relation):
            current = cast or member.target
            _check_cast(schema, member, current, path)
        elif cast or len(texts) < path.count(".") + 1:
            raise NoRelation(
                f"nothing follows {name!r} in the path {path!r}",
                why=f"{name!r} of {owner} holds a value, not entities",
                hint="end the path there",
            )
    assert member is not None
    return ResolvedPath(".".join(texts), current, member)


def owner_of(schema: Schema, type_name: str, name: str) -> str | None:
    """Return *type_name* if it has attribute *name*, else the widest of its kinds that does."""
    kinds = [kind for kind in schema.concrete_types(type_name) if name in schema.types[kind]]
    if type_name in kinds:
        return type_name
    return max(kinds, key=lambda kind: len(schema.concrete_types(kind)), default=None)


def member_of(schema: Schema, type_name: str, name: str) -> Attribute | Relation:
    """Return attribute *name*, which *type_name* must have."""
    entity_type = schema.types[type_name]
    return entity_type.relations.get(name) or entity_type.scalars[name]


def check_type(schema: Schema, name: str) -> None:
    """Check that the schema has a type.

    Raises:
        NoRelation: it has no type of that name; the message proposes close names.
    """
    if name not in schema.types:
        raise NoRelation(
            f"the server has no entity type {name!r}",
            why="its schema does not name it",
            hint=did_you_mean(name, schema.types) or "the server's administrator adds object types",
        )


def no_attribute(schema: Schema, type_name: str, name: str, path: str) -> NoRelation:
    """Return the error that *type_name* has no attribute *name*."""
    entity_type = schema.types[type_name]
    names = [*entity_type.scalars, *entity_type.relations, *schema.types]
    return NoRelation(
        f"{type_name} has no attribute {name!r}",
        why=f"the server's schema names none; asked for by {path!r}",
        hint=did_you_mean(name, names) or f"it has {', '.join(sorted(entity_type.relations))}",
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that proposes the names close to *name*, or an empty text."""
    close = close_names(name, known)
    return f"did you mean {' or '.join(close)}?" if close else ""


def _check_cast(schema: Schema, relation: Relation, target: str, path: str) -> None:
    check_type(schema, target)
    if schema.types[target].root != schema.types[relation.target].root:
        raise NoRelation(
            f"cannot follow {path!r}",
            why=f"{relation.name!r} leads to entities of type {relation.target}, none of which is "
            f"of type {target}",
            hint=f"cast to a kind of {relation.target}, or leave the cast out",
        )
