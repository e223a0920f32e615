"""The offline server: answers in place of a server, from this machine's replica of it.

The requests of a session or a connection go to an adapter of `requests`, which answers from the
replica, overlaid with the pending batches and with the recording of the session so far. Nothing
leaves the process.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import requests
from requests.adapters import BaseAdapter

from trackteroid_cli import moments, settings
from trackteroid_cli.batches.operations import Operation, from_json
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.errors import NotPulled, Offline, ReplicaError, logger
from trackteroid_cli.files import TemporaryFolder, storing
from trackteroid_cli.offline import overlays, replicas
from trackteroid_cli.offline.answering.coverage import Coverage
from trackteroid_cli.server.actions import in_words
from trackteroid_cli.server.responses import answered, body_of

if TYPE_CHECKING:
    from trackteroid_cli.batches.recordings.recording import Recording
    from trackteroid_cli.engine.engine import Engine

_logger = logger(__name__)

#: The actions that a replica answers.
_ANSWERED_ACTIONS = frozenset({"query", "query_schemas", "query_server_information", "search"})


class OfflineServer:
    """Answers in place of the server at *url*, from this machine's replica.

    Args:
        url: of the server.
        without_pending: whether to leave out the batches that wait to be committed; those that were
            committed since the pull are seen.

    Raises:
        NotPulled: there is no replica of the server.
        ReplicaError: it cannot be read.
    """

    def __init__(self, url: str, *, without_pending: bool = False) -> None:
        self.url = url.rstrip("/")
        self.closed = False
        self._without_pending = without_pending
        replica = self.replica = replicas.required(url)
        spool = Spool.default()
        #: The batches of the overlay.
        self.overlaid = overlays.batches_to_overlay(replica, spool, without_pending=without_pending)
        self._closing = ExitStack()
        self._engine = overlays.open_overlay(replica, self.overlaid)
        self._closing.callback(self._engine.close)
        self._pulled = self._engine
        if self.overlaid:
            self._pulled = replicas.open_engine(replica)
            self._closing.callback(self._pulled.close)
        self._coverage = Coverage(replica.holdings, self._pulled)
        self._recording_overlays: dict[Recording, _RecordingOverlay] = {}
        #: These, and others that a forked process has inherited.
        self._overlays: list[_RecordingOverlay] = []
        self._warned: set[str] = set()
        self._lock = threading.RLock()

    def answer(
        self,
        headers: Mapping[str, str],
        body: bytes,
        recordings: Sequence[Recording] = (),
        created: Callable[[], Collection[str]] = tuple,
    ) -> tuple[int, bytes]:
        """Answer one request, as `engine.serving.wire.respond` does.

        Args:
            headers: the request's.
            body: a JSON list of operations.
            recordings: those of the caller, the outermost first.
            created: returns the keys of the entities that the caller created, committed or not.

        Raises:
            Offline: a replica cannot answer such a request.
            NotPulled: the replica does not hold what the answer depends on.
        """
        from trackteroid_cli.engine.serving.wire import respond
        from trackteroid_cli.offline.provisional import note_values

        operations = json.loads(body)
        for operation in operations:
            if operation.get("action") not in _ANSWERED_ACTIONS:
                asked = in_words(operation) or f"do {operation.get('action')!r}"
                raise Offline(f"cannot {asked} offline", hint=_online(bool(recordings)))
        with self._lock:
            user = next((headers[name] for name in headers if name.lower() == "ftrack-user"), "")
            engine = self._engine_with(recordings, user)
            self._refuse_unknown_user(engine, user)
            questions = [self._coverage.question(each, engine, created) for each in operations]
            replica_headers = {**headers, "ftrack-api-key": replicas.REPLICA_KEY}

            def review(results: Sequence[Mapping[str, object]]) -> None:
                for question, result in zip(questions, results, strict=True):
                    if question is None:  # the answer may be a list, as that to query_schemas
                        continue
                    note_values(recordings, engine.store.schema, [result])
                    data = result.get("data")
                    if isinstance(data, list):
                        self._warn_once(self._coverage.review(question, data))

            return respond(engine, replica_headers, body, review)

    def _warn_once(self, text: str) -> None:
        """Log a warning about incomplete answers, unless it is empty or was logged before."""
        if text and text not in self._warned:
            self._warned.add(text)
            _logger.warning("%s", text)

    def includes(self, recording: Recording) -> bool:
        """Return whether queries see every operation of *recording*."""
        overlay = self._recording_overlays.get(recording)
        return overlay is None or not overlay.incomplete

    def adapter(
        self,
        recordings: Callable[[], Sequence[Recording]] = tuple,
        created: Callable[[], Collection[str]] = tuple,
    ) -> OfflineAdapter:
        """Return an adapter that answers from this server; see `OfflineAdapter`.

        After `close` the adapter has a server of its own, which it closes.
        """
        if not self.closed:
            return OfflineAdapter(self, recordings, created)
        reopened = OfflineServer(self.url, without_pending=self._without_pending)
        return OfflineAdapter(reopened, recordings, created, owns=True)

    def close(self) -> None:
        """Close the databases; `overlaid` and `replica` can still be read."""
        self.closed = True
        with self._lock:
            for overlay in self._overlays:
                overlay.close()
            self._overlays.clear()
            self._recording_overlays.clear()
            self._closing.close()

    def _engine_with(self, recordings: Sequence[Recording], user: str) -> Engine:
        """Return an engine with the operations of *recordings* so far, applied as *user*."""
        engine = self._engine
        for recording in recordings:
            recording.catch_up()
            overlay = self._recording_overlays.get(recording)
            if overlay is not None or len(recording):
                if overlay is None or overlay.base is not engine or overlay.is_inherited:
                    overlay = self._recording_overlays[recording] = _RecordingOverlay(engine)
                    self._overlays.append(overlay)
                overlay.update(recording, recordings, user)
                engine = overlay.engine
        return engine

    def _refuse_unknown_user(self, engine: Engine, name: str) -> None:
        row = engine.store.connection.execute(
            "SELECT 1 FROM resource WHERE _type = 'User' AND username = ? AND is_active", [name]
        ).fetchone()
        if row is None:
            raise NotPulled(
                f"the replica of {self.url} has no active user {name!r}",
                why="the session is to be theirs",
                hint="correct FTRACK_API_USER, or refresh the replica with: "
                + settings.online_command("trackteroid replica pull"),
            )


class _RecordingOverlay:
    """A copy of the data of *base*, with what one recording has committed so far."""

    def __init__(self, base: Engine) -> None:
        self.base = base
        self.incomplete = False
        self._applied = 0
        self._closing = ExitStack()
        self._process = os.getpid()
        with storing(
            "cannot lay what is recorded over the replica",
            hint="make room or correct the permissions where temporary files go, or set TMPDIR, "
            "and run the same command again",
            also=(sqlite3.OperationalError,),
            error_type=ReplicaError,
        ):
            folder = TemporaryFolder()
            self._closing.callback(folder.remove)
            copy = overlays.copied_engine(base, folder.path / "overlay.sqlite")
            self.engine = self._closing.enter_context(copy)

    @property
    def is_inherited(self) -> bool:
        """Whether it is that of the process that this one was forked from."""
        return self._process != os.getpid()

    def update(self, recording: Recording, visible: Sequence[Recording], user: str) -> None:
        """Apply the operations since the last update, one commit of the script after another.

        Args:
            visible: the recordings that a question sees, *recording* among them.
        """
        from trackteroid_cli.engine.storage.errors import EngineError
        from trackteroid_cli.offline.provisional import note_side_effects

        if self._applied == len(recording):
            return
        added = list(recording.operations(self._applied))
        self._applied += len(added)
        commits: dict[int, list[Operation]] = {}
        for text in added:
            operation = from_json(json.loads(text))
            commits.setdefault(operation.commit, []).append(operation)
        for operations in commits.values():
            try:
                changes = overlays.apply_operations(
                    self.engine, operations, user=user, moment=moments.now()
                )
                note_side_effects(visible, self.engine.store.schema, changes)
            except EngineError as error:
                self.incomplete = True
                _logger.warning(
                    "what was recorded is kept, but queries of this run do not see it: %s",
                    error,
                )

    def close(self) -> None:
        """Close and remove the copy."""
        self._closing.close()


class OfflineAdapter(BaseAdapter):
    """Answers the requests of one `requests.Session` from *server*; it sends nothing.

    Args:
        server: answers them.
        recordings: returns the recordings of the session, the outermost first.
        created: returns the keys of the entities that the session created.
        owns: whether the adapter closes the server when it is closed itself.
    """

    def __init__(
        self,
        server: OfflineServer,
        recordings: Callable[[], Sequence[Recording]] = tuple,
        created: Callable[[], Collection[str]] = tuple,
        *,
        owns: bool = False,
    ) -> None:
        super().__init__()
        self._server = server
        self._recordings = recordings
        self._created = created
        self._owns = owns

    def send(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> requests.Response:
        """Return the replica's answer to *request*.

        Raises:
            Offline: the request is not for the API of the server.
            NotPulled: the replica does not hold what the answer depends on.
            ReplicaError: it is damaged, or the disk has no room for what is recorded.
        """
        if request.url != f"{self._server.url}/api":
            raise Offline(
                f"cannot reach {request.url} offline", hint=_online(bool(self._recordings()))
            )
        try:
            status, body = self._server.answer(
                request.headers, body_of(request), self._recordings(), self._created
            )
        except sqlite3.Error as error:
            raise replicas.unreadable(self._server.replica.path, error) from error
        return answered(request, status, body)

    def close(self) -> None:
        """Close the server if the adapter owns it."""
        if self._owns:
            self._server.close()


def _online(recording: bool) -> str:
    """Return the hint for what needs the server: how to do it, or to record it, online."""
    if recording:
        record = settings.online_command("trackteroid record")
        return f"record without --offline, while the server can be reached: {record} SCRIPT"
    return "while the server can be reached, connect without offline=True, --offline and " + (
        settings.OFFLINE
    )
