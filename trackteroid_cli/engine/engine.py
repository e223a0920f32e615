"""The engine as one object: an ftrack server in process, without a network."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from trackteroid_cli.engine import seed
from trackteroid_cli.engine.actions import permissions, registry
from trackteroid_cli.engine.actions.request import Caller, Request
from trackteroid_cli.engine.events.updates import NO_TOKENS, Prepare, Tokens, Updates
from trackteroid_cli.engine.media.media import Media, forget_removed
from trackteroid_cli.engine.schema.schema import Schema, is_dense
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.errors import EngineError, InvalidCredentials
from trackteroid_cli.engine.storage.store import Store
from trackteroid_cli.engine.writing.transaction import Change, Transaction


class Engine:
    """An embedded ftrack. Threads and processes may share its file.

    Args:
        path: the SQLite file; `create` makes one.
        server_url: where clients reach it, for links in answers; '' for nowhere.
        is_finished: whether nobody writes the file any more; it is only read then. See `Store`.

    Raises:
        ValueError, sqlite3.Error: as `Store`.
    """

    #: Tells listeners what each request changed; None where nobody can listen.
    updates: Updates | None = None

    def __init__(self, path: Path, *, server_url: str = "", is_finished: bool = False) -> None:
        self.store = Store(path, is_finished=is_finished)
        self.server_url = server_url
        self._media: Media | None = None

    @classmethod
    def create(
        cls, path: Path, schemas: Iterable[Mapping[str, object]], *, server_url: str = ""
    ) -> Engine:
        """Create an engine with the rows that every server has, but without users: see `admit`.

        Args:
            path: the SQLite file, which must not exist yet.
            schemas: the entity types, in ftrack's JSON form.
            server_url: as for the class.

        Raises:
            FileExistsError: there is a file at *path*.
        """
        Store.create(path, Schema(schemas)).close()
        engine = cls(path, server_url=server_url)
        with engine.store.writing() as connection:
            seed.create_rows(Transaction(connection, engine.store.schema, None, seed.MOMENT))
        engine.prepare_media()
        return engine

    @property
    def media(self) -> Media:
        """The bytes of the engine's components.

        Raises:
            EngineError: nobody writes the engine's file any more; it has none.
            sqlite3.Error: the database refuses what an older file lacks.
        """
        if self._media is None:
            self._media = Media(self.store)
        return self._media

    def prepare_media(self) -> None:
        """Make what a file of an earlier version lacks, so that addresses in answers are signed.

        Raises:
            EngineError, sqlite3.Error: as `media`.
        """
        self._media = self.media

    @classmethod
    def copy(cls, source: Path, path: Path, *, server_url: str = "") -> Engine:
        """Create an engine with the entities of another: one that nobody may use, see `admit`.

        Args:
            source: the file of the other engine, which is finished; it is not changed.
            path: the SQLite file, which must not exist yet.
            server_url: as for the class.
        """
        Store.copy(source, path).close()
        return cls(path, server_url=server_url)

    def admit(self, username: str, key: str) -> None:
        """Accept *key* for every user, with *username* among them as an active administrator."""
        with self.store.writing() as connection:
            seed.admit(
                Transaction(connection, self.store.schema, None, values.now()), username, key
            )

    def call(
        self,
        operations: object,
        *,
        user: str,
        key: str,
        strict: bool = False,
        moment: str | None = None,
        tokens: Tokens = NO_TOKENS,
    ) -> list[Any]:
        """Execute the operations of one request, all of them or none.

        Args:
            operations: a list of ftrack's operation objects.
            user: a username, in any case.
            key: that user's API key, or one for all users.
            strict: whether the client asked for strict answers, which aggregates need.
            moment: the time of the request, ``YYYY-MM-DD HH:MM:SS`` in UTC; None for now.
            tokens: what listeners are told of the client.

        Returns:
            One result for each operation, in order, ready for JSON.

        Raises:
            EngineError: the request is refused; nothing was changed.
            sqlite3.Error: a finished file cannot be read; see `Store`.
        """
        with self.refusing():
            return self._call(operations, user, key, strict, moment or values.now(), tokens)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse a request that the database or the disk cannot carry out.

        A finished file is neither busy nor on a full disk: that it cannot be read is no matter of
        the request, but of who keeps the file.

        Raises:
            EngineError: in place of what they say.
        """
        try:
            yield
        except sqlite3.Error as error:
            if self.store.is_finished:
                raise
            raise EngineError(
                f"The database {self.store.path.name} cannot do this: {error}. Nothing was changed."
            ) from error
        except OSError as error:
            raise EngineError(
                f"The disk of the server cannot do this: {error.strerror or error}. "
                f"Nothing was changed."
            ) from error

    def _call(
        self, sent: object, user: str, key: str, strict: bool, moment: str, tokens: Tokens
    ) -> list[object]:
        operations = registry.read_operations(sent)
        media = self.media if registry.any_about_files(operations) else None
        opened = self.store.writing() if registry.any_writes(operations) else self.store.reading()
        with self._telling() as prepare, opened as connection:
            caller = _authenticate(connection, user, key)
            transaction = Transaction(connection, self.store.schema, caller.id, moment)
            request = Request(transaction, caller, self.server_url, strict, media)
            results = registry.execute(request, operations)
            loses_files = forget_removed(transaction)
            prepare(transaction, caller, tokens)
        if loses_files or media is not None:
            self.media.sweep()
        return results

    def _telling(self) -> AbstractContextManager[Prepare]:
        return self.updates.telling() if self.updates else nullcontext(_tell_nobody)

    def authenticate(self, user: str, key: str) -> None:
        """Check credentials that are not those of a call.

        Raises:
            EngineError: they are wrong, or cannot be looked up.
        """
        with self.refusing(), self.store.reading() as connection:
            _authenticate(connection, user, key)

    def remove_file(self, component_id: str, *, user: str, key: str) -> bool:
        """Take the bytes of a component away; return whether it had any.

        Raises:
            EngineError: the credentials are wrong, the user may not do it, or it cannot be done.
        """
        with self.refusing():
            media = self.media
            with self.store.writing() as connection:
                caller = _authenticate(connection, user, key)
                transaction = Transaction(connection, self.store.schema, caller.id, values.now())
                request = Request(transaction, caller, self.server_url, strict=False)
                permissions.need_component(request, component_id)
                removed = media.remove(connection, component_id)
            media.sweep()
            return removed

    def apply(self, operations: object, *, user: str, moment: str) -> list[Change]:
        """Execute creates, updates and deletes of *user* without a key, all of them or none.

        Args:
            operations: a list of ftrack's operation objects.
            user: their username; without such a user the rows have no author.
            moment: as for `call`.

        Returns:
            The rows that were added, changed and removed, in that order.

        Raises:
            EngineError: they are refused; nothing was changed.
        """
        wanted = registry.read_operations(operations)
        with self.refusing(), self.store.writing() as connection:
            row = connection.execute(
                "SELECT id FROM resource WHERE _type = 'User' AND username = ?", [user]
            ).fetchone()
            transaction = Transaction(
                connection, self.store.schema, row[0] if row else None, moment
            )
            caller = Caller("", user, None, None, has_global_key=False)
            registry.execute(Request(transaction, caller, self.server_url, strict=False), wanted)
        return transaction.changes

    def has(self, entity_type: str, key: Sequence[str]) -> bool:
        """Return whether there is an entity of that type, or a subtype of it, with that key.

        Dense custom attribute values count as existing if the schema has their type.
        """
        found = self.store.schema.types.get(entity_type)
        if found is None or is_dense(entity_type):
            return found is not None
        with self.store.reading() as connection:
            transaction = Transaction(connection, self.store.schema, None, values.now())
            return transaction.find(found, tuple(key)) is not None

    def close(self) -> None:
        """Close the database."""
        self.store.close()


def _tell_nobody(*_: object) -> None:
    """Prepare to tell nobody of a transaction."""


def _authenticate(connection: sqlite3.Connection, user: str, key: str) -> Caller:
    row = connection.execute(
        "SELECT r.id, r.username, r.first_name, r.last_name, k.user_id IS NULL "
        "FROM resource r JOIN _api_key k ON k.user_id IS NULL OR k.user_id = r.id "
        "WHERE r._type = 'User' AND r.username = ? AND r.is_active AND k.key = ?",
        [user, key],
    ).fetchone()
    if row is None:
        raise InvalidCredentials
    id_, username, first_name, last_name, has_global_key = row
    return Caller(id_, username, first_name, last_name, bool(has_global_key))
