"""Sandboxes as servers: over HTTP on the loopback interface, or in this process.

``sandbox://NAME`` is served in this process by an adapter of `requests`, so that every ftrack
session reaches it as it would reach any server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter

from trackteroid_cli.errors import ExtraMissing, UsageError, cause
from trackteroid_cli.server.responses import answered, body_of
from trackteroid_cli.server.sandboxes.making import open_engine
from trackteroid_cli.settings import SANDBOX_SCHEME

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine


def serve(name: str, *, port: int, ready: Callable[[str], None]) -> None:
    """Serve the sandbox *name* over HTTP on the loopback interface until it is stopped.

    Args:
        port: the port, or 0 for any free one.
        ready: called with the server's URL once it answers.

    Raises:
        ExtraMissing: the packages that serving needs are not installed.
        UsageError: the port is taken.
    """
    import socket

    try:
        import starlette  # noqa: F401  (the application needs it)
        import uvicorn

        from trackteroid_cli.engine.serving.http import application
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("trackteroid_cli"):
            raise
        raise ExtraMissing(
            "sandbox", needed_for="`sandbox serve`", missing=str(error.name)
        ) from error
    # asyncio sets TCP_NODELAY only on sockets made for IPPROTO_TCP; without it answers wait 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"cannot serve on port {port}",
            why=cause(error),
            hint="give another port, or --port 0 for any free one",
        ) from error
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    engine = open_engine(name, server_url=url)

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready(url)

    try:
        config = uvicorn.Config(application(engine), log_level="warning", lifespan="off")
        Announcing(config).run(sockets=[listener])
    finally:
        engine.close()


class SandboxAdapter(BaseAdapter):
    """Answers the requests of one `requests.Session` to ``sandbox://NAME`` in this process."""

    def __init__(self) -> None:
        super().__init__()
        self._engines: dict[str, Engine] = {}

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the sandbox's answer to *request*."""
        name, endpoint = (request.url or "").removeprefix(SANDBOX_SCHEME).partition("/")[::2]
        if endpoint != "api":
            return answered(request, 404, b"")
        engine = self._engine(name)
        from trackteroid_cli.engine.serving.wire import respond

        return answered(request, *respond(engine, request.headers, body_of(request)))

    def close(self) -> None:
        """Close the databases."""
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

    def _engine(self, name: str) -> Engine:
        if name not in self._engines:
            self._engines[name] = open_engine(name)
        return self._engines[name]


def mount(session: requests.Session) -> None:
    """Let *session* reach sandboxes."""
    session.mount(SANDBOX_SCHEME, SandboxAdapter())
