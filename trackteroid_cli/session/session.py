"""`Session`: an ``ftrack_api.Session`` that can defer what it commits.

It keeps every capability and every parameter of ``ftrack_api.Session``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ftrack_api
import requests

from trackteroid_cli import settings
from trackteroid_cli.batches.recording import Recording
from trackteroid_cli.errors import CannotDefer, Offline, ServerUnreachable
from trackteroid_cli.files import write_whole
from trackteroid_cli.server import connection, sandbox
from trackteroid_cli.server.responses import mount_everywhere
from trackteroid_cli.session.arguments import (
    Arguments,
    bind_arguments,
    complete_arguments,
    session_signature,
)
from trackteroid_cli.session.backfill import backfill
from trackteroid_cli.session.deferral import READ_ONLY_ACTIONS, Deferral
from trackteroid_cli.session.reading_back import ReadingBackSession
from trackteroid_cli.session.recorder import current_recorder

if TYPE_CHECKING:
    from trackteroid_cli.offline.server import OfflineServer
    from trackteroid_cli.replay.schedule import Result
    from trackteroid_cli.server.answer_cache import AnswerCache


class _Unreachable(ServerUnreachable, requests.ConnectionError):
    """What a script sees: our error, and the one that ``ftrack_api`` lets out."""


class Session(ReadingBackSession):
    """An ftrack session that can defer its operations and reuse its query results.

    All arguments are those of ``ftrack_api.Session``, and some more. A *server_url* of
    ``sandbox://NAME`` reaches the sandbox of that name in this process; it needs neither key nor
    user.

    Args:
        offline: ask the replica of the server on this machine, and no server; no key is needed.
            None: as ``TRACKTEROID_OFFLINE`` tells.
        without_pending: offline, leave out of what is seen the batches that wait to be committed.
            None: as ``TRACKTEROID_WITHOUT_PENDING`` tells.
        reuse_query_results: a file in which answers of queries are kept, so that this session and
            later ones need not ask the same again. A commit of this session forgets them. Not used
            offline.

    Raises:
        NotPulled: *offline*, and there is no replica of the server.
        StorageError: the file for answers cannot be used.
    """

    recorded_operations: ftrack_api.operation.Operations

    #: What the session asks in place of the server; None where it asks the server.
    offline: OfflineServer | None = None

    #: Answers of queries that are kept on disk; None where none are.
    answers: AnswerCache | None = None

    __signature__ = session_signature()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = bind_arguments(args, kwargs)
        self._deferral = None
        self._query_results = None
        self._connect(self._arguments)
        recorder = current_recorder()
        if recorder is not None:
            self._begin(recorder.add_session(self))

    def _connect(self, arguments: Arguments) -> None:
        """Begin the session: `ftrack_api` asks the server, or the replica, for its schemas."""
        completed = complete_arguments(arguments)
        offline = completed.pop("offline")
        without_pending = completed.pop("without_pending")
        answers = completed.pop("reuse_query_results", None)
        self._close_sources()
        self.offline = self.answers = None
        if offline:
            from trackteroid_cli.offline.server import OfflineServer

            self.offline = OfflineServer(
                completed.get("server_url") or "", without_pending=without_pending
            )
        elif answers is not None:
            from trackteroid_cli.server.answer_cache import AnswerCache

            self.answers = AnswerCache(Path(answers))
        try:
            super().__init__(**completed)
        except BaseException:
            self._close_sources()
            raise
        if self.offline is not None:
            self._event_hub.connect = _refuse_event_hub

    def close(self) -> None:
        """Close the session."""
        super().close()
        self._close_sources()

    def _close_sources(self) -> None:
        """Close what answers in place of the server."""
        for source in (self.offline, self.answers):
            if source is not None:
                source.close()

    # -- deferring ---------------------------------------------------------------------------------

    @property
    def deferring(self) -> bool:
        """Whether `commit` records instead of sending."""
        return self._deferral is not None

    @contextmanager
    def deferred_operations(self, path: str | Path, clear: bool = True) -> Iterator[Session]:
        """Record what the block commits as one batch in the dbm file *path*; send nothing.

        Inside, entities keep the values that they were given. Operations that the block leaves
        uncommitted join the batch when it ends. Afterwards the session is as it was before the
        block: operations that it had recorded are back, entities that the block created are
        detached and keep their values, others have their former ones. A block that raises leaves no
        batch.

        Args:
            path: the batch file; its folder is made if need be.
            clear: give up a file that is already there. False: add to the batch that it holds.

        Raises:
            CannotDefer: a value or a request cannot be recorded; raised where it is asked for. Or
                the batch that is to be continued was sent already, or is for another server.
            StorageError: the file cannot be written; nothing is half written.
        """
        from trackteroid_cli.batches.header import make_header
        from trackteroid_cli.offline.built_on import lineage

        path = Path(path)
        recording = Recording()
        if not clear and path.exists():
            recording.continue_from(path, self.server_url)
        outer = self._deferral, self.recorded_operations
        deferral = self._begin(recording)
        try:
            yield self
            self.commit()
            self.complete_recording(recording)
            header = make_header(
                path.stem,
                recording.counts,
                argv=sys.argv,
                server=self.server_url,
                api_user=self.api_user,
                secrets=[self.api_key],
                **lineage(self.offline, recording),
            )
            recording.save(path, header, replace=True)
        finally:
            try:
                with self._thread_lock:
                    deferral.undo()
            finally:
                self._deferral, self.recorded_operations = outer

    @property
    def unsent_operations(self) -> list[Any]:
        """The operations that the server has not heard of: deferred, and not committed yet."""
        deferred = self._deferral.committed if self._deferral is not None else []
        return [*deferred, *self.recorded_operations]

    def complete_recording(self, recording: Recording) -> None:
        """Add names and old values to *recording*, as far as this session's server knows them."""
        backfill(recording, self, self.open_connection)

    def _begin(self, recording: Recording) -> Deferral:
        self._deferral = Deferral(self, recording, self._deferral)
        self.recorded_operations = self._deferral.uncommitted
        return self._deferral

    def commit(self) -> None:
        """Commit all local changes; while deferring, add them to the batch instead."""
        if self._deferral is None:
            if self.offline is not None and self.recorded_operations:
                raise Offline("cannot commit in an offline session, except to record")
            try:
                super().commit()
            finally:
                self._clear_query_results()
                if self.answers is not None:
                    self.answers.forget()
            return
        self._refuse_in_child(self._deferral)
        with self._thread_lock, self.auto_populating(False):
            taken = self._deferral.commit()
        self._complete_custom_attributes(taken, self._deferral)

    @staticmethod
    def _refuse_in_child(deferral: Deferral) -> None:
        """Refuse what a forked process adds to its copy of the recording: it would be lost."""
        if deferral.recording.process != os.getpid():
            raise CannotDefer(
                "cannot record in a forked process",
                why="the batch is written by the process that began it, which never hears of this",
                hint="commit in the process that made the session, or record the other by itself",
            )

    def rollback(self) -> None:
        """Forget what was recorded since the last commit, and the values that it gave."""
        if self._deferral is None:
            super().rollback()
            return
        with self._thread_lock:
            self._deferral.rollback()

    def call(self, data: Any) -> Any:
        """Send *data* to the server; while deferring, only requests that change nothing.

        Raises:
            CannotDefer: while deferring, an action would change the server at once.
            ServerUnreachable: the request did not reach the server; also a
                ``requests.ConnectionError``, which scripts may expect.
        """
        if self._deferral is not None:
            for entry in data:
                action = entry.get("action")
                if action not in READ_ONLY_ACTIONS:
                    raise CannotDefer(
                        f"cannot record the action {action!r}",
                        why="it changes the server at once and cannot be kept for later",
                        hint="leave it out of what is recorded, or run it after the batch is "
                        "committed; creates, updates and deletes made through the session "
                        "are recorded",
                    )
        try:
            return super().call(data)
        except requests.ConnectionError as error:
            if connection.was_sent(error):
                raise
            from trackteroid_cli.offline.replicas import mention_replica

            found = connection.unreachable(self.server_url, error)
            mention_replica(found)
            raise _Unreachable(found.what, why=found.why, hint=found.hint) from error

    # -- reconnecting ------------------------------------------------------------------------------

    def reconnect(self, **overrides: Any) -> None:
        """Connect afresh, with *overrides* in place of the arguments given before.

        With ``offline=False`` a session that was offline asks the server from then on. Entities
        stay usable, and recorded operations stay recorded, also if the server cannot be reached.

        Raises:
            CannotDefer: the session defers, and *overrides* name another server.
        """
        arguments = bind_arguments((), {**self._arguments, **overrides})
        if self._deferral is not None and "server_url" in overrides:
            self._refuse_another_server(str(overrides["server_url"]))
        operations = self.recorded_operations
        entities = {key: self._local_cache.get(key) for key in self._cached_keys()}
        if not self.closed:
            self.recorded_operations = ftrack_api.operation.Operations()
            self.close()
        try:
            self._connect(arguments)
            self._arguments = arguments
        finally:
            fresh = set(self._cached_keys())
            for key, entity in entities.items():
                if key not in fresh:
                    self._local_cache.set(key, entity)
            self.recorded_operations = operations
            self._clear_query_results()

    def _refuse_another_server(self, url: str) -> None:
        if settings.normalise_url(url) != settings.normalise_url(self.server_url):
            raise CannotDefer(
                f"cannot reconnect to {url} while recording",
                why=f"what is recorded is for {self.server_url}",
                hint="use a session of its own for the other server",
            )

    def reconnect_and_commit(self, path: str | Path, **overrides: Any) -> Result:
        """Connect afresh and replay the batch at *path*, in a single request.

        What this session has recorded itself is left alone. What the batch has changed is asked
        for again when it is next read.

        Args:
            path: a batch, made by `deferred_operations` or ``trackteroid record``, or a file that
                Trackteroid left.
            overrides: arguments in place of those that the session was made with.

        Returns:
            What became of the batch; one that had landed before is not sent again.

        Raises:
            CannotDefer: the session is deferring.
            CommitError, ServerError: the batch did not land; the file is kept.
        """
        from trackteroid_cli.replay.schedule import replay_file

        if self._deferral is not None:
            raise CannotDefer(
                f"cannot commit {path} while the session defers its operations",
                why="a commit goes to the server at once",
                hint="commit the batch after the recording",
            )
        self.reconnect(**{"offline": False, **overrides})
        with self.open_connection() as fresh:
            result = replay_file(Path(path), fresh)
        self._clear_query_results()
        if self.answers is not None:
            self.answers.forget()
        self._forget_values(Path(path))
        return result

    def _forget_values(self, path: Path) -> None:
        """Forget the values that the server had before it got the batch at *path*."""
        from trackteroid_cli.batches.batch import Batch
        from trackteroid_cli.batches.operations import Update

        not_set = ftrack_api.symbol.NOT_SET
        with Batch(path) as batch, self.auto_populating(False), self.operation_recording(False):
            for operation in batch.operations():
                if not isinstance(operation, Update):
                    continue
                try:
                    entity = self._get(operation.entity_type, operation.entity_key.values())
                except KeyError:
                    continue
                attribute = entity.attributes.get(operation.attribute_name)
                if attribute is not None:
                    if not attribute.is_modified(entity):
                        attribute.set_local_value(entity, not_set)
                    attribute.set_remote_value(entity, not_set)

    def open_connection(self) -> connection.Connection:
        """Return a plain connection to the same server, as the same user."""
        timeout = self.request_timeout
        return connection.Connection(
            settings.Server(self.server_url, self.api_user, self.api_key),
            timeout=timeout if isinstance(timeout, (int, float)) else connection.TIMEOUT,
            headers=self._arguments.get("headers"),
            cookies=self._arguments.get("cookies"),
            adapter=self.offline.adapter() if self.offline is not None else None,
        )

    def _recordings(self) -> list[Recording]:
        """Return what the session records into, the outermost first."""
        found: list[Recording] = []
        deferral = self._deferral
        while deferral is not None:
            found.insert(0, deferral.recording)
            deferral = deferral.outer
        return found

    def _created_keys(self) -> set[str]:
        """Return the keys of what the session has created and the server has not heard of."""
        keys = {part for each in self._recordings() for _, key in each.created for part in key}
        for operation in self.recorded_operations:
            if isinstance(operation, ftrack_api.operation.CreateEntityOperation):
                keys.update(operation.entity_key.values())
        return keys

    def _cached_keys(self) -> list[str]:
        return list(self._local_cache.keys())

    # -- connecting --------------------------------------------------------------------------------

    @property
    def _request(self) -> requests.Session:
        request: requests.Session = super()._request
        return request

    @_request.setter
    def _request(self, value: requests.Session | None) -> None:
        if value is not None:
            if self.offline is not None:
                adapter = self.offline.adapter(self._recordings, self._created_keys)
                mount_everywhere(value, adapter)
            else:
                sandbox.mount(value)
            if self.answers is not None:
                self.answers.mount(value, self.server_url)
        self._managed_request = value

    def _write_schemas_to_cache(self, schemas: Any, schema_cache_path: str) -> None:
        """Keep *schemas* so that a session that starts meanwhile never reads half of them."""
        import json

        write_whole(Path(schema_cache_path), json.dumps(schemas))

    def _read_schemas_from_cache(self, schema_cache_path: str) -> Any:
        """Return the schemas that are kept, or none; one that is damaged is fetched again."""
        try:
            return super()._read_schemas_from_cache(schema_cache_path)
        except (OSError, ValueError):
            self.logger.info("The schemas kept in %s cannot be read.", schema_cache_path)
            return [], None


def _refuse_event_hub(*_: Any, **__: Any) -> None:
    raise Offline("cannot connect to the event hub")
