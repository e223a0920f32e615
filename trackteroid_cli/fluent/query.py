"""Queries: an entity type and criteria, which return a collection."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import ftrack_api

from trackteroid_cli.errors import UsageError
from trackteroid_cli.fluent.collections.base import check_sessions
from trackteroid_cli.fluent.collections.collection import (
    Collection,
    EmptyCollection,
    EntityCollection,
    collect,
)
from trackteroid_cli.fluent.collections.projections import Projection, selected_attributes
from trackteroid_cli.fluent.conditions import Arguments
from trackteroid_cli.fluent.criteria import Criteria, Criterion
from trackteroid_cli.fluent.types.default_projections import default_projections
from trackteroid_cli.fluent.types.entity_types import EntityType, Path
from trackteroid_cli.fluent.types.paths import check_type
from trackteroid_cli.fluent.types.relations import SCHEMA, Relations
from trackteroid_cli.fluent.types.schema import schema_of
from trackteroid_cli.session.default_session import default_session
from trackteroid_cli.session.query_cache import ReusingSession

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.schema import Schema

Result: TypeAlias = "EntityCollection | EmptyCollection"

_LOG = logging.getLogger("trackteroid.query")
_ORDERS = ("ascending", "descending")


class Query(Criteria):
    """A query for entities of one type; ``str`` of it is the expression in ftrack's language.

    The query is checked against the server's schema when it is first turned into text or run by a
    ``get`` method; until then nothing is sent.

    Args:
        entity: the type, such as ``Shot``.
        session: the session to query; the default session unless given.
        schema: the relations between types, such as ``SCHEMA.episodic``; ``SCHEMA.default`` unless
            given.

    Raises:
        NotConfigured: the relationship file cannot be used.
        UsageError: *entity* or *schema* is something else.
    """

    def __init__(
        self,
        entity: EntityType,
        session: ftrack_api.Session | None = None,
        schema: Relations | None = None,
    ) -> None:
        if not isinstance(entity, EntityType):
            raise UsageError(
                f"cannot query for {entity!r}",
                why="it is no entity type",
                hint="an example: from trackteroid_cli import Query, Shot; Query(Shot)",
            )
        if schema is not None and not isinstance(schema, Relations):
            raise UsageError(
                f"cannot query with the relationships {schema!r}",
                why="they are no table of relationships",
                hint="take one by its name: schema=SCHEMA['default']",
            )
        self.entity_type = entity
        self.session = default_session() if session is None else session
        self.schema = SCHEMA["default"] if schema is None else schema

    def __str__(self) -> str:
        return self._expression(None)

    def __repr__(self) -> str:
        return f"Query({self.entity_type!r})"

    def get_all(
        self,
        projections: Iterable[Projection] | None = None,
        limit: int | None = None,
        offset: int = 0,
        order: str = "ascending",
        order_by: str | Path | None = None,
    ) -> Result:
        """Return all entities that match the query.

        Args:
            projections: what to select besides the default: attributes as texts, related types,
                and paths from them (``Task.Status.name``).
            limit: the largest number of entities to return. They are ordered by their key unless
                *order_by* is given, so that pages are stable.
            offset: the number of entities to skip.
            order: ``ascending`` or ``descending``.
            order_by: an attribute, as a text or a path; for ``descending``, the key unless given.

        Raises:
            NoRelation, AmbiguousRelation: the schema has no such type or attribute, or several
                paths lead to the type.
            CriterionNotSupported, InvalidCriterion: a criterion is not valid.
            UsageError: another argument is not valid.
        """
        expression = self._expression(projections)
        if order not in _ORDERS:
            raise UsageError(
                f"cannot order {order!r}",
                why="that is no order",
                hint=f"it is one of: {', '.join(_ORDERS)}",
            )
        if order_by is not None:
            expression += f" order by {self._order_attribute(order_by)} {order}"
        elif limit is not None or order == "descending":
            direction = " descending" if order == "descending" else ""
            keys = (f"{name}{direction}" for name in self._primary_key)
            expression += f" order by {', '.join(keys)}"
        if limit is not None:
            expression += f" limit {_checked_number('limit', limit, least=1)}"
        if offset:
            expression += f" offset {_checked_number('offset', offset, least=0)}"
        return self._result(expression)

    get = get_all

    def get_one(self, projections: Iterable[Projection] | None = None) -> Result:
        """Return the only entity that matches the query; see `get_all`.

        Raises:
            ftrack_api.exception.NoResultFoundError: no entity matches.
            ftrack_api.exception.MultipleResultsFoundError: several entities match.
        """
        result = self.get_all(projections, limit=2)
        if not result:
            raise ftrack_api.exception.NoResultFoundError(
                f"No result found for '{self._expression(projections)}'"
            )
        if len(result) > 1:
            raise ftrack_api.exception.MultipleResultsFoundError(
                f"Multiple results found for '{self._expression(projections)}'"
            )
        return result

    def get_first(self, projections: Iterable[Projection] | None = None, offset: int = 0) -> Result:
        """Return the first entity in the order of keys, after *offset* others; see `get_all`."""
        return self.get_all(projections, limit=1, offset=offset)

    def get_inputs(
        self, target: EntityType | None = None, projections: Iterable[Projection] | None = None
    ) -> Result:
        """Return the inputs of the queried entities: the entities that are linked to them.

        Args:
            target: the type of the inputs; the queried type unless given.
            projections: see `get_all`.
        """
        return self._linked_entities("incoming_links.from_id", target, projections)

    def get_outputs(
        self, target: EntityType | None = None, projections: Iterable[Projection] | None = None
    ) -> Result:
        """Return the outputs of the queried entities; see `get_inputs`."""
        return self._linked_entities("outgoing_links.to_id", target, projections)

    def _add(self, criterion: Criterion, target: EntityType | None, call: Arguments) -> None:
        collections = [value for value in call[0] if isinstance(value, Collection)]
        if collections:
            own = collect(self.entity_type, [], self.session, self.schema)
            check_sessions([own, *collections])
        super()._add(criterion, target, call)

    @property
    def _type_name(self) -> str:
        return self.entity_type.__name__

    @property
    def _checked_schema(self) -> Schema:
        schema = schema_of(self.session)
        check_type(schema, self._type_name)
        return schema

    @property
    def _primary_key(self) -> tuple[str, ...]:
        return self._checked_schema.types[self._type_name].primary_key

    def _expression(self, projections: Iterable[Projection] | None) -> str:
        schema = self._checked_schema
        names = default_projections(schema, self._type_name)
        for projection in _projection_list(projections):
            names += selected_attributes(self.schema, schema, self._type_name, projection)
        expression = f"select {', '.join(dict.fromkeys(names))} from {self._type_name}"
        conditions = [each.text(schema, self.schema, self._type_name) for each in self._applied]
        return f"{expression} where {' and '.join(conditions)}" if conditions else expression

    def _order_attribute(self, name: str | Path) -> str:
        found = selected_attributes(self.schema, self._checked_schema, self._type_name, name)
        if len(found) != 1:
            raise UsageError(
                f"cannot order by {name!r}",
                why=f"it stands for {', '.join(found) or 'no attribute'}",
                hint="order by one attribute",
            )
        return found[0]

    def _result(self, expression: str) -> Result:
        if isinstance(self.session, ReusingSession):
            key = (expression, self.schema)
            answer: Result = self.session.reused(key, lambda: self._run(expression))
            return answer
        return self._run(expression)

    def _run(self, expression: str) -> Result:
        _LOG.info('Performing query: "%s"', expression)
        entities = self.session.query(expression).all()
        return collect(self.entity_type, entities, self.session, self.schema, copy.copy(self))

    def _linked_entities(
        self,
        attribute: str,
        target: EntityType | None,
        projections: Iterable[Projection] | None,
    ) -> Result:
        target = target or self.entity_type
        links, _, key = attribute.partition(".")
        linked = getattr(getattr(self.get_all([attribute]), links), key)
        keys = list(dict.fromkeys(linked))
        if not keys:
            return collect(target, [], self.session, self.schema)
        return Query(target, self.session, self.schema).by_id(*keys).get_all(projections)


def _projection_list(projections: Iterable[Projection] | None) -> list[Projection]:
    if projections is None:
        return []
    if isinstance(projections, (str, Path, EntityType)):
        raise UsageError(
            f"cannot select {projections!r}",
            why="projections are a list",
            hint=f"write projections=[{projections!r}]",
        )
    if not isinstance(projections, Iterable):
        raise UsageError(
            f"cannot select {projections!r}",
            why="projections are a list",
            hint="write projections=['name']",
        )
    return sorted(projections, key=repr) if isinstance(projections, set) else list(projections)


def _checked_number(name: str, value: object, *, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(
            f"cannot take {value!r} for the {name}",
            why=f"it is no whole number from {least} on",
            hint=f"leave the {name} out where all are meant",
        )
    return value
