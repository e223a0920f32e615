"""The media of a sandbox: which component has which bytes, and since when.

The database says so, and the files lie in a folder beside it: ``NAME.media`` next to
``NAME.sqlite``. What a transaction makes superfluous is noted in it, and its files go after it; so
neither a crash nor a rival leaves a component without its bytes, or bytes without a component.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from trackteroid_cli.engine.media.content import Content, Piece
from trackteroid_cli.engine.media.folder import Draft, MediaFolder
from trackteroid_cli.engine.storage import addresses, values
from trackteroid_cli.engine.storage.computed import SERVED_LOCATIONS
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.engine.storage.store import Store
from trackteroid_cli.engine.writing.transaction import Transaction
from trackteroid_cli.kill_points import kill_point

#: What follows the name of a database, without its suffix, in that of its folder of media.
SUFFIX = ".media"

#: How long bytes are kept that no component asks for: the address of an upload is good for up to
#: two days, and the upload itself takes its time.
ORPHAN_AGE = timedelta(days=3)

#: How often orphans are looked for while files come in.
_COLLECTION_INTERVAL = timedelta(hours=6)

#: The setting that names this database's part of the folder: one that a reset has replaced may
#: still be open in a process, and has other files.
_NAME = "media_name"
_COLLECTED = "media_collected"

_STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS _media (component_id TEXT PRIMARY KEY, file_name TEXT NOT NULL, "
    "size INTEGER NOT NULL, e_tag TEXT NOT NULL, digest TEXT NOT NULL, stored_at TEXT NOT NULL)",
    'CREATE INDEX IF NOT EXISTS "_media/digest" ON _media (digest)',
    # An upload in parts.
    "CREATE TABLE IF NOT EXISTS _media_upload (id TEXT PRIMARY KEY, component_id TEXT NOT NULL, "
    "file_name TEXT NOT NULL, size INTEGER NOT NULL, is_complete INTEGER NOT NULL, "
    "stored_at TEXT NOT NULL)",
    # Held by a component, or by an upload that is not complete.
    "CREATE TABLE IF NOT EXISTS _media_piece (holder TEXT NOT NULL, position INTEGER NOT NULL, "
    "digest TEXT NOT NULL, md5 TEXT NOT NULL, size INTEGER NOT NULL, stored_at TEXT NOT NULL, "
    "PRIMARY KEY (holder, position))",
    'CREATE INDEX IF NOT EXISTS "_media_piece/digest" ON _media_piece (digest)',
    # Digests that something has lost.
    "CREATE TABLE IF NOT EXISTS _media_lost (digest TEXT PRIMARY KEY)",
    'CREATE TRIGGER IF NOT EXISTS "_media/lost" AFTER DELETE ON _media BEGIN '
    "DELETE FROM _media_piece WHERE holder = 'component/' || OLD.component_id; "
    "INSERT OR IGNORE INTO _media_lost VALUES (OLD.digest); END",
    'CREATE TRIGGER IF NOT EXISTS "_media_upload/lost" AFTER DELETE ON _media_upload BEGIN '
    "DELETE FROM _media_piece WHERE holder = 'upload/' || OLD.id; END",
    'CREATE TRIGGER IF NOT EXISTS "_media_piece/lost" AFTER DELETE ON _media_piece BEGIN '
    "INSERT OR IGNORE INTO _media_lost VALUES (OLD.digest); END",
)


class Part(NamedTuple):
    """A part of an upload that has arrived."""

    number: int
    digest: str
    md5: str
    size: int


class Announced(NamedTuple):
    """What is known of an upload in parts."""

    upload_id: str
    component_id: str
    file_name: str
    size: int
    is_complete: bool = False


class Media:
    """The media of the database *store*, whose tables and secret are made where they are missing.

    Raises:
        EngineError: the database is only read.
        sqlite3.Error: it refuses.
    """

    def __init__(self, store: Store) -> None:
        if store.is_finished:
            raise EngineError("This server keeps no files: it is a copy that is only read.")
        self._store = store
        if not exist(store.connection) or not store.get_setting(addresses.SECRET):
            self._prepare()
        self.secret = store.get_setting(addresses.SECRET)
        self.folder = MediaFolder(folder_of(store.path) / store.get_setting(_NAME), store.path)

    def _prepare(self) -> None:
        with self._store.writing() as connection:
            for statement in _STATEMENTS:
                connection.execute(statement)
            made = ((addresses.SECRET, secrets.token_hex(32)), (_NAME, secrets.token_hex(8)))
            connection.executemany("INSERT OR IGNORE INTO _setting VALUES (?, ?)", made)

    # -- what components have ----------------------------------------------------------------------

    def find(self, component_id: str) -> Content | None:
        """Return what a component has, or None."""
        return self.find_in(self._store.connection, component_id)

    def find_in(self, connection: sqlite3.Connection, component_id: str) -> Content | None:
        """Do the same inside a transaction."""
        row = connection.execute(
            "SELECT file_name, size, e_tag, digest, (SELECT json_group_array(json_array("
            "piece.digest, piece.size)) FROM (SELECT digest, size FROM _media_piece "
            "WHERE holder = 'component/' || ?1 ORDER BY position) AS piece) "
            "FROM _media WHERE component_id = ?1",
            [component_id],
        ).fetchone()
        if row is None:
            return None
        name, size, e_tag, digest, parts = row
        pieces = [Piece(self.folder.file(each), length) for each, length in json.loads(parts)]
        return Content(component_id, name, size, e_tag, digest, pieces)

    def keep(self, draft: Draft, component_id: str, file_name: str) -> None:
        """Give a component the bytes of a finished draft, in place of those that it has.

        Raises:
            OSError, sqlite3.Error: the disk or the database refuses; nothing was changed.
        """
        with self._changing() as connection:
            self.adopt(connection, draft, component_id, file_name)
        self._collect_now_and_then()

    def share(
        self, connection: sqlite3.Connection, content: Content, component_id: str, file_name: str
    ) -> None:
        """Give another component the same bytes, inside a writing transaction."""
        parts = _parts(connection, f"component/{content.component_id}")
        self._put(connection, component_id, file_name, parts)

    def adopt(
        self, connection: sqlite3.Connection, draft: Draft, component_id: str, file_name: str
    ) -> None:
        """Do as `keep` does, inside a writing transaction."""
        self.folder.adopt(draft)
        part = Part(1, draft.digest, draft.md5.hex(), draft.size)
        self._put(connection, component_id, file_name, [part])

    def remove(self, connection: sqlite3.Connection, component_id: str) -> bool:
        """Take the bytes of a component away, inside a writing transaction; `sweep` follows it.

        Returns:
            Whether it had any.
        """
        found = connection.execute("DELETE FROM _media WHERE component_id = ?", [component_id])
        return found.rowcount > 0

    def _put(
        self,
        connection: sqlite3.Connection,
        component_id: str,
        file_name: str,
        parts: Sequence[Part],
    ) -> None:
        # Deleted, and not only replaced, since that is what the triggers see.
        connection.execute("DELETE FROM _media WHERE component_id = ?", [component_id])
        holder = f"component/{component_id}"
        connection.executemany(
            "INSERT INTO _media_piece VALUES (?, ?, ?, ?, ?, ?)",
            [(holder, number, *part[1:], values.now()) for number, part in enumerate(parts)],
        )
        e_tag, digest = parts[0].md5, parts[0].digest
        if len(parts) > 1:
            md5s = b"".join(bytes.fromhex(part.md5) for part in parts)
            e_tag = f"{hashlib.md5(md5s, usedforsecurity=False).hexdigest()}-{len(parts)}"
            digest = hashlib.sha256("".join(part.digest for part in parts).encode()).hexdigest()
        size = sum(part.size for part in parts)
        connection.execute(
            "INSERT INTO _media VALUES (?, ?, ?, ?, ?, ?)",
            [component_id, file_name, size, e_tag, digest, values.now()],
        )

    # -- uploads in parts --------------------------------------------------------------------------

    def keep_part(self, draft: Draft, upload: Announced, number: int) -> None:
        """Keep a part of an upload, in place of an earlier one; one that is complete needs none.

        Raises:
            OSError, sqlite3.Error: the disk or the database refuses; nothing was changed.
        """
        holder = f"upload/{upload.upload_id}"
        with self._changing() as connection:
            known = self.upload(connection, upload.upload_id)
            if known is not None and known.is_complete:
                return
            self.folder.adopt(draft)
            connection.execute(
                "INSERT INTO _media_upload VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET stored_at = excluded.stored_at",
                [*upload, values.now()],
            )
            connection.execute(
                "DELETE FROM _media_piece WHERE holder = ? AND position = ?", [holder, number]
            )
            connection.execute(
                "INSERT INTO _media_piece VALUES (?, ?, ?, ?, ?, ?)",
                [holder, number, draft.digest, draft.md5.hex(), draft.size, values.now()],
            )
        self._collect_now_and_then()

    def upload(self, connection: sqlite3.Connection, upload_id: str) -> Announced | None:
        """Return an upload of which a part has come, inside a transaction."""
        row = connection.execute(
            "SELECT id, component_id, file_name, size, is_complete FROM _media_upload WHERE id = ?",
            [upload_id],
        ).fetchone()
        return Announced(*row) if row else None

    def parts(self, connection: sqlite3.Connection, upload_id: str) -> list[Part]:
        """Return the parts of an upload that have come, in order, inside a transaction."""
        return _parts(connection, f"upload/{upload_id}")

    def complete(
        self, connection: sqlite3.Connection, upload: Announced, parts: Sequence[Part]
    ) -> None:
        """Give the component of an upload the *parts*, inside a writing transaction."""
        self._put(connection, upload.component_id, upload.file_name, parts)
        connection.execute(
            "DELETE FROM _media_piece WHERE holder = ?", [f"upload/{upload.upload_id}"]
        )
        connection.execute(
            "UPDATE _media_upload SET is_complete = 1 WHERE id = ?", [upload.upload_id]
        )

    # -- what is not needed any more ---------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a writing transaction; afterwards what it has lost is removed."""
        with self._store.writing() as connection:
            yield connection
        self.sweep()

    def sweep(self) -> None:
        """Remove the files that nothing holds any more; what cannot go now goes another time."""
        with suppress(sqlite3.Error, OSError):
            self._sweep()

    def _sweep(self) -> None:
        if self._store.connection.execute("SELECT 1 FROM _media_lost LIMIT 1").fetchone() is None:
            return
        kill_point("bytes lost")
        with self._store.writing() as connection:
            for (digest,) in connection.execute("SELECT digest FROM _media_lost").fetchall():
                if not _is_shown(connection, digest):
                    self.folder.remove_thumbnails(digest)
                if not _is_held(connection, digest):
                    with suppress(PermissionError):  # somebody reads it; `collect` tries again
                        self.folder.remove(digest)
            kill_point("lost bytes removed")
            connection.execute("DELETE FROM _media_lost")

    def collect(self, age: timedelta = ORPHAN_AGE) -> None:
        """Remove what came and was not taken: uploads not completed, bytes without a component.

        What cannot go now goes another time.

        Args:
            age: how long it has waited at least, since its component may still come.
        """
        with suppress(sqlite3.Error, OSError):
            self._collect(str(datetime.fromisoformat(values.now()) - age))
            self.folder.remove_drafts(age.total_seconds())
            self._sweep()

    def _collect(self, oldest: str) -> None:
        with self._store.writing() as connection:
            connection.execute(
                "DELETE FROM _media WHERE stored_at <= ? AND component_id NOT IN "
                "(SELECT id FROM component)",
                [oldest],
            )
            connection.execute("DELETE FROM _media_upload WHERE stored_at <= ?", [oldest])
            connection.execute(
                "INSERT OR REPLACE INTO _setting VALUES (?, ?)", [_COLLECTED, values.now()]
            )
        connection = self._store.connection
        held = [digest for digest in self.folder.digests() if not _is_held(connection, digest)]
        shown = self.folder.pictured_digests()
        lost = [*held, *(digest for digest in shown if not _is_shown(connection, digest))]
        if lost:  # `sweep` looks again, in a transaction: a rival may have just named them
            with self._store.writing() as connection:
                connection.executemany(
                    "INSERT OR IGNORE INTO _media_lost VALUES (?)", [(digest,) for digest in lost]
                )

    def _collect_now_and_then(self) -> None:
        last = self._store.get_setting(_COLLECTED)
        if last < str(datetime.fromisoformat(values.now()) - _COLLECTION_INTERVAL):
            self.collect()


