"""`reconnect` and `reconnect_and_commit`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import ftrack_api.exception
import pytest
import requests

from tests.support.servers import Server
from tests.support.sessions import Connect, find, kinds, on_server
from trackteroid_cli.batches.spool import State
from trackteroid_cli.errors import CannotDefer, ServerRefused
from trackteroid_cli.session.session import Session


def test_overrides_replace_the_arguments_given_before(session: Session, server: Server) -> None:
    server.engine.admit("dana.whitlock", session.api_key)
    session.reconnect(api_user="dana.whitlock", timeout=7, auto_populate=False)
    assert (session.api_user, session.request_timeout) == ("dana.whitlock", 7)
    assert session.auto_populate is False
    session.reconnect(timeout=8)
    assert (session.api_user, session.request_timeout) == ("dana.whitlock", 8)
    assert session.server_url == server.url


def test_pending_operations_and_entities_stay_usable(
    session: Session, server: Server, shot: Any, sequence: Any, caplog: pytest.LogCaptureFixture
) -> None:
    new = session.create("Shot", {"name": "sh900", "parent": sequence})
    new["metadata"]["reel"] = "A001"
    shot["description"] = "pending"
    former = session.recorded_operations

    session.reconnect()

    assert session.recorded_operations is former
    assert find(session, "Shot", "sh010") is shot
    assert session.created[0] is new
    assert shot["description"] == "pending"
    shot["name"] = "sh011"
    session.commit()
    assert on_server(server, shot, "name, description")["description"] == "pending"
    assert on_server(server, new, "metadata")["metadata"][0]["value"] == "A001"
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_a_closed_session_can_be_reconnected(session: Session) -> None:
    session.close()
    session.reconnect()
    assert not session.closed
    assert len(session.query("Project").all()) == 2


def test_a_reconnect_that_fails_keeps_recorded_operations(
    session: Session, server: Server, shot: Any
) -> None:
    shot["description"] = "pending"
    with pytest.raises(requests.ConnectionError):
        session.reconnect(server_url="http://127.0.0.1:9")
    assert len(session.recorded_operations) == 1
    session.reconnect()
    assert session.server_url == server.url
    session.commit()
    assert on_server(server, shot, "description")["description"] == "pending"


def test_an_unknown_argument_is_refused_before_anything_is_closed(
    session: Session,
) -> None:
    with pytest.raises(TypeError, match="no_such"):
        session.reconnect(no_such=1)
    assert not session.closed


def test_a_recording_goes_on_after_a_reconnect(
    session: Session, server: Server, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot = session.create("Shot", {"name": "sh900", "parent": sequence})
        session.commit()
        shot["name"] = "sh901"
        session.reconnect()
        assert session.deferring
        assert shot["name"] == "sh901"
        assert list(shot["children"]) == []
        session.commit()
    assert kinds(batch) == ["create Shot", "update Shot"]
    assert server.writes == []
    assert session.get("Shot", shot["id"]) is None


def test_a_recording_stays_with_its_server(
    session: Session, server: Server, make_server: Any, batch: Path
) -> None:
    with session.deferred_operations(batch, allow_refused=True):
        session.reconnect(server_url=server.url + "/")
        with pytest.raises(CannotDefer, match="cannot reconnect to"):
            session.reconnect(server_url=make_server().url)
        assert not session.closed


def test_a_batch_lands_once_and_its_file_is_kept(
    session: Session, server: Server, shot: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "recorded"
        session.create("Note", {"content": "hello", "parent_id": shot["id"], "parent_type": "task"})
    first = session.reconnect_and_commit(batch)
    second = session.reconnect_and_commit(batch)
    assert (first.state, first.outcome, first.counts) == (
        State.COMMITTED,
        "landed",
        {"create": 1, "update": 1, "delete": 0},
    )
    assert second.state is State.COMMITTED
    assert len(server.writes) == 1
    assert batch.exists()


def test_the_operations_of_the_session_itself_are_not_sent(
    session: Session, server: Server, shot: Any, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "batch"
        shot["name"] = "sh011"
    sequence["description"] = "mine"
    shot["name"] = "sh012"
    pending = list(session.recorded_operations)

    session.reconnect_and_commit(batch)

    assert list(session.recorded_operations) == pending
    assert shot["description"] == "batch"
    assert shot["name"] == "sh012"
    assert on_server(server, sequence, "description")["description"] != "mine"
    session.commit()
    assert on_server(server, sequence, "description")["description"] == "mine"
    assert on_server(server, shot, "name")["name"] == "sh012"


def test_a_refused_batch_raises_with_the_servers_words_and_is_kept(
    session: Session, server: Server, sequence: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        session.create("Shot", {"name": "sh010", "parent": sequence})
    with pytest.raises(ServerRefused) as caught:
        session.reconnect_and_commit(batch)
    session.create("Shot", {"name": "sh010", "parent": sequence})
    with pytest.raises(ftrack_api.exception.ServerError) as direct:
        session.commit()
    assert caught.value.content
    assert caught.value.content in str(direct.value)
    assert kinds(batch) == ["create Shot"]


def test_a_batch_is_committed_by_another_session_as_another_user(
    session: Session, connect: Connect, server: Server, shot: Any, batch: Path
) -> None:
    server.engine.admit("dana.whitlock", session.api_key)
    with session.deferred_operations(batch):
        note = session.create(
            "Note", {"content": "hello", "parent_id": shot["id"], "parent_type": "task"}
        )
    other = connect()
    other.reconnect_and_commit(batch, api_user="dana.whitlock")
    assert other.api_user == "dana.whitlock"
    assert on_server(server, note, "content")["content"] == "hello"
