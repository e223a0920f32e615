"""SQLite dbm files, as Python 3.13's `dbm.sqlite3` reads and writes them.

One table, `Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)`. Files made here stay in
rollback-journal mode: one file at rest, which opens where nothing can be written beside it.
Source: Python's library reference, `dbm.sqlite3`, and Lib/dbm/sqlite3.py.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import cast
from urllib.parse import quote

from trackteroid_cli.batches.dbm.base import Reader
from trackteroid_cli.batches.dbm.errors import (
    DbmCorrupt,
    DbmEmpty,
    DbmForeign,
    DbmKeyExists,
    DbmNotWritten,
    DbmUnreadable,
)
from trackteroid_cli.batches.dbm.files import read_head, writing
from trackteroid_cli.batches.dbm.side_files import (
    check_side_files,
    is_unsettled,
    move_with_side_files,
    private_copy,
)
from trackteroid_cli.files import SIDE_SUFFIXES, TemporaryFolder, whole_file

MAGIC = b"SQLite format 3\0"

_TABLE = "CREATE TABLE Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)"
_ROWS_A_STATEMENT = 100  # beyond it no faster; two variables a row, of 999 that any SQLite takes
_WAL_VERSION = 2  # at offset 18 of the header. Source: "Database File Format", sqlite.org


class DbmReader(Reader):
    """An SQLite dbm file, opened for reading: a mapping of bytes to bytes, in the order of keys.

    Nothing is written where the file is, not even a side file: it opens on a read-only disk. What a
    writer that died left undone is settled in a private copy.

    Raises:
        DbmNotFound, DbmIsDirectory, DbmUnreadable, DbmEmpty: as they say.
        DbmForeign: not an SQLite file, or one without the table of a dbm file.
        DbmCorrupt: truncated or damaged, as far as that shows before its values are read.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        head = _check_head(path)
        check_side_files(path)
        with ExitStack() as stack, _reading(path):
            self._connection = stack.enter_context(_open_for_reading(path, head))
            self._cleanup = stack.pop_all()

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        self._cleanup.close()

    def __getitem__(self, key: bytes) -> bytes:
        rows = self._rows("SELECT value FROM Dict WHERE key = ?", key)
        if not rows:
            raise KeyError(key)
        return rows[0][0]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.keys_with_prefix(b""))

    def __len__(self) -> int:
        with _reading(self.path):
            return cast("int", self._connection.execute("SELECT count(*) FROM Dict").fetchone()[0])

    def keys_with_prefix(self, prefix: bytes) -> list[bytes]:
        """Return the keys that begin with *prefix*, in the order of their bytes."""
        condition, bounds = _range(prefix)
        return [row[0] for row in self._rows(f"SELECT key FROM Dict {condition}", *bounds)]

    def items_with_prefix(self, prefix: bytes) -> list[tuple[bytes, bytes]]:
        """Return the pairs whose key begins with *prefix*, in the order of their keys' bytes."""
        condition, bounds = _range(prefix)
        rows = self._rows(f"SELECT key, value FROM Dict {condition}", *bounds)
        return [(key, value) for key, value in rows]

    def _rows(self, query: str, *parameters: bytes) -> list[tuple[bytes, ...]]:
        """Return all rows at once: a cursor left open would keep a lock on the file."""
        with _reading(self.path):
            rows = self._connection.execute(query, parameters).fetchall()
        if not all(isinstance(value, bytes) for row in rows for value in row):
            raise DbmCorrupt(self.path, "it holds something else than bytes")
        return rows


