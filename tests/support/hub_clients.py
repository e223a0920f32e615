"""Clients of the event hub: the official one in Python, and one that says what it likes."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import websocket
from ftrack_api.event.base import Event
from ftrack_api.event.hub import EventHub

from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

#: Seconds after which something is wrong.
TOO_LONG = 20


class PythonClient(AbstractContextManager["PythonClient"]):
    """The official client's event hub, which notes what it hears."""

    def __init__(self, url: str) -> None:
        self.hub = EventHub(url, SANDBOX_USER, SANDBOX_KEY)
        self.hub._auto_reconnect_delay = 0.05  # ten seconds, otherwise
        self.hub.connect()

    def __exit__(self, *_: object) -> None:
        if self.hub.connected:
            self.hub.disconnect()

    def listen(
        self, subscription: str, reply: Any = None, subscriber: dict[str, Any] | None = None
    ) -> list[Event]:
        """Subscribe, and return the list that what is heard is added to."""
        heard: list[Event] = []

        def callback(event: Event) -> Any:
            heard.append(event)
            return reply

        self.hub.subscribe(subscription, callback, subscriber)
        self.catch_up()
        return heard

    def publish(self, topic: str, **more: Any) -> list[Event]:
        """Publish an event, and return the list that replies are added to."""
        replies: list[Event] = []
        self.hub.publish(Event(topic, **more), on_reply=replies.append)
        return replies

    def catch_up(self) -> None:
        """Wait until the server has seen all that this client has sent, and sent its part."""
        heard: list[Event] = []
        topic = f"caught-up.{uuid.uuid4().hex}"
        with self.hub.subscription(f"topic={topic}", heard.append):
            self.hub.publish(Event(topic))
            self.wait(lambda: heard)

    def wait(self, condition: Callable[[], object]) -> None:
        """Take events until *condition* is met."""
        end = time.monotonic() + TOO_LONG
        while not condition():
            assert time.monotonic() < end, "nothing comes"
            self.hub.wait(0.01)


class RawClient(AbstractContextManager["RawClient"]):
    """A websocket that is connected to the hub, and says what it likes."""

    def __init__(self, url: str, **options: Any) -> None:
        self.secret = handshake(url).split(":")[0]
        address = url.replace("http", "ws") + f"/socket.io/1/websocket/{self.secret}"
        self.socket = websocket.create_connection(
            address, timeout=TOO_LONG, skip_utf8_validation=True, **options
        )
        self._asked = 0
        self._kept: deque[str] = deque()
        assert self._take() == "1::"

    def __exit__(self, *_: object) -> None:
        self.socket.shutdown()

    def hear(self) -> str:
        """Return the next packet that is neither a heartbeat nor an answer; '' at the end."""
        return self._kept.popleft() if self._kept else self._take()

    def is_cut_off(self) -> bool:
        """Return whether the connection is lost, without a word, after what was sent before."""
        try:
            while self.hear():
                pass
        except (OSError, websocket.WebSocketConnectionClosedException):
            return True
        return False

    def _take(self) -> str:
        end = time.monotonic() + TOO_LONG
        while (packet := self.socket.recv()) == "2::":
            assert time.monotonic() < end, "nothing comes but heartbeats"
        return packet  # type: ignore[no-any-return]

    def hear_event(self) -> dict[str, Any]:
        """Return the event in the next packet, which is to be one."""
        packet = self.hear()
        assert packet.startswith("5:::"), packet
        (event,) = json.loads(packet[4:])["args"]
        return event  # type: ignore[no-any-return]

    def send(self, event: Any, name: str = "ftrack.event", packet_id: str = "") -> None:
        """Send a packet with one event."""
        self.socket.send(f"5:{packet_id}::" + json.dumps({"name": name, "args": [event]}))

    def ask(self, event: Any, name: str = "ftrack.event") -> dict[str, Any]:
        """Send a packet with one event, and return what the server says of it."""
        self._asked += 1
        self.send(event, name, f"{self._asked}+")
        begin = f"6:::{self._asked}+"
        while not (packet := self._take()).startswith(begin):
            assert packet, "the connection is closed"
            self._kept.append(packet)
        (answer,) = json.loads(packet.removeprefix(begin))
        return answer  # type: ignore[no-any-return]

    def subscribe(self, subscription: Any, **about: Any) -> dict[str, Any]:
        """Subscribe, with an id of its own unless one is given, and return the answer."""
        subscriber = {"id": uuid.uuid4().hex, **about}
        data = {"subscriber": subscriber, "subscription": subscription}
        return self.ask({"topic": "ftrack.meta.subscribe", "data": data})


def handshake(url: str, path: str = "/socket.io/1/", **headers: str) -> str:
    """Return what the server says to a client that wants to connect."""
    credentials = {"ftrack-user": SANDBOX_USER, "ftrack-api-key": SANDBOX_KEY}
    request = urllib.request.Request(
        url + path, headers=headers if headers or "?" in path else credentials
    )
    with urllib.request.urlopen(request, timeout=TOO_LONG) as answer:
        text: str = answer.read().decode()
        return text
