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
_KEY = "ftrack-api-key"

#: Source: ``ftrack_api/session.py``, the constructor.
_SCHEMA_CACHE = "FTRACK_API_SCHEMA_CACHE_PATH"

_ENDED = (
    "the recording has ended: the script that began it has ended, or `trackteroid record` was "
    "stopped. Let the script wait for the processes that it starts"
)


class Relay:
    """Sends messages to the recording that the environment variable told of as *recording*."""

    def __init__(self, recording: str) -> None:
        self._host, port, self._token, self.schema_cache = recording.split(":", 3)
        self._port = int(port)

    def ask(self, message: dict[str, Any], body: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Return the answer to *message*, and its body.

        Raises:
            RuntimeError: nobody answers.
        """
        told = {**message, "token": self._token, "process": os.getpid(), "length": len(body)}
        try:
            with socket.create_connection((self._host, self._port)) as connection:
                connection.sendall(json.dumps(told).encode() + b"\n" + body)
                with connection.makefile("rb") as stream:
                    answer = json.loads(stream.readline())
                    content = stream.read(answer["length"])
        except (OSError, ValueError):
            raise RuntimeError("cannot record: " + _ENDED) from None
        if len(content) != answer["length"]:
            raise RuntimeError("cannot record: " + _ENDED)
        return answer, content

    def refuse(self, what: str, why: str) -> Exception:
        """Note a refusal in the recording, and return the error to raise."""
        self.ask({"refused": what, "line": _script_line()})
        return RuntimeError(what + ": " + why)


def relay_requests(recording: str) -> None:
    """Let the requests of ftrack clients in this process go to *recording*."""
    import requests

    relay, send = Relay(recording), requests.Session.send
    if relay.schema_cache:
        os.environ.setdefault(_SCHEMA_CACHE, relay.schema_cache)

    def send_or_relay(self: Any, request: Any, **kwargs: Any) -> Any:
        # A process that begins a recording of its own has another one.
        if _KEY not in request.headers or os.environ.get(RECORDING) != recording:
            return send(self, request, **kwargs)
        if request.method != "POST" or not request.url.split("?")[0].endswith("/api"):
            return send(self, request, **kwargs)
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
        response = requests.Response()
        response.request, response.url = request, request.url
        response.status_code, response.reason = answer["status"], ""
        response.headers["Content-Type"] = "application/json"
        response.encoding = "utf-8"
        response._content = content
        return response

    requests.Session.send = send_or_relay  # type: ignore[method-assign]


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
