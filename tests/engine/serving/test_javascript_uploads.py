"""The official JavaScript client uploads files as a page does, whole and in parts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support.javascript import Script, needs_node, script
from tests.support.servers import Server
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER


@pytest.fixture(scope="module")
def page(shared: Server) -> Iterator[Script]:
    with script("upload.mjs", shared.environment) as running:
        yield running


def read(server: Server, component_id: str) -> bytes:
    query = {"id": component_id, "username": SANDBOX_USER, "apiKey": SANDBOX_KEY}
    return requests.get(f"{server.url}/component/get", params=query).content


@needs_node
@pytest.mark.parametrize(
    ("size", "chunk"),
    [(100_000, 8_000_000), (0, 8_000_000), (1_000_000, 70_000), (210_000, 70_000)],
    ids=["whole", "empty", "in parts", "in parts of the same size"],
)
def test_a_page_uploads_a_file(shared: Server, page: Script, size: int, chunk: int) -> None:
    told = page.ask(name="plate.mov", size=size, chunk=chunk)
    assert "id" in told, told
    assert read(shared, told["id"]) == (bytes(range(251)) * (size // 251 + 1))[:size]
    (component,) = shared.query(
        "select name, file_type, size, component_locations.location.name from FileComponent "
        f"where id is {told['id']}"
    )
    assert [component[name] for name in ("name", "file_type", "size")] == ["plate", ".mov", size]
    assert [each["location"]["name"] for each in component["component_locations"]] == [
        "ftrack.server"
    ]
