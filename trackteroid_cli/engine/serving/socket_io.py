"""The event hub over HTTP: a handshake, then a websocket.

Source: ``ftrack_api/event/hub.py``, ``_get_socket_io_session`` and ``connect``; ``@ftrack/api``,
``source/simple_socketio.ts``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from trackteroid_cli.engine.events.hub import Connection, Hub
from trackteroid_cli.engine.serving.wire import authenticate

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket

    from trackteroid_cli.engine.engine import Engine

#: The extension of a websocket's scope that cuts its connection off; see `server`.
ABORT = "trackteroid.abort"


def routes(hub: Hub, engine: Engine, pool: Executor) -> list[BaseRoute]:
    """Return the routes of *hub*.

    Args:
        pool: the threads in which *engine* is asked.
    """
    from starlette.responses import Response
    from starlette.routing import Route, WebSocketRoute

    async def begin(request: Request) -> Response:
        """Tell a client with valid credentials the secret of its connection."""
        loop = asyncio.get_running_loop()
        problem = await loop.run_in_executor(
            pool, authenticate, engine, request.headers, request.query_params
        )
        if problem is not None:
            return Response(problem, status_code=401, media_type="application/json")
        secret = hub.expect()
        if secret is None:
            return Response(status_code=503)
        silent = round(hub.silent_seconds)
        return Response(f"{secret}:{silent}:{silent}:websocket", media_type="text/plain")

    async def talk(websocket: WebSocket) -> None:
        """Connect a client to the hub until one of them ends."""
        if not hub.is_expected(websocket.path_params["secret"]):
            await websocket.close()
            return
        await websocket.accept()
        await _talk(hub, websocket)

    return [
        Route("/socket.io/1/", begin, methods=["GET"]),
        WebSocketRoute("/socket.io/1/websocket/{secret}", talk),
    ]


async def _talk(hub: Hub, websocket: WebSocket) -> None:
    abort: Callable[[], None] = websocket.scope["extensions"][ABORT]["now"]
    connection = hub.connect(abort)
    tasks = (
        asyncio.create_task(_send(websocket, connection)),
        asyncio.create_task(hub.keep_alive(connection)),
    )
    try:
        while (message := await websocket.receive())["type"] == "websocket.receive":
            hub.hear(connection, message.get("text"))
    finally:
        hub.forget(connection)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(websocket: WebSocket, connection: Connection) -> None:
    """Send what waits for a client, as fast as it can take it, and then close the connection."""
    while (packet := await connection.take()) is not None:
        await websocket.send_text(packet)
    await websocket.close()
