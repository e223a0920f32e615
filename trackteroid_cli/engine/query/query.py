"""The action ``query``, which returns the entities that an expression selects.

Source: ftrack's API documentation, "Querying"; ``ftrack_api/query.py`` on paging.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypedDict

from trackteroid_cli.engine.query.aggregate import aggregate_select, is_aggregate
from trackteroid_cli.engine.query.language import Path, Query, parse
from trackteroid_cli.engine.query.loading import Entity, Loader, aliased_columns, needed_columns
from trackteroid_cli.engine.query.lookup import find_type
from trackteroid_cli.engine.query.projection import Node, projection_tree
from trackteroid_cli.engine.query.rows import select
from trackteroid_cli.engine.query.translate import Translator, limits
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.errors import ParseError
from trackteroid_cli.engine.storage.occurrences import complete
from trackteroid_cli.engine.storage.sql import Sql, compose, quoted, union_all

#: SQLite's messages for statements beyond its limits. Only a large expression causes them.
_LIMIT_MESSAGES = (
    "expression tree is too large",
    "parser stack overflow",
    "too many sql variables",
    "too many terms in compound select",
    "pattern too complex",
    "query string is too large",
    "at most 64 tables in a join",
    "too many columns",
)


class NextPage(TypedDict):
    """Where the next page begins; None if there is none."""

    offset: int | None


class Metadata(TypedDict):
    """What ftrack sends beside the entities."""

    next: NextPage


class Page(TypedDict):
    """The entities of one page."""

    data: list[Entity]
    metadata: Metadata


class QueryResult(Page):
    """The result of the action ``query``."""

    action: str


def run_query(
    connection: sqlite3.Connection,
    schema: Schema,
    expression: str,
    *,
    server_url: str = "",
    strict: bool = False,
) -> QueryResult:
    """Answer a query.

    Args:
        connection: to a store; in a transaction, if the store may change meanwhile.
        schema: of the store.
        expression: in ftrack's query language.
        server_url: the beginning of the addresses of files.
        strict: whether the client asked for ftrack's strict mode, which aggregates need.

    Returns:
        ``{"action": "query", "data": [...], "metadata": {"next": {"offset": N}}}`` where N is None
        unless there are more rows than the expression's limit.

    Raises:
        ParseError: the expression cannot be read, names what the schema does not have, or is too
            large for SQLite.
    """
    query = parse(_checked_text(expression))
    return answer_query(connection, schema, query, server_url=server_url, strict=strict)


def answer_query(
    connection: sqlite3.Connection,
    schema: Schema,
    query: Query,
    *,
    server_url: str = "",
    strict: bool = False,
) -> QueryResult:
    """Answer a parsed query; see `run_query`."""
    find_type(schema, query.entity_type)
    answer = _aggregate_page if is_aggregate(query) else _entity_page
    with _report_limits():
        data, more = answer(Request(connection, schema, query, server_url, strict))
    # Without this, a client that asks for `limit 0` would ask for ever.
    offset = (query.offset or 0) + query.limit if more and query.limit else None
    return {"action": "query", "data": data, "metadata": {"next": {"offset": offset}}}


def explain(connection: sqlite3.Connection, schema: Schema, expression: str) -> list[str]:
    """Return SQLite's plan for the rows of a query (not its relations), a line for each step."""
    query = parse(expression)
    translator = Translator(schema)
    statement = _page_select(translator, query, projection_tree(schema, query.entity_type, []))
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.params)
    return [detail for *_, detail in plan]


class Request(NamedTuple):
    """A query with the arguments of `run_query`."""

    connection: sqlite3.Connection
    schema: Schema
    query: Query
    server_url: str
    strict: bool


def _entity_page(request: Request) -> tuple[list[Entity], bool]:
    """Return the entities of a page, and whether there are more."""
    query = request.query
    tree = projection_tree(request.schema, query.entity_type, _paths(query))
    translator = Translator(request.schema)
    loader = Loader(request.connection, translator, request.server_url)
    records = loader.fetch(_page_select(translator, query, tree))
    shown = records[: query.limit]
    entities = loader.entities(tree, shown)
    if loader.has_repeated():
        entities = complete(request.schema, entities)
    return entities, len(shown) < len(records)


def _aggregate_page(request: Request) -> tuple[list[Entity], bool]:
    """Return the rows of an aggregate query, and whether there are more."""
    if not request.strict:
        raise ParseError(
            "Aggregates and 'group by' work in strict mode only: "
            'send the request with the header ftrack-strict-api: "true".'
        )
    query = request.query
    statement, outputs = aggregate_select(Translator(request.schema), query, _one_more(query))
    rows = request.connection.execute(statement.text, statement.params).fetchall()
    data = [
        {
            output.name: values.to_wire(output.attribute, value)
            for output, value in zip(outputs, row, strict=True)
        }
        for row in rows[: query.limit]
    ]
    return data, len(data) < len(rows)


def _page_select(translator: Translator, query: Query, tree: Node) -> Sql:
    """Return the SELECT of a page and one more row, with the columns that its entities need."""
    names = needed_columns(translator.schema, tree)
    parts = translator.rows(query.entity_type)
    orders = [translator.order(rows, query.order) for rows in parts]
    conditions = [translator.condition(query.condition, rows) for rows in parts]
    tail = limits(_one_more(query), query.offset)
    if len(parts) == 1:
        page = select(parts[0], aliased_columns(parts[0], names), conditions[0])
        terms = [term.sql + term.direction for term in orders[0]]
        return translator.statement(compose(f"{{}} ORDER BY {', '.join(terms)} {{}}", page, tail))
    # A union can only be sorted by its columns, so the sort keys become columns.
    sorting = [quoted(f"_order{place}") for place in range(len(orders[0]))]
    pages = []
    for rows, order, condition in zip(parts, orders, conditions, strict=True):
        keys = [f"{term.sql} AS {name}" for term, name in zip(order, sorting, strict=True)]
        pages.append(select(rows, [*aliased_columns(rows, names), *keys], condition))
    terms = [name + term.direction for name, term in zip(sorting, orders[0], strict=True)]
    both = compose(
        f"SELECT {', '.join(map(quoted, names))} FROM ({{}}) ORDER BY {', '.join(terms)} {{}}",
        union_all(pages),
        tail,
    )
    return translator.statement(both)


def _paths(query: Query) -> list[Path] | None:
    """Return the projections of a query without aggregates."""
    if query.projections is None:
        return None
    return [path for path in query.projections if isinstance(path, Path)]


def _one_more(query: Query) -> int | None:
    return None if query.limit is None else query.limit + 1


def _checked_text(expression: str) -> str:
    """Return *expression* if it can be encoded as UTF-8."""
    try:
        expression.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ParseError(
            f"The expression has half a character at position {error.start}: "
            "a surrogate without its other half. Remove it."
        ) from error
    return expression


@contextmanager
def _report_limits() -> Iterator[None]:
    """Raise `ParseError` where SQLite refuses a statement as too large."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.DataError) as error:
        if not any(limit in str(error).lower() for limit in _LIMIT_MESSAGES):
            raise
        raise ParseError(
            f"The expression is too large or nests too deeply ({error}): "
            "split it, or list values with in (…) rather than with or."
        ) from error
