"""Computed attributes: as SQL expressions where that is possible, else from loaded rows.

Source: ftrack's API documentation, "Using the link attribute", "Time logging"; the paths that
``ftrack_api/entity/location.py`` asks the server for.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.storage import addresses

#: A loaded row: values by column.
Record: TypeAlias = Mapping[str, Any]
#: An entry of a link: type, id and name of an entity.
Ancestor: TypeAlias = dict[str, str | None]

#: Locations whose files the server itself serves: ftrack.server and ftrack.review.
SERVED_LOCATIONS = frozenset(
    {"3a372bde-05bc-11e4-8908-20c9d081909b", "cd41be70-8809-11e3-b98a-20c9d081909b"}
)

_TIME_LOGGED = (
    "(SELECT coalesce(sum(duration), 0) FROM timelog WHERE context_id IN ("
    "WITH RECURSIVE below(id) AS (SELECT {row}.id UNION "
    "SELECT context.id FROM below CROSS JOIN context ON context.parent_id = below.id) "
    "SELECT id FROM below))"
)

#: SQL by root type and attribute; ``{row}`` is the alias of the row's table.
_EXPRESSIONS = {
    ("Context", "time_logged"): _TIME_LOGGED,
    ("Context", "bid_time_logged_difference"): f"(coalesce({{row}}.bid, 0) - {_TIME_LOGGED})",
    # The published version with the highest number; of two with that number, the newer.
    ("AssetVersion", "is_latest_version"): (
        "coalesce({row}.id = (SELECT other.id FROM asset_version AS other "
        "WHERE other.asset_id = {row}.asset_id AND other.is_published "
        "ORDER BY other.version DESC, other.rowid DESC LIMIT 1), 0)"
    ),
    ("ReviewSession", "is_open"): (
        "(datetime('now') BETWEEN coalesce({row}.start_date, '') AND coalesce({row}.end_date, '~'))"
    ),
    # A review session shows the first of its versions that has a picture.
    ("ReviewSession", "thumbnail_id"): (
        "(SELECT version.thumbnail_id FROM review_session_object AS object "
        "JOIN asset_version AS version ON version.id = object.version_id "
        "WHERE object.review_session_id = {row}.id AND version.thumbnail_id IS NOT NULL "
        "ORDER BY object.sort_order, object.rowid LIMIT 1)"
    ),
}

_LINKS = frozenset({"link", "_link"})


def expression(root: str, name: str, alias: str) -> str | None:
    """Return a computed attribute as SQL for the row *alias*, or None if SQL cannot express it.

    Args:
        root: root of the attribute's family of types.
        name: the attribute.
        alias: of the table that holds the row.
    """
    template = _EXPRESSIONS.get((root, name))
    return template.format(row=alias) if template else None


def input_columns(schema: Schema, type_name: str, name: str) -> tuple[str, ...]:
    """Return the columns that `compute` needs in the records, for attribute *name*."""
    entity_type = schema.types[type_name]
    if name in _LINKS:
        return ("id", "asset_id", "version") if entity_type.root == "AssetVersion" else ("id",)
    wanted = ("thumbnail_id",) if name == "thumbnail_url" else ()
    return tuple(
        column
        for column in (*wanted, "component_id", "location_id")
        if column in entity_type.scalars
    )


def compute(
    connection: sqlite3.Connection, root: str, name: str, records: Sequence[Record], server_url: str
) -> list[JSON]:
    """Return attribute *name* of each record, as ftrack sends it.

    Args:
        connection: to the store of the records.
        root: root type of the records.
        name: an attribute that has neither a column nor an `expression`.
        records: rows with the columns that `input_columns` names.
        server_url: the beginning of the addresses in ``url`` and ``thumbnail_url``.

    Returns:
        One value for each record: for links, a list of ``{"type", "id", "name"}`` from the top
        down; for addresses ``{"url", "value"}`` or None; None for attributes that the engine does
        not know.
    """
    if name in _LINKS:
        return _links(connection, root, records)
    queries = _FILES.get(name)
    if queries is None:
        return [None] * len(records)
    action, query_of = queries
    secret = addresses.read_secret(connection)
    found: list[JSON] = []
    for record in records:
        query = query_of(record)
        if query["id"] is None:
            found.append(None)
            continue
        url = addresses.address(server_url, action, query, secret)
        found.append({"url": url, "value": url})
    return found


def _links(connection: sqlite3.Connection, root: str, records: Sequence[Record]) -> list[JSON]:
    ids = [record["id"] for record in records]
    if root == "AssetVersion":
        return _version_links(connection, records)
    chains = _chains(connection, "resource" if root == "Resource" else "context", ids)
    return [chains[key] for key in ids]


def _version_links(connection: sqlite3.Connection, records: Sequence[Record]) -> list[JSON]:
    """Return the contexts of each asset, then the version; [] for a version without an asset."""
    assets = {
        key: (name, context_id)
        for key, name, context_id in connection.execute(
            "SELECT id, name, context_id FROM asset WHERE id IN (SELECT value FROM json_each(?))",
            [json.dumps(list({record["asset_id"] for record in records}))],
        )
    }
    chains = _chains(connection, "context", {context_id for _, context_id in assets.values()})
    links: list[JSON] = []
    for record in records:
        name, context_id = assets.get(record["asset_id"], (None, None))
        if name is None:
            links.append([])
            continue
        label = f"{name} v{record['version'] or 0:03d}"
        version = {"type": "AssetVersion", "id": record["id"], "name": label}
        links.append([*chains.get(context_id, []), version])
    return links


def _chains(
    connection: sqlite3.Connection, table: str, ids: Iterable[str | None]
) -> dict[str | None, list[Ancestor]]:
    """Return, for each of *ids*, its ancestors from the top down and then itself."""
    wanted = [key for key in ids if key is not None]
    rows = {
        key: (parent_id, {"type": type_name, "id": key, "name": name})
        for key, parent_id, type_name, name in connection.execute(
            "WITH RECURSIVE up(id) AS (SELECT value FROM json_each(?) "
            f"UNION SELECT t.parent_id FROM up CROSS JOIN {table} AS t ON t.id = up.id) "
            f"SELECT t.id, t.parent_id, t._type, t.name FROM up CROSS JOIN {table} AS t "
            "ON t.id = up.id",
            [json.dumps(wanted)],
        )
    }
    chains: dict[str | None, list[Ancestor]] = {}
    for key in wanted:
        chain: list[Ancestor] = []
        step = rows.get(key)
        while step is not None and len(chain) < len(rows):
            parent_id, entry = step
            chain.append(entry)
            step = rows.get(parent_id)
        chains[key] = chain[::-1]
    return chains


def _thumbnail(record: Record) -> dict[str, Any]:
    return {"id": record.get("thumbnail_id") or record.get("component_id"), "size": 300}


def _file(record: Record) -> dict[str, Any]:
    is_served = record.get("location_id") in {None, *SERVED_LOCATIONS}
    return {"id": record.get("component_id") if is_served else None}


#: What is at the address that an attribute has, and the query for a record.
_FILES: dict[str, tuple[str, Callable[[Record], dict[str, Any]]]] = {
    "thumbnail_url": ("thumbnail", _thumbnail),
    "url": ("get", _file),
}
