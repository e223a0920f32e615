"""`Session`: an ``ftrack_api.Session`` that can defer its commits.

It keeps every capability and every parameter of ``ftrack_api.Session``.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ftrack_api
import requests

from trackteroid_cli import settings
from trackteroid_cli.batches.enclosures.follow_ups import REQUESTS
from trackteroid_cli.batches.operations import Identity, counts
from trackteroid_cli.batches.recordings.enclosed import COPY_MEDIA
from trackteroid_cli.batches.recordings.recording import Recording
from trackteroid_cli.batches.recordings.recording_file import RecordingFile
from trackteroid_cli.errors import (
    AnswerLost,
    CannotDefer,
    CannotReadBack,
    CredentialsRejected,
    NotConfigured,
    Offline,
    ServerUnreachable,
    WrongAddress,
    WrongAnswer,
)
from trackteroid_cli.files import TemporaryFolder, write_whole
from trackteroid_cli.server import connection, failures, sandbox
from trackteroid_cli.server.answers import fault
from trackteroid_cli.server.responses import mount_everywhere
from trackteroid_cli.server.schemas import ServerSchema
from trackteroid_cli.server.transport import NotJSON, mount_bounded
from trackteroid_cli.session.api.protocols import Entity, EntityData, Operation
from trackteroid_cli.session.api.timers import refuse_second_timers
from trackteroid_cli.session.arguments import (
    Arguments,
    bind_arguments,
    complete_arguments,
    session_signature,
)
from trackteroid_cli.session.backfill import backfill, name_in_memory
from trackteroid_cli.session.calls.at_once import refused_call
from trackteroid_cli.session.calls.raw_writes import WRITES, RawWrite, answers_of, read_write
from trackteroid_cli.session.calls.refusals import Refusals
from trackteroid_cli.session.deferral import READ_ONLY_ACTIONS, Deferral, of_ftrack
from trackteroid_cli.session.deletions import complete_deletions
from trackteroid_cli.session.enclosing.events import read_event
from trackteroid_cli.session.enclosing.requests import (
    KeptRequest,
    check_query,
    mention_enclosed,
    read_request,
)
from trackteroid_cli.session.event_hub import missing_hub, take_over
from trackteroid_cli.session.reading_back import ReadingBackSession
from trackteroid_cli.session.recorder import current_recorder

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.documents import SchemaDocument
    from trackteroid_cli.offline.answering.server import OfflineServer
    from trackteroid_cli.replay.schedule import Result
    from trackteroid_cli.server.answer_cache import AnswerCache


_log = logging.getLogger(__name__)


class _Unreachable(ServerUnreachable, requests.ConnectionError):
    """Our error, which is also the one that ``ftrack_api`` raises and scripts expect."""


class _WrongAddress(WrongAddress, requests.ConnectionError):
    """The same, where a person must see to it."""


class _AnswerLost(AnswerLost, ftrack_api.exception.ServerError):  # type: ignore[misc]
    """Our error, which is also the one that ``ftrack_api`` raises for what it cannot read."""


class _WrongAnswer(WrongAnswer, ftrack_api.exception.ServerError):  # type: ignore[misc]
    """The same, where a person must see to it."""


class _NotConfigured(NotConfigured, TypeError):
    """Our error, which is also the one that ``ftrack_api`` raises where a setting is missing."""


class _CredentialsRejected(CredentialsRejected, ftrack_api.exception.ServerError):  # type: ignore[misc]
    """Our error, which is also the one that ``ftrack_api`` raises for a wrong user or key."""


#: Our errors in the place of those of ``requests``, the special ones first.
_OURS = (_WrongAddress, _Unreachable, _WrongAnswer, _AnswerLost)

#: What decoding an answer raises that has not the form of one.
_NOT_DECODED = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    ftrack_api.exception.Error,
)


class Session(ReadingBackSession):
    """An ftrack session that can defer its operations and reuse its query results.

    It takes the arguments of ``ftrack_api.Session``, and those below. A *server_url* of
    ``sandbox://NAME`` connects to the sandbox of that name in this process, which needs neither key
    nor user.

    Args:
        offline: query the replica on this machine instead of the server; no key is needed. By
            default the value of ``TRACKTEROID_OFFLINE``.
        without_pending: offline, do not show the changes of batches that are not committed yet. By
            default the value of ``TRACKTEROID_WITHOUT_PENDING``.
        reuse_query_results: a file that keeps the answers of queries, for this session and later
            ones. A commit of this session clears it. Not used offline.

    Raises:
        NotConfigured: a setting is missing; it is a `TypeError` as well.
        CredentialsRejected: the server does not accept the user or the key.
        NotPulled: *offline*, and there is no replica of the server.
        StorageError: the file for answers cannot be used.
    """

    recorded_operations: ftrack_api.operation.Operations

    #: The replica that answers instead of the server; None if the server answers.
    offline: OfflineServer | None = None

    #: Answers of queries that are kept on disk; None if they are not kept.
    answers: AnswerCache | None = None

    __signature__ = session_signature()

    def __init__(self, *args: object, **kwargs: object) -> None:
        self._arguments = bind_arguments(args, kwargs)
        self._deferral = None
        self._query_results = None
        #: The recorder of the run that made the session, which the session joins as it connects.
        self._recorder = current_recorder()
        self._connect(self._arguments)

    def _connect(self, arguments: Arguments) -> None:
        """Connect: `ftrack_api` fetches the schemas from the server or the replica."""
        try:
            completed = complete_arguments(arguments)
        except NotConfigured as error:
            raise _NotConfigured(error.what, why=error.why, hint=error.hint) from None
        offline = completed.pop("offline")
        without_pending = completed.pop("without_pending")
        answers = completed.pop("reuse_query_results", None)
        self._close_sources()
        self.offline = self.answers = None
        self._connected = False
        missing = missing_hub(
            completed.get("server_url") or "",
            is_offline=offline,
            wanted="connect to the event hub",
        )
        if missing is not None and self._recorder is None:  # else its events are kept
            is_wanted = completed.pop("auto_connect_event_hub", False)
            if is_wanted and not offline:
                _log.warning("%s. Next: %s", missing, missing.hint)
        if offline:
            from trackteroid_cli.offline.answering.server import OfflineServer

            self.offline = OfflineServer(
                completed.get("server_url") or "", without_pending=without_pending
            )
        elif answers is not None:
            from trackteroid_cli.server.answer_cache import AnswerCache

            self.answers = AnswerCache(Path(answers))
        try:
            super().__init__(**completed)
        except ftrack_api.exception.ServerError as error:
            self._close_sources()
            if connection.rejects_credentials(str(error)):
                server = settings.Server(self.server_url, self.api_user, "")
                told = connection.rejected(server)
                raise _CredentialsRejected(told.what, why=told.why, hint=told.hint) from error
            raise
        except BaseException:
            self._close_sources()
            raise
        self._connected = True

    def _fetch_server_information(self) -> dict[str, Any]:
        """Return the server's information; from here on the session defers, if it is to.

        ``ftrack_api``'s constructor calls this after it has made what a deferral needs, and before
        it runs plug-ins, which may already create and commit.
        """
        information: dict[str, Any] = super()._fetch_server_information()
        if self._deferral is not None:  # connecting again
            self.recorded_operations = self._deferral.uncommitted
        elif self._recorder is not None:
            recording = self._recorder.add_session(self)
            self._begin_deferral(recording, self._recorder.refusals, is_undone=False)
        return information

    @property
    def connected(self) -> bool:
        """Whether the session could be made, with the schemas of its server."""
        return self._connected

    def close(self) -> None:
        """Close the session."""
        super().close()
        self._close_sources()

    def _close_sources(self) -> None:
        """Close the replica and the file of answers."""
        for source in (self.offline, self.answers):
            if source is not None:
                source.close()

    # -- deferring ---------------------------------------------------------------------------------

    @property
    def deferring(self) -> bool:
        """Whether `commit` records instead of sending."""
        return self._deferral is not None

    @contextmanager
    def deferred_operations(
        self,
        path: str | Path,
        clear: bool = True,
        allow_refused: bool = False,
        copy_media: bool = False,
    ) -> Iterator[Session]:
        """Record the commits of the block as one batch in the dbm file *path*; send nothing.

        Inside the block, entities show the values that were set. Operations that the block leaves
        uncommitted join the batch when it ends. Afterwards the session is as it was before the
        block: operations that it had recorded are back, entities that the block created are
        detached and keep their values, others have their former values. A block that raises an
        exception leaves no batch.

        Args:
            path: the batch file; its folder is created if it does not exist.
            clear: replace an existing file. False: add to the batch in it.
            allow_refused: leave out what cannot be recorded, if the block catches the error.
            copy_media: keep copies of all files for the location of the server beside the batch.
                By default only of those that will not be there later, such as in temporary folders.

        Raises:
            CannotDefer: a value or a request cannot be recorded; raised at the line that sets the
                value or makes the request, and again at the end of a block that catches it. Or the
                existing batch was sent already, or is for another server.
            StorageError: the file cannot be written; nothing is half written.
        """
        from trackteroid_cli.batches.header import make_header
        from trackteroid_cli.offline.answering.built_on import header_parts

        path = Path(path)
        folder = TemporaryFolder()
        facts = {COPY_MEDIA: "1"} if copy_media else {}
        file = RecordingFile(folder.path / "recording.sqlite", durable=False, facts=facts)
        recording = Recording(file)
        outer = self._deferral, self.recorded_operations
        try:
            if not clear and path.exists():
                recording.continue_from(path, self.server_url)
            deferral = self._begin_deferral(recording, Refusals(file), is_undone=True)
            try:
                yield self
                self.commit()
                recording.catch_up()
                if not allow_refused:
                    _refuse_partial(deferral)
                self.complete_recording(recording)
                header = make_header(
                    path.stem,
                    file.counts().get("", counts(())),
                    argv=sys.argv,
                    server=self.server_url,
                    api_user=self.api_user,
                    secrets=[self.api_key],
                    **header_parts(self.offline, recording),
                )
                recording.save(path, header, replace=True)
            finally:
                with self._thread_lock:
                    deferral.undo()
        finally:
            self._deferral, self.recorded_operations = outer
            file.close()
            folder.remove()

    @property
    def unsent_operations(self) -> list[Operation]:
        """The operations that were not sent to the server: deferred, and not committed yet.

        Those that a run under ``trackteroid record`` has deferred are of all of its processes, with
        values in ftrack's JSON form.
        """
        deferred = self._deferral.committed if self._deferral is not None else []
        return [*deferred, *self.recorded_operations]

    def complete_recording(self, recording: Recording) -> None:
        """Add to *recording* what the server knows: labels, old values, and what is deleted."""
        if not self.connected:
            return
        mention_enclosed(recording)
        backfill(recording, self, self.open_connection)
        complete_deletions(recording, self.open_connection)

    def _begin_deferral(
        self, recording: Recording, refusals: Refusals, *, is_undone: bool
    ) -> Deferral:
        self._deferral = Deferral(self, recording, refusals, self._deferral, is_undone=is_undone)
        self.recorded_operations = self._deferral.uncommitted
        return self._deferral

    def commit(self) -> None:
        """Commit all local changes; while deferring, add them to the batch instead."""
        if self._deferral is None:
            if self.offline is not None and self.recorded_operations:
                raise Offline(
                    "cannot commit in an offline session, except to record",
                    hint="record it: trackteroid record --offline SCRIPT, or commit inside "
                    "session.deferred_operations(PATH)",
                )
            try:
                super().commit()
            finally:
                self._clear_query_results()
                if self.answers is not None:
                    self.answers.forget()
            return
        refuse_second_timers(self, self.recorded_operations)
        with self._thread_lock, self.auto_populating(False):
            committed = self._deferral.commit()
            self._set_normal_values(committed)
        self._complete_custom_attributes(committed, self._deferral)

    # -- what is kept besides operations -----------------------------------------------------------

    def keep_event(self, encode: Callable[[], str], topic: object, *, waits: bool) -> None:
        """Keep an event, in place of publishing it now; see `read_event`.

        Raises:
            CannotDefer: it cannot be kept, or the recording has ended.
            StorageError: the disk refuses.
        """
        assert self._deferral is not None
        try:
            event = read_event(encode, topic, waits=waits)
        except CannotDefer as error:
            raise self._deferral.note(error) from error.__cause__
        self._deferral.recording.add_follow_up(event)

    def _name(self, entity: Identity) -> str:
        return name_in_memory(self, entity)

    def create(
        self, entity_type: str, data: EntityData | None = None, reconstructing: bool = False
    ) -> Entity:
        """Create an entity.

        Raises:
            CannotDefer: while deferring, a value has no JSON form; nothing was created.
        """
        if self._deferral is not None and data and not reconstructing:
            self._deferral.check_parts(entity_type, data)
        entity: Entity = super().create(entity_type, data, reconstructing)
        return entity

    def rollback(self) -> None:
        """Undo all changes since the last commit."""
        if self._deferral is None:
            super().rollback()
            return
        with self._thread_lock:
            self._deferral.rollback()

    def call(self, data: Sequence[Mapping[str, object]]) -> Any:
        """Send *data* to the server; while deferring, record its creates, updates and deletes.

        Raises:
            CannotDefer: while deferring, an action would change the server at once, or an entry
                cannot be read; nothing was recorded.
            ServerUnreachable: the request did not reach the server; also a
                ``requests.ConnectionError``, which scripts may expect.
            AnswerLost: what came back is not an answer of ftrack; also an
                ``ftrack_api.exception.ServerError``.
        """
        deferral = self._deferral
        if deferral is None:
            return self._send(data)
        self._refuse_other_actions(data, deferral)
        self._refuse_queries_of_jobs(data, deferral)
        if all(entry.get("action") in READ_ONLY_ACTIONS for entry in data):
            return self._send(data)

        def given(answers: Sequence[Mapping[str, object]]) -> list[object]:
            decoded: list[object] = self.decode(json.dumps(answers))
            return decoded

        return self._record_call(data, deferral, self._send, given)

    def _refuse_other_actions(
        self,
        data: Sequence[Mapping[str, object]],
        deferral: Deferral,
        kept: Container[str] = REQUESTS,
    ) -> None:
        """Refuse what neither reads nor writes entities, nor is among the *kept* requests.

        Raises:
            CannotDefer: one of the actions does not.
        """
        for entry in data:
            action = entry.get("action")
            if action not in READ_ONLY_ACTIONS and action not in WRITES and action not in kept:
                raise deferral.note(refused_call(entry, self._name))

    def _refuse_queries_of_jobs(
        self, data: Sequence[Mapping[str, object]], deferral: Deferral
    ) -> None:
        """Refuse to ask for the jobs of kept requests: the server has not begun them.

        Raises:
            CannotReadBack: a query does.
        """
        jobs = {job for each in self.recordings for job in each.current_jobs()}
        if not jobs:
            return
        for entry in data:
            if entry.get("action") in ("query", "search"):
                try:
                    check_query(str(entry.get("expression")), jobs)
                except CannotReadBack as error:
                    raise deferral.note(error) from None

    def _record_call(
        self,
        data: Sequence[Mapping[str, object]],
        deferral: Deferral,
        send: Callable[[Sequence[Mapping[str, object]]], Sequence[object]],
        given: Callable[[Sequence[Mapping[str, object]]], Iterable[object]],
        *,
        process: int | None = None,
    ) -> list[object]:
        """Record the writes of a raw call in place of sending them, and answer as a server would.

        A query sees the writes before it. All queries are sent before anything is recorded, as a
        server does nothing of a request in which one of them fails.

        Args:
            send: returns the server's answers.
            given: returns answers, in JSON form, as the caller wants them.
            process: the number of the process that calls; by default this one's.
        """
        kept = self._read_kept(data, deferral)
        reads = [entry for entry, each in zip(data, kept, strict=True) if each is None]
        answered = iter(send(reads) if reads else ())
        answers: list[object] = []
        has_recorded = False
        for kind, group in groupby(zip(data, kept, strict=True), key=lambda pair: type(pair[1])):
            pairs = list(group)
            if kind is RawWrite:
                writes = [each for _, each in pairs if isinstance(each, RawWrite)]
                operations = [operation for each in writes for operation in each.operations]
                refuse_second_timers(self, map(of_ftrack, operations))
                deferral.record(operations, process=process)
                has_recorded = True
                answers.extend(given(answers_of(writes, self._normal().in_json)))
            elif kind is KeptRequest:
                requests = [each for _, each in pairs if isinstance(each, KeptRequest)]
                for request in requests:
                    self._keep_request(request, deferral)
                answers.extend(given([request.answer for request in requests]))
            elif has_recorded:
                answers.extend(send([entry for entry, _ in pairs]))
            else:
                answers.extend(islice(answered, len(pairs)))
        return answers

    def _read_kept(
        self, data: Sequence[Mapping[str, object]], deferral: Deferral
    ) -> list[RawWrite | KeptRequest | None]:
        """Return what each entry of a raw call writes or requests, or None of one that reads."""
        sent = json.loads(self.encode(list(data), entity_attribute_strategy="modified_only"))
        schema = ServerSchema(getattr(self, "schemas", ()))  # none before the session is made

        def read(entry: Mapping[str, object]) -> RawWrite | KeptRequest | None:
            if entry["action"] in WRITES:
                return read_write(entry, schema)
            if entry["action"] in REQUESTS:
                request = read_request(entry)
                deferral.check_ids(request.follow_up.data.values(), str(entry["action"]))
                return request
            return None

        try:
            deferral.check_value(sent)
            return [read(each) for each in sent]
        except CannotDefer as error:
            raise deferral.note(error) from error.__cause__

    def _keep_request(self, request: KeptRequest, deferral: Deferral) -> None:
        deferral.recording.add_follow_up(request.follow_up, job_id=request.job_id)
        if request.job_id:
            job = {"id": request.job_id, "status": "queued"}
            self.create("Job", job, reconstructing=True)

    def _send(self, data: Sequence[Mapping[str, object]]) -> Any:
        with self._reaching():
            results = super().call(data)
        self._check(data, results)
        return results

    def _check(self, data: Sequence[Mapping[str, object]], results: object) -> None:
        """Refuse *results* that are not of the form that *data* asks for.

        Raises:
            WrongAnswer: they are not; also an ``ftrack_api.exception.ServerError``.
        """
        wrong = fault(data, results)
        if wrong:
            raise self._wrong_answer(wrong)

    def decode(self, string: str) -> Any:
        """Return what the JSON *string* says, with entities of this session in it.

        Raises:
            WrongAnswer: no server says that; also an ``ftrack_api.exception.ServerError``.
        """
        try:
            return super().decode(string)
        except _NOT_DECODED as error:
            raise self._wrong_answer(f"ftrack_api cannot read it: {error!r}") from error

    def _wrong_answer(self, why: str) -> _WrongAnswer:
        told = failures.wrong_answer(self.server_url, why)
        return _WrongAnswer(told.what, why=told.why, hint=told.hint)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Raise our error where a request of the block does not reach the server.

        An answer that does not come is told by ``requests``, as ``ftrack_api`` leaves it.

        Raises:
            ServerUnreachable: a request does not reach it, or must wait.
            AnswerLost: what comes back is not an answer.
        """
        try:
            yield
        except requests.RequestException as error:
            told = failures.explain(self.server_url, error)
            if isinstance(told, ServerUnreachable):
                from trackteroid_cli.offline.replicas import mention_replica

                mention_replica(told)
            elif not isinstance(told, WrongAnswer) and not isinstance(error, NotJSON):
                raise
            kind = next(each for each in _OURS if isinstance(told, each.__bases__[0]))
            raise kind(told.what, why=told.why, hint=told.hint) from error

    # -- reconnecting ------------------------------------------------------------------------------

    def reconnect(self, **overrides: object) -> None:
        """Connect again, with *overrides* in place of the arguments given before.

        With ``offline=False`` an offline session queries the server from then on. Entities stay
        usable, and recorded operations stay recorded, also if the server cannot be reached.
        Plug-ins run again; what they commit is deferred if the session defers.

        Raises:
            CannotDefer: the session defers, and *overrides* name another server.
        """
        arguments = bind_arguments((), {**self._arguments, **overrides})
        if self._deferral is not None and "server_url" in overrides:
            self._refuse_another_server(str(overrides["server_url"]), self._deferral)
        operations = self.recorded_operations
        entities = {key: self._local_cache.get(key) for key in self._cached_keys()}
        if not self.closed:
            self.recorded_operations = ftrack_api.operation.Operations()
            self.close()
        try:
            with self._operations_of_plugins():
                self._connect(arguments)
            self._arguments = arguments
        finally:
            fresh = set(self._cached_keys())
            for key, entity in entities.items():
                if key not in fresh:
                    self._local_cache.set(key, entity)
            left = self.recorded_operations
            self.recorded_operations = operations
            if self._deferral is None and left is not operations:
                for operation in left:
                    operations.push(operation)
            self._clear_query_results()

    def _operations_of_plugins(self) -> AbstractContextManager[None]:
        """Keep operations that were recorded before out of the commits of plug-ins."""
        return nullcontext() if self._deferral is None else self._deferral.apart()

    def _refuse_another_server(self, url: str, deferral: Deferral) -> None:
        if settings.normalise_url(url) != settings.normalise_url(self.server_url):
            raise deferral.note(
                CannotDefer(
                    f"cannot reconnect to {url} while recording",
                    why=f"what is recorded is for {self.server_url}",
                    hint="use a session of its own for the other server",
                )
            )

    def reconnect_and_commit(self, path: str | Path, **overrides: object) -> Result:
        """Connect again and replay the batch at *path*, in a single request.

        The session keeps its own recorded operations. Attributes that the batch has changed are
        fetched again when they are next read.

        Args:
            path: a batch of `deferred_operations` or ``trackteroid record``, or a file that
                Trackteroid saved.
            overrides: arguments in place of those of the session's constructor.

        Returns:
            The outcome of the replay; a batch that had landed before is not sent again.

        Raises:
            CannotDefer: the session is deferring.
            CommitError, ServerError: the batch did not land; the file is kept.
        """
        from trackteroid_cli.replay.schedule import replay_file

        if self._deferral is not None:
            raise self._deferral.note(
                CannotDefer(
                    f"cannot commit {path} while the session defers its operations",
                    why="a commit goes to the server at once",
                    hint="commit the batch after the recording",
                )
            )
        self.reconnect(**{"offline": False, **overrides})
        with self.open_connection() as fresh:
            result = replay_file(Path(path), fresh)
        self._clear_query_results()
        if self.answers is not None:
            self.answers.forget()
        self._expire_values(Path(path))
        return result

    def _expire_values(self, path: Path) -> None:
        """Expire the values of attributes that the batch at *path* or the server has set."""
        from trackteroid_cli.batches.batch import Batch
        from trackteroid_cli.batches.operations import Create, Update

        not_set = ftrack_api.symbol.NOT_SET
        with Batch(path) as batch, self.auto_populating(False), self.operation_recording(False):
            for operation in batch.operations():
                names: Iterable[str] = ()
                if isinstance(operation, Create):
                    names = operation.provisional
                elif isinstance(operation, Update):
                    names = (operation.attribute_name,)
                try:
                    entity = self._get(operation.entity_type, operation.entity_key.values())
                except KeyError:
                    continue
                for attribute in filter(None, map(entity.attributes.get, names)):
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

    def _outermost_first(self) -> list[Recording]:
        return self.recordings[::-1]

    def _created_keys(self) -> set[str]:
        """Return the keys of entities that the session has created and not sent to the server."""
        keys = {part for each in self.recordings for part in each.created.key_parts()}
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
                adapter = self.offline.adapter(self._outermost_first, self._created_keys)
                mount_everywhere(value, adapter)
            else:
                mount_bounded(value)
                sandbox.mount(value)
            if self.answers is not None:
                self.answers.mount(value, self.server_url)
            if self.offline is None:
                self._mount_live_adapter(value)
        self._managed_request = value

    @property
    def _event_hub(self) -> Any:
        return self._managed_event_hub

    @_event_hub.setter
    def _event_hub(self, hub: Any) -> None:
        take_over(hub, self)
        self._managed_event_hub = hub

    def _mount_live_adapter(self, request: requests.Session) -> None:
        """Let queries see what the session has committed while it defers."""
        from trackteroid_cli.offline.live.adapter import LiveAdapter

        inner = request.get_adapter(self.server_url)
        adapter = LiveAdapter(inner, self.server_url, self._outermost_first, lambda: self.schemas)
        request.mount(self.server_url, adapter)

    def _write_schemas_to_cache(
        self, schemas: Sequence[SchemaDocument], schema_cache_path: str
    ) -> None:
        """Write *schemas* whole, as another session may read them at the same time."""
        write_whole(Path(schema_cache_path), json.dumps(schemas))

    def _read_schemas_from_cache(
        self, schema_cache_path: str
    ) -> tuple[Sequence[SchemaDocument], str | None]:
        """Return the cached schemas and their hash; none if the file is damaged."""
        cached: tuple[Sequence[SchemaDocument], str | None]
        try:
            cached = super()._read_schemas_from_cache(schema_cache_path)
        except (OSError, ValueError):
            self.logger.info("The schemas kept in %s cannot be read.", schema_cache_path)
            return [], None
        return cached


def _refuse_partial(deferral: Deferral) -> None:
    """Raise `CannotDefer` if something was refused in a block that went on.

    The enclosing block or run notes that, as it may go on in turn.
    """
    error = deferral.refusals.error(unless="give the block allow_refused=True")
    if error is not None:
        raise deferral.outer.note(error) if deferral.outer is not None else error
