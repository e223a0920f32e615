"""Projections: the attributes to fetch for all entities of a query or a collection."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import ftrack_api.inspection

from trackteroid_cli.errors import AmbiguousRelation, NoRelation, UsageError
from trackteroid_cli.fluent.collections.base import BaseCollection
from trackteroid_cli.fluent.types.entity_types import EntityType, Path
from trackteroid_cli.fluent.types.paths import resolve_path
from trackteroid_cli.server.expressions import PAGE, condition, query

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.schema import Schema
    from trackteroid_cli.fluent.types.relations import Relations
    from trackteroid_cli.session.api.protocols import Entity

#: An attribute or a path as text, a related type, or a path from a related type.
Projection: TypeAlias = "str | EntityType | Path"


def fetch(collection: BaseCollection, projections: Iterable[Projection]) -> None:
    """Fetch *projections* of all entities, with one query for each page of entities.

    Entities that are not of the collection's type (projects among typed contexts) have queries of
    their own, for the projections that their type has.
    """
    wanted = list(projections)
    schema = collection._server_schema()
    type_name = collection.entity_type.__name__
    own: list[Entity] = []
    others: dict[str, list[Entity]] = {}
    for entity in collection.values():
        if schema.is_kind_of(entity.entity_type, type_name):
            own.append(entity)
        else:
            others.setdefault(entity.entity_type, []).append(entity)
    relations = collection.schema
    paths = [
        path for each in wanted for path in selected_attributes(relations, schema, type_name, each)
    ]
    _fetch_pages(collection, type_name, own, paths)
    for other, entities in others.items():
        paths = []
        for each in wanted:
            with suppress(NoRelation, AmbiguousRelation):
                paths.extend(selected_attributes(relations, schema, other, each))
        _fetch_pages(collection, other, entities, paths)


def selected_attributes(
    relations: Relations, schema: Schema, type_name: str, projection: Projection
) -> tuple[str, ...]:
    """Return the attribute paths from *type_name* that *projection* stands for.

    Raises:
        NoRelation, AmbiguousRelation: the schema has no such attribute, or several paths to a type.
        UsageError: *projection* is neither a text nor a type nor a path.
    """
    if isinstance(projection, Path):
        return relations.resolve(schema, type_name, projection)
    if isinstance(projection, EntityType):
        return relations.paths(schema, type_name, projection.__name__)
    if not isinstance(projection, str):
        raise UsageError(
            f"cannot select {projection!r}",
            why="it is neither a text nor an entity type nor a path from one",
            hint="give attributes one by one: fetch_attributes('name', Task.Status.name)",
        )
    return (resolve_path(schema, type_name, projection).text,)


def _fetch_pages(
    collection: BaseCollection, type_name: str, entities: Iterable[Entity], paths: Iterable[str]
) -> None:
    names = list(dict.fromkeys(paths))
    rest = iter(entities)
    while names and (page := list(islice(rest, PAGE))):
        keys = [ftrack_api.inspection.primary_key(entity) for entity in page]
        expression = query(type_name, names, condition(keys))["expression"]
        collection.session.query(expression).all()
