"""A server for all tests of a module, since none of them depends on what others leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import Server, ServerMaker, WebThread


@pytest.fixture(scope="module")
def shared_server(
    web_thread: WebThread, demo_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with the demo data."""
    maker = ServerMaker(web_thread, demo_database, tmp_path_factory.mktemp("hub"))
    yield maker()
    maker.close()
