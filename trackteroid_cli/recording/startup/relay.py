"""The relay: requests of a process of a recorded run go to its recording, not to the server.

Needs the standard library of Python 3.7 only, and the ``requests`` that ``ftrack_api`` brings.

A message is a line of JSON and a body, whose length the line tells; the answer is of the same form.
See `recording.service`, which answers.
"""

from __future__ import annotations

import json
import os
import socket
import sys

if False:  # for type checkers; importing them takes time
    from types import FrameType
    from typing import Any

#: The environment variable that says where a process records to.
RECORDING = "TRACKTEROID_RECORDING"

#: What marks a request as one of an ftrack client. Source: ``ftrack_api/session.py``,
#: ``SessionAuthentication``.
_KEY, _USER = "ftrack-api-key", "ftrack-user"

#: Source: ``ftrack_api/session.py``, the constructor.
_SCHEMA_CACHE = "FTRACK_API_SCHEMA_CACHE_PATH"

#: What marks a request as the upload of a client that was told so; its value says which one.
UPLOAD = "trackteroid-upload"

_CHUNK = 1 << 20

_ENDED = (
    "the recording has ended: the script that began it has ended, or `trackteroid record` was "
    "stopped. Let the script wait for the processes that it starts"
)


class Relay:
    """Sends messages to the recording that the environment variable told of as *recording*."""

    def __init__(self, recording: str) -> None:
        self._host, port, self._token, self.schema_cache = recording.split(":", 3)
        self._port = int(port)

    def ask(
        self, message: dict[str, Any], body: Any = b"", length: int | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Return the answer to *message*, and its body.

        Args:
            body: to send: bytes, or a file of that *length*.

        Raises:
            RuntimeError: nobody answers.
        """
        size = len(body) if length is None else length
        told = {**message, "token": self._token, "process": os.getpid(), "length": size}
        try:
            with socket.create_connection((self._host, self._port)) as connection:
                connection.sendall(json.dumps(told).encode() + b"\n")
                if length is None:
                    connection.sendall(body)
                else:
                    for chunk in iter(lambda: body.read(_CHUNK), b""):
                        connection.sendall(chunk)
                with connection.makefile("rb") as stream:
                    answer = json.loads(stream.readline())
                    content = stream.read(answer["length"])
        except (OSError, ValueError):
            raise RuntimeError("cannot record: " + _ENDED) from None
        if len(content) != answer["length"]:
            raise RuntimeError("cannot record: " + _ENDED)
        return answer, content

    def keep(
        self, message: dict[str, Any], body: Any = b"", length: int | None = None
    ) -> dict[str, Any]:
        """Return the answer to a *message* that asks to keep something; see `ask`.

        Raises:
            RuntimeError: it is refused, or nobody answers.
        """
        answer, _ = self.ask({**message, "line": _script_line()}, body, length)
        if "error" in answer or "unreachable" in answer:
            raise RuntimeError(answer.get("error") or answer["unreachable"])
        return answer

    def refuse(self, what: str, why: str) -> Exception:
        """Note a refusal in the recording, and return the error to raise."""
        self.ask({"refused": what, "line": _script_line()})
        return RuntimeError(what + ": " + why)


def relay_requests(recording: str) -> None:
    """Let the requests of ftrack clients in this process go to *recording*."""
    from urllib.parse import parse_qsl

    import requests

    relay, send = Relay(recording), requests.Session.send
    if relay.schema_cache:
        os.environ.setdefault(_SCHEMA_CACHE, relay.schema_cache)

    def send_or_relay(self: Any, request: Any, **kwargs: Any) -> Any:
        # A process that begins a recording of its own has another one.
        if os.environ.get(RECORDING) == recording:
            if UPLOAD in request.headers:
                return upload(request)
            path, _, query = request.url.partition("?")
            if request.method == "POST" and _KEY in request.headers and path.endswith("/api"):
                return call(request)
            if request.method == "GET" and path.endswith(("/component/get", "/component/remove")):
                response = ask_for_file(request, path, dict(parse_qsl(query)))
                if response is not None:
                    return response
        return send(self, request, **kwargs)

    def call(request: Any) -> Any:
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode("utf-8")
        message = {
            "url": request.url[: -len("/api")],
            "headers": dict(request.headers),
            "line": _script_line(),
        }
        answer, content = relay.ask(message, body)
        if answer.get("unreachable"):
            raise requests.ConnectionError(answer["unreachable"], request=request)
        response = answered(request, answer["status"])
        response.headers["Content-Type"] = "application/json"
        response.encoding = "utf-8"
        response._content = content
        return response

    def upload(request: Any) -> Any:
        message = {"kept": "upload", "token_of_upload": request.headers[UPLOAD]}
        if hasattr(request.body, "read"):
            # requests gives an empty file no length.
            relay.keep(message, request.body, int(request.headers.get("Content-Length") or 0))
        else:
            relay.keep(message, request.body or b"")
        return answered(request, 200)

    def ask_for_file(request: Any, path: str, given: dict[str, str]) -> Any:
        """Answer a request for the bytes of a component; None if the server is to answer."""
        if not {"id", "username", "apiKey"}.issubset(given):
            return None
        url, _, asked = path.rpartition("/component/")
        headers = {_USER: given["username"], _KEY: given["apiKey"]}
        message = {"kept": asked, "component_id": given["id"], "url": url, "headers": headers}
        found = relay.keep(message)
        if "path" in found:
            response = answered(request, 200)
            response._content, response.raw = False, open(found["path"], "rb")  # noqa: PTH123, SIM115
            return response
        if found.get("where") == "SERVER":
            return None
        return answered(request, 404 if "where" in found else 200)

    def answered(request: Any, status: int) -> Any:
        response = requests.Response()
        response.request, response.url = request, request.url
        response.status_code, response.reason = status, ""
        response._content = b""
        return response

    requests.Session.send = send_or_relay  # type: ignore[method-assign]


def relay_events(recording: str, hub: Any) -> None:
    """Let what this process publishes with event hubs of the class *hub* go to *recording*."""
    relay, publish = Relay(recording), hub.publish

    def publish_or_relay(
        self: Any,
        event: Any,
        synchronous: Any = False,
        on_reply: Any = None,
        on_error: Any = "raise",
    ) -> Any:
        can_send = self.connected or getattr(self, "_connection_initialised", False)
        if synchronous or not can_send or os.environ.get(RECORDING) != recording:
            return publish(
                self, event, synchronous=synchronous, on_reply=on_reply, on_error=on_error
            )
        self._prepare_event(event)
        topic = str(event["topic"])
        try:
            text = self._encode(event)
        except (TypeError, ValueError, RecursionError) as error:
            raise relay.refuse("cannot record the event " + repr(topic), str(error)) from error
        message = {
            "kept": "event",
            "topic": topic,
            "waits": on_reply is not None,
            "url": getattr(self, "_server_url", None) or self.get_server_url(),
            "headers": {_USER: self._api_user, _KEY: self._api_key},
        }
        relay.keep(message, text.encode("utf-8", "surrogatepass"))
        return None if self.connected else True

    hub.publish = publish_or_relay


def _script_line() -> str:
    """Return the line of the program that asks for something."""
    frame: FrameType | None = sys._getframe(1)
    libraries = ("ftrack_api", "requests", "trackteroid_cli")
    standard = os.path.dirname(os.__file__)  # noqa: PTH120
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        file = frame.f_code.co_filename
        is_library = package in libraries or package.startswith("trackteroid_start")
        is_standard = file.startswith((standard, "<frozen ")) and "-packages" not in file
        if not (is_library or is_standard):
            return f"{file}, line {frame.f_lineno}"
        frame = frame.f_back
    return ""
