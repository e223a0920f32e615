"""The content of a batch: uncommitted operations, continued and nested batches, old values."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Server
from tests.support.sessions import Connect, find, kinds, on_server, recorded, updates
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.session.session import Session


def test_operations_left_uncommitted_join_the_batch(
    session: Session, server: Server, shot: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "left over"
    assert [each["new_value"] for each in updates(batch, "description")] == ["left over"]
    session.reconnect_and_commit(batch)
    assert on_server(server, shot, "description")["description"] == "left over"


def test_a_second_recording_replaces_the_batch(session: Session, shot: Any, batch: Path) -> None:
    for text in ("first", "second"):
        with session.deferred_operations(batch):
            shot["description"] = text
    assert [each["new_value"] for each in updates(batch, "description")] == ["second"]


def test_a_recording_can_continue_a_batch(
    session: Session, server: Server, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch, clear=False):
        shot = session.create("Shot", {"name": "sh900", "parent": sequence})
    server.requests.clear()
    with session.deferred_operations(batch, clear=False):
        shot["name"] = "sh901"
        assert list(shot["children"]) == []
        assert server.writes == []
    assert [(each["operation"], each["commit"]) for each in recorded(batch)] == [
        ("create", 1),
        ("update", 2),
    ]
    with Batch(batch) as found:
        assert found.header.counts == {"create": 1, "update": 1, "delete": 0}
    session.reconnect_and_commit(batch)
    assert on_server(server, shot, "name")["name"] == "sh901"


def test_a_batch_that_was_committed_cannot_be_continued(
    session: Session, shot: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "landed"
    session.reconnect_and_commit(batch)
    with (
        pytest.raises(CannotDefer, match="sent to the server already"),
        session.deferred_operations(batch, clear=False),
    ):
        pytest.fail("the block ran")
    assert not session.deferring


def test_a_batch_for_another_server_cannot_be_continued(
    session: Session, shot: Any, batch: Path, make_server: Any, connect: Connect
) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "here"
    elsewhere = connect(make_server())
    with (
        pytest.raises(CannotDefer, match="recorded against"),
        elsewhere.deferred_operations(batch, clear=False),
    ):
        pytest.fail("the block ran")


def test_a_nested_recording_writes_a_batch_of_its_own(
    session: Session, server: Server, shot: Any, sequence: Any, tmp_path: Path
) -> None:
    outer, inner = tmp_path / "outer.dbm", tmp_path / "inner.dbm"
    with session.deferred_operations(outer):
        new = session.create("Shot", {"name": "sh900", "parent": sequence})
        session.commit()
        shot["description"] = "outer, uncommitted"
        with session.deferred_operations(inner):
            assert shot["description"] == "outer, uncommitted"
            shot["description"] = "inner"
            session.commit()
            assert list(new["children"]) == []
            assert server.writes == []
        assert session.deferring
        assert shot["description"] == "outer, uncommitted"
    assert shot["description"] != "outer, uncommitted"
    assert [each["new_value"] for each in updates(inner, "description")] == ["inner"]
    assert kinds(outer) == ["create Shot", "update Shot"]
    assert updates(outer, "description")[0]["new_value"] == "outer, uncommitted"


def test_old_values_are_those_that_the_author_saw(session: Session, shot: Any, batch: Path) -> None:
    seen = shot["name"], shot["status"]["id"], shot["metadata"].keys()
    with session.deferred_operations(batch):
        shot["name"] = "first"
        shot["name"] = "second"
        shot["status"] = session.query('Status where name is "On Hold"').one()
        shot["metadata"]["reel"] = "A001"
        session.commit()
        shot["name"] = "third"
    assert [each["old_value"] for each in updates(batch, "name")] == [seen[0], "second"]
    assert updates(batch, "status")[0]["old_value"] == {
        "__entity_type__": "Status",
        "id": seen[1],
    }
    assert updates(batch, "metadata")[0]["old_value"] == []


def test_old_values_are_those_that_the_author_saw_even_if_the_server_has_others_now(
    session: Session, server: Server, shot: Any, batch: Path
) -> None:
    assert shot["name"] == "sh010"
    with session.deferred_operations(batch):
        shot["name"] = "mine"
        change = {"action": "update", "entity_type": "Shot", "entity_key": [shot["id"]]}
        server.call({**change, "entity_data": {"__entity_type__": "Shot", "name": "theirs"}})
    assert updates(batch, "name")[0]["old_value"] == "sh010"


def test_attributes_that_were_not_read_get_the_servers_value(
    connect: Connect, server: Server, batch: Path
) -> None:
    found = find(connect(), "Shot", "sh010")
    status = found["status"]["id"]
    session = connect()
    with session.deferred_operations(batch):
        shot = session.create("Shot", {"id": found["id"]}, reconstructing=True)
        shot["name"] = "changed"
        shot["status"] = session.query('Status where name is "On Hold"').one()
        shot["bid"] = 10
    assert updates(batch, "name")[0]["old_value"] == "sh010"
    assert updates(batch, "status")[0]["old_value"] == {"__entity_type__": "Status", "id": status}
    assert server.writes == []


def test_a_value_that_was_never_set_is_absent(session: Session, sequence: Any, batch: Path) -> None:
    with session.deferred_operations(batch):
        shot = session.create("Shot", {"name": "sh900", "parent": sequence})
        session.commit()
        shot["description"] = "set later"
    create, update = recorded(batch)
    assert "description" not in create["entity_data"]
    assert "old_value" not in update
    with sqlite3.connect(batch) as connection:
        values = connection.execute("SELECT value FROM Dict").fetchall()
    connection.close()
    assert not any(b"NOT_SET" in value or b"NOT SET" in value for (value,) in values)


def test_the_text_not_set_is_a_text(
    session: Session, server: Server, shot: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "NOT SET"
        shot["metadata"]["mark"] = "NOT_SET"
    session.reconnect_and_commit(batch)
    held = on_server(server, shot, "description, metadata")
    assert held["description"] == "NOT SET"
    assert held["metadata"][0]["value"] == "NOT_SET"


def test_items_appended_one_by_one_in_a_commit_make_one_operation(
    session: Session, batch: Path
) -> None:
    version, *others = session.query("AssetVersion limit 9").all()
    with session.deferred_operations(batch):
        for other in others:
            version["uses_versions"].append(other)
        session.commit()
    assert len(recorded(batch)) == 1
    assert len(updates(batch, "uses_versions")[0]["new_value"]) == 8


def test_a_batch_holds_no_key(session: Session, shot: Any, batch: Path) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "text"
    assert session.api_key.encode() not in batch.read_bytes()


def test_labels_of_mentioned_entities_are_kept(session: Session, shot: Any, batch: Path) -> None:
    with session.deferred_operations(batch):
        shot["status"] = session.query('Status where name is "On Hold"').one()
    with Batch(batch) as found:
        names = {entity[0]: str(label) for entity, label in found.labels().items()}
    assert names["Shot"].endswith("/ sq010 / sh010")
    assert names["Status"]


def test_labels_that_are_in_memory_are_not_queried(
    session: Session, server: Server, shot: Any, batch: Path
) -> None:
    assert shot["link"]
    assert shot["name"] == "sh010"
    server.requests.clear()
    with session.deferred_operations(batch):
        shot["name"] = "sh011"
    assert server.requests == []
    with Batch(batch) as found:
        assert [str(label) for label in found.labels().values()] == [
            " / ".join(part["name"] for part in shot["link"])
        ]
