"""The event hub of a session: it begins with a request of its own, which carries the API key.

Source: ``ftrack_api/event/hub.py``, ``_get_socket_io_session`` and ``connect``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import ftrack_api.event.hub
import requests

from trackteroid_cli.server import failures
from trackteroid_cli.server.transport import ServerAdapter

#: Seconds to wait for the answer; ftrack_api's own.
_TIMEOUT = 60


def keep_key(hub: Any) -> None:
    """Let *hub* say hello to its own server only, and not where that one sends it."""
    hub._get_socket_io_session = partial(_begin, hub)


def _begin(hub: Any) -> ftrack_api.event.hub.SocketIoSession:
    """Return what the server says of a new connection to its event hub.

    Raises:
        ftrack_api.exception.EventHubConnectionError: it says nothing that can be read.
    """
    url = f"{hub.server.scheme}://{hub.get_network_location()}"
    adapter = ServerAdapter(is_text=True)
    try:
        with requests.Session() as session:
            session.mount(url, adapter)
            response = session.get(
                f"{url}/socket.io/1/",
                headers={
                    "ftrack-user": hub._api_user,
                    "ftrack-api-key": hub._api_key,
                    **(hub._headers or {}),
                },
                cookies=hub._cookies,
                timeout=_TIMEOUT,
            )
    except requests.RequestException as error:
        told = failures.explain(url, error, timeout=_TIMEOUT)
        raise ftrack_api.exception.EventHubConnectionError(f"{told}. Next: {told.hint}") from error
    parts = response.text.split(":")
    if response.status_code != requests.codes.ok or len(parts) < 4:
        raise ftrack_api.exception.EventHubConnectionError(
            f"{url} answers with HTTP status {response.status_code}, and not as an event hub"
        )
    return ftrack_api.event.hub.SocketIoSession(parts[0], parts[1], parts[3].split(","))
