"""The database of an engine: one SQLite file with tables made from the entity schemas.

Each family of types has a table, each scalar attribute a column. Dates are text
``YYYY-MM-DD HH:MM:SS`` in UTC, booleans 0 and 1, keys text. Several processes may share one file.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from trackteroid_cli.engine.schema import facts
from trackteroid_cli.engine.schema.schema import TYPE_COLUMN, Attribute, Family, Schema

#: Seconds that a request waits for the transaction of another process.
BUSY_SECONDS = 30

#: The tables beside those of the entity types.
_OWN_TABLES = frozenset({"_setting", "_api_key"})

#: Columns that scripts search by, besides the keys: they get an index.
_INDEXED = frozenset({"name", "key", "username", "email", "label"})

#: Indexes of more than one column, by table and first column.
_COMPOUND_INDEXES = {("context", "parent_id"): ("parent_id", "name")}

_COLUMN_TYPES = {
    "text": "TEXT COLLATE NOCASE",
    "date": "TEXT",
    "integer": "INTEGER",
    "number": "REAL",
    "boolean": "INTEGER",
    # No type: a value keeps its own.
    "variable": "COLLATE NOCASE",
}


class Store:
    """The database of one engine.

    Args:
        path: the SQLite file; `create` makes one.
        is_finished: whether nobody writes the file any more. It is only read then, without locks
            and without files beside it, so that its folder need not be writable.

    Raises:
        ValueError: it is an SQLite file, but not one of an engine.
        sqlite3.Error: it cannot be opened.
    """

    def __init__(self, path: Path, *, is_finished: bool = False) -> None:
        self.path = path
        self.is_finished = is_finished
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._process = os.getpid()
        #: Connections of the process that this one was forked from, which are not to be used here.
        self._inherited: list[sqlite3.Connection] = []
        try:
            self.schema = self._read_schema()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, path: Path, schema: Schema) -> Store:
        """Create an empty database for *schema* at *path*: a new file, or an empty one."""
        if path.exists() and path.stat().st_size:
            raise FileExistsError(path)
        with closing(_connect(path)) as connection, connection:
            connection.execute("BEGIN")
            for statement in statements(schema):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO _setting VALUES ('schemas', ?)", [json.dumps(schema.documents)]
            )
        return cls(path)

    @classmethod
    def copy(cls, source: Path, path: Path) -> Store:
        """Copy the finished database *source* to *path*: a new file, or an empty one.

        Keys, and what other parts of the program have added to *source*, are left out.
        """
        with (
            closing(connect_reading(source)) as finished,
            closing(sqlite3.connect(path)) as connection,
        ):
            finished.backup(connection)
        store = cls(path)
        with store.writing() as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ours = {table for table, _ in _columns(store.schema)} | _OWN_TABLES
            for (table,) in tables.fetchall():
                if table not in ours and not table.startswith("sqlite_"):
                    connection.execute(f'DROP TABLE "{table}"')
            connection.execute("DELETE FROM _api_key")
            connection.execute(
                "DELETE FROM _setting WHERE name NOT IN ('schemas', 'server_information')"
            )
        return store

    @property
    def connection(self) -> sqlite3.Connection:
        """The calling thread's connection; a forked process has others."""
        if self._process != os.getpid():
            self._leave_inherited()
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            opened = connect_reading(self.path) if self.is_finished else _connect(self.path)
            connection = self._local.connection = opened
            with self._lock:
                self._connections.append(connection)
        return connection

    def _read_schema(self) -> Schema:
        try:
            return Schema(json.loads(self.get_setting("schemas")))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise ValueError("its schemas cannot be read") from error

    def _leave_inherited(self) -> None:
        self._inherited += self._connections
        self._local, self._lock = threading.local(), threading.Lock()
        self._connections, self._process = [], os.getpid()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction that sees one state of the database."""
        connection = self.connection
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction, which is rolled back if the block raises."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # A full disk makes SQLite roll back by itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def get_setting(self, name: str) -> str:
        """Return the value that `set_setting` stored as *name*, or ''."""
        row = self.connection.execute(
            "SELECT value FROM _setting WHERE name = ?", [name]
        ).fetchone()
        return row[0] if row else ""

    def set_setting(self, name: str, value: str) -> None:
        """Store *value* as *name*."""
        self.connection.execute("INSERT OR REPLACE INTO _setting VALUES (?, ?)", [name, value])

    def is_sound(self) -> bool:
        """Return whether the file has every table and column, and no damaged page; reads all of it.

        Raises:
            sqlite3.Error: it is damaged so much that not even that can be told.
        """
        found = self.connection.execute(
            "SELECT tables.name, columns.name FROM sqlite_master AS tables "
            "JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'"
        )
        if not set(found).issuperset(_columns(self.schema)):
            return False
        (told,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        return bool(told == "ok")

    def analyze(self) -> None:
        """Update the statistics of SQLite's query planner; worth it after loading many rows."""
        self.connection.execute("ANALYZE")

    def close(self) -> None:
        """Close the connections of every thread."""
        if self._process != os.getpid():
            self._leave_inherited()
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._local = threading.local()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    # Safe in WAL mode: a power cut may undo the last requests, never half of one.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    """Return a connection to a file that nobody writes; nothing is written beside it either.

    Source: https://www.sqlite.org/c3ref/open.html, the URI parameters ``mode`` and ``immutable``.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _columns(schema: Schema) -> Iterator[tuple[str, str]]:
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
    indexed = [name for name, column in columns.items() if column.key or name in _INDEXED]
    # Of two indexes that seem equally good SQLite takes the newer one. The index on the type seems
    # better than it is, so it comes first.
    for name in (*discriminators, *indexed):
        if (name,) != primary_key:
            together = _COMPOUND_INDEXES.get((table, name), (name,))
            yield f'CREATE INDEX "{table}/{name}" ON "{table}" ({", ".join(_quoted(together))})'


def _column_type(column: Attribute) -> str:
    return "TEXT" if column.key and column.kind == "text" else _COLUMN_TYPES[column.kind]


def _quoted(names: tuple[str, ...]) -> list[str]:
    return [f'"{name}"' for name in names]


__all__ = ["BUSY_SECONDS", "TYPE_COLUMN", "Store", "connect_reading"]
