"""Sandboxes over HTTP, on the loopback interface."""

from __future__ import annotations

from collections.abc import Callable

from trackteroid_cli.errors import ExtraMissing, UsageError, cause
from trackteroid_cli.server.sandboxes.making import open_engine


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

        from trackteroid_cli.engine.serving.http import application
        from trackteroid_cli.engine.serving.server import Server
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
    try:
        engine.media.collect()
        app = application(engine)
        Server(app, app.state.hub, ready=lambda: ready(url)).run(sockets=[listener])
    finally:
        engine.close()
