"""A session in the place of one of another process, whose requests it answers and records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from trackteroid_cli.batches.enclosures.follow_ups import REQUESTS
from trackteroid_cli.session.deferral import READ_ONLY_ACTIONS
from trackteroid_cli.session.recorder import Recorder, current_recorder, set_recorder
from trackteroid_cli.session.session import Session

_OK = int(requests.codes.ok)


class _ServerSays(Exception):
    """The server does not answer a request with a list of results."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class RelayedSession(Session):
    """Records for a client of the server *url*, into *recorder*.

    Raises:
        TrackteroidError: as of `Session`.
    """

    def __init__(self, recorder: Recorder, url: str, key: str, user: str) -> None:
        former = current_recorder()
        set_recorder(recorder)
        try:
            super().__init__(url, key, user, plugin_paths=[])
        finally:
            set_recorder(former)

    def answer(self, headers: Mapping[str, str], body: bytes, process: int) -> tuple[int, bytes]:
        """Return the status and the body of the answer to a request of the client.

        Args:
            headers, body: of the request.
            process: the number of the process that makes it.

        Raises:
            CannotDefer: it would change the server at once, or cannot be read.
            ServerUnreachable: the server does not answer.
        """
        data = json.loads(body)
        entries = data if isinstance(data, list) else [data]
        deferral = self._deferral
        assert deferral is not None
        # A client of another process would ask at once for the job of media that it encodes.
        self._refuse_other_actions(entries, deferral, kept=REQUESTS.keys() - {"encode_media"})
        self._refuse_queries_of_jobs(entries, deferral)

        def send(reads: Sequence[Mapping[str, object]]) -> list[Any]:
            status, answer = self._forward(headers, json.dumps(list(reads)).encode())
            results = json.loads(answer) if status == _OK else None
            if not isinstance(results, list):
                raise _ServerSays(status, answer)
            self._check(reads, results)
            return results

        try:
            if all(entry.get("action") in READ_ONLY_ACTIONS for entry in entries):
                return self._forward(headers, body)
            results = self._record_call(entries, deferral, send, list, process=process)
        except _ServerSays as told:
            return told.status, told.body
        return _OK, json.dumps(results if isinstance(data, list) else results[0]).encode()

    def _forward(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Ask the server, as the client that sent *headers*, and return its answer."""
        asked = {
            name: value
            for name, value in headers.items()
            if name.lower().startswith("ftrack-") or name.lower() in ("accept", "content-type")
        }
        with self._reaching():
            response = self._request.post(
                f"{self.server_url}/api", headers=asked, data=body, timeout=self.request_timeout
            )
            return response.status_code, response.content
