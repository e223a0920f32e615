"""The event hub of a session: its key goes to the server only, and a recording keeps its events.

Source: ``ftrack_api/event/hub.py``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

import ftrack_api
import ftrack_api.event.hub

from trackteroid_cli import settings
from trackteroid_cli.errors import Offline, ServerError, ServerUnreachable
from trackteroid_cli.server.events.handshake import greet

WITHOUT_OFFLINE = (
    "while the server can be reached, make the session without offline=True, or record without "
    f"--offline and {settings.OFFLINE}"
)


class NoEventHub(ServerUnreachable, ftrack_api.exception.EventHubConnectionError):  # type: ignore[misc]
    """A sandbox in this process has no event hub: nobody else could be connected to it.

    It is also the error that ``ftrack_api`` raises where a hub cannot be reached.
    """

    def __init__(self, url: str, wanted: str) -> None:
        name = url.removeprefix(settings.SANDBOX_SCHEME)
        super().__init__(
            f"cannot {wanted} in {url}",
            why="a sandbox in this process has none, since nobody else could be connected to it",
            hint=f"serve it with `trackteroid sandbox serve {name}`, and set FTRACK_SERVER to the "
            "address that this prints",
        )


class HubSession(Protocol):
    """A session that can keep events."""

    @property
    def deferring(self) -> bool:
        """Whether it records."""

    @property
    def offline(self) -> object | None:
        """What answers instead of the server; None if the server does."""

    def keep_event(self, encode: Callable[[], str], topic: object, *, waits: bool) -> None:
        """Keep an event; see `events.read_event`."""


def missing_hub(url: str, *, is_offline: bool, wanted: str) -> ServerUnreachable | None:
    """Return the error for what needs the event hub of *url*; None if there is one.

    Args:
        is_offline: whether the session asks a replica in place of the server.
        wanted: what cannot be done without it.
    """
    if is_offline:
        return Offline(f"cannot {wanted} offline", hint=WITHOUT_OFFLINE)
    return NoEventHub(url, wanted) if url.startswith(settings.SANDBOX_SCHEME) else None


def take_over(hub: Any, session: HubSession) -> None:
    """Let *hub* be that of *session*."""
    ftrack_api.mixin(hub, RecordedEventHub, name="EventHub")
    hub.find_session = weakref.ref(session)


class RecordedEventHub(ftrack_api.event.hub.EventHub):  # type: ignore[misc]
    """Publishes events; while the session defers, it keeps those that are for the server.

    Where there is no hub, a script that is recorded connects to nothing: what it publishes is kept,
    and there is nothing to listen to. There is none offline, and none of a sandbox in this process.
    """

    find_session: Callable[[], HubSession | None]

    #: Whether the script has connected where there is no hub.
    _connected_to_nothing = False

    @property
    def connected(self) -> bool:
        """Whether events can be published."""
        return self._is_apart or bool(super().connected)

    @property
    def _session(self) -> HubSession | None:
        """The session while it defers; None otherwise."""
        session = self.find_session()
        return session if session is not None and session.deferring else None

    @property
    def _is_apart(self) -> bool:
        return self._connected_to_nothing and self._session is not None

    def connect(self) -> None:
        """Connect to the server.

        Raises:
            Offline: the session is offline, and does not defer.
            NoEventHub: it is that of a sandbox in this process, and does not defer.
            ftrack_api.exception.EventHubConnectionError: that fails.
        """
        missing = self._missing("connect to the event hub")
        if missing is None:
            super().connect()
        elif self._session is None:
            raise missing
        elif self.connected:
            raise ftrack_api.exception.EventHubConnectionError("Already connected.")
        else:
            self.init_connection()
            self._connected_to_nothing = True

    def _missing(self, wanted: str) -> ServerUnreachable | None:
        session = self.find_session()
        is_offline = session is not None and session.offline is not None
        return missing_hub(self.get_server_url(), is_offline=is_offline, wanted=wanted)

    def disconnect(self, unsubscribe: bool = True, reconnect: bool = False) -> None:
        """Disconnect from the server.

        Raises:
            ftrack_api.exception.EventHubConnectionError: there is no connection.
        """
        if self._is_apart:
            self._connected_to_nothing, self._connection_initialised = False, reconnect
        else:
            super().disconnect(unsubscribe=unsubscribe, reconnect=reconnect)

    def wait(self, duration: float | None = None) -> None:
        """Handle events as they arrive.

        Raises:
            Offline: the session is offline.
            NoEventHub: it is that of a sandbox in this process.
        """
        missing = self._missing("wait for events") if self._is_apart else None
        if missing is not None:
            raise missing
        super().wait(duration)

    def publish(
        self,
        event: ftrack_api.event.base.Event,
        synchronous: bool = False,
        on_reply: Callable[..., object] | None = None,
        on_error: str = "raise",
    ) -> Any:
        """Publish *event*; while the session defers, keep it, unless it is for this process only.

        Raises:
            CannotDefer: it waits for a reply, is one, or has no JSON form; whatever *on_error*.
            ftrack_api.exception.EventHubConnectionError: the hub is not connected.
        """
        session = self._session
        can_send = self.connected or self._connection_initialised
        if session is None or synchronous or not can_send:
            return super().publish(
                event, synchronous=synchronous, on_reply=on_reply, on_error=on_error
            )
        self._prepare_event(event)
        session.keep_event(
            lambda: str(self._encode(event)), event.get("topic"), waits=on_reply is not None
        )
        return None if self.connected else True

    def _publish(self, event: ftrack_api.event.base.Event, *args: Any, **kwargs: Any) -> Any:
        """Publish *event*, such as one that tells the server of a subscriber."""
        if self._is_apart and not kwargs.get("synchronous"):
            return None
        return super()._publish(event, *args, **kwargs)

    def _get_socket_io_session(self) -> ftrack_api.event.hub.SocketIoSession:
        """Return what the server says of a new connection, without leading the key elsewhere.

        Raises:
            ftrack_api.exception.EventHubConnectionError: it says nothing that can be read.
        """
        url = f"{self.server.scheme}://{self.get_network_location()}"
        try:
            greeting = greet(
                url, self._api_user, self._api_key, headers=self._headers, cookies=self._cookies
            )
        except ServerError as error:
            raise ftrack_api.exception.EventHubConnectionError(
                f"{error}. Next: {error.hint}"
            ) from error
        return ftrack_api.event.hub.SocketIoSession(*greeting)
