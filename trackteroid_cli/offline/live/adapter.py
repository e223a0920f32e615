"""The adapter that lets the queries of an online recording see its own commits."""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter

from trackteroid_cli.errors import CannotReadBack
from trackteroid_cli.server.answers import fault
from trackteroid_cli.server.responses import answered, body_of
from trackteroid_cli.server.schemas import ServerSchema

if TYPE_CHECKING:
    from trackteroid_cli.batches.recordings.recording import Recording
    from trackteroid_cli.engine.schema.documents import SchemaDocument
    from trackteroid_cli.offline.live.overlay import LiveOverlay

#: The overlay of each recording, which the sessions of a run share: the process that made it, the
#: recordings around it, and itself. One that a process has inherited by a fork is kept, unused.
_overlays: weakref.WeakKeyDictionary[Recording, list[tuple[int, list[Recording], LiveOverlay]]]
_overlays = weakref.WeakKeyDictionary()
_lock = threading.Lock()


class LiveAdapter(BaseAdapter):
    """Answers queries that a recording has changed the answer to; leaves all else to *inner*.

    Args:
        inner: the adapter that reaches the server.
        url: of the server.
        recordings: returns the recordings of the session, the outermost first.
        schemas: returns the server's entity schemas.
    """

    def __init__(
        self,
        inner: BaseAdapter,
        url: str,
        recordings: Callable[[], Sequence[Recording]],
        schemas: Callable[[], Sequence[SchemaDocument]],
    ) -> None:
        super().__init__()
        self._inner = inner
        self._url = url.rstrip("/")
        self._recordings = recordings
        self._schemas = schemas

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Return the answer to *request*.

        Raises:
            CannotReadBack: a query would have to see what is recorded, and cannot be answered so.
        """
        if request.url != f"{self._url}/api":
            return self._inner.send(request, *args, **kwargs)
        recordings = _with_operations(self._recordings())
        if not recordings:
            return self._inner.send(request, *args, **kwargs)
        operations = json.loads(body_of(request))
        if not any(each.get("action") in ("query", "search") for each in operations):
            return self._inner.send(request, *args, **kwargs)
        overlay = self._overlay(recordings)
        with overlay.lock:
            overlay.note(recordings)
            ours = self._answers(overlay, recordings, operations, request, args, kwargs)
        left = [each for index, each in enumerate(operations) if index not in ours]
        if not ours:
            return self._inner.send(request, *args, **kwargs)
        theirs = iter(self._ask(request, args, kwargs, left) if left else ())
        results = [
            ours[index] if index in ours else next(theirs) for index in range(len(operations))
        ]
        return answered(request, requests.codes.ok, json.dumps(results).encode())

    def _answers(
        self,
        overlay: LiveOverlay,
        recordings: Sequence[Recording],
        operations: Sequence[Mapping[str, Any]],
        request: requests.PreparedRequest,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> dict[int, Any]:
        """Return the answers to the operations that the server cannot answer, by position."""
        from trackteroid_cli.offline.provisional import note_values

        found: dict[int, Any] = {}
        for index, operation in enumerate(operations):
            action, expression = operation.get("action"), str(operation.get("expression"))
            if action not in ("query", "search") or not overlay.may_answer(expression):
                continue
            if action == "search":
                raise CannotReadBack(
                    "cannot search what the recording has changed",
                    why="a search is made by the server, which does not have it yet",
                    hint="query instead of searching, or search before that commit",
                )
            answer = overlay.answer(
                expression,
                lambda queries: self._ask(request, args, kwargs, queries),
                user=str(request.headers.get("ftrack-user", "")),
                strict=str(request.headers.get("ftrack-strict-api", "")).lower() == "true",
            )
            if answer is not None:
                found[index] = answer
                note_values(recordings, overlay.schema, [answer])
        return found

    def _overlay(self, recordings: list[Recording]) -> LiveOverlay:
        from trackteroid_cli.offline.live.overlay import LiveOverlay

        innermost = recordings[-1]
        with _lock:
            known = _overlays.setdefault(innermost, [])
            for process, outer, overlay in known:
                if process == os.getpid() and outer == recordings[:-1]:
                    return overlay
            overlay = LiveOverlay(self._schemas(), self._url)
            weakref.finalize(innermost, overlay.close)
            known.append((os.getpid(), recordings[:-1], overlay))
            return overlay

    def _ask(
        self,
        request: requests.PreparedRequest,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        operations: Sequence[Mapping[str, Any]],
    ) -> list[Any]:
        """Send *operations* to the server in place of those of *request*.

        Raises:
            CannotReadBack: the server refuses one of them.
        """
        asked = request.copy()
        asked.prepare_body(json.dumps(list(operations)), None)
        response = self._inner.send(asked, *args, **{**kwargs, "stream": False})
        try:
            results = response.json()
        except (ValueError, RecursionError):
            results = None
        wrong = fault(operations, results, ServerSchema(self._schemas()))
        if wrong or not isinstance(results, list):
            told = results.get("content") if isinstance(results, dict) else wrong
            raise CannotReadBack(
                "cannot answer a query after this commit",
                why=f"the server does not tell what is needed for it: {told}",
                hint="make sure that the user may see what the script changes; or query before "
                "that commit",
            )
        return results

    def close(self) -> None:
        """Close what reaches the server."""
        self._inner.close()


def _with_operations(recordings: Iterable[Recording]) -> list[Recording]:
    """Return those of *recordings* that any process has added something to."""
    found = []
    for recording in recordings:
        recording.catch_up()
        if len(recording):
            found.append(recording)
    return found
