"""The server's order: rows of a draft stand as the server gives them to a query without an order.

Pages come sorted by id or by owner, so the keys are asked for once more, without an order. Only
for types that are held in part, and of which more than `KEYS_PER_QUERY` rows are held, is the
order that of each such number of rows. Contexts have their order within their project.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from trackteroid_cli.engine.storage.sql import constant, quoted
from trackteroid_cli.engine.writing.import_rows import Entity
from trackteroid_cli.offline.holdings import Holdings
from trackteroid_cli.offline.pull.plan import OWNERS_PER_QUERY, Plan, Source
from trackteroid_cli.server.expressions import listed

#: How many keys one query names.
KEYS_PER_QUERY = 2_000

#: How many keys one page has, and the answers to one request.
KEYS_PER_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class KeyPage:
    """A query for the keys of some rows, in the server's order.

    Attributes:
        entity_type: the type that the query selects.
        table: the table that stores the rows.
        key: the names of the primary key.
        condition: in ftrack's query language; '' for none.
        place: how many rows of the table come before those of the query.
        offset: how many rows of the query come before those of the page.
        rows: how many rows the page has at most.
    """

    entity_type: str
    table: str
    key: tuple[str, ...]
    condition: str
    place: int
    offset: int
    rows: int

    @property
    def expression(self) -> str:
        """The query."""
        where = f" where {self.condition}" if self.condition else ""
        return (
            f"select {', '.join(self.key)} from {self.entity_type}{where} "
            f"limit {self.rows} offset {self.offset}"
        )


def begin(connection: sqlite3.Connection, plan: Plan, holdings: Holdings) -> list[list[KeyPage]]:
    """Create the table for the order, and return the queries for it, by request."""
    connection.execute("DROP TABLE IF EXISTS _pull_order")  # of a pull that was stopped
    connection.execute(
        'CREATE TABLE _pull_order ("table" TEXT, place INTEGER, held INTEGER, '
        'PRIMARY KEY ("table", place)) WITHOUT ROWID'
    )
    requests: list[list[KeyPage]] = [[]]
    # Two families may share a table, whose rows have one order.
    roots = {plan.schema.families[root].table: root for root in (*holdings.whole, *holdings.scoped)}
    for root in roots.values():
        for page in _pages(connection, plan.sources_of_family(root), holdings):
            if page.rows + sum(other.rows for other in requests[-1]) > KEYS_PER_PAGE:
                requests.append([])
            requests[-1].append(page)
    return [pages for pages in requests if pages]


def store(connection: sqlite3.Connection, page: KeyPage, keys: Sequence[Entity]) -> None:
    """Store the places of the rows with *keys*, the answer to *page*."""
    is_row = " AND ".join(f"{quoted(name)} = ?" for name in page.key)
    connection.executemany(
        f"INSERT INTO _pull_order SELECT ?, ?, rowid FROM {quoted(page.table)} WHERE {is_row}",
        (
            (page.table, place, *(key[name] for name in page.key))
            for place, key in enumerate(keys, page.place + page.offset)
        ),
    )


def put_in_order(connection: sqlite3.Connection) -> None:
    """Put the rows of each table in the order that was stored, and forget the order.

    Rows whose place is not known come last.
    """
    tables = connection.execute('SELECT DISTINCT "table" FROM _pull_order').fetchall()
    for (table,) in tables:
        (disordered,) = connection.execute(
            "SELECT EXISTS (SELECT * FROM (SELECT held, lag(held) OVER (ORDER BY place) AS former "
            'FROM _pull_order WHERE "table" = ?) WHERE former > held)',
            [table],
        ).fetchone()
        if disordered:
            _rebuild(connection, table)
    connection.execute("DROP TABLE _pull_order")


def _rebuild(connection: sqlite3.Connection, table: str) -> None:
    """Replace *table* by a copy whose rows were inserted in their order."""
    definition, *indexes = (
        sql
        for (sql,) in connection.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL "
            "ORDER BY type = 'index', rowid",
            [table],
        )
    )
    old, new = quoted(table), '"_pull_rows"'
    connection.execute(definition.replace(old, new, 1))
    # A row that changed while its order was fetched may have two places; the first is taken.
    connection.execute(
        f"INSERT OR IGNORE INTO {new} SELECT t.* FROM _pull_order o CROSS JOIN {old} t "
        'ON t.rowid = o.held WHERE o."table" = ? ORDER BY o.place',
        [table],
    )
    connection.execute(
        f"INSERT INTO {new} SELECT * FROM {old} WHERE rowid NOT IN (SELECT held FROM _pull_order "
        'WHERE "table" = ?) ORDER BY rowid',
        [table],
    )
    connection.execute(f"DROP TABLE {old}")
    connection.execute(f"ALTER TABLE {new} RENAME TO {old}")
    for index in indexes:
        connection.execute(index)


def _pages(
    connection: sqlite3.Connection, sources: Sequence[Source], holdings: Holdings
) -> Iterator[KeyPage]:
    """Yield the queries for the order of the rows of a family, which *sources* have together."""
    source = sources[0]
    place = 0
    for entity_type, condition, rows in _selections(connection, sources, holdings):
        page = KeyPage(entity_type, source.table, source.key, condition, place, 0, KEYS_PER_PAGE)
        for offset in range(0, rows, KEYS_PER_PAGE):
            yield replace(page, offset=offset, rows=min(rows - offset, KEYS_PER_PAGE))
        place += rows


def _selections(
    connection: sqlite3.Connection, sources: Sequence[Source], holdings: Holdings
) -> Iterator[tuple[str, str, int]]:
    """Yield the type, the condition and the greatest number of rows of each query."""
    root, held = sources[0].root, _count(connection, sources)
    if held < 2:
        return
    if root in holdings.whole:
        yield root, "", held
    elif root == "Context":
        (projects,) = (source for source in sources if source.entity_type == "Project")
        yield "Project", "", _count(connection, [projects])
        ids = [project.id for project in holdings.projects]
        for start in range(0, len(ids), OWNERS_PER_QUERY):
            some = ids[start : start + OWNERS_PER_QUERY]
            yield "TypedContext", listed("project_id", some), held
    else:
        key = sources[0].key[0]
        counted = _select(
            connection, sources, f"{quoted(key)}, count(*)", f"GROUP BY {quoted(key)}"
        )
        while rows := dict(counted.fetchmany(KEYS_PER_QUERY)):
            yield root, listed(key, map(str, rows)), sum(rows.values())


def _count(connection: sqlite3.Connection, sources: Sequence[Source]) -> int:
    """Return how many rows of *sources* are held."""
    (number,) = _select(connection, sources, "count(*)").fetchone()
    return int(number)


def _select(
    connection: sqlite3.Connection, sources: Sequence[Source], columns: str, tail: str = ""
) -> sqlite3.Cursor:
    """Select *columns* of the rows of *sources*, which have the same table."""
    conditions = " OR ".join(
        f"_type IN ({', '.join(map(constant, source.subtypes))})" if source.subtypes else "TRUE"
        for source in sources
    )
    return connection.execute(
        f"SELECT {columns} FROM {quoted(sources[0].table)} WHERE {conditions} {tail}"
    )
