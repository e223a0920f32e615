"""The official Python client on the event hub, over real sockets."""

from __future__ import annotations

import urllib.error
from typing import Any

import ftrack_api.exception
import pytest
from ftrack_api.event.hub import EventHub

from tests.support.hub_clients import PythonClient, RawClient, handshake
from tests.support.servers import Server, ServerMaker
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER


def test_a_client_hears_what_another_publishes_unchanged(shared_server: Server) -> None:
    sent: dict[str, Any] = {
        "data": {"text": "a:b::c ünï \U0001f3ac", "deep": [{"n": 1.5, "none": None}]},
        "source": {"applicationId": "studio", "user": {"username": "jane", "id": "u1"}},
    }
    with PythonClient(shared_server.url) as listener, PythonClient(shared_server.url) as publisher:
        heard = listener.listen("topic=studio.published and source.user.username=jane")
        own = publisher.listen("topic=studio.*")
        publisher.publish("studio.published", **sent)
        publisher.publish("studio.published", data={"by": "nobody"})
        listener.wait(lambda: heard)
        publisher.wait(lambda: len(own) == 2)  # who publishes hears it, too
        listener.catch_up()
    (event,) = heard
    assert event["topic"] == "studio.published"
    assert event["data"] == sent["data"]
    assert event["source"].items() >= sent["source"].items()
    assert event["source"]["id"] == publisher.hub.id
    assert event["id"] == own[0]["id"]


def test_every_subscriber_can_reply_to_an_event(shared_server: Server) -> None:
    with (
        PythonClient(shared_server.url) as one,
        PythonClient(shared_server.url) as other,
        PythonClient(shared_server.url) as asking,
    ):
        one.listen("topic=studio.question", reply={"says": "one"})
        by_one = one.listen("topic=studio.question", reply={"says": "one again"})
        by_other = other.listen(
            "topic=studio.question", reply={"says": "other"}, subscriber={"id": "other"}
        )
        meant_for_another = other.listen("topic=ftrack.meta.reply")
        replies = asking.publish("studio.question")
        one.wait(lambda: by_one)
        other.wait(lambda: by_other)
        asking.wait(lambda: len(replies) == 3)
        other.catch_up()
    assert {each["data"]["says"] for each in replies} == {"one", "one again", "other"}
    assert {each["source"]["id"] for each in replies} >= {"other"}
    assert meant_for_another == []


def test_an_event_with_a_target_reaches_those_that_it_is_for(shared_server: Server) -> None:
    with PythonClient(shared_server.url) as in_nuke, PythonClient(shared_server.url) as in_maya:
        nuke = in_nuke.listen("topic=studio.run", subscriber={"id": "n1", "application": "nuke"})
        maya = in_maya.listen("topic=studio.run", subscriber={"id": "m1", "application": "maya"})
        for target in ("application=maya", "application=nuke and not id=n1", "", "id=n1"):
            in_nuke.publish("studio.run", target=target, data={"target": target})
        in_nuke.catch_up()
        in_maya.catch_up()
    assert [each["data"]["target"] for each in nuke] == ["", "id=n1"]
    assert [each["data"]["target"] for each in maya] == ["application=maya", ""]


def test_the_server_itself_keeps_an_event_from_those_that_it_is_not_for(
    shared_server: Server,
) -> None:
    with RawClient(shared_server.url) as client:
        assert client.subscribe("topic=studio.run", id="r1", application="nuke")["success"]
        for number, target in enumerate(("application=maya", "id=r1 and application=nuke")):
            client.send({"topic": "studio.run", "target": target, "data": number})
        assert client.hear_event()["data"] == 1


