"""What a recording holds besides operations: uploads with copies of their bytes, and follow-ups."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from trackteroid_cli.batches.batch import encode_json
from trackteroid_cli.batches.documents import read_json
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, Kind, read_follow_up
from trackteroid_cli.batches.enclosures.media import Digest, keep
from trackteroid_cli.batches.enclosures.uploads import Upload, read_upload
from trackteroid_cli.batches.recordings.facts import note_job, note_server
from trackteroid_cli.files import storing

#: The fact of a run that copies all that is to be uploaded, where it is so.
COPY_MEDIA = "copy_media"

#: The tables, which a file of an earlier version lacks.
TABLES = """
CREATE TABLE IF NOT EXISTS uploads (
    number INTEGER PRIMARY KEY, server TEXT, component_id TEXT, document BLOB,
    UNIQUE (server, component_id));
CREATE TABLE IF NOT EXISTS follow_ups (number INTEGER PRIMARY KEY, server TEXT, document BLOB);
"""

#: The version of a file's layout since which it has them.
SINCE = 2


class File(Protocol):
    """The file of a recording."""

    @property
    def path(self) -> Path:
        """Where it is."""

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """Write in the block, all of it or nothing."""

    def reading(self) -> AbstractContextManager[sqlite3.Connection | None]:
        """Read in the block; None if nothing was written."""

    def check_kept(self) -> None:
        """Raise `CannotDefer` if nobody will make batches of what is written."""

    def is_set(self, name: str) -> bool:
        """Return whether the fact *name* is noted of the run."""


class Enclosed:
    """The uploads and the follow-ups that *file* holds, by server."""

    def __init__(self, file: File) -> None:
        self._file = file

    @property
    def media(self) -> Path:
        """The folder of the copies of what is to be uploaded."""
        return self._file.path.parent / "media"

    @property
    def copies_media(self) -> bool:
        """Whether all that is to be uploaded is copied, wherever it lies."""
        return self._file.is_set(COPY_MEDIA)

    def keep_media(self, source: BinaryIO) -> Digest:
        """Keep a copy of what *source* still has to read.

        Raises:
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
        """
        self._file.check_kept()
        with storing(
            f"cannot keep what is to be uploaded in {self.media}", hint="make room, and try again"
        ):
            return keep(source, self.media)

    def add_uploads(self, server: str, uploads: Iterable[Upload], *, author: str) -> None:
        """Add uploads for *server*, each in place of an earlier one of the same component.

        What is added again is not to be removed after all.

        Args:
            author: the user of the server who commits.

        Raises:
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
        """
        added = list(uploads)
        with self._file.writing() as connection:
            note_server(connection, server, author=author)
            connection.executemany(
                "REPLACE INTO uploads VALUES (NULL, ?, ?, ?)",
                ((server, each.component_id, encode_json(each.to_json())) for each in added),
            )
            connection.executemany(
                "DELETE FROM follow_ups WHERE server = ? AND document = ?",
                ((server, _encoded(removal(each.component_id))) for each in added),
            )

    def remove_upload(self, server: str, component_id: str) -> None:
        """Forget the upload of a component; its copy goes with the recording.

        Raises:
            CannotDefer, StorageError: as `add_uploads`.
        """
        with self._file.writing() as connection:
            connection.execute(
                "DELETE FROM uploads WHERE server = ? AND component_id = ?", (server, component_id)
            )

    def upload(self, server: str, component_id: str) -> Upload | None:
        """Return the upload of a component, or None."""
        found = self._enclosed("uploads", server=server, component_id=component_id)
        return read_upload(found[0]) if found else None

    def is_removed(self, server: str, component_id: str) -> bool:
        """Return whether the bytes of a component are to be removed from *server*."""
        document = _encoded(removal(component_id))
        return bool(self._enclosed("follow_ups", server=server, document=document))

    def uploads(self, server: str) -> list[Upload]:
        """Return the uploads for *server*, in order."""
        return [read_upload(each) for each in self._enclosed("uploads", server=server)]

    def add_follow_ups(
        self, server: str, follow_ups: Iterable[FollowUp], *, author: str, job_id: str = ""
    ) -> None:
        """Add follow-ups for *server*.

        Args:
            author: the user of the server who commits.
            job_id: of the job that the script was answered with, if there is one.

        Raises:
            CannotDefer, StorageError: as `add_uploads`.
        """
        with self._file.writing() as connection:
            note_server(connection, server, author=author)
            connection.executemany(
                "INSERT INTO follow_ups VALUES (NULL, ?, ?)",
                ((server, _encoded(each)) for each in follow_ups),
            )
            if job_id:
                note_job(connection, server, job_id)

    def follow_ups(self, server: str) -> list[FollowUp]:
        """Return the follow-ups for *server*, in order."""
        return [read_follow_up(each) for each in self._enclosed("follow_ups", server=server)]

    def _enclosed(self, table: str, **equal: object) -> list[object]:
        """Return the documents of the rows of a *table* that have these values, in order."""
        with self._file.reading() as connection:
            if connection is None or not _has_tables(connection):
                return []
            condition = " AND ".join(f"{column} = ?" for column in equal)
            rows = connection.execute(
                f"SELECT document FROM {table} WHERE {condition} ORDER BY number",
                list(equal.values()),
            )
            return [read_json(text) for (text,) in rows]

    def servers(self) -> list[str]:
        """Return the servers that get any of them."""
        with self._file.reading() as connection:
            if connection is None or not _has_tables(connection):
                return []
            found = connection.execute(
                "SELECT server FROM uploads UNION SELECT server FROM follow_ups"
            )
            return [server for (server,) in found]


def removal(component_id: str) -> FollowUp:
    """Return the follow-up that removes the bytes of a component."""
    return FollowUp(Kind.REMOVE, {"component_id": component_id})


def _encoded(follow_up: FollowUp) -> bytes:
    return encode_json(follow_up.to_json())


def _has_tables(connection: sqlite3.Connection) -> bool:
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    return bool(layout >= SINCE)
