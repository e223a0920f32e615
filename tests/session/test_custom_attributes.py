"""Custom attributes of new and existing entities, in one commit and over several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import arrow
import pytest

from tests.support.servers import Server
from tests.support.sessions import find, on_server
from trackteroid_cli.session.session import Session

VALUES = [("fstart", 1009), ("slate", "A-1 é"), ("complexity", ["hard"])]
PROJECT_VALUES = [("stereo", True), ("fps", 23.976), ("delivery", arrow.get("2024-06-01"))]


def held(server: Server, entity: Any) -> dict[str, Any]:
    values = on_server(server, entity, "custom_attributes")["custom_attributes"]
    return {each["key"]: each["value"] for each in values}


@pytest.mark.parametrize(("key", "value"), VALUES)
def test_on_an_existing_entity(
    session: Session, server: Server, shot: Any, batch: Path, key: str, value: Any
) -> None:
    former = shot["custom_attributes"][key]
    with session.deferred_operations(batch):
        shot["custom_attributes"][key] = value
        session.commit()
        assert shot["custom_attributes"][key] == value
    assert shot["custom_attributes"][key] == former
    assert server.writes == []
    session.reconnect_and_commit(batch)
    assert held(server, shot)[key] == value
    assert shot["custom_attributes"][key] == value


@pytest.mark.parametrize(("key", "value"), PROJECT_VALUES)
def test_on_an_existing_project(
    session: Session, server: Server, batch: Path, key: str, value: Any
) -> None:
    project = find(session, "Project", "salt_and_ember")
    with session.deferred_operations(batch):
        project["custom_attributes"][key] = value
        session.commit()
        assert project["custom_attributes"][key] == value
    session.reconnect_and_commit(batch)
    project = find(session, "Project", "salt_and_ember")
    assert project["custom_attributes"][key] == value


@pytest.mark.parametrize(("key", "value"), VALUES)
@pytest.mark.parametrize("when", ["before the commit", "after it", "after a look before it"])
def test_on_a_new_entity(
    session: Session, server: Server, sequence: Any, batch: Path, key: str, value: Any, when: str
) -> None:
    with session.deferred_operations(batch):
        shot = session.create("Shot", {"name": "sh900", "parent": sequence})
        if when == "after a look before it":
            assert key not in shot["custom_attributes"]
        if when != "before the commit":
            session.commit()
        shot["custom_attributes"][key] = value
        assert shot["custom_attributes"][key] == value
        session.commit()
        assert shot["custom_attributes"][key] == value
    assert server.writes == []
    assert shot["custom_attributes"][key] == value
    session.reconnect_and_commit(batch)
    assert held(server, shot)[key] == value


def test_a_new_entity_shows_the_defaults_of_all_after_the_commit(
    session: Session, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot = session.create("Shot", {"name": "sh900", "parent": sequence})
        shot["custom_attributes"]["fstart"] = 990
        session.commit()
        assert shot["custom_attributes"]["fend"] == 1100
        shot["custom_attributes"]["fstart"] += 5
        shot["custom_attributes"]["fend"] += 5
        session.commit()
        assert shot["custom_attributes"]["fstart"] == 995
        assert shot["custom_attributes"]["fend"] == 1105


def test_a_rollback_brings_back_those_of_the_last_commit(
    session: Session, sequence: Any, shot: Any, batch: Path
) -> None:
    former = shot["custom_attributes"]["fend"]
    with session.deferred_operations(batch):
        new = session.create("Shot", {"name": "sh900", "parent": sequence})
        new["custom_attributes"]["fstart"] = 990
        session.commit()
        new["custom_attributes"]["fstart"] = 1
        shot["custom_attributes"]["fend"] = 1
        session.rollback()
        assert new["custom_attributes"]["fstart"] == 990
        assert shot["custom_attributes"]["fend"] == former
