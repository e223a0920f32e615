"""A session in the place of one of another process, whose requests it answers and records."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import requests

from trackteroid_cli.batches.enclosures.uploads import MAX_NAME, is_id_of_ftrack
from trackteroid_cli.recording.startup.relay import UPLOAD
from trackteroid_cli.session.deferral import READ_ONLY_ACTIONS
from trackteroid_cli.session.enclosing import uploads
from trackteroid_cli.session.enclosing.requests import asked_for_job
from trackteroid_cli.session.recorder import Recorder, current_recorder, set_recorder
from trackteroid_cli.session.session import Session

_OK = int(requests.codes.ok)

#: Where clients are told to upload to: nothing goes there, as the relay takes it.
_NOWHERE = "http://127.0.0.1:9/upload"


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
        #: What clients are about to upload: the component and the name, by token.
        self._expected: dict[str, tuple[str, str]] = {}
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
        ours = self._own_answer(entries)
        if ours is not None:
            return _OK, json.dumps([ours] if isinstance(data, list) else ours).encode()
        self._refuse_other_actions(entries, deferral)
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

    def _own_answer(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, object] | None:
        """Return the answer to a request that the server is not to see; None to another one.

        A client prepares an upload, or looks for the job of media that it has had encoded.
        """
        if len(entries) != 1:
            return None
        (entry,) = entries
        component_id, action = entry.get("component_id"), entry.get("action")
        if action == "get_upload_metadata" and is_id_of_ftrack(component_id):
            token = secrets.token_hex(16)
            name = str(entry.get("file_name"))[:MAX_NAME] or component_id
            self._expected[token] = component_id, name
            headers = {UPLOAD: token}
            return {"component_id": component_id, "url": _NOWHERE, "headers": headers}
        if action == "query":
            job = asked_for_job(str(entry.get("expression")), self.recordings[0].current_jobs())
            if job:
                found = {"__entity_type__": "Job", "id": job}
                return {"action": action, "data": [found], "metadata": {"next": {"offset": None}}}
        return None

    def expects(self, token: str) -> bool:
        """Return whether a client has asked where to upload to, and was given *token*."""
        return token in self._expected

    def keep_upload(self, token: str, source: BinaryIO) -> None:
        """Keep what a client uploads.

        Raises:
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
        """
        uploads.keep_stream(self.recordings[0], *self._expected[token], source)

    def remove_upload(self, component_id: str) -> None:
        """Let the bytes of a component not be on the server in the end.

        Raises:
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
        """
        uploads.remove(self.recordings[0], component_id)

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
