"""Requests and values that cannot be recorded are refused, and the session stays usable."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ftrack_api
import ftrack_api.symbol
import pytest

from tests.support.servers import Server
from tests.support.sessions import kinds, updates
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.session.session import Session


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
    ["send_user_invite", "delayed_job", "no_such_action", None],
)
def test_a_raw_call_that_may_change_the_server(
    recording: Session, server: Server, action: str | None
) -> None:
    server.requests.clear()
    with pytest.raises(CannotDefer, match=r"cannot (record the action|send|run a job)") as caught:
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


def reset_api_key(session: Session, user: Any, path: str) -> None:
    user.reset_api_key()


def send_invite(session: Session, user: Any, path: str) -> None:
    user.send_invite()


def send_review_invite(session: Session, user: Any, path: str) -> None:
    session.send_review_session_invite({"id": "x"})


def encode_component(session: Session, user: Any, path: str) -> None:
    session.encode_media(session.query("FileComponent").first())


@pytest.mark.parametrize("ask", [reset_api_key, send_invite, send_review_invite, encode_component])
def test_a_request_that_acts_at_once(
    recording: Session, ask: Callable[[Session, Any, str], None]
) -> None:
    user = recording.query("User").first()
    with pytest.raises(CannotDefer, match="changes the server at once"):
        ask(recording, user, "")


def upload(session: Session, shot: Any, path: str) -> None:
    server = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
    session.create_component(path, {"name": "movie"}, location=server)


def create_thumbnail(session: Session, shot: Any, path: str) -> None:
    shot.create_thumbnail(path)


def encode_file(session: Session, shot: Any, path: str) -> None:
    session.encode_media(path)


def upload_sequence(session: Session, shot: Any, path: str) -> None:
    server = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
    session.create_component(path.replace("image", "image.%04d") + " [1-3]", location=server)


UPLOADS = {
    upload: "cannot upload a file to the server while recording",
    upload_sequence: "cannot upload a file to the server while recording",
    create_thumbnail: "cannot create a thumbnail for salt_and_ember / sq010 / sh010 while",
    encode_file: "cannot encode media while recording",
}


@pytest.mark.parametrize(("ask", "message"), UPLOADS.items(), ids=lambda each: str(each)[:20])
def test_an_upload_is_refused_whole(
    recording: Session,
    shot: Any,
    tmp_path: Path,
    ask: Callable[[Session, Any, str], None],
    message: str,
) -> None:
    file = tmp_path / "image.png"
    file.write_bytes(b"pixels")
    str(shot["link"])
    with pytest.raises(CannotDefer, match=f"{message}.*changes the server"):
        ask(recording, shot, str(file))
    assert len(recording.unsent_operations) == 0


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
                    session.encode_media("image.png")

    with pytest.raises(CannotDefer, match="the script was refused 2 times, and went on") as caught:
        record()
    line = record.__code__.co_firstlineno + 5
    assert f"{__file__}, line {line}: cannot encode media while recording (2 times)" in str(
        caught.value
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
                session.encode_media("image.png")

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
                session.encode_media("image.png")
    assert kinds(batch) == kinds(batch.with_name("inner.dbm")) == ["update Shot"]


def test_writing_a_file_on_the_server(recording: Session) -> None:
    location = recording.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
    with pytest.raises(CannotDefer, match="cannot upload"):
        location.accessor.open("x", "wb")


def test_removing_a_file_from_the_server(
    session: Session, server: Server, batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
    component = session.query("FileComponent").first()
    session.create(
        "ComponentLocation",
        {"component": component, "location": location, "resource_identifier": component["id"]},
    )
    session.commit()
    server.requests.clear()
    asked: list[Any] = []
    monkeypatch.setattr("requests.get", lambda *args, **_: asked.append(args))
    with session.deferred_operations(batch, allow_refused=True):
        with pytest.raises(CannotDefer, match="cannot remove a file from the server"):
            location.remove_component(component)
        with pytest.raises(CannotDefer, match="cannot remove a file from the server"):
            location.accessor.remove(component["id"])
    assert asked == server.writes == []
    assert kinds(batch) == []


def test_the_server_location_works_as_usual_without_a_recording(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    class Answer:
        def raise_for_status(self) -> None:
            pass

    def get(url: str, **_: Any) -> Answer:
        asked.append(url)
        return Answer()

    monkeypatch.setattr("requests.get", get)
    location = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
    location.accessor.remove("x")
    assert asked == [f"{session.server_url}/component/remove"]


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
