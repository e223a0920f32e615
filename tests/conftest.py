"""What tests share: a home of their own, real servers on loopback, and the command line."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import generated
from tests.support.batches import Put, put_batch
from tests.support.command_line import CommandLine
from tests.support.faults import FaultyProxy, Plan
from tests.support.processes import ForkServers
from tests.support.servers import Server, ServerMaker, WebThread
from tests.support.sessions import Connect, close
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.engine.demo import load_demo
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.fluent.types import relations
from trackteroid_cli.session import default_session as sessions
from trackteroid_cli.session.default_session import DefaultSession
from trackteroid_cli.session.enclosing.uploads import is_temporary
from trackteroid_cli.session.session import Session
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--generated",
        choices=generated.SIZES,
        default=generated.SIZES[0],
        help="how much generated tests try: a part of it, or all of it",
    )


def pytest_configure(config: pytest.Config) -> None:
    generated.choose(config.getoption("--generated"))


#: Folders that are not temporary, of which one lets a test have files there.
PLACES = (Path(__file__).resolve().parent, Path.home(), Path(pwd.getpwuid(os.getuid()).pw_dir))


@pytest.fixture(scope="session")
def lasting() -> Iterator[Path]:
    """A folder whose files will be there later, as far as anybody can tell."""
    for place in PLACES:
        if not is_temporary(place / "x") and os.access(place, os.W_OK):
            folder = Path(tempfile.mkdtemp(prefix=".trackteroid-tests-", dir=place))
            yield folder
            shutil.rmtree(folder)
            return
    pytest.skip("all folders that can be written to are temporary ones")


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


@pytest.fixture(scope="session")
def web_thread() -> Iterator[WebThread]:
    """The thread that serves every server."""
    thread = WebThread()
    yield thread
    thread.close()


@pytest.fixture
def make_server(
    web_thread: WebThread, demo_database: Path, tmp_path: Path
) -> Iterator[Callable[[], Server]]:
    """Return a function that starts another server with the demo data."""
    maker = ServerMaker(web_thread, demo_database, tmp_path)
    yield maker
    maker.close()


@pytest.fixture
def server(make_server: Callable[[], Server]) -> Server:
    """A server with the demo data."""
    return make_server()


@pytest.fixture
def make_proxy(server: Server) -> Iterator[Callable[..., FaultyProxy]]:
    """Return a function that puts a proxy with a plan in front of `server`."""
    made: list[FaultyProxy] = []

    def make(plan: Plan, delay: float = 1.5, retry_after: int = 7) -> FaultyProxy:
        made.append(FaultyProxy(server.url, plan, delay=delay, retry_after=retry_after))
        return made[-1]

    yield make
    for each in made:
        each.close()


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


@pytest.fixture(scope="session")
def fork_servers() -> Iterator[ForkServers]:
    """What command lines are forked from."""
    servers = ForkServers()
    yield servers
    servers.close()


@pytest.fixture
def trackteroid(tmp_path: Path, fork_servers: ForkServers) -> CommandLine:
    """The command line, with no server configured."""
    folder = tmp_path / "work"
    folder.mkdir()
    return CommandLine(folder, fork_servers)


@pytest.fixture
def connected(trackteroid: CommandLine, server: Server) -> CommandLine:
    """The command line, with `server` configured."""
    trackteroid.environment = server.environment
    return trackteroid


@pytest.fixture
def spool(home: Path) -> Spool:
    """The spool that the command line uses."""
    return Spool(home / "spool")


@pytest.fixture
def put(spool: Spool) -> Put:
    """Puts a batch into the spool as a recording would."""
    return functools.partial(put_batch, spool)


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where sessions keep the schemas, which are the same for every server here."""
    return tmp_path_factory.mktemp("schemas")


@pytest.fixture
def connect(server: Server, schemas: Path) -> Iterator[Connect]:
    """Return a function that makes a session on `server`, or on another one."""
    sessions: list[Session] = []

    def make(to: Server = server, **arguments: Any) -> Session:
        defaults: dict[str, Any] = {
            "server_url": to.url,
            "api_key": SANDBOX_KEY,
            "api_user": SANDBOX_USER,
            "schema_cache_path": str(schemas),
        }
        session = Session(**{**defaults, **arguments})
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        close(session)


@pytest.fixture
def session(connect: Connect) -> Session:
    return connect()


@pytest.fixture
def no_relationships(monkeypatch: pytest.MonkeyPatch) -> None:
    """Relationships that no other test has loaded."""
    monkeypatch.setattr(relations.SCHEMA, "_tables", None)


@pytest.fixture
def default_session(
    home: Path, demo_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DefaultSession]:
    """The default session, on the demo data and not connected yet."""
    (home / "sandboxes").mkdir(parents=True, exist_ok=True)
    shutil.copy(demo_database, home / "sandboxes" / "demo.sqlite")
    monkeypatch.setenv("FTRACK_SERVER", "sandbox://demo")
    sessions.default_session.cache_clear()
    session = sessions.default_session()
    yield session
    sessions.default_session.cache_clear()
    if "_arguments" in vars(session):
        close(session)
