"""`rollback` while recording undoes the changes since the last commit, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.servers import Server
from tests.support.sessions import find, kinds, updates
from trackteroid_cli.session.session import Session


def test_values_are_those_of_the_last_commit(session: Session, shot: Any, batch: Path) -> None:
    statuses = session.query("Status limit 2").all()
    with session.deferred_operations(batch):
        shot["description"] = "committed"
        shot["status"] = statuses[0]
        shot["metadata"]["reel"] = "A001"
        session.commit()
        shot["description"] = "one"
        shot["description"] = "two"
        shot["status"] = statuses[1]
        shot["metadata"]["reel"] = "A002"
        shot["metadata"]["more"] = "B"
        session.rollback()
        assert shot["description"] == "committed"
        assert shot["status"] is statuses[0]
        assert dict(shot["metadata"]) == {"reel": "A001"}
        assert len(session.recorded_operations) == 0
        session.rollback()
        assert shot["description"] == "committed"
    assert [each["new_value"] for each in updates(batch, "description")] == ["committed"]
    assert "create Metadata" in kinds(batch)


def test_values_that_were_not_committed_are_the_servers(
    session: Session, server: Server, shot: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot["name"] = "never"
        shot["metadata"]["reel"] = "A001"
        session.rollback()
        assert shot["name"] == "sh010"
        assert dict(shot["metadata"]) == {}
    assert server.writes == []


def test_collections_are_those_of_the_last_commit(session: Session, batch: Path) -> None:
    version, other = session.query("AssetVersion limit 2").all()
    with session.deferred_operations(batch):
        before = list(version["uses_versions"])
        version["uses_versions"].append(other)
        session.rollback()
        assert list(version["uses_versions"]) == before
        version["uses_versions"].append(other)
        session.commit()
        version["uses_versions"].remove(other)
        session.rollback()
        assert list(version["uses_versions"]) == [*before, other]
        version["uses_versions"] = []
        session.rollback()
        assert list(version["uses_versions"]) == [*before, other]
    assert len(updates(batch, "uses_versions")) == 1


def test_entities_created_since_the_last_commit_leave_the_session(
    session: Session, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        kept = session.create("Shot", {"name": "kept", "parent": sequence})
        session.commit()
        gone = session.create("Shot", {"name": "gone", "parent": sequence})
        session.rollback()
        assert session.get("Shot", gone["id"]) is None
        assert session.get("Shot", kept["id"]) is kept
    assert kinds(batch) == ["create Shot"]


def test_an_update_to_an_entity_of_an_earlier_commit_is_undone(
    session: Session, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot = session.create("Shot", {"name": "sh900", "parent": sequence})
        session.commit()
        shot["name"] = "never"
        shot["metadata"]["reel"] = "A001"
        session.rollback()
        assert shot["name"] == "sh900"
        assert dict(shot["metadata"]) == {}
    assert shot["name"] == "sh900"
    assert kinds(batch) == ["create Shot"]


def test_deletes_are_undone(session: Session, shot: Any, batch: Path) -> None:
    with session.deferred_operations(batch):
        session.delete(shot)
        session.rollback()
    assert kinds(batch) == []
    assert find(session, "Shot", "sh010") is shot
