"""Creates, updates and deletes of a raw call are recorded, with the answers of a server."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import ftrack_api.exception
import pytest

from tests.support.servers import Server
from tests.support.sessions import Connect, kinds, on_server, recorded, updates
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.session.session import Session

KEY = "11111111-2222-4333-8444-000000000001"
OTHER = "11111111-2222-4333-8444-000000000002"


def write(action: str, key: object, entity_type: str = "Shot", **data: Any) -> dict[str, Any]:
    entry = {"action": action, "entity_type": entity_type, "entity_key": [key]}
    if action != "delete":
        entry["entity_data"] = {"__entity_type__": entity_type, **data}
    return entry


def test_a_call_is_a_commit_of_its_own(
    session: Session, server: Server, shot: Any, sequence: Any, batch: Path
) -> None:
    before = on_server(server, shot, "description")["description"]
    with session.deferred_operations(batch):
        shot["sort"] = 5  # not committed when the call is made
        answers = session.call(
            [
                write("create", KEY, name="raw", parent=sequence),
                write("update", shot["id"], description="raw", name="other"),
                write("delete", KEY),
            ]
        )
        session.commit()
    assert server.writes == []
    assert kinds(batch) == [
        "create Shot",
        "update Shot",
        "update Shot",
        "delete Shot",
        "update Shot",
    ]
    documents = recorded(batch)
    assert [each["commit"] for each in documents] == [1, 1, 1, 1, 2]
    assert documents[0]["entity_data"]["parent"] == {
        "__entity_type__": "Sequence",
        "id": sequence["id"],
    }
    assert updates(batch, "description")[0]["old_value"] == before
    assert updates(batch, "name")[0]["old_value"] == "sh010"
    assert [each["action"] for each in answers] == ["create", "update", "delete"]
    assert answers[0]["data"]["id"] == KEY
    assert answers[1]["data"]["name"] == "other"
    assert answers[2]["data"] is True


def test_answers_have_what_a_server_gives(
    connect: Connect, make_server: Any, server: Server, batch: Path
) -> None:
    def answers(session: Session) -> list[Any]:
        parent = session.query("Sequence").first()
        given = session.call(
            [
                write("create", KEY, name="raw", parent=parent, description="x"),
                {"action": "query", "expression": "select id from Project"},
                write("update", parent["id"], "Sequence", description="y"),
                write("update", parent["id"], "Sequence", description="z"),
                write("create", OTHER, name="other", parent=parent, description="x"),
                write("delete", OTHER),
            ]
        )
        return [
            [each["action"], each["data"] if each["data"] is True else describe(each["data"])]
            for each in given
        ]

    def describe(data: Any) -> Any:
        if isinstance(data, list):
            return sorted(each["id"] for each in data)
        return data.entity_type, data["id"], data["description"]

    recording = connect()
    with recording.deferred_operations(batch):
        deferred = answers(recording)
    assert deferred == answers(connect(make_server()))
    assert server.writes == []


def test_a_key_may_be_in_the_data_or_left_to_the_server(
    session: Session, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        entry = write("create", KEY, name="raw", parent=sequence)
        del entry["entity_key"]
        (made,) = session.call([entry])
        entry["entity_data"]["id"] = KEY
        (given,) = session.call([entry])
    keys = [each["entity_key"]["id"] for each in recorded(batch)]
    assert keys == [made["data"]["id"], KEY]
    assert given["data"]["id"] == KEY


def test_an_old_value_is_the_one_that_was_recorded_last(
    session: Session, shot: Any, batch: Path
) -> None:
    former = shot["description"]
    with session.deferred_operations(batch):
        shot["description"] = "by the session"
        session.commit()
        session.call([write("update", shot["id"], description="first")])
        session.call([write("update", shot["id"], description="second")])
    assert [each["old_value"] for each in updates(batch, "description")] == [
        former,
        "by the session",
        "first",
    ]


BAD = {
    "no such type": write("create", KEY, "Nonsense", name="x"),
    "no key": {"action": "update", "entity_type": "Shot", "entity_data": {"name": "x"}},
    "a key in parts": {"action": "delete", "entity_type": "Shot", "entity_key": ["x", "y"]},
    "a number": {"action": "delete", "entity_type": "Shot", "entity_key": [1]},
    "no data": {"action": "create", "entity_type": "Shot", "entity_key": [KEY]},
    "infinity": write("update", KEY, sort=float("inf")),
    "a job": {"action": "delayed_job", "job_type": "SYNC_USERS_LDAP"},
    "an invitation of nobody": {"action": "send_user_invite"},
    "nothing to encode": {"action": "encode_media", "component_id": None, "version_id": KEY},
}


@pytest.mark.parametrize("entry", BAD.values(), ids=BAD)
def test_what_cannot_be_expressed_is_refused_whole(
    session: Session, server: Server, shot: Any, batch: Path, entry: dict[str, Any]
) -> None:
    with session.deferred_operations(batch, allow_refused=True):
        server.requests.clear()
        with pytest.raises(CannotDefer):
            session.call([write("update", shot["id"], description="x"), entry])
        assert session.unsent_operations == []
    assert server.requests == []


def test_nothing_is_recorded_of_a_call_in_which_a_query_fails(
    session: Session, shot: Any, batch: Path
) -> None:
    bad = {"action": "query", "expression": "select nonsense from Nowhere"}
    with session.deferred_operations(batch):
        with pytest.raises(ftrack_api.exception.ServerError):
            session.call([write("update", shot["id"], description="x"), bad])
        assert session.unsent_operations == []


def test_the_session_is_afterwards_as_it_was(
    session: Session, server: Server, shot: Any, batch: Path
) -> None:
    former = shot["description"]
    shot["sort"] = 4
    with session.deferred_operations(batch):
        session.call([write("update", shot["id"], description="raw", sort=8)])
        assert len(session.unsent_operations) == 2
    assert shot["description"] == former
    assert shot["sort"] == 4
    assert len(session.recorded_operations) == 1


def test_calls_of_several_threads_stay_whole(session: Session, shot: Any, batch: Path) -> None:
    def change(number: int) -> None:
        for _ in range(20):
            session.call([write("update", shot["id"], description=f"{number}", name=f"{number}")])

    with session.deferred_operations(batch):
        threads = [threading.Thread(target=change, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    documents = recorded(batch)
    assert len(documents) == 160
    for first, second in zip(documents[::2], documents[1::2], strict=True):
        assert (first["commit"], first["new_value"]) == (second["commit"], second["new_value"])
