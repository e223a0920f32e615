"""A server and ftrack's own client, which the tests of a module share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import ftrack_api
import pytest

from tests.support.servers import Server, WebThread
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

#: Makes a session of ftrack's own client.
Clients: TypeAlias = Callable[..., ftrack_api.Session]


@pytest.fixture(scope="module")
def shared(
    web_thread: WebThread, demo_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with the demo data that all tests of a module write to."""
    database = tmp_path_factory.mktemp("shared") / "demo.sqlite"
    shutil.copy(demo_database, database)
    server, web = web_thread.start(database)
    yield server
    web_thread.stop(server, web)


@pytest.fixture(scope="module")
def clients(shared: Server, schemas: Path) -> Iterator[Clients]:
    """Return a function that makes a session of ftrack's own client on `shared`."""
    made: list[ftrack_api.Session] = []

    def make(user: str = SANDBOX_USER, key: str = SANDBOX_KEY, **more: Any) -> ftrack_api.Session:
        options = {"schema_cache_path": str(schemas), "plugin_paths": [], **more}
        made.append(ftrack_api.Session(shared.url, key, user, **options))
        return made[-1]

    yield make
    for session in made:
        session.close()


@pytest.fixture(scope="module")
def client(clients: Clients) -> ftrack_api.Session:
    """A session of the demo's own user, an administrator."""
    return clients()
