"""Requests and values that cannot be recorded are refused, and the session stays usable."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Server
from tests.support.sessions import kinds, updates
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.session.session import Session

#: What changes the server at once, and cannot be kept for later.
AT_ONCE = {"action": "delayed_job", "job_type": "SYNC_USERS_LDAP"}


@pytest.fixture
def recording(session: Session, server: Server, shot: Any, batch: Path) -> Iterator[Session]:
    """A session that defers; after the test it must have sent nothing and still record."""
    with session.deferred_operations(batch, allow_refused=True):
        yield session
        session.rollback()
        shot["description"] = "still usable"
        session.commit()
    assert server.writes == []
    assert kinds(batch) == ["update Shot"]


@pytest.mark.parametrize(
    "action",
    ["reset_remote", "delayed_job", "get_upload_metadata", "no_such_action", None],
)
def test_a_raw_call_that_may_change_the_server(
    recording: Session, server: Server, action: str | None
) -> None:
    server.requests.clear()
    with pytest.raises(CannotDefer, match=r"cannot (record the action|upload|run|reset)") as caught:
        recording.call(
            [
                {"action": "query", "expression": "select id from Shot"},
                {"action": action, "entity_type": "Shot", "entity_key": ["x"]},
            ]
        )
    assert caught.value.hint
    assert server.requests == []


def test_a_raw_call_that_reads_is_answered(recording: Session) -> None:
    answer = recording.call([{"action": "query", "expression": "select id from Project"}])
    assert len(answer[0]["data"]) == 2


def test_a_request_that_acts_at_once(recording: Session) -> None:
    user = recording.query("User").first()
    with pytest.raises(CannotDefer, match="changes the server at once"):
        user.reset_api_key()


def test_a_refused_create_leaves_nothing_of_its_metadata(recording: Session, shot: Any) -> None:
    data = {"name": "x", "parent": shot["parent"], "metadata": {"fine": "1", "bad": object()}}
    with pytest.raises(CannotDefer, match=r"cannot record Shot\.metadata of x"):
        recording.create("Shot", data)
    assert len(recording.recorded_operations) == 0


@pytest.mark.parametrize("attribute", ["metadata", "custom_attributes"])
def test_a_refused_mapping_leaves_the_former_one(
    recording: Session, shot: Any, attribute: str
) -> None:
    former = dict(shot[attribute])
    with pytest.raises(CannotDefer, match=rf"cannot record Shot\.{attribute}"):
        shot[attribute] = {"fstart": 5, "slate": object()}
    assert dict(shot[attribute]) == former
    assert len(recording.recorded_operations) == 0


def test_a_block_that_goes_on_after_a_refusal_leaves_no_batch(
    session: Session, shot: Any, batch: Path
) -> None:
    def record() -> None:
        with session.deferred_operations(batch):
            shot["description"] = "after all"
            for _ in range(2):
                with contextlib.suppress(CannotDefer):
                    session.call([AT_ONCE])

    with pytest.raises(CannotDefer, match="the script was refused 2 times, and went on") as caught:
        record()
    line = record.__code__.co_firstlineno + 5
    assert (
        f"{__file__}, line {line}: cannot run a job on the server while recording (2 times)"
        in str(caught.value)
    )
    assert "allow_refused=True" in caught.value.hint
    assert not batch.exists()
    assert not session.deferring


def test_a_block_within_another_one_cannot_be_refused_in_silence(
    session: Session, shot: Any, batch: Path
) -> None:
    def record() -> None:
        with session.deferred_operations(batch):
            shot["description"] = "outside"
            inner = session.deferred_operations(batch.with_name("inner.dbm"))
            with contextlib.suppress(CannotDefer), inner, contextlib.suppress(CannotDefer):
                session.call([AT_ONCE])

    with pytest.raises(CannotDefer, match="the script was refused once"):
        record()
    assert not list(batch.parent.glob("*.dbm"))


def test_what_a_block_is_allowed_to_be_refused_does_not_concern_the_outer_one(
    session: Session, shot: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "outside"
        with session.deferred_operations(batch.with_name("inner.dbm"), allow_refused=True):
            shot["description"] = "inside"
            with pytest.raises(CannotDefer):
                session.call([AT_ONCE])
    assert kinds(batch) == kinds(batch.with_name("inner.dbm")) == ["update Shot"]


VALUES = {
    "set": {1, 2},
    "object": object(),
    "not a number": float("nan"),
    "infinity": float("inf"),
    "bytes": b"bytes",
    "set in a list": [1, {2}],
    "object in a dictionary": {"a": object()},
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_without_a_json_form_is_refused_at_its_line(
    recording: Session, shot: Any, value: Any
) -> None:
    former = shot["description"]
    with pytest.raises(CannotDefer, match=r"cannot record Shot\.description"):
        shot["description"] = value
    assert shot["description"] == former
    with pytest.raises(CannotDefer, match=r"cannot record Metadata\.value"):
        shot["metadata"]["key"] = value
    assert dict(shot["metadata"]) == {}
    with pytest.raises(CannotDefer, match=r"cannot record Shot\.description"):
        recording.create("Shot", {"name": "x", "description": value})
    assert len(recording.recorded_operations) == 0


def test_a_value_that_has_lost_its_json_form_is_refused_by_the_commit(
    recording: Session, shot: Any, batch: Path
) -> None:
    inner: list[Any] = []
    shot["description"] = [inner]
    inner.append(object())
    with pytest.raises(CannotDefer, match="has no JSON form"):
        recording.commit()
    assert len(recording.recorded_operations) == 1


def test_an_uncaught_refusal_leaves_no_batch(session: Session, shot: Any, batch: Path) -> None:
    def record() -> None:
        with session.deferred_operations(batch):
            shot["description"] = "fine"
            session.commit()
            shot["description"] = object()

    with pytest.raises(CannotDefer):
        record()
    assert not batch.exists()
    assert not session.deferring


def test_a_batch_is_not_committed_while_recording(recording: Session, batch: Path) -> None:
    with pytest.raises(CannotDefer, match="while the session defers"):
        recording.reconnect_and_commit(batch)


def test_values_of_unusual_scalar_types_are_recorded(
    session: Session, shot: Any, batch: Path
) -> None:
    class Text(str):
        pass

    with session.deferred_operations(batch):
        shot["description"] = Text("a text of a kind")
    assert updates(batch, "description")[0]["new_value"] == "a text of a kind"
