"""The offline server: answers in place of a server, from this machine's replica of it.

What a session or a connection sends goes to an adapter of `requests`, which answers from the
replica with the pending batches laid over it, and with what the session has recorded so far.
Nothing leaves the process.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter

from trackteroid_cli import moments
from trackteroid_cli.batches.operations import from_json
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.errors import NotPulled, Offline
from trackteroid_cli.offline import overlays, replicas
from trackteroid_cli.offline.coverage import Coverage
from trackteroid_cli.server.responses import answered, body_of

if TYPE_CHECKING:
    from trackteroid_cli.batches.recording import Recording
    from trackteroid_cli.engine.engine import Engine

_logger = logging.getLogger(__name__)

#: The actions that a replica answers.
_ANSWERED = frozenset({"query", "query_schemas", "query_server_information", "search"})


class OfflineServer:
    """The server at *url*, as this machine's replica shows it.

    Args:
        url: of the server.
        without_pending: whether to leave out the batches that wait to be committed.

    Raises:
        NotPulled: there is no replica of the server.
        ReplicaError: it cannot be read.
        ExtraMissing: the packages that the engine needs are not installed.
    """

    def __init__(self, url: str, *, without_pending: bool = False) -> None:
        self.url = url.rstrip("/")
        self.closed = False
        self._without_pending = without_pending
        replica = self.replica = replicas.required(url)
        spool = Spool.default()
        #: The batches that are laid over the replica.
        self.laid = [] if without_pending else overlays.batches_over(replica, spool)
        self._closing = ExitStack()
        self._engine = overlays.open_overlay(replica, self.laid)
        self._closing.callback(self._engine.close)
        self._pulled = self._engine
        if self.laid:
            self._pulled = replicas.engine(replica)
            self._closing.callback(self._pulled.close)
        self._coverage = Coverage(replica.holdings, self._pulled)
        self._drafts: dict[Recording, _Draft] = {}
        self._said: set[str] = set()
        self._lock = threading.RLock()

    def answer(
        self,
        headers: Mapping[str, str],
        body: bytes,
        recordings: Sequence[Recording] = (),
        created: Callable[[], Collection[str]] = tuple,
    ) -> tuple[int, bytes]:
        """Answer one request, as `engine.wire.respond` does.

        Args:
            headers: the request's.
            body: a JSON list of operations.
            recordings: what the caller has recorded, the outermost first.
            created: gives the keys of all that the caller has created, committed or not.

        Raises:
            Offline: it asks for more than a replica can answer.
            NotPulled: the replica does not hold what the answer depends on.
        """
        from trackteroid_cli.engine.wire import respond

        operations = json.loads(body)
        for operation in operations:
            if operation.get("action") not in _ANSWERED:
                raise Offline(f"cannot do {operation.get('action')!r} offline")
        with self._lock:
            user = next((headers[name] for name in headers if name.lower() == "ftrack-user"), "")
            engine = self._engine_with(recordings, user)
            self._refuse_unknown_user(engine, user)
            questions = [self._coverage.question(each, engine, created) for each in operations]
            as_ours = {**headers, "ftrack-api-key": replicas.REPLICA_KEY}

            def review(results: Sequence[Mapping[str, Any]]) -> None:
                for question, result in zip(questions, results, strict=True):
                    if question is not None:
                        self._say(question.review(result["data"]))

            return respond(engine, as_ours, body, review)

    def _say(self, text: str) -> None:
        """Warn of answers that are incomplete, once for each sort."""
        if text and text not in self._said:
            self._said.add(text)
            _logger.warning("%s", text)

    def includes(self, recording: Recording) -> bool:
        """Return whether queries see all that *recording* holds."""
        draft = self._drafts.get(recording)
        return draft is None or not draft.left_out

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
        """Close the databases; what was laid, and what the replica holds, can be read still."""
        self.closed = True
        with self._lock:
            for draft in self._drafts.values():
                draft.close()
            self._drafts.clear()
            self._closing.close()

    def _engine_with(self, recordings: Sequence[Recording], user: str) -> Engine:
        """Return the engine that shows what *recordings*, made as *user*, hold by now."""
        engine = self._engine
        for recording in recordings:
            if recording in self._drafts or len(recording):
                draft = self._drafts.get(recording)
                if draft is None or draft.base is not engine:
                    draft = self._drafts[recording] = _Draft(engine)
                draft.follow(recording, user)
                engine = draft.engine
        return engine

    def _refuse_unknown_user(self, engine: Engine, name: str) -> None:
        row = engine.store.connection.execute(
            "SELECT 1 FROM resource WHERE _type = 'User' AND username = ? AND is_active", [name]
        ).fetchone()
        if row is None:
            raise NotPulled(
                f"the replica of {self.url} has no active user {name!r}",
                why="the session is to be theirs",
                hint="correct FTRACK_API_USER, or refresh it with: trackteroid replica pull",
            )


class _Draft:
    """A copy of what *base* holds, with what one recording has committed so far."""

    def __init__(self, base: Engine) -> None:
        self.base = base
        self.left_out = False
        self._seen = 0
        self._closing = ExitStack()
        folder = self._closing.enter_context(
            tempfile.TemporaryDirectory(prefix="trackteroid-", ignore_cleanup_errors=True)
        )
        copy = overlays.copied(base, Path(folder) / "draft.sqlite")
        self.engine = self._closing.enter_context(copy)

    def follow(self, recording: Recording, user: str) -> None:
        """Do what *recording* got since the last time, one commit of the script after another."""
        from trackteroid_cli.engine.storage.errors import EngineError

        fresh = recording.operations[self._seen :]
        self._seen += len(fresh)
        commits: dict[int, list[Any]] = {}
        for text in fresh:
            operation = from_json(json.loads(text))
            commits.setdefault(operation.commit, []).append(operation)
        for operations in commits.values():
            try:
                overlays.lay(self.engine, operations, user=user, moment=moments.now())
            except EngineError as error:
                self.left_out = True
                _logger.warning(
                    "what was recorded is kept, but queries of this run do not see it: %s", error
                )

    def close(self) -> None:
        """Close the copy, and remove it."""
        self._closing.close()


class OfflineAdapter(BaseAdapter):
    """Answers the requests of one `requests.Session` from *server*; it sends nothing.

    *recordings* gives what the session has recorded so far, the outermost first, *created* the keys
    of what it has created. The server is closed with the adapter if that *owns* it.
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

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the replica's answer to *request*.

        Raises:
            Offline: it is for anything but the API of the server.
            NotPulled: the replica does not hold what the answer depends on.
        """
        if request.url != f"{self._server.url}/api":
            raise Offline(f"cannot reach {request.url}")
        status, body = self._server.answer(
            request.headers, body_of(request), self._recordings(), self._created
        )
        return answered(request, status, body)

    def close(self) -> None:
        """Close the server, if nobody else may ask it."""
        if self._owns:
            self._server.close()
