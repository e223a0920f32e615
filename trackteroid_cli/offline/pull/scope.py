"""The scope of a pull: which projects and which expressions, as they were named and as are held."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trackteroid_cli.engine.query.language import Path, parse
from trackteroid_cli.engine.query.lookup import find_type
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.storage.errors import EngineError
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
class Wanted:
    """What the caller named."""

    projects: tuple[str, ...] = ()
    every_project: bool = False
    expressions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything is named."""
        return bool(self.projects or self.every_project or self.expressions)


@dataclass(frozen=True, slots=True)
class Selection:
    """An expression, read.

    Attributes:
        expression: as it was typed.
        entity_type: what it selects.
        within: the expression without its projections.
        follow: those of its projections that lead to other entities, '' if there are none.
    """

    expression: str
    entity_type: str
    within: str
    follow: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What is pulled: projects by id, with their names, and expressions."""

    projects: dict[str, str]
    selections: tuple[Selection, ...]
    every_project: bool

    def purpose(self, schema: Schema, base: str) -> str:
        """Return a text that is the same for two pulls of the same, from the same beginning."""
        document = [
            sorted(self.projects),
            [each.expression for each in self.selections],
            self.every_project,
            schema.hash,
            base,
        ]
        return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def resolve(
    connection: Connection, schema: Schema, wanted: Wanted, held: Holdings | None, *, anew: bool
) -> Scope:
    """Return what to pull.

    Args:
        held: what the replica has so far.
        anew: whether the replica begins empty, so that all that is held has to come again.

    Raises:
        NotFound: the server does not know a project.
        InvalidExpression: an expression cannot be read.
        UsageError: what it selects cannot be pulled by itself.
    """
    projects = _projects(connection, wanted.projects)
    expressions = list(wanted.expressions)
    every_project = wanted.every_project
    if held is not None and (anew or not wanted):
        every_project = every_project or held.every_project
        projects.update({each.id: each.name for each in held.projects})
        expressions += [each.expression for each in held.expressions]
    if every_project:
        projects = _every_project(connection)
    elif held is not None and held.every_project:
        # Whoever holds every project holds the newest as well, whatever else is named.
        known = {each.id for each in held.projects}
        projects.update(
            (id_, name) for id_, name in _every_project(connection).items() if id_ not in known
        )
    return Scope(
        projects,
        tuple(_selection(connection, schema, each) for each in dict.fromkeys(expressions)),
        every_project,
    )


def _projects(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """Return the projects with *names*, or full names, by id."""
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
            raise _unknown(connection, name)
    return {row["id"]: row["name"] for row in rows}


def _every_project(connection: Connection) -> dict[str, str]:
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


def _unknown(connection: Connection, name: str) -> NotFound:
    names = set(_every_project(connection).values())
    hint = " or ".join(close_names(name, names))
    return NotFound(
        f"the server has no project {name!r}",
        why=f"of {len(names)} projects, none has this name",
        hint=f"did you mean {hint}?" if hint else "`trackteroid query Project` lists them",
    )


def _selection(connection: Connection, schema: Schema, expression: str) -> Selection:
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
    # Whatever else is wrong with the expression, the server is the one to say.
    _rows(
        connection,
        f"select id from {query.entity_type} where id in (select id from {within}) limit 1",
    )
    return Selection(expression, query.entity_type, within, _follow(schema, query))


def _follow(schema: Schema, query: Any) -> str:
    """Return the projections of *query* that lead to other entities."""
    relations = schema.types[query.entity_type].relations
    paths = [path for path in query.projections or () if isinstance(path, Path)]
    return ", ".join(str(path) for path in paths if path.segments[0].name in relations)


def _rows(connection: Connection, expression: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = connection.call([{"action": "query", "expression": expression}])[
        0
    ]["data"]
    return rows


def count(connection: Connection, conditions: Iterable[str]) -> int | None:
    """Return how many contexts there are, for each of *conditions* together.

    Args:
        connection: a strict one, as ftrack counts for no other.

    Returns:
        None where the server does not tell.
    """
    operations = [
        {"action": "query", "expression": f"select count(id) from TypedContext where {each}"}
        for each in conditions
    ]
    try:
        return sum(int(answer["data"][0]["count_id"]) for answer in connection.call(operations))
    except (InvalidExpression, ServerRefused, LookupError):
        return None
