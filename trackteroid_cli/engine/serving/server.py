"""The web server of an application: uvicorn, with an end that clients of the event hub understand.

`uvicorn` is an extra, so that this module is imported where a server is started.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from trackteroid_cli.engine.events.hub import Hub
from trackteroid_cli.engine.serving.socket_io import ABORT

if TYPE_CHECKING:
    from starlette.types import ASGIApp
    from wsproto.events import Request

#: Bytes of a message of a websocket. The hub refuses some that are shorter, so that the client
#: is told.
_MAX_MESSAGE = 16 * 1024 * 1024


#: Seconds that requests under way have when the server is stopped: an upload may never end.
_PATIENCE = 2


class _Protocol(WSProtocol):
    """Lets the application cut off a client that does not take what is sent."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        self.scope["extensions"][ABORT] = {"now": self.transport.abort}


class Server(uvicorn.Server):
    """Serves an application of `http` until it is stopped.

    Args:
        app: the application, or what passes requests on to it.
        hub: the application's event hub.
        port: the port on the loopback interface, 0 for any free one, unless it is run with sockets.
        ready: called once it answers.
    """

    def __init__(
        self, app: ASGIApp, hub: Hub, *, port: int = 0, ready: Callable[[], None] = lambda: None
    ) -> None:
        # The hub has heartbeats of its own. A message that is packed could be of any size.
        super().__init__(
            uvicorn.Config(
                app,
                port=port,
                log_level="warning",
                lifespan="off",
                ws=_Protocol,
                ws_max_size=_MAX_MESSAGE,
                ws_per_message_deflate=False,
                ws_ping_interval=None,
            )
        )
        self.hub = hub
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer nobody new, and end the connections of the event hub before all others."""
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        await self.hub.end()
        asyncio.get_running_loop().call_later(_PATIENCE, self._cut_off)
        await super().shutdown(sockets)

    def _cut_off(self) -> None:
        """Break the connections that are left."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
