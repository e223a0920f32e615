"""The action ``search``: a query narrowed down by words, for search fields of web clients.

Every word must occur in the name of the entity or in the names of its ancestors.

Source: ftrack's API documentation, "Searching".
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trackteroid_cli.engine.query.language import parse
from trackteroid_cli.engine.query.query import Page, run_query
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.storage.errors import ParseError, ValidationError
from trackteroid_cli.engine.storage.occurrences import complete

#: Attributes with the name of an entity; each type has some of them.
_NAMES = ("name", "username", "first_name", "last_name", "label")

#: A quoted text, a parenthesis, or a limit or offset.
_TOKEN = re.compile(
    r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[()]|\b(?:limit|offset)\s+\d+\b""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What to search for: words, below which context, of which object types.

    Empty words, no context and no object types match everything.
    """

    words: tuple[str, ...]
    context_id: object
    object_type_ids: frozenset[str]


def read_terms(operation: Mapping[str, object]) -> Terms:
    """Read ``terms``, ``context_id`` and ``object_type_ids`` of an operation; each may be missing.

    Raises:
        ValidationError: ``terms`` or ``object_type_ids`` is not a list.
    """
    return Terms(
        tuple(str(word).lower() for word in _list(operation, "terms")),
        operation.get("context_id"),
        frozenset(map(str, _list(operation, "object_type_ids"))),
    )


def _list(operation: Mapping[str, object], name: str) -> list[object]:
    given = operation.get(name) or []
    if not isinstance(given, list):
        raise ValidationError(f'The "{name}" of a search are a list.')
    return given


def run_search(
    connection: sqlite3.Connection,
    schema: Schema,
    expression: str,
    terms: Terms,
    *,
    server_url: str,
) -> Page:
    """Answer a query with those of its entities that match *terms*.

    Returns:
        As `run_query` does, with the same paging.

    Raises:
        ParseError: the expression cannot be read, or has 'group by'.
    """
    query = parse(expression)
    if query.group:
        raise ParseError("A search returns entities: leave out 'group by'.")
    rows = run_query(connection, schema, _without_page(expression), server_url=server_url)["data"]
    matching = set(_matching(connection, schema, query.entity_type, terms))
    primary_key = schema.types[query.entity_type].primary_key
    found = [row for row in rows if tuple(row[part] for part in primary_key) in matching]
    start = query.offset or 0
    end = len(found) if query.limit is None else start + query.limit
    more = query.limit and end < len(found)
    shown = complete(schema, found[start:end])
    return {"data": shown, "metadata": {"next": {"offset": end if more else None}}}


def _matching(
    connection: sqlite3.Connection, schema: Schema, type_name: str, terms: Terms
) -> Iterator[tuple[object, ...]]:
    """Yield the keys of the entities of a type that match *terms*."""
    entity_type = schema.types[type_name]
    names = [name for name in _NAMES if name in entity_type.scalars]
    wanted = [*entity_type.primary_key, *names, *(["link"] if "link" in entity_type else [])]
    rows = run_query(connection, schema, f"select {', '.join(wanted)} from {type_name}")["data"]
    for row in rows:
        path = row.get("link") or []
        text = " ".join(str(row[name] or "") for name in names)
        text = " / ".join([*(str(entry["name"]) for entry in path), text]).lower()
        if (
            all(word in text for word in terms.words)
            and (terms.context_id is None or any(e["id"] == terms.context_id for e in path))
            and (not terms.object_type_ids or row.get("object_type_id") in terms.object_type_ids)
        ):
            yield tuple(row[part] for part in entity_type.primary_key)


def _without_page(expression: str) -> str:
    """Return *expression* without the limit and offset of the query itself."""
    depth = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        token = match.group()
        depth += {"(": 1, ")": -1}.get(token, 0)
        return "" if token[0] in "lLoO" and depth == 0 else token

    return _TOKEN.sub(keep, expression)
