"""The beginning of a connection to an event hub: a request of its own, which carries the API key.

Source: ``ftrack_api/event/hub.py``, ``_get_socket_io_session``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import requests

from trackteroid_cli.errors import ServerError
from trackteroid_cli.server import failures
from trackteroid_cli.server.transport import ServerAdapter

#: Seconds to wait for the answer; ftrack_api's own.
TIMEOUT = 60


class Greeting(NamedTuple):
    """What a server says of a new connection to its event hub."""

    id: str
    heartbeat: str
    transports: list[str]


def greet(
    url: str,
    user: str,
    key: str,
    *,
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Greeting:
    """Ask the server *url* for a connection to its event hub.

    The key goes to that server only, and not where it may send one.

    Raises:
        ServerError: it gives none.
    """
    adapter = ServerAdapter(is_text=True)
    try:
        with requests.Session() as session:
            session.mount(url, adapter)
            response = session.get(
                f"{url}/socket.io/1/",
                headers={"ftrack-user": user, "ftrack-api-key": key, **(headers or {})},
                cookies=dict(cookies or {}),
                timeout=timeout,
            )
    except requests.RequestException as error:
        raise failures.explain(url, error, timeout=timeout) from error
    parts = response.text.split(":")
    if response.status_code != requests.codes.ok or len(parts) < 4:
        raise ServerError(
            f"{url} does not answer as an event hub",
            why=f"it answers with HTTP status {response.status_code}",
            hint="check the address, the user and the key",
        )
    return Greeting(parts[0], parts[1], parts[3].split(","))
