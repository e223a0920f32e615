"""The pages that stand for ftrack's widgets, at the addresses of the action ``get_widget_url``."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.storage import addresses
from trackteroid_cli.engine.storage.errors import EngineError, PermissionDenied

#: A page from here could use the API, so that it may load and run nothing.
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title></head>
<body><h1>{name}</h1><p>{about}</p><p>A sandbox has no web interface: this page stands for
ftrack's widget.</p></body></html>
"""


def respond(engine: Engine, name: str, query: Mapping[str, str]) -> tuple[int, bytes]:
    """Answer a request for the page of a widget.

    Args:
        engine: gave out the address.
        name: of the widget.
        query: the parameters of the address.

    Returns:
        The HTTP status and the page, or why there is none.
    """
    try:
        with engine.refusing():
            secret = engine.media.secret
        if not addresses.is_signed(secret, f"widget/{name}", query):
            raise PermissionDenied(
                "This address has expired, or is not one that this server gave out. "
                "Ask for another one."
            )
    except EngineError as error:
        return error.status, _PAGE.format(name=escape(name), about=escape(error.content)).encode()
    about = f"{query.get('entity_type', '')} {query.get('entity_key', '')}".strip()
    return 200, _PAGE.format(name=escape(name), about=escape(about)).encode()
