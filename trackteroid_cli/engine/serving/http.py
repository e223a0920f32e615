"""The engine over HTTP: an ASGI application."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

#: The number of requests that are answered at the same time.
THREADS = 8

#: What the Host header of a request to this machine names, without the port. A browser that was
#: told another server's name for this machine sends that name.
_OUR_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})

_MISDIRECTED = json.dumps(
    {
        "exception": "PermissionError",
        "content": "This server answers programs of this machine, at 127.0.0.1 or localhost, and "
        "no pages of other servers.",
    }
)

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.datastructures import Headers
    from starlette.requests import Request
    from starlette.responses import Response

    from trackteroid_cli.engine.engine import Engine


def application(engine: Engine) -> Starlette:
    """Return the ASGI application that serves *engine* at ``POST /api``.

    Requests are answered in a pool of threads, so that a slow one does not block the others.
    The threads live on, since each of them keeps a connection to the database.

    Only requests to a name of this machine are answered, and none that a page of another server has
    made a browser send.
    """
    from starlette.applications import Starlette
    from starlette.requests import ClientDisconnect
    from starlette.responses import Response
    from starlette.routing import Route

    from trackteroid_cli.engine.serving.wire import respond

    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="engine")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        pool.shutdown()

    async def api(request: Request) -> Response:
        if not _is_for_us(request.headers):
            return Response(_MISDIRECTED, status_code=403, media_type="application/json")
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        loop = asyncio.get_running_loop()
        status, content = await loop.run_in_executor(pool, respond, engine, request.headers, body)
        return Response(content, status_code=status, media_type="application/json")

    return Starlette(routes=[Route("/api", api, methods=["POST"])], lifespan=lifespan)


def _is_for_us(headers: Headers) -> bool:
    """Return whether a request was meant for this server by whoever sent it."""
    hosts = headers.getlist("host")
    if len(hosts) != 1 or re.sub(r":\d*$", "", hosts[0].lower()) not in _OUR_NAMES:
        return False
    return all(each == f"http://{hosts[0]}" for each in headers.getlist("origin"))
