"""Writes by the official client over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ftrack_api
import ftrack_api.exception
import ftrack_api.symbol
import pytest

from trackteroid_cli.engine.demo import DEMO_KEY, DEMO_USER

Connect = Callable[[], Any]


@pytest.fixture
def connect(server: Any, tmp_path: Path) -> Iterator[Connect]:
    """Return a function that opens a session with a cache of its own."""
    sessions = []

    def open_session() -> Any:
        session = ftrack_api.Session(
            server_url=server.url,
            api_key=DEMO_KEY,
            api_user=DEMO_USER,
            schema_cache_path=str(tmp_path),
            auto_connect_event_hub=False,
            plugin_paths=[],
        )
        sessions.append(session)
        return session

    yield open_session
    for session in sessions:
        session.close()


@pytest.fixture
def session(connect: Connect) -> Any:
    return connect()


@pytest.fixture
def me(session: Any) -> Any:
    return session.query(f"User where username is {DEMO_USER}").one()


@pytest.fixture
def project(session: Any) -> Any:
    schema = session.query("ProjectSchema").first()
    project = session.create(
        "Project",
        {"name": "fog", "full_name": "Fog", "project_schema": schema, "metadata": {"unit": "b"}},
    )
    session.commit()
    return project


@pytest.fixture
def shot(session: Any, project: Any) -> Any:
    sequence = session.create("Sequence", {"name": "sq", "parent": project})
    shot = session.create(
        "Shot", {"name": "sh", "parent": sequence, "metadata": {"lens": "40", "take": "2"}}
    )
    session.commit()
    return shot


def test_contexts_with_metadata_are_read_back_by_another_session(
    shot: Any, connect: Connect
) -> None:
    read = connect().get("Shot", shot["id"])
    assert [entry["name"] for entry in read["link"]] == ["fog", "sq", "sh"]
    assert read["project"]["metadata"]["unit"] == "b"
    assert dict(read["metadata"]) == {"lens": "40", "take": "2"}
    assert read["status"]["name"] == "Not started"
    assert read["created_by"]["username"] == DEMO_USER


def test_metadata_is_changed_and_removed(session: Any, shot: Any, connect: Connect) -> None:
    shot["metadata"]["lens"] = "85"
    del shot["metadata"]["take"]
    shot["metadata"]["filter"] = "none"
    session.commit()
    read = connect().get("Shot", shot["id"])
    assert dict(read["metadata"]) == {"lens": "85", "filter": "none"}


def test_custom_attributes_of_new_and_existing_entities(
    session: Any, shot: Any, connect: Connect
) -> None:
    fresh = session.create("Shot", {"name": "new", "parent": shot["parent"]})
    fresh["custom_attributes"]["fstart"] = 950
    shot["custom_attributes"]["complexity"] = ["hard"]
    shot["custom_attributes"]["fps"] = 48
    session.commit()
    reader = connect()
    read = reader.get("Shot", fresh["id"])["custom_attributes"]
    assert (read["fstart"], read["fend"], read["complexity"]) == (950, 1100, ["medium"])
    read = reader.get("Shot", shot["id"])["custom_attributes"]
    assert (read["fstart"], read["fps"], read["complexity"]) == (1001, 48, ["hard"])


def test_a_new_custom_attribute_applies_at_once(session: Any, shot: Any, connect: Connect) -> None:
    session.create(
        "CustomAttributeConfiguration",
        {
            "key": "approved_on",
            "label": "Approved on",
            "entity_type": "assetversion",
            "type": session.query("CustomAttributeType where name is date").one(),
            "config": "{}",
            "default": None,
        },
    )
    asset = session.create("Asset", {"name": "plate", "parent": shot})
    version = session.create("AssetVersion", {"asset": asset})
    session.commit()
    editor = connect().get("AssetVersion", version["id"])
    assert editor["custom_attributes"]["approved_on"] is None


def test_versions_components_and_links(
    session: Any, shot: Any, connect: Connect, tmp_path: Path
) -> None:
    path = tmp_path / "comp.mov"
    path.write_bytes(b"frames")
    asset_type = session.query("AssetType where short is comp").one()
    asset = session.create("Asset", {"name": "comp", "type": asset_type, "parent": shot})
    first = session.create("AssetVersion", {"asset": asset})
    second = session.create("AssetVersion", {"asset": asset, "comment": "better"})
    session.commit()
    assert (first["version"], second["version"]) == (1, 2)

    location = session.query("Location where name is 'ftrack.unmanaged'").one()
    movie = second.create_component(str(path), {"name": "movie"}, location=location)
    frames = second.create_component(f"{tmp_path}/comp.%04d.exr [1-3]", location=None)
    second["uses_versions"].append(first)
    session.commit()

    read = connect().get("AssetVersion", second["id"])
    assert read["is_latest_version"] is True
    assert read["asset"]["latest_version"]["comment"] == "better"
    assert {component["name"] for component in read["components"]} == {"movie", "main"}
    assert [version["id"] for version in read["uses_versions"]] == [first["id"]]
    (placed,) = read.session.get("FileComponent", movie["id"])["component_locations"]
    assert placed["resource_identifier"] == str(path)
    members = read.session.get("SequenceComponent", frames["id"])["members"]
    assert sorted(member["name"] for member in members) == ["0001", "0002", "0003"]
    assert session.get_component_availability(movie)[location["id"]] == 100.0


def test_a_note_with_a_recipient_has_two_and_replies(
    session: Any, shot: Any, me: Any, connect: Connect
) -> None:
    dana = session.query("User where username is 'dana.whitlock'").one()
    label = session.query("NoteLabel").first()
    note = shot.create_note("Mind the horizon", author=me, recipients=[dana], labels=[label])
    session.commit()
    note.create_reply("Minded", dana)
    session.commit()
    read = connect().get("Note", note["id"])
    assert {recipient["resource_id"] for recipient in read["recipients"]} == {me["id"], dana["id"]}
    assert [reply["content"] for reply in read["replies"]] == ["Minded"]
    assert read["replies"][0]["parent_id"] == shot["id"]
    assert read["note_label_links"][0]["label"]["name"] == label["name"]
    assert len(connect().get("Shot", shot["id"])["notes"]) == 2


def test_lists_grow_and_shrink(session: Any, project: Any, me: Any, connect: Connect) -> None:
    first, second = session.query("AssetVersion limit 2").all()
    category = session.query("ListCategory").first()
    list_ = session.create(
        "AssetVersionList",
        {"name": "picks", "project": project, "category": category, "owner": me, "items": [first]},
    )
    session.commit()
    list_["items"].append(second)
    session.commit()
    assert len(connect().get("AssetVersionList", list_["id"])["items"]) == 2
    list_["items"].remove(first)
    session.commit()
    read = connect().get("AssetVersionList", list_["id"])
    assert [item["id"] for item in read["items"]] == [second["id"]]


def test_links_scopes_and_assignments(session: Any, shot: Any, me: Any, connect: Connect) -> None:
    build = session.query("AssetBuild").first()
    task = session.create("Task", {"name": "comp", "parent": shot})
    session.create("TypedContextLink", {"from": build, "to": shot})
    session.create("Appointment", {"context": task, "resource": me, "type": "assignment"})
    task["scopes"].append(session.create("Scope", {"name": "hero"}))
    session.commit()
    reader = connect()
    assert reader.get("Shot", shot["id"])["incoming_links"][0]["from"]["id"] == build["id"]
    (read,) = reader.query("Task where scopes.name is hero and assignments any ()").all()
    assert read["assignments"][0]["resource"]["username"] == DEMO_USER


def test_a_second_timer_is_refused_and_the_first_becomes_a_timelog(
    session: Any, shot: Any, me: Any, connect: Connect
) -> None:
    me.start_timer(shot, comment="paint")
    with pytest.raises(ftrack_api.exception.NotUniqueError):
        me.start_timer()
    session.rollback()
    timelog = me.stop_timer()
    read = connect().get("Timelog", timelog["id"])
    assert (read["comment"], read["context"]["id"]) == ("paint", shot["id"])
    assert not connect().query("Timer").all()


def test_a_job_is_followed_to_its_end(session: Any, me: Any, connect: Connect) -> None:
    job = session.create("Job", {"user": me, "data": '{"description": "render"}'})
    session.commit()
    assert job["status"] == "queued"
    job["status"] = "done"
    session.commit()
    assert connect().get("Job", job["id"])["finished_at"] is not None


def test_an_unset_attribute_is_loaded_when_it_is_read(session: Any) -> None:
    user = session.create("User", {"username": "quiet"})
    session.commit()
    email = session.types["User"].attributes.get("email")
    assert email.get_remote_value(user) is ftrack_api.symbol.NOT_SET
    assert user["email"] is None


def test_a_context_moves_and_is_deleted_with_what_it_has(
    session: Any, shot: Any, project: Any, connect: Connect
) -> None:
    shot["parent"] = project
    session.commit()
    assert [entry["name"] for entry in connect().get("Shot", shot["id"])["link"]] == ["fog", "sh"]
    session.delete(project)
    session.commit()
    assert connect().query("Shot where project.name is fog").all() == []


def test_a_refusal_reads_as_the_servers(session: Any, shot: Any) -> None:
    session.create("Shot", {"name": "sh", "parent": shot["parent"]})
    with pytest.raises(ftrack_api.exception.ServerError, match="DuplicateEntryError"):
        session.commit()