def test_who_unsubscribes_hears_no_more(shared_server: Server) -> None:
    with RawClient(shared_server.url) as client:
        assert client.subscribe("topic=studio.news", id="reader") == {"success": True}
        unsubscribe = {"topic": "ftrack.meta.unsubscribe", "data": {"subscriber": {"id": "reader"}}}
        with RawClient(shared_server.url) as stranger:
            assert stranger.ask(unsubscribe)["success"] is False  # not theirs
        client.send({"topic": "studio.news", "data": 1})
        assert client.hear_event()["data"] == 1
        assert client.ask(unsubscribe) == {"success": True}
        client.send({"topic": "studio.news", "data": 2})
        assert client.subscribe("topic=studio.news", id="reader") == {"success": True}
        client.send({"topic": "studio.news", "data": 3})
        assert client.hear_event()["data"] == 3


def test_a_client_gets_an_event_once_however_many_of_its_subscribers_want_it(
    shared_server: Server,
) -> None:
    with RawClient(shared_server.url) as client:
        for _ in range(3):
            assert client.subscribe("topic=studio.once")["success"]
        client.send({"topic": "studio.once", "data": 1})
        client.send({"topic": "studio.once", "data": 2})
        assert [client.hear_event()["data"] for _ in range(2)] == [1, 2]


def test_a_subscriber_of_another_connection_is_refused(
    shared_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with PythonClient(shared_server.url) as first, PythonClient(shared_server.url) as second:
        heard = first.listen("topic=studio.mine", subscriber={"id": "taken"})
        with caplog.at_level("WARNING", "ftrack_api"):
            second.listen("topic=studio.mine", subscriber={"id": "taken"})
        assert 'another connection has a subscriber "taken" already' in caplog.text
        second.publish("studio.mine")
        first.wait(lambda: heard)
    with RawClient(shared_server.url) as third:  # they are forgotten as they close
        assert third.subscribe("topic=studio.mine", id="taken") == {"success": True}
        assert third.subscribe("topic=studio.mine", id="taken") == {"success": True}  # harmless


def test_an_expression_that_cannot_be_read_is_refused(shared_server: Server) -> None:
    for bad in ("", "topic", "topic=", "a=1 and", "not " * 60 + "a=1", "x" * 3000 + "=1", 5, None):
        with RawClient(shared_server.url) as client:
            answer = client.subscribe(bad)
            assert answer["success"] is False
            assert "subscription" in answer["message"]
            if bad:
                answer = client.ask({"topic": "studio.any", "target": bad})
                assert answer["success"] is False
                assert "target" in answer["message"]
            assert client.subscribe("topic=studio.any") == {"success": True}


def test_only_valid_credentials_get_a_connection(shared_server: Server) -> None:
    with pytest.raises(ftrack_api.exception.EventHubConnectionError, match="status code 401"):
        EventHub(shared_server.url, SANDBOX_USER, "wrong").connect()
    secret, silent, _, transports = handshake(
        shared_server.url, f"/socket.io/1/?api_user={SANDBOX_USER}&api_key={SANDBOX_KEY}"
    ).split(":")
    assert len(secret) == 32
    assert int(silent) > 15
    assert transports == "websocket"
    for path in ("/socket.io/1/?api_user=demo&api_key=no", "/socket.io/1/?"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            handshake(shared_server.url, path)


def test_a_client_connects_again_after_a_restart_and_hears_what_is_published_then(
    make_server: ServerMaker,
) -> None:
    server = make_server()
    with PythonClient(server.url) as listener:
        heard = listener.listen("topic=studio.after")
        again = make_server.restart(server)
        listener.wait(lambda: listener.hub.connected)
        with PythonClient(again.url) as publisher:
            listener.catch_up()
            publisher.publish("studio.after")
            listener.wait(lambda: heard)
        assert len(heard) == 1


def test_the_server_says_that_it_ends_before_it_closes_connections(
    make_server: ServerMaker,
) -> None:
    server = make_server()
    with RawClient(server.url) as client:
        make_server.restart(server)
        assert client.hear() == "0::"
        assert client.hear() == ""  # a frame that closes the websocket
        assert not client.socket.connected
