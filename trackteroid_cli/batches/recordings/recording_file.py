"""The file of a recording: what every process of a run has committed, in one SQLite database.

Each process opens it for each thing that it does, and for no longer: a connection must not be
carried into a forked process.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from io import FileIO
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from trackteroid_cli.batches.batch import encode_json
from trackteroid_cli.batches.labels import Label
from trackteroid_cli.batches.operations import KINDS, Identity
from trackteroid_cli.batches.recordings import enclosed
from trackteroid_cli.batches.recordings.facts import note_server, read_facts
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.files import make_file, storing
from trackteroid_cli.masking import masked

#: How many operations a row holds at most.
_ROW = 1000

#: Seconds to wait for another process that appends.
_PATIENCE = 600

#: Where SQLite counts the changes of a file.
#: Source: https://www.sqlite.org/fileformat.html, "File change counter".
_VERSION_AT = 24

#: ``run`` holds facts of the run, ``operations`` what was committed: some lines of JSON a row, in
#: the order of the commits. The other tables complete these.
_TABLES = """
CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations (
    number INTEGER PRIMARY KEY, server TEXT, "commit" INTEGER, process INTEGER, position INTEGER,
    "create" INTEGER, "update" INTEGER, "delete" INTEGER, lines BLOB);
CREATE TABLE IF NOT EXISTS additions (
    server TEXT, position INTEGER, part TEXT, name TEXT, value BLOB,
    PRIMARY KEY (server, position, part, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS labels (
    server TEXT, entity TEXT, label TEXT, PRIMARY KEY (server, entity)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusals (what TEXT, line TEXT);
"""

#: The version of these tables; those of an earlier one are a part of them.
_LAYOUT = enclosed.SINCE


class Row(NamedTuple):
    """Operations of one commit, in their JSON form."""

    number: int
    commit: int
    lines: list[bytes]


class RecordingFile:
    """The file at *path*, which the first thing that is written makes.

    Args:
        is_kept: returns whether somebody will make batches of what is written.
        durable: whether what is written outlasts a power cut.
        argv: the arguments of the program of the run.
        facts: other facts of the run, which the file has from the beginning.
    """

    def __init__(
        self,
        path: Path,
        *,
        is_kept: Callable[[], bool] = lambda: True,
        durable: bool = True,
        argv: Sequence[str] = (),
        facts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.path = path
        self._is_kept = is_kept
        self._durable = durable
        self._argv = masked(argv)
        self._facts = facts
        self._header: FileIO | None = None
        #: Held while this process reads or writes, and while it forks.
        self.lock = threading.RLock()
        #: What the recording holds besides operations.
        self.enclosed = enclosed.Enclosed(self)
        _hold_while_forking(self)

    @contextmanager
    def writing(self, *, closing_it: bool = False) -> Iterator[sqlite3.Connection]:
        """Write in the block, all of it or nothing; other processes wait.

        Args:
            closing_it: whether this process makes the batches, once the recording has ended.

        Raises:
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
        """
        if not closing_it:
            self.check_kept()
        with (
            self.lock,
            storing(
                f"cannot write to the recording {self.path}",
                hint="make room, or correct the permissions, then run the script again",
                also=(sqlite3.Error,),
            ),
            closing(self._connect()) as connection,
        ):
            connection.execute("BEGIN IMMEDIATE")
            if _make_tables(connection):
                self._note_first_facts(connection)
            if not closing_it and read_facts(connection).get("ended"):
                raise _ended()
            yield connection
            connection.execute("COMMIT")

    def check_kept(self) -> None:
        """Raise `CannotDefer` if nobody will make batches of what is written."""
        if not (self.path.parent.is_dir() and self._is_kept()):
            raise _ended()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Read in the block; None if nothing was written.

        Raises:
            StorageError: the file cannot be read.
        """
        if not self.path.exists():
            yield None
            return
        with (
            self.lock,
            storing(
                f"cannot read the recording {self.path}",
                hint="make room or correct the permissions, and try again",
                damaged="`trackteroid discard` forgets a recording that is damaged",
                also=(sqlite3.Error,),
            ),
            closing(self._connect()) as connection,
        ):
            yield connection

    def _connect(self) -> sqlite3.Connection:
        make_file(self.path)
        connection = sqlite3.connect(
            self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
        return connection

    def close(self) -> None:
        """Close what is open, once this process has done with the recording."""
        if self._header is not None:
            self._header.close()

    def version(self) -> bytes:
        """Return what is another one after each change of the file, without waiting for anybody."""
        with self.lock:
            if self._header is None:
                if not self.path.exists():
                    return b""
                # Stays open: to close a file gives up all locks of this process on it.
                self._header = self.path.open("rb", buffering=0)
            if hasattr(os, "pread"):
                # Forked processes share the place that a seek would move.
                return os.pread(self._header.fileno(), 4, _VERSION_AT)
            self._header.seek(_VERSION_AT)
            return self._header.read(4)

    # -- the run -----------------------------------------------------------------------------------

    def facts(self) -> dict[str, str]:
        """Return what was noted of the run, by name."""
        with self.reading() as connection:
            return read_facts(connection) if connection is not None else {}

    def is_set(self, name: str) -> bool:
        """Return whether the fact *name* is noted of the run, or will be with the first commit."""
        return bool({**self._facts, **self.facts()}.get(name))

    def server(self, url: str) -> dict[str, Any]:
        """Return what was noted of the operations for a server.

        That is the ``author``, on the server; how many operations are ``completed``; ``parts`` of
        the header of the batch, and its ``id`` once the batch is about to be written.
        """
        found: dict[str, Any] = json.loads(self.facts().get(f"server {url}", "{}"))
        return found

    def end(self, how: str) -> None:
        """Refuse all that processes of the run would write from now on.

        Args:
            how: it ended, for people.

        Raises:
            StorageError: the disk refuses.
        """
        if self.path.exists():
            with self.writing(closing_it=True) as connection:
                connection.execute("REPLACE INTO run VALUES ('ended', ?)", (how,))

    def note_output(self, output: Path) -> None:
        """Note that the batch is to be written to the file *output*.

        Raises:
            StorageError: the disk refuses.
        """
        with self.writing(closing_it=True) as connection:
            connection.execute("REPLACE INTO run VALUES ('output', ?)", (str(output),))

    def note_id(self, url: str, batch_id: str) -> None:
        """Note the id of the batch that is about to be written for a server.

        Raises:
            StorageError: the disk refuses.
        """
        with self.writing(closing_it=True) as connection:
            note_server(connection, url, id=batch_id)

    def _note_first_facts(self, connection: sqlite3.Connection) -> None:
        facts = {**self._facts, "argv": json.dumps(self._argv)}
        connection.executemany("INSERT INTO run VALUES (?, ?)", facts.items())

    def mask(self, secret: str) -> None:
        """Keep *secret* out of the arguments of the program, here and in the file."""
        argv = masked(self._argv, (secret,))
        if argv == self._argv:
            return
        self._argv = argv
        with self.writing() as connection:
            noted = masked(json.loads(read_facts(connection)["argv"]), (secret,))
            connection.execute("REPLACE INTO run VALUES ('argv', ?)", (json.dumps(noted),))

    def note_refusal(self, what: str, line: str) -> None:
        """Note that *what* the script asked for in *line* was refused."""
        with self.writing() as connection:
            connection.execute("INSERT INTO refusals VALUES (?, ?)", (what, line))

    def refusals(self) -> list[tuple[str, str]]:
        """Return what was refused, and the lines, in their order."""
        with self.reading() as connection:
            if connection is None:
                return []
            return connection.execute("SELECT what, line FROM refusals ORDER BY rowid").fetchall()

    def processes(self) -> int:
        """Return how many processes have committed something."""
        with self.reading() as connection:
            found = "SELECT count(DISTINCT process) FROM operations"
            return int(connection.execute(found).fetchone()[0]) if connection is not None else 0

    # -- the operations for one server -------------------------------------------------------------

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the numbers of operations of each kind, by server.

        A server that gets uploads or follow-ups only is among them.
        """
        with self.reading() as connection:
            if connection is None:
                return {}
            sums = ", ".join(f'sum("{kind}")' for kind in KINDS.values())
            found = connection.execute(
                f"SELECT server, {sums} FROM operations GROUP BY server ORDER BY min(number)"
            )
            numbers = {
                server: dict(zip(KINDS.values(), each, strict=True)) for server, *each in found
            }
        for server in self.enclosed.servers():
            numbers.setdefault(server, dict.fromkeys(KINDS.values(), 0))
        return numbers

    def operations(self, server: str, position: int = 0) -> Iterator[bytes]:
        """Yield the operations for *server* from *position* on, in their order, in JSON form."""
        with self.reading() as connection:
            if connection is None:
                return
            found = connection.execute(
                "SELECT position, lines FROM operations WHERE server = ? "
                'AND position + "create" + "update" + "delete" > ? ORDER BY number',
                (server, position),
            )
            for start, text in found:
                yield from text.split(b"\n")[max(0, position - start) :]

    def completed_operations(self, server: str) -> Iterator[bytes]:
        """Yield the operations for *server* with what completes them."""
        additions = self.additions(server)
        for position, text in enumerate(self.operations(server)):
            added = additions.get(position)
            if added is None:
                yield text
            else:
                yield encode_json(_completed(json.loads(text), added))

    def additions(self, server: str) -> dict[int, dict[str, object]]:
        """Return what completes the operations for *server*, by position and part."""
        found: dict[int, dict[str, Any]] = {}
        with self.reading() as connection:
            if connection is not None:
                rows = connection.execute(
                    "SELECT position, part, name, value FROM additions WHERE server = ?", (server,)
                )
                for position, part, name, value in rows:
                    parts = found.setdefault(position, {})
                    if name:
                        parts.setdefault(part, {})[name] = json.loads(value)
                    else:
                        parts[part] = json.loads(value)
        return found

    def labels(self, server: str) -> dict[Identity, Label]:
        """Return the labels of entities that the operations for *server* mention."""
        with self.reading() as connection:
            if connection is None:
                return {}
            rows = connection.execute(
                "SELECT entity, label FROM labels WHERE server = ?", (server,)
            ).fetchall()
        labels = {}
        for entity, label in rows:
            entity_type, *key = json.loads(entity)
            name, *link = json.loads(label)
            labels[Identity(entity_type, tuple(key))] = Label(name, tuple(link))
        return labels


class Addition(NamedTuple):
    """What completes the operation at *position*: a *part* of it, or the item *name* of a part."""

    position: int
    part: str
    name: str
    value: object


def new_rows(connection: sqlite3.Connection, server: str, after: int) -> Iterator[Row]:
    """Yield the rows with operations for *server* that were added after the row numbered so."""
    rows = connection.execute(
        'SELECT number, "commit", lines FROM operations WHERE server = ? AND number > ? '
        "ORDER BY number",
        (server, after),
    )
    for number, commit, lines in rows:
        yield Row(number, commit, lines.split(b"\n"))


def add_operations(
    connection: sqlite3.Connection,
    server: str,
    operations: Iterable[tuple[str, bytes]],
    *,
    commit: int,
    process: int,
    position: int,
) -> int:
    """Add operations of one commit, each its kind and its JSON form, and return the last row.

    Args:
        process: the number of the one that commits.
        position: the number of operations before them.
    """
    operations, last = iter(operations), 0
    while chunk := list(islice(operations, _ROW)):
        kinds = [kind for kind, _ in chunk]
        numbers = [kinds.count(kind) for kind in KINDS.values()]
        lines = b"\n".join(text for _, text in chunk)
        row = (server, commit, process, position, *numbers, lines)
        last = (
            connection.execute(
                "INSERT INTO operations VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", row
            ).lastrowid
            or 0
        )
        position += len(chunk)
    return last


def add_completion(
    connection: sqlite3.Connection,
    server: str,
    additions: Iterable[Addition],
    labels: Mapping[Identity, Label],
) -> None:
    """Add what completes the operations for *server*; what is there already stays."""
    connection.executemany(
        "INSERT OR IGNORE INTO additions VALUES (?, ?, ?, ?, ?)",
        ((server, *position, encode_json(value)) for *position, value in additions),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO labels VALUES (?, ?, ?)",
        (
            (server, json.dumps([entity.entity_type, *entity.key]), json.dumps([name, *link]))
            for entity, (name, link) in labels.items()
        ),
    )


def _completed(document: dict[str, Any], added: Mapping[str, object]) -> dict[str, object]:
    """Return an operation with what completes it; what it says itself stays."""
    for part, value in added.items():
        own = document.get(part)
        if isinstance(own, dict) and isinstance(value, dict):
            value = {**value, **own}
        elif part in document:
            continue
        document[part] = value
    return document


def _make_tables(connection: sqlite3.Connection) -> bool:
    """Make the tables that are not there; return whether none was."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found < _LAYOUT:
        for statement in (_TABLES + enclosed.TABLES).split(";")[:-1]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_LAYOUT}")
    return not found


def _ended() -> CannotDefer:
    return CannotDefer(
        "cannot record a commit: the recording has ended",
        why="the script that began it has ended, or `trackteroid record` was stopped",
        hint="let the script wait for the processes that it starts",
    )


#: The files whose locks are held while this process forks.
_files: weakref.WeakSet[RecordingFile] = weakref.WeakSet()
_is_registered = False
_forking = threading.local()


def _hold_while_forking(file: RecordingFile) -> None:
    """Let no other thread be at *file* while this process forks: its state is copied."""
    global _is_registered
    _files.add(file)
    if not _is_registered and hasattr(os, "register_at_fork"):
        _is_registered = True
        os.register_at_fork(before=_acquire, after_in_parent=_release, after_in_child=_release)


def _acquire() -> None:
    _forking.files = list(_files)
    for file in _forking.files:
        file.lock.acquire()


def _release() -> None:
    for file in _forking.files:
        file.lock.release()
    _forking.files = []
