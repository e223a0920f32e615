"""Servers for the tests: embedded ftracks with the demo data, over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.events.hub import Hub
from trackteroid_cli.engine.serving.http import application
from trackteroid_cli.engine.serving.server import Server as WebServer
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

T = TypeVar("T")

#: Actions that change the server.
WRITES = frozenset({"create", "update", "delete"})


#: Columns in which the server keeps the moment of the request.
MOMENTS = frozenset({"created_at", "date", "thread_activity", "finished_at"})


@dataclass
class Server:
    """An embedded ftrack with the demo data."""

    engine: Engine
    url: str = ""
    #: The event hub of the server.
    hub: Hub = field(default_factory=Hub)
    #: The actions of every request, in order.
    requests: list[list[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "FTRACK_SERVER": self.url,
            "FTRACK_API_KEY": SANDBOX_KEY,
            "FTRACK_API_USER": SANDBOX_USER,
        }

    @property
    def writes(self) -> list[list[str]]:
        """The requests that could change something."""
        return [actions for actions in self.requests if WRITES.intersection(actions)]

    def call(self, *operations: dict[str, Any]) -> list[Any]:
        """Ask the engine directly."""
        return self.engine.call(list(operations), user=SANDBOX_USER, key=SANDBOX_KEY)

    def create(self, entity_type: str, **data: Any) -> dict[str, Any]:
        """Create an entity and return it."""
        operation = {"action": "create", "entity_type": entity_type, "entity_data": data}
        created: dict[str, Any] = self.call(operation)[0]["data"]
        return created

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the entities that *expression* finds."""
        result: list[dict[str, Any]] = self.call({"action": "query", "expression": expression})[0][
            "data"
        ]
        return result

    def watched(self, app: Any) -> Any:
        """Return *app*, noting what each request asks for."""

        async def watching(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"] != "/api":
                await app(scope, receive, send)
                return
            body = b""

            async def receive_and_note() -> Any:
                nonlocal body
                message = await receive()
                body += message.get("body", b"")
                if message["type"] == "http.request" and not message.get("more_body"):
                    self.requests.append(
                        [entry.get("action", "?") for entry in json.loads(body or b"[]")]
                    )
                return message

            await app(scope, receive_and_note, send)

        return watching


class WebThread:
    """The one thread that serves every server; each has a port and connections of its own.

    A server that is stopped answers no request any more, so that a late one of another test can
    reach nobody: it has the port of a server that is gone.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, database: Path, port: int = 0) -> tuple[Server, WebServer]:
        """Serve the engine in the file *database*."""
        server = Server(Engine(database))
        app = application(server.engine)
        server.hub = app.state.hub
        web = WebServer(server.watched(app), app.state.hub, port=port)
        self._run(_start(web))
        port = web.servers[0].sockets[0].getsockname()[1]
        server.url = server.engine.server_url = f"http://127.0.0.1:{port}"
        return server, web

    def stop(self, server: Server, web: WebServer) -> None:
        """Close the port and the connections, once requests under way are answered."""
        self._run(_stop(web))
        server.engine.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _start(web: WebServer) -> None:
    """Start *web* as `uvicorn.Server.serve` does, but without a loop of its own that ends it."""
    web.config.load()
    web.lifespan = web.config.lifespan_class(web.config)
    await web.startup()
    await web.on_tick(0)  # the headers of every answer, such as the date


async def _stop(web: WebServer) -> None:
    """Stop *web* as `uvicorn.Server.shutdown` does, without its pauses of a tenth of a second."""
    for listener in web.servers:
        listener.close()
    await web.hub.end()
    for connection in list(web.server_state.connections):
        connection.shutdown()
    while web.server_state.connections or web.server_state.tasks:
        await asyncio.sleep(0.001)


class ServerMaker:
    """Starts servers with the demo data for one test."""

    def __init__(self, web: WebThread, demo_database: Path, folder: Path) -> None:
        self._web, self._demo_database, self._folder = web, demo_database, folder
        self._running: list[tuple[Server, WebServer]] = []

    def __call__(self) -> Server:
        path = self._folder / f"server-{len(self._running)}.sqlite"
        shutil.copy(self._demo_database, path)
        self._running.append(self._web.start(path))
        return self._running[-1][0]

    def restart(self, server: Server) -> Server:
        """Stop *server*, and return one with its data at its address."""
        place = next(place for place, (each, _) in enumerate(self._running) if each is server)
        self._web.stop(*self._running[place])
        port = int(server.url.rpartition(":")[2])
        self._running[place] = self._web.start(server.engine.store.path, port)
        return self._running[place][0]

    def close(self) -> None:
        for each in self._running:
            self._web.stop(*each)


def contents(server: Server) -> dict[str, Counter[Any]]:
    """Return every row of every table, without what two servers cannot share.

    That is the moment of a request, and ids that the server itself gives out.
    """
    connection = server.engine.store.connection
    tables = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith(("_", "sqlite_"))
    ]
    return {table: rows(connection, table) for table in tables}


def rows(connection: Any, table: str) -> Counter[Any]:
    cursor = connection.execute(f'SELECT * FROM "{table}"')
    names = [column[0] for column in cursor.description]
    left_out = set(MOMENTS)
    if table in ("status_change", "list_object", "asset_version_link"):
        left_out.add("id")
    kept = [index for index, name in enumerate(names) if name not in left_out]
    return Counter(tuple((names[index], row[index]) for index in kept) for row in cursor)
