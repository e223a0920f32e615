"""The service: records for processes that have only ``ftrack_api``, in the place of their server.

It listens on this machine alone, and answers those that know its token: the processes that have it
in their environment (see `startup.relay`). It sees their requests as the server would, so that any
version of ``ftrack_api`` and of Python will do.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from trackteroid_cli.errors import TrackteroidError
from trackteroid_cli.session.calls.script_lines import asked_for_in

if TYPE_CHECKING:
    from trackteroid_cli.batches.recordings.recording_file import RecordingFile
    from trackteroid_cli.recording.relayed_session import RelayedSession
    from trackteroid_cli.recording.reports import Reports
    from trackteroid_cli.session.recorder import Recorder

#: Bytes of the first line of a message, at most.
_LINE = 1 << 20

_CHUNK = 1 << 20

#: Seconds that a client may take to say who it is.
_PATIENCE = 60.0


class _Upload(BytesIO):
    """The next *length* bytes of *file*, which a client sends."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        super().__init__()
        self._file, self._left = file, length

    def read(self, size: int | None = -1) -> bytes:
        """Read *size* bytes, or all that are left.

        Raises:
            ConnectionAbortedError: the client sends no more.
        """
        found = self._file.read(self._left if size is None or size < 0 else min(size, self._left))
        self._left -= len(found)
        if self._left and not found:
            raise ConnectionAbortedError(f"it breaks off {self._left} bytes before its end")
        return found


class Service:
    """Records into *file* what other processes send to their servers.

    Args:
        reports: get told as whom they connect.
    """

    def __init__(self, file: RecordingFile, reports: Reports) -> None:
        self._file = file
        self._reports = reports
        self._token = secrets.token_hex(16)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._recorder: Recorder | None = None
        self._sessions: dict[tuple[str, str, str], RelayedSession] = {}
        self._lock = threading.Lock()
        self._process = os.getpid()

    @property
    def address(self) -> str:
        """Where it is, and its token, as processes find it in their environment."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}:{self._token}"

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answer in the block, in other threads."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield
        finally:
            # A thread waits for the next client, and a closed socket does not tell it.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def leave(self) -> None:
        """Leave listening to the process that this one was forked from."""
        if self._process != os.getpid():
            self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as file:
            connection.settimeout(_PATIENCE)
            message = self._read(file)
            if message is not None:
                connection.settimeout(None)
                told, body = self._answer(message, file)
                line = json.dumps({**told, "length": len(body)}).encode()
                connection.sendall(line + b"\n" + body)

    def _read(self, file: BinaryIO) -> dict[str, Any] | None:
        """Return a message of a process of the run; None of anybody else."""
        try:
            message = json.loads(file.readline(_LINE))
            token = str(message["token"]).encode()
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return message if secrets.compare_digest(token, self._token.encode()) else None

    def _answer(self, message: dict[str, Any], file: BinaryIO) -> tuple[dict[str, Any], bytes]:
        if "refused" in message:
            self._file.note_refusal(str(message["refused"]), str(message["line"]))
            return {}, b""
        import ftrack_api
        import requests

        try:
            with asked_for_in(str(message["line"])):
                if "kept" in message:
                    return self._keep(message["kept"], message, file), b""
                body, headers = file.read(int(message["length"])), message["headers"]
                session = self._session(str(message["url"]), headers)
                status, answer = session.answer(headers, body, int(message["process"]))
                return {"status": status}, answer
        except (TrackteroidError, requests.RequestException, ftrack_api.exception.Error) as error:
            told = str(error)
            if isinstance(error, TrackteroidError) and error.hint:
                told = f"{told}. Next: {error.hint}"
            if isinstance(error, requests.ConnectionError):
                return {"unreachable": told}, b""
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            told = f"the request cannot be read: {error!r}"
        refused = {"exception": "CannotRecord", "content": told}
        return {"status": requests.codes.ok, "error": told}, json.dumps(refused).encode()

    def _keep(self, what: str, message: dict[str, Any], file: BinaryIO) -> dict[str, Any]:
        """Keep what a client uploads, publishes or removes, or return where it is kept."""
        if what == "upload":
            token, length = str(message["token_of_upload"]), int(message["length"])
            (session,) = (each for each in list(self._sessions.values()) if each.expects(token))
            source = _Upload(file, length)
            try:
                session.keep_upload(token, source)
            finally:
                with suppress(OSError):
                    while source.read(_CHUNK):  # a client that still sends would hear nothing
                        pass
            return {}
        session = self._session(str(message["url"]), message["headers"])
        if what == "event":
            text = file.read(int(message["length"])).decode("utf-8", "surrogatepass")
            session.keep_event(lambda: text, message["topic"], waits=bool(message["waits"]))
        elif what == "remove":
            session.remove_upload(str(message["component_id"]))
        else:
            found = session.kept_bytes(str(message["component_id"]))
            return {"path": str(found)} if isinstance(found, Path) else {"where": found.name}
        return {}

    def _session(self, url: str, headers: Mapping[str, str]) -> RelayedSession:
        """Return the session that records for a client.

        Raises:
            TrackteroidError: it cannot be made.
        """
        from trackteroid_cli.recording.relayed_session import RelayedSession
        from trackteroid_cli.session.recorder import Recorder

        given = {name.lower(): value for name, value in headers.items()}
        user, key = given.get("ftrack-user", ""), given.get("ftrack-api-key", "")
        with self._lock:
            if self._recorder is None:
                self._recorder = Recorder(self._file, self._reports.session)
            session = self._sessions.get((url, user, key))
            if session is None:
                session = RelayedSession(self._recorder, url, key, user)
                self._sessions[url, user, key] = session
            return session
