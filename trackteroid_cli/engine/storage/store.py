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
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from trackteroid_cli.engine.schema.schema import TYPE_COLUMN, Schema
from trackteroid_cli.engine.storage import layout

#: Seconds that a request waits for the transaction of another process.
BUSY_SECONDS = 30

#: Bytes of the log beside the file that no more than one process would ever need. Where somebody
#: always reads, SQLite never begins the log anew by itself.
_LARGE_LOG = 64 * 2**20

#: Seconds that a transaction waits for readers in order to empty the log.
_LOG_SECONDS = 1

#: So many transactions end before the size of the log is looked at again.
_COMMITS_PER_LOOK = 16

#: The tables beside those of the entity types.
_OWN_TABLES = frozenset({"_setting", "_api_key"})


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
        self._has_indexes = is_finished
        self._commits = 0
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
            for statement in layout.statements(schema):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {layout.INDEX_VERSION}")
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
        try:
            store._keep_own()
        except BaseException:
            store.close()
            raise
        return store

    def _keep_own(self) -> None:
        """Drop all but the entities, their types and what the server told of itself."""
        ours = {table for table, _ in layout.stored_columns(self.schema)} | _OWN_TABLES
        with self.writing() as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                if table not in ours and not table.startswith("sqlite_"):
                    connection.execute(f'DROP TABLE "{table}"')
            connection.execute("DELETE FROM _api_key")
            connection.execute(
                "DELETE FROM _setting WHERE name NOT IN ('schemas', 'server_information')"
            )

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
            if not self._has_indexes:
                layout.bring_up_to_date(connection, self.schema)
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # A full disk makes SQLite roll back by itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._has_indexes = True
        # What is committed stays so, whatever becomes of the log.
        with suppress(sqlite3.OperationalError, OSError):
            self._shorten_log(connection)

    def _shorten_log(self, connection: sqlite3.Connection) -> None:
        """Now and then, write a log that has become large into the file, and empty it.

        This waits for those who read; whoever begins to read meanwhile does not need the log. It
        keeps others from writing, so that a reader who takes long is not waited for.
        """
        self._commits += 1
        if self._commits % _COMMITS_PER_LOOK:
            return
        log = self.path.with_name(f"{self.path.name}-wal")
        if log.exists() and log.stat().st_size > _LARGE_LOG:
            connection.execute(f"PRAGMA busy_timeout = {_LOG_SECONDS * 1000}")
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")

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
        if not set(found).issuperset(layout.stored_columns(self.schema)):
            return False
        (told,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        return bool(told == "ok")

    def analyze(self) -> None:
        """Update the statistics of SQLite's query planner; worth it after loading many rows."""
        with self.writing() as connection:
            connection.execute("ANALYZE")
            layout.correct_statistics(connection)
        connection.execute("ANALYZE sqlite_schema")  # makes this connection read them anew

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


__all__ = ["BUSY_SECONDS", "TYPE_COLUMN", "Store", "connect_reading"]
