"""What a recorded script publishes is kept, in order, and heard once the batch has landed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ftrack_api.exception
import ftrack_api.symbol
import pytest
from ftrack_api.event.base import Event
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.generated import part, some
from tests.support.hub_clients import PythonClient
from tests.support.servers import Server
from tests.support.sessions import kinds
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, Kind
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.session.session import Session


@pytest.fixture
def listener(server: Server) -> Iterator[PythonClient]:
    with PythonClient(server.url) as client:
        yield client


@pytest.fixture
def hub(session: Session) -> Any:
    """The event hub of the session, connected."""
    session.event_hub.connect()
    return session.event_hub


def held(batch: Path) -> list[FollowUp]:
    with Batch(batch) as found:
        return found.follow_ups()


def test_events_are_heard_once_the_batch_has_landed(
    session: Session, hub: Any, shot: Any, batch: Path, listener: PythonClient
) -> None:
    heard = listener.listen("topic=studio.*")
    events = [
        Event("studio.first", data={"shot": shot["id"]}),
        Event("studio.second", target="id=nobody"),
    ]
    with session.deferred_operations(batch):
        shot["description"] = "published"
        assert hub.publish(events[0]) is None
        shot["description"] = "again"
        assert hub.publish(events[1]) is None
    listener.catch_up()
    assert heard == []
    documents = [each.data for each in held(batch)]
    assert [each["id"] for each in documents] == [each["id"] for each in events]
    assert documents[0]["data"] == {"shot": shot["id"]}
    assert documents[0]["source"]["id"] == hub.id
    assert documents[0]["source"]["user"] == {"username": "demo"}
    assert (documents[1]["target"], documents[1]["inReplyToEvent"]) == ("id=nobody", None)
    session.reconnect_and_commit(batch)
    listener.catch_up()
    assert [each["id"] for each in heard] == [each["id"] for each in events[:1]]


def test_an_event_for_this_process_stays_here(
    session: Session, hub: Any, batch: Path, listener: PythonClient
) -> None:
    session.event_hub.subscribe("topic=studio.*", lambda event: event["data"])
    heard = listener.listen("topic=studio.*")
    with session.deferred_operations(batch):
        assert hub.publish(Event("studio.here", data={"a": object}), synchronous=True) == [
            {"a": object}
        ]
    listener.catch_up()
    assert (heard, held(batch)) == ([], [])


def test_what_others_publish_is_heard_while_recording(
    session: Session, hub: Any, batch: Path, listener: PythonClient
) -> None:
    heard: list[Any] = []
    with session.deferred_operations(batch):
        hub.subscribe("topic=studio.news", heard.append)
        hub.subscribe("topic=studio.news", lambda _: hub.publish(Event("studio.more")))
        listener.catch_up()
        listener.publish("studio.news")
        listener.wait(lambda: hub.wait(0.05) or heard)
    assert [each["topic"] for each in heard] == ["studio.news"]
    assert [each.data["topic"] for each in held(batch)] == ["studio.more"]


def test_a_script_that_is_not_connected_fails_as_it_does_directly(
    session: Session, shot: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        with pytest.raises(ftrack_api.exception.EventHubConnectionError, match="not connected"):
            session.event_hub.publish(Event("studio.x"))
        assert session.event_hub.publish(Event("studio.x"), on_error="ignore") is None
        # Where a session connects by itself, events wait for that.
        session.event_hub.init_connection()
        assert session.event_hub.publish(Event("studio.y")) is True
    assert [each.data["topic"] for each in held(batch)] == ["studio.y"]


LOOP: list[Any] = []
LOOP.append(LOOP)

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "waits": ({"on_reply": print}, r"cannot publish the event 'studio\.x' while recording"),
    "reply": ({"in_reply_to_event": "an-id"}, "cannot reply to the event 'an-id'"),
    "object": ({"data": {"a": object()}}, r"cannot record the event 'studio\.x'"),
    "bytes": ({"data": {"a": [b"x"]}}, r"cannot record the event 'studio\.x'"),
    "nan": ({"data": {"a": float("nan")}}, r"cannot record the event 'studio\.x'"),
    "loop": ({"data": {"a": LOOP}}, r"cannot record the event 'studio\.x'"),
    "great": ({"data": {"a": 2**70}}, r"cannot record the event 'studio\.x'"),
    "long": ({"data": {"a": "x" * (17 << 20)}}, r"cannot record the event 'studio\.x'"),
}


@pytest.mark.parametrize("name", some(list(REFUSED)))
@pytest.mark.parametrize("on_error", ["raise", "ignore"])
def test_an_event_that_cannot_wait_is_refused_at_its_line(
    session: Session, batch: Path, name: str, on_error: str
) -> None:
    how, message = REFUSED[name]
    session.event_hub.init_connection()
    parts = {name: value for name, value in how.items() if name != "on_reply"}
    with session.deferred_operations(batch, allow_refused=True):
        with pytest.raises(CannotDefer, match=message) as caught:
            session.event_hub.publish(
                Event("studio.x", **parts), on_reply=how.get("on_reply"), on_error=on_error
            )
        assert __file__ in caught.value.line
    assert held(batch) == []


def test_a_reply_that_the_hub_gives_by_itself_is_refused(
    session: Session, hub: Any, batch: Path, listener: PythonClient
) -> None:
    replies: list[Any] = []

    def record() -> None:
        with session.deferred_operations(batch):
            hub.subscribe("topic=studio.question", lambda _: "an answer")
            listener.catch_up()
            replies.append(listener.publish("studio.question"))
            hub.wait(0.3)

    with pytest.raises(CannotDefer, match=r"was refused once.*cannot reply to the event"):
        record()
    listener.catch_up()
    assert replies == [[]]


@pytest.mark.parametrize("connected", [True, False])
def test_what_a_location_tells_of_is_kept_where_it_would_be_published(
    session: Session, shot: Any, tmp_path: Path, batch: Path, connected: bool
) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(b"pixels")
    if connected:
        session.event_hub.connect()
    place = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
    with session.deferred_operations(batch):
        component = shot.create_thumbnail(str(image))
        session.query("User").first().send_invite()
        place.remove_component(component)
        session.call([{"action": "encode_media", "component_id": component["id"]}])
    added, asked = "ftrack.location.component-added", ["send_user_invite", "encode_media"]
    told = [each.data.get("topic", each.data.get("action")) for each in held(batch)]
    if connected:
        origin, *told = told  # that it was found on this machine
        assert origin == added
        assert told == [added, asked[0], "ftrack.location.component-removed", asked[1]]
    else:
        assert told == asked


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(
    max_examples=part(200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
@example(data={"in_reply_to_event": "x", "inReplyToEvent": "y", "\ud800": "\x00\u2028"})
def test_generated_events_are_kept_as_they_would_be_sent(
    session: Session, batch: Path, data: dict[str, Any]
) -> None:
    session.event_hub.init_connection()
    event = Event("studio.generated", data=data)
    with session.deferred_operations(batch):
        session.event_hub.publish(event)
        data["changed"] = "afterwards"
    del data["changed"]
    (kept,) = held(batch)
    sent = {**event, "data": data}
    assert kept.kind is Kind.PUBLISH
    sent["inReplyToEvent"] = sent.pop("in_reply_to_event")
    assert kept.data == sent
    assert kinds(batch) == []
