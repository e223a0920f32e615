"""The event hub: passes each event on to those who are connected and want it.

Everything here happens in the thread of the server's loop, but for `Hub.is_listening` and
`Hub.tell`, which other threads may use.

Source: ``ftrack_api/event/hub.py``; ``@ftrack/api``, ``source/event_hub.ts``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from trackteroid_cli.engine.events import expressions, packets
from trackteroid_cli.engine.events.expressions import Expression, NotAnExpression
from trackteroid_cli.engine.events.packets import NotAPacket
from trackteroid_cli.engine.events.updates import UPDATE

#: Topics of what a client tells itself; one of them from outside ends the Python client's waiting.
_LOCAL_TOPICS: Final = frozenset({"ftrack.meta.connected", "ftrack.meta.disconnected"})

#: Seconds between heartbeats; the JavaScript client gives up after 15 without one.
HEARTBEAT_SECONDS: Final = 8.0
#: Seconds after which a client that says nothing, not even a heartbeat, is gone.
SILENT_SECONDS: Final = 60.0
#: Seconds between telling the clients that the server ends and closing their connections. The
#: Python client connects again only if it has read of it before its connection closes.
FAREWELL_SECONDS: Final = 0.3

#: Characters of an event that a client publishes.
MAX_EVENT: Final = 4 * 1024 * 1024
#: Characters that wait for one client, unless they are one packet.
MAX_WAITING: Final = 32 * 1024 * 1024
#: Subscribers of one connection, and the characters of what each says of itself.
MAX_SUBSCRIBERS: Final = 1000
MAX_SUBSCRIBER: Final = 16 * 1024
#: Connections that were announced and are not made yet; the oldest is forgotten.
MAX_EXPECTED: Final = 1000

_log = logging.getLogger(__name__)


class _Refused(Exception):
    """What a client asked for cannot be done; the text is for the client."""


class _Subscriber(NamedTuple):
    """Something at a client that wants events."""

    about: Mapping[str, Any]
    wants: Expression
    #: Whether it may want what the server tells of changes.
    hears_updates: bool


@dataclass(eq=False)
class Connection:
    """A client that is connected.

    Args:
        abort: ends the connection at once, whatever the client is doing.
        max_waiting: how many characters wait for the client, unless they are one packet.
    """

    abort: Callable[[], None]
    max_waiting: int = MAX_WAITING
    subscribers: dict[str, _Subscriber] = field(default_factory=dict)
    #: When the client said something.
    heard_at: float = field(default_factory=time.monotonic)
    #: Whether nothing is sent any more once what waits is sent.
    is_ending: bool = False
    _waiting: deque[str] = field(default_factory=deque)
    _size: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, packet: str) -> None:
        """Send *packet* when the client can take it; one that takes nothing is cut off."""
        if self.is_ending:
            return
        if self._waiting and self._size + len(packet) > self.max_waiting:
            self._waiting.clear()
            self.end()
            self.abort()
            return
        self._waiting.append(packet)
        self._size += len(packet)
        self._more.set()

    def end(self) -> None:
        """Let the connection be closed once the client has taken what waits for it."""
        self.is_ending = True
        self._more.set()

    async def take(self) -> str | None:
        """Return the next packet to send, as soon as there is one; None at the end."""
        while not self._waiting:
            if self.is_ending:
                return None
            self._more.clear()
            await self._more.wait()
        packet = self._waiting.popleft()
        self._size -= len(packet)
        return packet


class Hub:
    """The event hub of one server."""

    def __init__(self) -> None:
        #: The id of the server among those who publish.
        self.id = secrets.token_hex(16)
        self.heartbeat_seconds = HEARTBEAT_SECONDS
        self.silent_seconds = SILENT_SECONDS
        self.max_waiting = MAX_WAITING
        self._expected: dict[str, None] = {}
        self._connections: dict[Connection, None] = {}
        self._owners: dict[str, Connection] = {}
        self._listening = 0
        self._is_ending = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_listening(self) -> bool:
        """Whether anybody may want to be told of changes."""
        return self._listening > 0

    # -- connections -------------------------------------------------------------------------------

    def expect(self) -> str | None:
        """Return the secret of a connection to come; None if the server ends."""
        if self._is_ending:
            return None
        secret = secrets.token_hex(16)
        self._expected[secret] = None
        if len(self._expected) > MAX_EXPECTED:
            del self._expected[next(iter(self._expected))]
        return secret

    def is_expected(self, secret: str) -> bool:
        """Return whether a connection with that *secret* is to come; it is only once."""
        return self._expected.pop(secret, False) is None

    def connect(self, abort: Callable[[], None]) -> Connection:
        """Return a new connection, which is welcomed.

        The JavaScript client sends what it has kept back once it reads a heartbeat.

        Args:
            abort: as for `Connection`.
        """
        self._loop = asyncio.get_running_loop()
        connection = Connection(abort, self.max_waiting)
        self._connections[connection] = None
        connection.put(packets.CONNECTED)
        connection.put(packets.HEARTBEAT)
        return connection

    def forget(self, connection: Connection) -> None:
        """Forget *connection* and its subscribers."""
        for subscriber_id in list(connection.subscribers):
            self._remove(connection, subscriber_id)
        self._connections.pop(connection, None)
        connection.end()

    async def keep_alive(self, connection: Connection) -> None:
        """Send heartbeats to *connection*, and cut it off if it says nothing for long."""
        while not connection.is_ending:
            await asyncio.sleep(self.heartbeat_seconds)
            if time.monotonic() - connection.heard_at > self.silent_seconds:
                connection.abort()
            connection.put(packets.HEARTBEAT)

    async def end(self) -> None:
        """End every connection in the way that lets the clients connect again later."""
        self._is_ending = True
        self._expected.clear()
        ending = list(self._connections)
        for connection in ending:
            connection.put(packets.DISCONNECT)
        if ending:
            await asyncio.sleep(FAREWELL_SECONDS)
        for connection in ending:
            connection.end()
        for _ in range(10):
            if not self._connections:
                return
            await asyncio.sleep(FAREWELL_SECONDS / 10)
        for connection in list(self._connections):
            connection.abort()

    # -- what clients say --------------------------------------------------------------------------

    def hear(self, connection: Connection, message: str | None) -> None:
        """Take a message of a client; None is one that is not text."""
        connection.heard_at = time.monotonic()
        packet = None
        try:
            if message is None:
                raise NotAPacket("a packet is text")
            packet = packets.read(message)
            if packet.code == "0":
                connection.end()
            elif packet.code == "5" and packet.data:
                self._take_event(connection, packet.data)
        except (NotAPacket, _Refused) as problem:
            self._refuse(connection, packet, str(problem))
        else:
            if packet.id:
                connection.put(packets.write_answer(packet.id))

    def tell(self, event: dict[str, Any]) -> None:
        """Publish an event of the server itself."""
        if self._loop is None:
            return  # nobody was ever connected
        packet = packets.write_event(event)
        with suppress(RuntimeError):  # the loop has ended, and every connection with it
            self._loop.call_soon_threadsafe(self.publish, event, packet)

    def publish(self, event: dict[str, Any], packet: str) -> None:
        """Send *packet*, which carries *event*, to everybody who wants it."""
        target = _read_target(event)
        for connection in self._connections:
            if any(
                expressions.matches(subscriber.wants, event)
                and (target is None or expressions.matches(target, subscriber.about))
                for subscriber in connection.subscribers.values()
            ):
                connection.put(packet)

    def _refuse(self, connection: Connection, packet: packets.Packet | None, problem: str) -> None:
        """Tell a client what is wrong, if it can be told, and otherwise who serves.

        The JavaScript client never asks what became of an event, and connects anew after an error.
        """
        if packet is None:
            connection.put(packets.write_error(problem))
        elif packet.id:
            connection.put(packets.write_answer(packet.id, problem))
        else:
            _log.warning("an event was not published: %s", problem)

    def _take_event(self, connection: Connection, data: str) -> None:
        if len(data) > MAX_EVENT:
            raise _Refused(f"the event is longer than {MAX_EVENT} characters")
        event = packets.read_event(data)
        if event["topic"] == "ftrack.meta.subscribe":
            self._subscribe(connection, event.get("data"))
        elif event["topic"] == "ftrack.meta.unsubscribe":
            self._unsubscribe(connection, event.get("data"))
        elif event["topic"] in _LOCAL_TOPICS:
            raise _Refused("a client tells only itself that it is connected, or not any more")
        else:
            self.publish(event, packets.write_event(event))

    def _subscribe(self, connection: Connection, data: Any) -> None:
        subscriber_id, about = _read_subscriber(data)
        subscription = data.get("subscription")
        if not isinstance(subscription, str):
            raise _Refused("the subscription of a subscriber is an expression")
        try:
            wants = expressions.read(subscription)
        except NotAnExpression as error:
            raise _Refused(f"the subscription {_shown(subscription)} {error}") from None
        if self._owners.get(subscriber_id, connection) is not connection:
            raise _Refused(f"another connection has a subscriber {_shown(subscriber_id)} already")
        self._remove(connection, subscriber_id)
        if len(connection.subscribers) >= MAX_SUBSCRIBERS:
            raise _Refused(f"one connection has {MAX_SUBSCRIBERS} subscribers at most")
        hears_updates = expressions.may_match(wants, {"topic": UPDATE})
        connection.subscribers[subscriber_id] = _Subscriber(about, wants, hears_updates)
        self._owners[subscriber_id] = connection
        self._listening += hears_updates

    def _unsubscribe(self, connection: Connection, data: Any) -> None:
        subscriber_id, _ = _read_subscriber(data)
        if subscriber_id not in connection.subscribers:
            raise _Refused(f"this connection has no subscriber {_shown(subscriber_id)}")
        self._remove(connection, subscriber_id)

    def _remove(self, connection: Connection, subscriber_id: str) -> None:
        former = connection.subscribers.pop(subscriber_id, None)
        if former is not None:
            del self._owners[subscriber_id]
            self._listening -= former.hears_updates


def _read_subscriber(data: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the id of a subscriber, and what it says of itself, id included."""
    match data:
        case {"subscriber": {"id": str() as subscriber_id} as about} if subscriber_id:
            pass
        case _:
            raise _Refused("a subscriber is an object with an id, which is text")
    if len(json.dumps(about)) > MAX_SUBSCRIBER:
        raise _Refused(f"what is told of a subscriber is longer than {MAX_SUBSCRIBER} characters")
    return subscriber_id, about


def _read_target(event: Mapping[str, Any]) -> Expression | None:
    """Return what the subscribers have to satisfy that *event* is for; None for all of them."""
    target = event.get("target") or ""
    try:
        return expressions.read(target) if target.strip() else None
    except NotAnExpression as error:
        raise _Refused(f"the target {_shown(target)} {error}") from None


def _shown(text: str) -> str:
    """Return the beginning of a text of a client, in quotes."""
    return json.dumps(text if len(text) <= 100 else text[:100] + "...")