class DbmWriter:
    """A new SQLite dbm file, which appears at *path* when the block ends well, whole or not at all.

    A key that is put again takes the newer value. Used as `with DbmWriter(path) as writer:`.

    Args:
        path: where the file is to appear; its folder exists.
        replace: whether it may take the place of a file that is there.

    Raises:
        FileExistsError: *path* exists, or came to exist meanwhile, and *replace* is false.
        DbmNotWritten: the disk is full, the folder is missing or not writable, and the like.

    """

    def __init__(self, path: Path, *, replace: bool = False) -> None:
        self.path = path
        self._replace = replace
        self._cleanup = ExitStack()

    def put(self, key: bytes, value: bytes) -> None:
        """Write one pair."""
        self.put_many([(key, value)])

    def put_many(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Write the *pairs*, in time linear in their number and size."""
        for chunk in _chunks(pairs):
            with _writing(self.path):
                self._connection.execute(_put("REPLACE", len(chunk)), list(chain(*chunk)))

    def __enter__(self) -> DbmWriter:
        with ExitStack() as stack:
            stack.enter_context(writing(self.path))
            _refuse_side_files(self.path)
            temporary = stack.enter_context(whole_file(self.path, replace=self._replace))
            self._connection = stack.enter_context(_filling(temporary, self.path))
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanup.__exit__(kind, error, trace)


def create(path: Path, pairs: Iterable[tuple[bytes, bytes]], *, replace: bool = False) -> None:
    """Write *pairs* as a new file at *path*, whole or not at all; raises as `DbmWriter`."""
    with DbmWriter(path, replace=replace) as writer:
        writer.put_many(pairs)


def append(path: Path, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """Add *pairs* to the SQLite dbm file *path*: all of them, durably, or none.

    Waits up to five seconds for another process that is writing the file.

    Raises:
        DbmKeyExists: the file holds one of the keys; nothing was added.
        DbmNotWritten: the disk is full, the file is read-only or in use, and the like.
        DbmError: as `DbmReader`.

    """
    rows = list(pairs)  # before the lock is taken: an iterable may take its time, or raise
    with _changing(path) as connection:
        for chunk in _chunks(rows):
            connection.execute(_put("INSERT", len(chunk)), list(chain(*chunk)))


def move(path: Path, target: Path) -> None:
    """Give the dbm file *path* the name *target*, which is free.

    What a writer that died left undone is in a file beside it, which is found by its name only:
    the file is brought to rest first. What is too damaged for that keeps what is beside it.

    Raises:
        DbmNotWritten, DbmUnreadable: the file is read-only or in use, and the like.
        OSError: the system refuses.

    """
    try:
        settle(path)
    except (DbmCorrupt, DbmForeign, DbmEmpty):
        move_with_side_files(path, target)
    else:
        path.rename(target)


def settle(path: Path) -> None:
    """Bring the SQLite dbm file *path* to rest: all that it holds is in this one file.

    Costs nothing where that is so.

    Raises:
        DbmNotWritten: the file is read-only or in use, and the like.
        DbmError: as `DbmReader`.

    """
    if is_unsettled(path):
        with _changing(path):
            pass


@contextmanager
def _changing(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to *path* in one durable transaction, which ends with the block."""
    _check_head(path)
    check_side_files(path)
    with _writing(path), closing(_connect(path, "mode=rw")) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        # EXTRA also syncs the folder once the journal is gone. With less, a power cut could
        # bring the journal back, and with it undo what was reported as written.
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("BEGIN IMMEDIATE")
        with _reading(path):
            _check_schema(connection, path)
        yield connection
        connection.execute("COMMIT")  # an exception before it: closing rolls back


def _check_head(path: Path) -> bytes:
    """Return the first bytes of the SQLite file *path*; raises as `DbmReader`."""
    head = read_head(path, 100)
    if not head.startswith(MAGIC):
        if MAGIC.startswith(head):
            raise DbmCorrupt(path, "it is truncated")
        raise DbmForeign(path, "it is not an SQLite dbm file")
    if len(head) < 100:
        raise DbmCorrupt(path, "it is truncated")
    return head


@contextmanager
def _open_for_reading(path: Path, head: bytes) -> Iterator[sqlite3.Connection]:
    """Yield a connection to the SQLite file *path* that begins with *head*."""
    if not is_unsettled(path, "-wal"):
        # Python's own dbm.sqlite3 leaves a log's mark, with which side files would be made.
        immutable = "&immutable=1" if head[18] == _WAL_VERSION else ""
        with closing(_connect(path, f"mode=ro{immutable}")) as connection:
            if _is_settled(connection):
                _check_schema(connection, path)
                yield connection
                return
    folder = TemporaryFolder()
    try:
        with closing(_connect(private_copy(path, folder), "mode=rw")) as connection:
            connection.execute("PRAGMA query_only = ON")
            _check_schema(connection, path)
            yield connection
    finally:
        folder.remove()


def _is_settled(connection: sqlite3.Connection) -> bool:
    """Return whether a file opened read-only is at rest, or its writer is alive.

    Else SQLite would have to write, and says that it cannot. Its words tell, as 3.10 has no codes.
    """
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.OperationalError as error:
        if "readonly" in str(error) or "unable to open" in str(error):
            return False
        raise
    return True


def _connect(path: Path, options: str) -> sqlite3.Connection:
    """Open *path* by URI; a file's schema is never trusted to call functions."""
    location = path.absolute().as_posix()
    # An empty host, then the path: on Windows also of a drive (/C:/x) or a share (//host/x).
    uri = "file://" + quote(
        os.fsencode(location if location.startswith("/") else f"/{location}"), safe="/:"
    )
    connection = sqlite3.connect(f"{uri}?{options}", uri=True, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that holds anything but the one table, with the index that SQLite gives it.

    A trigger would run when a key is added, a view or a generated column when one is read.
    """
    found = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    tables = [_compact(str(sql)) for kind, _, sql in found if kind == "table"]
    others = [str(name) for kind, name, sql in found if kind != "table" and sql is not None]
    if tables != [_compact(_TABLE)] or others:
        held = f"; it holds {others[0]!r}" if others else ""
        raise DbmForeign(path, f"it is an SQLite database, but not a dbm file{held}")


def _compact(statement: str) -> str:
    """Return an SQL *statement* without the spaces that make it readable."""
    return re.sub(r"\s*([(),\s])\s*", r"\1", statement)


def _refuse_side_files(path: Path) -> None:
    """Refuse to write a file where SQLite would take what an earlier one left for its journal."""
    for suffix in SIDE_SUFFIXES:
        if os.path.lexists(f"{path}{suffix}"):
            side = f"{path.name}{suffix}"
            why = (
                f"{side} is there, left by a file of that name, and would be taken for its journal"
            )
            raise DbmNotWritten(path, why, f"move {side} away, or give another name")


@contextmanager
def _filling(temporary: Path, path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to the new file *temporary*, in one transaction.

    Without journal and syncs: nobody sees this file before it is whole and synced, and one that
    fails is thrown away.
    """
    with ExitStack() as stack:
        with _writing(path):
            connection = stack.enter_context(closing(_connect(temporary, "mode=rw")))
            for setting in ("page_size = 4096", "journal_mode = OFF", "synchronous = OFF"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN")
            connection.execute(_TABLE)
        yield connection
        with _writing(path):
            connection.execute("COMMIT")


@cache
def _put(verb: str, rows: int) -> str:
    """Return the statement that writes *rows* pairs; any value is stored as bytes."""
    row = "(CAST(? AS BLOB), CAST(? AS BLOB))"
    return f"{verb} INTO Dict (key, value) VALUES {', '.join([row] * rows)}"


def _chunks(pairs: Iterable[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    remaining = iter(pairs)
    while chunk := list(islice(remaining, _ROWS_A_STATEMENT)):
        yield chunk


def _range(prefix: bytes) -> tuple[str, tuple[bytes, ...]]:
    """Return the end of a query, and its values, for the keys that begin with *prefix*."""
    shorter = prefix.rstrip(b"\xff")
    if not shorter:  # no key is greater than all of these
        return "WHERE key >= ? ORDER BY key", (prefix,)
    following = shorter[:-1] + bytes([shorter[-1] + 1])
    return "WHERE key >= ? AND key < ? ORDER BY key", (prefix, following)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Translate what SQLite says while *path* is read; by its words, as 3.10 has no codes."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a mistake in our code, such as the use of a closed file
    except UnicodeDecodeError as error:  # of a name in a damaged schema
        raise DbmCorrupt(path, "it is truncated or damaged (a name in it is no text)") from error
    except sqlite3.DatabaseError as error:
        words = str(error)
        if "locked" in words:
            hint = "wait a moment and try again"
            raise DbmUnreadable(path, "another process is writing it", hint) from error
        raise DbmCorrupt(path, f"it is truncated or damaged ({words})") from error


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Translate what SQLite says while *path* is written."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.IntegrityError as error:
        raise DbmKeyExists(path) from error
    except sqlite3.Error as error:
        why = "another process is writing it" if "locked" in str(error) else str(error)
        raise DbmNotWritten(path, why) from error
