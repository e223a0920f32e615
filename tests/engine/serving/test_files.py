"""The official client uploads, reads and removes files, over HTTP and in process."""

from __future__ import annotations

import io
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
from PIL import Image

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


# Thumbnails, attachments and encodings, as the client makes them.


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "look.png"
    Image.linear_gradient("L").resize((800, 400)).save(path)
    return path


def picture_at(url: str) -> Image.Image:
    return Image.open(io.BytesIO(requests.get(url).content))


def test_the_thumbnail_of_an_entity_can_be_fetched(client: Any, picture: Path) -> None:
    shot = client.query("Shot").first()
    component = shot.create_thumbnail(str(picture))
    location = client.get("Location", SERVER_LOCATION)
    assert picture_at(location.get_thumbnail_url(component)).size == (300, 150)
    assert picture_at(location.get_thumbnail_url(component, size=60)).size == (60, 30)
    (found,) = client.query(f"select thumbnail_url from Shot where id is {shot['id']}").all()
    assert picture_at(found["thumbnail_url"]["url"]).size == (300, 150)


def test_what_is_attached_to_a_note_can_be_fetched(client: Any, movie: Path) -> None:
    note = client.query("Shot").first().create_note("look", client.query("User").first())
    component, _ = upload(client, movie)
    client.create("NoteComponent", {"component_id": component["id"], "note_id": note["id"]})
    client.commit()
    (attached,) = client.query(
        f"select url, component.name from NoteComponent where note_id is {note['id']}"
    ).all()
    assert requests.get(attached["url"]["url"]).content == movie.read_bytes()


def test_a_picture_is_encoded_for_its_version(client: Any, picture: Path, tmp_path: Path) -> None:
    version = client.query("AssetVersion").first()
    job = client.encode_media(str(picture), version_id=version["id"])
    told = json.loads(job["data"])
    assert (job["status"], told["keep_original"]) == ("done", False)
    assert client.query(f"Component where id is {told['source_component_id']}").all() == []
    components = {each["component"]["name"]: each["component"] for each in job["job_components"]}
    assert set(components) == {"ftrackreview-image", "thumbnail"}
    assert {each["component_id"] for each in told["output"]} == {
        each["id"] for each in components.values()
    }
    assert all(each["version_id"] == version["id"] for each in components.values())
    location = client.get("Location", SERVER_LOCATION)
    review = components["ftrackreview-image"]
    assert picture_at(location.get_url(review)).size == (800, 400)
    assert json.loads(review["metadata"]["ftr_meta"]) == {"format": "image"}
    client.populate([version], "thumbnail_id")
    fresh = client.query(f"select thumbnail_id from AssetVersion where id is {version['id']}").one()
    assert fresh["thumbnail_id"] == components["thumbnail"]["id"]
    assert len(stored(tmp_path)) == 2


def test_a_movie_is_handed_on_as_it_is(client: Any, movie: Path, tmp_path: Path) -> None:
    version = client.query("AssetVersion").first()
    component, location = upload(client, movie, version_id=version["id"])
    job = client.encode_media(component, version_id=version["id"])
    (output,) = json.loads(job["data"])["output"]
    assert (job["status"], output["format"]) == ("done", "video/quicktime")
    made = client.get("FileComponent", output["component_id"])
    assert (made["name"], made["file_type"]) == ("ftrackreview-mp4", ".mov")
    client.delete(component)
    client.commit()
    assert requests.get(location.get_url(made)).content == movie.read_bytes()
    assert len(stored(tmp_path)) == 1


def test_a_job_that_nothing_can_encode_fails_and_keeps_the_original(
    client: Any, tmp_path: Path
) -> None:
    for name, data in (("cut.avi", b"a movie"), ("broken.png", b"no picture")):
        path = tmp_path / name
        path.write_bytes(data)
        job = client.encode_media(str(path))
        told = json.loads(job["data"])
        assert (job["status"], told["output"]) == ("failed", [])
        assert "cannot be encoded" in told["description"]
        location = client.get("Location", SERVER_LOCATION)
        original = client.get("FileComponent", told["source_component_id"])
        assert requests.get(location.get_url(original)).content == data


def test_what_has_no_file_here_is_not_encoded(client: Any) -> None:
    component = client.create("FileComponent", {"name": "nowhere"})
    client.commit()
    with pytest.raises(ftrack_api.exception.ServerError, match="no file on this server"):
        client.encode_media(component)


def test_a_review_session_shows_what_was_uploaded(client: Any, picture: Path) -> None:
    version = client.query("AssetVersion where asset.parent is_not none").first()
    project = client.query("Project").first()
    version.create_thumbnail(str(picture))
    review = client.create("ReviewSession", {"name": "dailies", "project": project})
    client.create(
        "ReviewSessionObject",
        {"review_session": review, "name": "cut", "version": "v1", "asset_version": version},
    )
    client.commit()
    (found,) = client.query(
        f"select thumbnail_url from ReviewSession where id is {review['id']}"
    ).all()
    assert picture_at(found["thumbnail_url"]["url"]).size == (300, 150)
