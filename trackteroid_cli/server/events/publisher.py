"""Publishing events: one connection to the event hub of a server, without subscribers.

Source: ``ftrack_api/event/hub.py``, ``_publish`` and ``_handle_packet``, for the packets.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trackteroid_cli.errors import AnswerLost, ServerRefused, ServerUnreachable, cause
from trackteroid_cli.server.events.handshake import greet
from trackteroid_cli.settings import SANDBOX_SCHEME, Server

if TYPE_CHECKING:
    import websocket

_NAMESPACE = "ftrack.event"
_HEARTBEAT, _EVENT, _ACKNOWLEDGE, _ERROR = "2", "5", "6", "7"


class Publisher:
    """Publishes events on *server*; a context manager, which connects when it is first needed.

    Args:
        timeout: seconds to wait for an answer.
    """

    def __init__(self, server: Server, *, timeout: float) -> None:
        self._server = server
        self._timeout = timeout
        self._connection: websocket.WebSocket | None = None
        self._numbers = count(1)

    def __enter__(self) -> Publisher:
        """Return the publisher."""
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._drop()

    def connect(self) -> None:
        """Connect, unless it is connected.

        Raises:
            ServerError: the event hub cannot be reached; nothing was published.
        """
        if self._connection is not None:
            return
        import websocket

        url = self._server.url
        if url.startswith(SANDBOX_SCHEME):
            raise ServerUnreachable(
                f"cannot publish events on {url}",
                why="a sandbox in this process has no event hub",
                hint="serve it with `trackteroid sandbox serve`, and commit to that address",
            )
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        try:
            greeting = greet(
                origin, self._server.api_user, self._server.api_key, timeout=self._timeout
            )
        except AnswerLost as error:  # whatever it was, nothing was published
            raise ServerUnreachable(error.what, why=error.why, hint=error.hint, url=url) from error
        scheme = "wss" if parts.scheme == "https" else "ws"
        try:
            self._connection = websocket.create_connection(
                f"{scheme}://{parts.netloc}/socket.io/1/websocket/{greeting.id}",
                timeout=self._timeout,
            )
        except (websocket.WebSocketException, OSError) as error:
            raise ServerUnreachable(
                f"cannot reach the event hub of {url}",
                why=_words(error),
                hint="check the network, then run the same command again",
                url=url,
            ) from error

    def publish(self, event: Mapping[str, Any]) -> None:
        """Publish *event*, and wait until the server has taken it.

        Raises:
            ServerError: as `connect`; nothing was published.
            ServerRefused: the server does not take it.
            AnswerLost: it may have been published or not.
        """
        import websocket

        self.connect()
        assert self._connection is not None
        number = str(next(self._numbers))
        data = json.dumps({"name": _NAMESPACE, "args": [event]})
        try:
            self._connection.send(f"{_EVENT}:{number}+::{data}")
            answer = self._wait_for(number)
        except (websocket.WebSocketException, OSError) as error:
            self._drop()
            raise AnswerLost(
                f"the event hub of {self._server.url} did not answer",
                why=_words(error),
                hint="whether the event was published is not known",
            ) from error
        if answer.get("success") is not True:
            told = str(answer.get("message", "")) or "it does not say why"
            raise ServerRefused("EventError", told, what="the server refused an event")

    def _wait_for(self, number: str) -> Mapping[str, Any]:
        """Return what the server says about the event of that number."""
        assert self._connection is not None
        until = time.monotonic() + self._timeout
        while time.monotonic() < until:
            packet = self._connection.recv()
            if not isinstance(packet, str) or not packet:
                raise ConnectionError("the connection was closed")
            code, _, rest = packet.partition(":")
            if code == _HEARTBEAT:
                self._connection.send(f"{_HEARTBEAT}::")
            elif code == _ERROR:
                raise ConnectionError(rest[:200])
            elif code == _ACKNOWLEDGE:
                name, _, answers = rest.lstrip(":").partition("+")
                if name == number:
                    return _acknowledged(answers)
        raise TimeoutError(f"no answer in {self._timeout:g} s")

    def _drop(self) -> None:
        import websocket

        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(websocket.WebSocketException, OSError):
                connection.close(timeout=1)


def _acknowledged(text: str) -> Mapping[str, Any]:
    try:
        answers = json.loads(text)
    except ValueError:
        answers = None
    if isinstance(answers, list) and answers and isinstance(answers[0], Mapping):
        return answers[0]
    return {"message": "its answer cannot be read"}


def _words(error: Exception) -> str:
    return cause(error) if isinstance(error, OSError) else str(error) or type(error).__name__
