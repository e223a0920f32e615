"""The scope of a pull: its projects and expressions, both requested and held already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trackteroid_cli.engine.query.language import Path, Query, parse
from trackteroid_cli.engine.query.lookup import find_type
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.engine.writing.import_rows import Entity
from trackteroid_cli.errors import (
    InvalidExpression,
    NotFound,
    ServerRefused,
    UsageError,
    close_names,
)
from trackteroid_cli.offline.holdings import Holdings
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.expressions import PAGE, listed, quoted, without_projections


@dataclass(frozen=True, slots=True)
class RequestedScope:
    """The projects and expressions that the caller named."""

    projects: tuple[str, ...] = ()
    every_project: bool = False
    expressions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether the caller named any."""
        return bool(self.projects or self.every_project or self.expressions)


@dataclass(frozen=True, slots=True)
class Selection:
    """A parsed expression.

    Attributes:
        expression: as it was typed.
        entity_type: the type that it selects.
        within: the expression without its projections.
        follow: its projections that lead to other entities, '' if there are none.
    """

    expression: str
    entity_type: str
    within: str
    follow: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What is pulled: the names of projects by id, and expressions."""

    projects: dict[str, str]
    selections: tuple[Selection, ...]
    every_project: bool

    def fingerprint(self, schema: Schema, base: str) -> str:
        """Return a digest that two pulls share if one can resume the other.

        Args:
            schema: the server's.
            base: the name of the replica that the pull starts from, '' for none.
        """
        document = [
            sorted(self.projects),
            [each.expression for each in self.selections],
            self.every_project,
            schema.hash,
            base,
        ]
        return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def resolve(
    connection: Connection,
    schema: Schema,
    requested: RequestedScope,
    held: Holdings | None,
    *,
    from_scratch: bool,
) -> Scope:
    """Return what to pull.

    Args:
        connection: to the server.
        schema: the server's.
        requested: what the caller named.
        held: what the replica holds so far; None if there is none.
        from_scratch: whether the new replica begins empty, so that what is held is pulled again.

    Raises:
        NotFound: the server does not know a project.
        InvalidExpression: an expression cannot be read.
        UsageError: what it selects cannot be pulled by itself.
    """
    projects = _find_projects(connection, requested.projects)
    expressions = list(requested.expressions)
    every_project = requested.every_project
    if held is not None and (from_scratch or not requested):
        every_project = every_project or held.every_project
        projects.update({each.id: each.name for each in held.projects})
        expressions += [each.expression for each in held.expressions]
    if every_project:
        projects = _find_every_project(connection)
    elif held is not None and held.every_project:
        # A replica of every project gets the newest ones as well, whatever else is named.
        known = {each.id for each in held.projects}
        projects.update(
            (id_, name) for id_, name in _find_every_project(connection).items() if id_ not in known
        )
    return Scope(
        projects,
        tuple(_parse_selection(connection, schema, each) for each in dict.fromkeys(expressions)),
        every_project,
    )


def _find_projects(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """Return the names, by id, of the projects with *names* as name or full name."""
    if not names:
        return {}
    rows = _rows(
        connection,
        "select id, name, full_name from Project where "
        f"{listed('name', names)} or {listed('full_name', names)}",
    )
    known = {str(row[name]).lower() for row in rows for name in ("name", "full_name")}
    for name in names:
        if name.lower() not in known:
            raise _unknown_project(connection, name)
    return {row["id"]: row["name"] for row in rows}


def _find_every_project(connection: Connection) -> dict[str, str]:
    projects: dict[str, str] = {}
    condition = ""
    while True:
        rows = _rows(
            connection, f"select id, name from Project{condition} order by id limit {PAGE}"
        )
        projects.update({row["id"]: row["name"] for row in rows})
        if len(rows) < PAGE:
            return projects
        condition = f" where id > {quoted(rows[-1]['id'])}"


def _unknown_project(connection: Connection, name: str) -> NotFound:
    names = set(_find_every_project(connection).values())
    hint = " or ".join(close_names(name, names))
    return NotFound(
        f"the server has no project {name!r}",
        why=f"of {len(names)} projects, none has this name",
        hint=f"did you mean {hint}?" if hint else "`trackteroid query Project` lists them",
    )


def _parse_selection(connection: Connection, schema: Schema, expression: str) -> Selection:
    within = without_projections(expression)
    try:
        query = parse(expression)
        entity_type = find_type(schema, query.entity_type)
    except EngineError as error:
        raise InvalidExpression(error.content) from error
    if entity_type.primary_key != ("id",):
        raise UsageError(
            f"{query.entity_type} cannot be pulled by itself",
            why="entities of this type have no id",
            hint="select what they belong to: they are pulled with it",
        )
    # The server finds any other mistake in the expression.
    _rows(
        connection,
        f"select id from {query.entity_type} where id in (select id from {within}) limit 1",
    )
    return Selection(expression, query.entity_type, within, _followed_projections(schema, query))


def _followed_projections(schema: Schema, query: Query) -> str:
    """Return the projections of *query* that lead to other entities."""
    relations = schema.types[query.entity_type].relations
    paths = [path for path in query.projections or () if isinstance(path, Path)]
    return ", ".join(str(path) for path in paths if path.segments[0].name in relations)


def _rows(connection: Connection, expression: str) -> list[Entity]:
    (answer,) = connection.call([{"action": "query", "expression": expression}])
    rows: list[Entity] = answer["data"]
    return rows


def count_contexts(connection: Connection, conditions: Iterable[str]) -> int | None:
    """Return how many contexts match *conditions*, which exclude each other.

    Args:
        connection: in strict mode, as ftrack counts in no other.
        conditions: in ftrack's query language.

    Returns:
        None if the server does not say.
    """
    operations = [
        {"action": "query", "expression": f"select count(id) from TypedContext where {each}"}
        for each in conditions
    ]
    try:
        return sum(int(answer["data"][0]["count_id"]) for answer in connection.call(operations))
    except (InvalidExpression, ServerRefused, LookupError, TypeError, ValueError):
        return None
