"""The layout of an engine's database: tables, columns and indexes, made from the entity schemas."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from trackteroid_cli.engine.schema import facts
from trackteroid_cli.engine.schema.schema import Attribute, Family, Schema

#: Columns that scripts search by, besides the keys: they get an index.
_INDEXED = frozenset({"name", "key", "username", "email", "label"})

#: Columns of tables that grow large, by which scripts select and sort besides: the latest of them.
_DATES = {"asset_version": ("date",), "note": ("date",)}

#: Indexes of more than one column, by table and first column. They serve the first one as well.
_COMPOUND_INDEXES: dict[tuple[str, str], tuple[str, ...]] = {
    ("context", "parent_id"): ("parent_id", "name"),
}

#: Indexes of more than one column, besides those of each, by table: contexts of a type by name, and
#: values of a custom attribute.
_MORE_INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    "context": (("_type", "name"),),
    "custom_attribute_value": (("configuration_id", "value"),),
}

#: The version of the indexes. A file of an earlier one gets those of this one when it is written.
INDEX_VERSION = 1

_COLUMN_TYPES = {
    "text": "TEXT COLLATE NOCASE",
    "date": "TEXT",
    "integer": "INTEGER",
    "number": "REAL",
    "boolean": "INTEGER",
    # No type: a value keeps its own.
    "variable": "COLLATE NOCASE",
}

#: The largest table of a small database has fewer rows.
_SMALL = 10_000

#: So many rows with an equal value in a column are few: an index on it is always worth its while.
_FEW = 10


def stored_columns(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the columns of a database for *schema*, each after the name of its table."""
    for family in schema.families.values():
        if not family.dense:
            yield from ((family.table, name) for name in family.columns)
            if family.polymorphic:
                yield family.table, family.discriminator
    for through in facts.THROUGH.values():
        if through.between not in schema.types:
            yield through.between, through.owner_column
            yield through.between, through.target_column


def statements(schema: Schema) -> Iterator[str]:
    """Yield the statements that make a database for *schema*."""
    yield "CREATE TABLE _setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
    yield "CREATE TABLE _api_key (key TEXT PRIMARY KEY, user_id TEXT)"
    families_of: dict[str, list[Family]] = {}
    for family in schema.families.values():
        if not family.dense:
            families_of.setdefault(family.table, []).append(family)
    for table, families in families_of.items():
        yield from _table_statements(table, families)
    # The two ends of a relation share its table.
    for through in {each.between: each for each in sorted(facts.THROUGH.values())}.values():
        if through.between not in schema.types:
            owner, target = f'"{through.owner_column}"', f'"{through.target_column}"'
            yield (
                f'CREATE TABLE "{through.between}" ({owner} TEXT NOT NULL, {target} TEXT NOT NULL, '
                f"PRIMARY KEY ({owner}, {target}))"
            )
            yield f'CREATE INDEX "{through.between}/target" ON "{through.between}" ({target})'


def _table_statements(table: str, families: list[Family]) -> Iterator[str]:
    columns: dict[str, Attribute] = {}
    for family in families:
        columns = {**family.columns, **columns}
    definitions = [f'"{name}" {_column_type(column)}' for name, column in columns.items()]
    discriminators = [family.discriminator for family in families if family.polymorphic]
    definitions += [f'"{name}" TEXT NOT NULL' for name in discriminators]
    primary_key = families[0].primary_key
    definitions.append(f"PRIMARY KEY ({', '.join(_quoted(primary_key))})")
    yield f'CREATE TABLE "{table}" ({", ".join(definitions)})'
    wanted = _INDEXED.union(_DATES.get(table, ()))
    indexed = [name for name, column in columns.items() if column.key or name in wanted]
    # Of two indexes that seem equally good SQLite takes the newer one. The index on the type seems
    # better than it is, so it comes first.
    for together in _MORE_INDEXES.get(table, ()):
        yield _index_statement(table, ",".join(together), together)
    for name in (*discriminators, *indexed):
        if (name,) != primary_key:
            together = _COMPOUND_INDEXES.get((table, name), (name,))
            yield _index_statement(table, name, together)


def _index_statement(table: str, name: str, columns: tuple[str, ...]) -> str:
    return f'CREATE INDEX "{table}/{name}" ON "{table}" ({", ".join(_quoted(columns))})'


def _column_type(column: Attribute) -> str:
    return "TEXT" if column.key and column.kind == "text" else _COLUMN_TYPES[column.kind]


def _quoted(names: tuple[str, ...]) -> list[str]:
    return [f'"{name}"' for name in names]


def bring_up_to_date(connection: sqlite3.Connection, schema: Schema) -> None:
    """Give a file that an earlier version made the indexes of this one, in its transaction.

    A file without any is just being filled, and gets its own in the end.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version >= INDEX_VERSION:
        return
    found = dict(
        connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
    )
    if not found:
        return
    for statement in statements(schema):
        if statement.startswith("CREATE INDEX") and statement not in found.values():
            name = statement.split('"')[1]
            connection.execute(f'DROP INDEX IF EXISTS "{name}"')
            connection.execute(statement)
            connection.execute(f'ANALYZE "{name}"')
    correct_statistics(connection)
    connection.execute(f"PRAGMA user_version = {INDEX_VERSION}")


def correct_statistics(connection: sqlite3.Connection) -> None:
    """Leave out of the statistics of SQLite's query planner what misleads it.

    Those of a small database: when it has grown, tables that it takes for small are read from end
    to end. And rows without a value, which it counts as rows with equal values: a column that few
    rows have one in, such as that of thumbnails, would seem useless for finding these.

    Source: https://www.sqlite.org/fileformat2.html#stat1tab.
    """
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")
    if tables.fetchone() is None:
        return
    (most,) = connection.execute("SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1").fetchone()
    if most is None or most < _SMALL:
        connection.execute("DELETE FROM sqlite_stat1")
        return
    known = connection.execute("SELECT tbl, idx, stat FROM sqlite_stat1 WHERE idx LIKE tbl || '/%'")
    for table, index, stat in known.fetchall():
        rows, equal, *others = stat.split()
        if int(equal) <= _FEW:
            continue
        (column,) = connection.execute(
            "SELECT name FROM pragma_index_info(?) WHERE seqno = 0", [index]
        ).fetchone()
        (missing,) = connection.execute(
            f'SELECT count(*) FROM "{table}" WHERE "{column}" IS NULL'
        ).fetchone()
        if missing == int(rows):
            connection.execute("DELETE FROM sqlite_stat1 WHERE idx = ?", [index])
        elif 2 * missing > int(rows):
            values = max(1, int(rows) // int(equal) - 1)
            equal = str(max(1, (int(rows) - missing) // values))
            connection.execute(
                "UPDATE sqlite_stat1 SET stat = ? WHERE idx = ?",
                [" ".join([rows, equal, *others]), index],
            )
