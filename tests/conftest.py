"""What tests share: a home of their own, real servers on loopback, and the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from trackteroid_cli.engine.demo import load_demo
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.http import application
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

if TYPE_CHECKING:
    from trackteroid_cli.session.session import Session

#: Actions that change the server.
WRITES = frozenset({"create", "update", "delete"})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Local state in a folder of the test's own, and no settings from outside."""
    for name in list(os.environ):
        if name.startswith(("FTRACK_", "TRACKTEROID_", "XDG_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("TRACKTEROID_HOME", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the demo data, to be copied."""
    path = tmp_path_factory.mktemp("demo") / "demo.sqlite"
    engine = Engine.create(path, standard_schemas())
    load_demo(engine)
    engine.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.close()
    return path


@dataclass
class Server:
    """An embedded ftrack with the demo data, served over real HTTP on loopback."""

    engine: Engine
    url: str = ""
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

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the entities that *expression* finds."""
        result: list[dict[str, Any]] = self.call({"action": "query", "expression": expression})[0][
            "data"
        ]
        return result

    def watched(self, app: Any) -> Any:
        """Return *app*, noting what each request asks for."""

        async def watching(scope: Any, receive: Any, send: Any) -> None:
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

            await app(scope, receive_and_note if scope["type"] == "http" else receive, send)

        return watching


@pytest.fixture
def make_server(tmp_path: Path, demo_database: Path) -> Iterator[Callable[[], Server]]:
    """Return a function that starts another server with the demo data."""
    running: list[tuple[uvicorn.Server, threading.Thread, Server]] = []

    def start() -> Server:
        path = tmp_path / f"server-{len(running)}.sqlite"
        shutil.copy(demo_database, path)
        server = Server(Engine(path))
        config = uvicorn.Config(
            server.watched(application(server.engine)),
            host="127.0.0.1",
            port=0,
            log_level="error",
            lifespan="off",
        )
        web = uvicorn.Server(config)
        thread = threading.Thread(target=web.run, daemon=True)
        thread.start()
        while not web.started:
            thread.join(0.005)
            assert thread.is_alive()
        port = web.servers[0].sockets[0].getsockname()[1]
        server.url = server.engine.server_url = f"http://127.0.0.1:{port}"
        running.append((web, thread, server))
        return server

    yield start
    for web, thread, server in running:
        web.should_exit = True
        thread.join()
        server.engine.close()


@pytest.fixture
def server(make_server: Callable[[], Server]) -> Server:
    """A server with the demo data."""
    return make_server()


def find_python(version: str) -> str | None:
    """Return an interpreter of that version: on PATH, or installed beside the running one."""
    beside = Path(sys.base_prefix).parent
    for candidate in (f"python{version}", *beside.glob(f"{version}*/bin/python{version}")):
        try:
            subprocess.run([candidate, "-c", ""], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return str(candidate)
    return None


@pytest.fixture(scope="session")
def python313() -> str:
    """A Python whose standard library has dbm.sqlite3."""
    found = sys.executable if sys.version_info >= (3, 13) else find_python("3.13")
    if found is None:
        pytest.skip("no Python with dbm.sqlite3 (3.13) can be run here")
    return found


@dataclass
class CommandLine:
    """Runs `trackteroid` as a process of its own, in a folder of the test's."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(
        self,
        *arguments: object,
        stdin: str | None = None,
        python: str = sys.executable,
        prefix: Sequence[str] = (),
        **more: str,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefix, python, "-m", "trackteroid_cli", *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **self.environment, **more},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def json(self, *arguments: object, **more: Any) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(self(*arguments, **more).stdout)

    def script(self, text: str, name: str = "script.py") -> Path:
        """Write a script into the folder and return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def trackteroid(tmp_path: Path) -> CommandLine:
    """The command line, with no server configured."""
    folder = tmp_path / "work"
    folder.mkdir()
    return CommandLine(folder)


@pytest.fixture
def connected(trackteroid: CommandLine, server: Server) -> CommandLine:
    """The command line, with `server` configured."""
    trackteroid.environment = server.environment
    return trackteroid


def close(session: Session) -> None:
    """Close *session*, and forget what it has not committed."""
    session.recorded_operations.clear()
    session.close()
