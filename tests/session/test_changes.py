"""Every kind of change is recorded, reads back meanwhile, and lands by `reconnect_and_commit`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import arrow
import pytest

from tests.support.servers import Server
from tests.support.sessions import exists, find, kinds, on_server, recorded, updates
from trackteroid_cli.session.session import Session


def test_a_created_entity_reads_back_and_lands(
    session: Session, server: Server, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot = session.create("Shot", {"name": "sh900", "parent": sequence, "sort": 3.5})
        session.commit()
        assert (shot["name"], shot["sort"], shot["parent"]["name"]) == ("sh900", 3.5, "sq010")
        assert session.get("Shot", shot["id"]) is shot
    assert server.writes == []

    session.reconnect_and_commit(batch)

    held = on_server(server, shot, "name, sort, parent.name")
    assert (held["name"], held["sort"], held["parent"]["name"]) == ("sh900", 3.5, "sq010")
    assert len(server.writes) == 1


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("description", 'wide; the "big" one, Üñïcödé 🎬\n'),
        ("description", ""),
        ("description", None),
        ("sort", -0.25),
        ("sort", 2**40),
    ],
)
def test_a_changed_scalar_reads_back_and_lands(
    session: Session, server: Server, shot: Any, batch: Path, attribute: str, value: Any
) -> None:
    with session.deferred_operations(batch):
        shot[attribute] = value
        session.commit()
        assert shot[attribute] == value
    assert server.writes == []
    session.reconnect_and_commit(batch)
    assert on_server(server, shot, attribute)[attribute] == value


@pytest.mark.parametrize(
    "moment",
    [
        datetime.datetime(2024, 5, 1, 9, 30),
        datetime.datetime(2024, 5, 1, 9, 30, tzinfo=datetime.timezone.utc),
        arrow.get("2024-05-01T11:30:00+02:00"),
    ],
)
def test_a_changed_date_reads_back_and_lands(
    session: Session, server: Server, batch: Path, moment: Any
) -> None:
    project = find(session, "Project", "salt_and_ember")
    with session.deferred_operations(batch):
        project["end_date"] = moment
        session.commit()
        assert project["end_date"] == arrow.get(moment)
    assert updates(batch, "end_date")[0]["new_value"] == {
        "__type__": "datetime",
        "value": moment.isoformat(),
    }
    session.reconnect_and_commit(batch)
    assert on_server(server, project, "end_date")["end_date"]["value"].startswith(
        arrow.get(moment).to("utc").format("YYYY-MM-DDTHH:mm")
    )


def test_a_changed_reference_reads_back_and_lands(
    session: Session, server: Server, shot: Any, batch: Path
) -> None:
    status = session.query('Status where name is "On Hold"').one()
    with session.deferred_operations(batch):
        shot["status"] = status
        new = session.create("Sequence", {"name": "sq900", "parent": shot["project"]})
        shot["parent"] = new
        session.commit()
        assert shot["status"]["name"] == "On Hold"
        assert shot["parent"] is new
    assert updates(batch, "status")[0]["new_value"] == {
        "__entity_type__": "Status",
        "id": status["id"],
    }
    session.reconnect_and_commit(batch)
    held = on_server(server, shot, "status.name, parent.name")
    assert (held["status"]["name"], held["parent"]["name"]) == ("On Hold", "sq900")


def make_list(session: Session, **data: Any) -> Any:
    return session.create(
        "AssetVersionList",
        {
            "name": "dailies",
            "project": session.query("Project").first(),
            "owner": session.query("User").first(),
            "category": session.query("ListCategory").first(),
            **data,
        },
    )


def ids(entities: Any) -> list[str]:
    return sorted(each["id"] for each in entities)


def test_a_collection_takes_appended_removed_and_assigned_items(
    session: Session, server: Server, batch: Path
) -> None:
    versions = session.query("AssetVersion limit 4").all()
    existing = make_list(session)
    existing["items"].append(versions[0])
    session.commit()
    server.requests.clear()

    with session.deferred_operations(batch):
        existing["items"].append(versions[1])
        session.commit()
        assert ids(existing["items"]) == ids(versions[:2])
        existing["items"].remove(versions[0])
        session.commit()
        assert ids(existing["items"]) == ids(versions[1:2])
        new = make_list(session, name="new")
        new["items"] = versions[:3]
        session.commit()
        assert ids(new["items"]) == ids(versions[:3])
        new["items"] = versions[2:]
        session.commit()
        assert ids(new["items"]) == ids(versions[2:])
    assert server.writes == []
    assert ids(existing["items"]) == ids(versions[:1])

    session.reconnect_and_commit(batch)

    assert ids(on_server(server, existing, "items.id")["items"]) == ids(versions[1:2])
    assert ids(on_server(server, new, "items.id")["items"]) == ids(versions[2:])
    assert ids(existing["items"]) == ids(versions[1:2])


def test_metadata_is_set_changed_and_deleted(
    session: Session, server: Server, shot: Any, sequence: Any, batch: Path
) -> None:
    shot["metadata"]["stays"] = "1"
    shot["metadata"]["goes"] = "1"
    session.commit()
    server.requests.clear()

    with session.deferred_operations(batch):
        new = session.create("Shot", {"name": "sh900", "parent": sequence})
        new["metadata"]["reel"] = "A001"
        shot["metadata"]["stays"] = "2"
        del shot["metadata"]["goes"]
        session.commit()
        new["metadata"]["reel"] = "A002"
        new["metadata"]["camera"] = "alexa"
        session.commit()
        new["metadata"] = {"reel": "A003", "lens": "50"}
        session.commit()
        assert dict(new["metadata"]) == {"reel": "A003", "lens": "50"}
        assert dict(shot["metadata"]) == {"stays": "2"}
    assert server.writes == []
    assert dict(shot["metadata"]) == {"stays": "1", "goes": "1"}

    session.reconnect_and_commit(batch)

    assert pairs(on_server(server, new, "metadata")) == {"reel": "A003", "lens": "50"}
    assert pairs(on_server(server, shot, "metadata")) == {"stays": "2"}
    assert dict(shot["metadata"]) == {"stays": "2"}


def pairs(held: dict[str, Any]) -> dict[str, str]:
    return {each["key"]: each["value"] for each in held["metadata"]}


def test_links_land(session: Session, server: Server, shot: Any, batch: Path) -> None:
    other = find(session, "Shot", "sh020")
    with session.deferred_operations(batch):
        session.create("TypedContextLink", {"from": shot, "to": other})
        session.commit()
    session.reconnect_and_commit(batch)
    linked = on_server(server, shot, "outgoing_links.to.id")["outgoing_links"]
    assert [each["to"]["id"] for each in linked] == [other["id"]]


def test_deletes_land(session: Session, server: Server, shot: Any, batch: Path) -> None:
    key = shot["id"]
    with session.deferred_operations(batch):
        session.delete(shot)
        session.commit()
    assert kinds(batch) == ["delete Shot"]
    assert exists(server, "Shot", key)
    session.reconnect_and_commit(batch)
    assert not exists(server, "Shot", key)


def test_an_entity_created_in_one_commit_and_deleted_in_another_is_absent_afterwards(
    session: Session, server: Server, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        doomed = session.create("Shot", {"name": "sh900", "parent": sequence})
        session.commit()
        session.delete(doomed)
        session.commit()
    assert kinds(batch) == ["create Shot", "delete Shot"]
    session.reconnect_and_commit(batch)
    assert not exists(server, "Shot", doomed["id"])


def test_commits_are_numbered_in_order(session: Session, shot: Any, batch: Path) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "first"
        shot["description"] = "second"
        session.commit()
        session.commit()
        shot["description"] = "third"
        session.commit()
    assert [(each["new_value"], each["commit"]) for each in updates(batch, "description")] == [
        ("second", 1),
        ("third", 2),
    ]


def test_values_read_back_after_queries_and_populate(
    session: Session, server: Server, shot: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "recorded"
        shot["metadata"]["reel"] = "A001"
        session.commit()
        found = session.query(
            f'select description, metadata, status.name from Shot where id is "{shot["id"]}"'
        ).one()
        session.populate([shot], "description, metadata, name")
        assert found is shot
        assert shot["description"] == "recorded"
        assert shot["metadata"]["reel"] == "A001"
    assert server.writes == []


def test_a_cleared_value_is_not_recorded(session: Session, shot: Any, batch: Path) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "never mind"
        del shot["description"]
        session.commit()
    assert recorded(batch) == []


def test_entities_that_exist_only_in_the_recording_show_what_a_server_would_fill_in(
    session: Session, server: Server, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot = session.create("Shot", {"name": "sh900", "parent": sequence})
        session.commit()
        assert list(shot["children"]) == []
        assert dict(shot["metadata"]) == {}
        filled_in = shot["status"]["name"], shot["project"]["name"]
        session.populate([shot], "status.name, notes")
        assert all(shot[name] is not shot for name in shot if name != "custom_attributes")
        assert server.writes == []
    session.reconnect_and_commit(batch)
    landed = on_server(server, shot, "status.name, project.name")
    assert filled_in == (landed["status"]["name"], landed["project"]["name"])


def test_an_update_to_an_entity_of_an_earlier_commit_lands(
    session: Session, server: Server, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot = session.create("Shot", {"name": "sh900", "parent": sequence})
        session.commit()
        shot["name"] = "sh901"
        task = session.create("Task", {"name": "roto", "parent": shot})
        session.commit()
        assert shot["name"] == "sh901"
    session.reconnect_and_commit(batch)
    assert on_server(server, task, "parent.name")["parent"]["name"] == "sh901"
