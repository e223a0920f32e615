"""The event hub of a session: it says hello to its own server only.

Source: ``ftrack_api/event/hub.py``, ``_get_socket_io_session`` and ``connect``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import ftrack_api.event.hub

from trackteroid_cli.errors import ServerError
from trackteroid_cli.server.events.handshake import greet


def keep_key(hub: Any) -> None:
    """Let *hub* say hello to its own server only, and not where that one sends it."""
    hub._get_socket_io_session = partial(_begin, hub)


def _begin(hub: Any) -> ftrack_api.event.hub.SocketIoSession:
    """Return what the server says of a new connection to its event hub.

    Raises:
        ftrack_api.exception.EventHubConnectionError: it says nothing that can be read.
    """
    url = f"{hub.server.scheme}://{hub.get_network_location()}"
    try:
        greeting = greet(
            url, hub._api_user, hub._api_key, headers=hub._headers, cookies=hub._cookies
        )
    except ServerError as error:
        raise ftrack_api.exception.EventHubConnectionError(
            f"{error}. Next: {error.hint}"
        ) from error
    return ftrack_api.event.hub.SocketIoSession(*greeting)
