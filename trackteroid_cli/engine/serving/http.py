"""The engine over HTTP: an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

#: The number of requests that are answered at the same time.
THREADS = 8

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from trackteroid_cli.engine.engine import Engine


def application(engine: Engine) -> Starlette:
    """Return the ASGI application that serves *engine* at ``POST /api`` and below ``/component``.

    The pages of widgets are below ``/widget``.

    Its event hub, at ``/socket.io``, is the ``hub`` of the application's ``state``.

    Requests are answered in a pool of threads, so that a slow one does not block the others.
    The threads live on, since each of them keeps a connection to the database.

    Pages of other servers are refused; see `pages`.
    """
    from starlette.applications import Starlette
    from starlette.requests import ClientDisconnect
    from starlette.responses import Response
    from starlette.routing import Route

    from trackteroid_cli.engine.events.hub import Hub
    from trackteroid_cli.engine.events.updates import Updates
    from trackteroid_cli.engine.serving import http_files, socket_io, widgets
    from trackteroid_cli.engine.serving.pages import middleware
    from trackteroid_cli.engine.serving.wire import respond

    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="engine")
    hub = Hub()
    engine.updates = Updates(hub)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        pool.shutdown()

    async def api(request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        loop = asyncio.get_running_loop()
        status, content = await loop.run_in_executor(pool, respond, engine, request.headers, body)
        return Response(content, status_code=status, media_type="application/json")

    async def widget(request: Request) -> Response:
        name, query = request.path_params["name"], dict(request.query_params)
        loop = asyncio.get_running_loop()
        status, page = await loop.run_in_executor(pool, widgets.respond, engine, name, query)
        return Response(page, status_code=status, headers=widgets.HEADERS)

    app = Starlette(
        routes=[
            Route("/api", api, methods=["POST"]),
            Route("/widget/{name}", widget),
            *http_files.routes(engine, pool),
            *socket_io.routes(hub, engine, pool),
        ],
        middleware=middleware(),
        lifespan=lifespan,
    )
    app.state.hub = hub
    return app
