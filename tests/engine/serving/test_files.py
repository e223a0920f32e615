"""The official client uploads, reads and removes files, over HTTP and in process."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ftrack_api
import ftrack_api.exception
import pytest
import requests

from tests.support.servers import Server
from trackteroid_cli.session.session import Session
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

SERVER_LOCATION = "3a372bde-05bc-11e4-8908-20c9d081909b"


def stored(folder: Path) -> list[Path]:
    """Return the files of bytes of all sandboxes below *folder*."""
    return sorted(path for path in folder.glob("**/*.media/**/*") if path.is_file())


@pytest.fixture(params=["http", "in process"])
def client(
    request: pytest.FixtureRequest,
    server: Server,
    home: Path,
    demo_database: Path,
    schemas: Path,
) -> Iterator[Any]:
    """The official client over HTTP; in process, what this package makes of it."""
    arguments: dict[str, Any] = {
        "api_key": SANDBOX_KEY,
        "api_user": SANDBOX_USER,
        "schema_cache_path": str(schemas),
    }
    if request.param == "http":
        session = ftrack_api.Session(server.url, **arguments)
    else:
        (home / "sandboxes").mkdir(parents=True)
        shutil.copy(demo_database, home / "sandboxes" / "demo.sqlite")
        session = Session(server_url="sandbox://demo", **arguments)
    yield session
    session.close()


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    path = tmp_path / "movie.mov"
    path.write_bytes(os.urandom(300_000))
    return path


def upload(client: Any, path: Path, **data: Any) -> tuple[Any, Any]:
    """Upload a file; return its component and the location of the server."""
    location = client.get("Location", SERVER_LOCATION)
    component = client.create_component(str(path), data or None, location=location)
    client.commit()
    return component, location


def test_what_a_client_uploads_it_gets_back(client: Any, movie: Path, tmp_path: Path) -> None:
    component, location = upload(client, movie)
    identifier = location.get_resource_identifier(component)
    file = location.accessor.open(identifier, "rb")
    assert file.read() == movie.read_bytes()
    file.close()
    answer = requests.get(location.get_url(component))
    assert answer.content == movie.read_bytes()
    assert answer.headers["Content-Length"] == str(movie.stat().st_size)
    assert "main.mov" in answer.headers["Content-Disposition"]
    assert client.get_component_availability(component)[location["id"]] == 100.0


def test_the_link_of_a_location_needs_no_credentials(client: Any, movie: Path) -> None:
    component, _ = upload(client, movie)
    (place,) = client.query(
        f"select url from ComponentLocation where component_id is {component['id']}"
    ).all()
    assert requests.get(place["url"]["value"]).content == movie.read_bytes()
    assert requests.get(f"{place['url']['value']}0").status_code == 403


def test_an_empty_file_is_a_file(client: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.touch()
    component, location = upload(client, path)
    answer = requests.get(location.get_url(component))
    assert (answer.status_code, answer.content) == (200, b"")


def test_what_a_client_removes_is_gone(client: Any, movie: Path, tmp_path: Path) -> None:
    component, location = upload(client, movie)
    url = location.get_url(component)
    assert len(stored(tmp_path)) == 1
    location.remove_component(component)
    assert requests.get(url).status_code == 404
    with pytest.raises(ftrack_api.exception.AccessorOperationFailedError):
        location.accessor.remove(component["id"])
    assert stored(tmp_path) == []


@pytest.mark.parametrize("doomed", ["component", "place", "version"])
def test_bytes_go_with_what_has_them(client: Any, movie: Path, tmp_path: Path, doomed: str) -> None:
    version = client.query("AssetVersion").first()
    component, location = upload(client, movie, version_id=version["id"])
    other, _ = upload(client, movie)
    assert len(stored(tmp_path)) == 1
    url = location.get_url(component)
    place = client.query(f"ComponentLocation where component_id is {component['id']}").one()
    client.delete({"component": component, "place": place, "version": version}[doomed])
    client.commit()
    assert requests.get(url).status_code == 404
    assert requests.get(location.get_url(other)).content == movie.read_bytes()
    client.delete(other)
    client.commit()
    assert stored(tmp_path) == []


def test_wrong_credentials_get_an_error_that_says_so(client: Any, movie: Path) -> None:
    component, location = upload(client, movie)
    for url in (
        location.get_url(component).replace(SANDBOX_KEY, "wrong"),
        location.get_url(component).replace(SANDBOX_KEY, "wrong").replace("/get", "/remove"),
    ):
        answer = requests.get(url)
        assert answer.status_code == 401
        assert json.loads(answer.content)["exception"] == "InvalidCredentialsError"
    assert requests.get(location.get_url(component)).status_code == 200


def test_each_frame_of_a_sequence_is_a_file(client: Any, tmp_path: Path) -> None:
    for frame in (1, 2, 3):
        (tmp_path / f"plate.{frame:04d}.exr").write_bytes(bytes([frame]) * 1000)
    component, location = upload(client, Path(f"{tmp_path}/plate.%04d.exr [1-3]"))
    found = {
        member["name"]: requests.get(location.get_url(member)).content
        for member in component["members"]
    }
    assert found == {f"{frame:04d}": bytes([frame]) * 1000 for frame in (1, 2, 3)}
