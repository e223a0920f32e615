"""Who may ask a server of this machine: its programs, and pages that its own servers serve.

Everybody knows the key of a sandbox, so that a page of another server could use it in a browser
on this machine. Browsers name the server of a page in the header Origin, that of the URL in Host.

Source: the Fetch standard, "CORS protocol".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.middleware import Middleware
    from starlette.types import ASGIApp, Receive, Scope, Send

#: What this machine calls itself. A browser that was told another server's name for this machine
#: sends that name.
_OUR_NAME = r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?"
_OUR_HOST = re.compile(_OUR_NAME)
_OUR_PAGE = re.compile(f"https?://{_OUR_NAME}")

#: Headers of answers that a page may read, besides those that each page may: uploads in parts need
#: the tag of each part.
_READABLE = ["ETag"]

_MISDIRECTED = json.dumps(
    {
        "exception": "PermissionError",
        "content": "This server answers programs and pages of this machine, at 127.0.0.1 or "
        "localhost, and no pages of other servers.",
    }
)


def middleware() -> list[Middleware]:
    """Return what lets pages of this machine ask an application, and refuses all others."""
    from starlette.middleware import Middleware
    from starlette.middleware.cors import CORSMiddleware

    return [
        Middleware(_OurPagesOnly),
        Middleware(
            CORSMiddleware,
            allow_origin_regex=_OUR_PAGE.pattern,
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_READABLE,
        ),
    ]


class _OurPagesOnly:
    """Refuses what was meant for another server, or what a page of one made a browser send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let *scope* through if it is for us."""
        if scope["type"] == "lifespan" or _is_for_us(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # which is answered with 403, too
        else:
            from starlette.responses import Response

            refusal = Response(_MISDIRECTED, status_code=403, media_type="application/json")
            await refusal(scope, receive, send)


def _is_for_us(scope: Scope) -> bool:
    from starlette.datastructures import Headers

    headers = Headers(scope=scope)
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    return (
        len(hosts) == 1
        and _OUR_HOST.fullmatch(hosts[0].lower()) is not None
        and all(_OUR_PAGE.fullmatch(each) for each in origins)
    )