def folder_of(database: Path) -> Path:
    """Return the folder of the media of the database in a file."""
    return database.with_suffix(SUFFIX)


def exist(connection: sqlite3.Connection) -> bool:
    """Return whether the database of *connection* has the tables of media."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_media_piece/lost'")
    return found.fetchone() is not None


def forget_removed(transaction: Transaction) -> bool:
    """Take the bytes from the components that a request removed, or took from this server.

    It is done inside the request's transaction; `Media.sweep` removes the files after it.

    Returns:
        Whether there is something to sweep.
    """
    gone = set()
    for change in transaction.changes:
        if change.action != "remove":
            continue
        if transaction.schema.types[change.entity_type].root == "Component":
            gone.add(change.key[0])
        elif (
            change.entity_type == "ComponentLocation"
            and change.before["location_id"] in SERVED_LOCATIONS
        ):
            gone.add(change.before["component_id"])
    if not gone or not exist(transaction.connection):
        return False
    found = transaction.connection.execute(
        "DELETE FROM _media WHERE component_id IN (SELECT value FROM json_each(?1)) "
        "AND NOT EXISTS (SELECT 1 FROM component_location AS place "
        "WHERE place.component_id = _media.component_id "
        "AND place.location_id IN (SELECT value FROM json_each(?2)))",
        [json.dumps(list(gone)), json.dumps(list(SERVED_LOCATIONS))],
    )
    return found.rowcount > 0


def _parts(connection: sqlite3.Connection, holder: str) -> list[Part]:
    found = connection.execute(
        "SELECT position, digest, md5, size FROM _media_piece WHERE holder = ? ORDER BY position",
        [holder],
    )
    return [Part(*row) for row in found]


def _is_held(connection: sqlite3.Connection, digest: str) -> bool:
    row = connection.execute(
        "SELECT 1 FROM _media_piece WHERE digest = ? LIMIT 1", [digest]
    ).fetchone()
    return row is not None


def _is_shown(connection: sqlite3.Connection, digest: str) -> bool:
    row = connection.execute("SELECT 1 FROM _media WHERE digest = ? LIMIT 1", [digest]).fetchone()
    return row is not None
