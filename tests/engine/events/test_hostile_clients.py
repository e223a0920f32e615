"""What no official client sends: the server refuses it, lives on, and serves the others."""

from __future__ import annotations

import json
import urllib.error
from typing import Any

import pytest
import websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.generated import part
from tests.support.hub_clients import RawClient, handshake
from tests.support.servers import Server, ServerMaker

NONSENSE: list[str | bytes] = [
    "",
    "x",
    "5",
    "9::",
    "12::",
    "5:-1::{}",
    "5:1+:",
    "5:9+:/path:{}",
    f"5:{'1' * 30}+::{{}}",
    "5:::{",
    "5:::[]",
    f"5:::{'[' * 100_000}",
    '5:::{"name":"ftrack.event","args":[]}',
    '5:::{"name":"ftrack.event","args":[{"topic":5}]}',
    '5:::{"name":"ftrack.event","args":[{"topic":"a","data":1e999}]}',
    b"binary",
]


@pytest.mark.parametrize("bad", NONSENSE)
def test_nonsense_is_refused_and_the_connection_goes_on(
    shared_server: Server, bad: str | bytes
) -> None:
    with RawClient(shared_server.url) as client:
        client.socket.send(bad, opcode=2 if isinstance(bad, bytes) else 1)
        assert client.ask({"topic": "studio.any"}) == {"success": True}


def test_who_asks_is_told_what_was_wrong_and_others_get_an_error(shared_server: Server) -> None:
    with RawClient(shared_server.url) as client:
        deep: Any = []
        for _ in range(200):
            deep = [deep]
        for event, name, told in (
            ({"topic": "a"}, "other.event", "the name ftrack.event"),
            ({"data": {}}, "ftrack.event", "the topic of an event"),
            ({"topic": "a", "source": []}, "ftrack.event", "the source of an event"),
            ([], "ftrack.event", "one object"),
            ({"topic": "a", "data": "x" * 5_000_000}, "ftrack.event", "longer than"),
            ({"topic": "a", "data": deep}, "ftrack.event", "deep"),
            ({"topic": "ftrack.meta.disconnected"}, "ftrack.event", "only itself"),
            ({"topic": "ftrack.meta.subscribe"}, "ftrack.event", "a subscriber is"),
            ({"topic": "ftrack.meta.unsubscribe", "data": []}, "ftrack.event", "a subscriber is"),
        ):
            answer = client.ask(event, name)
            assert answer["success"] is False
            assert told in answer["message"]
        client.socket.send('5:99+::{"name":"ftrack.event","args":[{"topic":"a","data":1e999}]}')
        assert client.hear().startswith('6:::99+[{"success": false')  # no number of JSON
        big = client.subscribe("topic=a", more="x" * 20_000)
        assert "longer than" in big["message"]
        client.socket.send("nonsense")
        assert client.hear().startswith("7:::a packet is ")


def test_nothing_is_answered_to_who_did_not_ask(shared_server: Server) -> None:
    with RawClient(shared_server.url) as client:
        client.subscribe("topic=studio.mark")
        for packet in ("1::", "2::", "2:::", "2", "3:::text", "4:::{}", "6:::1+[]", "7:::", "8::"):
            client.socket.send(packet)
        client.send({"topic": "studio.other"})
        client.send({"topic": "studio.other", "target": "not an expression"})
        client.send({"topic": "studio.mark"})
        assert client.hear_event()["topic"] == "studio.mark"


def test_a_connection_needs_the_secret_of_a_handshake_and_each_is_good_for_one(
    shared_server: Server,
) -> None:
    with RawClient(shared_server.url) as client:
        for secret in (client.secret, "0" * 32, "unknown"):
            address = shared_server.url.replace("http", "ws") + f"/socket.io/1/websocket/{secret}"
            with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
                websocket.create_connection(address)


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_pages_of_other_servers_cannot_connect(shared_server: Server, origin: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        handshake(shared_server.url, "/socket.io/1/", Origin=origin)
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        RawClient(shared_server.url, origin=origin)
    with RawClient(shared_server.url, origin="http://localhost:3000") as client:
        assert client.ask({"topic": "studio.any"}) == {"success": True}


def test_a_client_that_takes_nothing_is_cut_off_and_holds_up_nobody(
    make_server: ServerMaker,
) -> None:
    server = make_server()
    server.hub.max_waiting = 3_000_000
    with RawClient(server.url) as stuck, RawClient(server.url) as other:
        assert stuck.subscribe("topic=studio.load")["success"]
        assert other.subscribe("topic=studio.load")["success"]
        for number in range(12):
            server.hub.tell({"topic": "studio.load", "data": [number, "x" * 1_000_000]})
            assert other.hear_event()["data"][0] == number
        assert stuck.is_cut_off()


def test_who_gives_no_sign_of_life_is_cut_off_and_who_does_is_not(
    make_server: ServerMaker,
) -> None:
    server = make_server()
    server.hub.heartbeat_seconds, server.hub.silent_seconds = 0.02, 0.3
    with RawClient(server.url) as silent, RawClient(server.url) as alive:
        for _ in range(40):
            assert alive.socket.recv() == "2::"
            alive.socket.send("2::")
        assert silent.is_cut_off()
        assert alive.ask({"topic": "studio.any"}) == {"success": True}


def test_a_heartbeat_follows_at_once_when_a_client_connects(shared_server: Server) -> None:
    with RawClient(shared_server.url) as client:
        client.send({"topic": "studio.any"}, packet_id="1+")
        assert client.socket.recv() == "2::"  # before the answer


def test_a_client_that_closes_is_answered_at_once_and_forgotten(shared_server: Server) -> None:
    with RawClient(shared_server.url) as client, RawClient(shared_server.url) as leaving:
        assert leaving.subscribe("topic=studio.any", id="gone")["success"]
        leaving.socket.send("0::")
        assert leaving.hear() == ""
        assert client.subscribe("topic=studio.any", id="gone") == {"success": True}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
topics = st.sampled_from(
    ["ftrack.meta.subscribe", "ftrack.meta.unsubscribe", "ftrack.meta.reply", "studio.a"]
)
expressions = st.one_of(
    st.sampled_from(["topic=studio.a", "a=1 or", "id=*", "not (topic=studio.*)"]),
    st.text("topic=<>!()and orx.*\"'", max_size=20),
    st.lists(st.sampled_from(["(", ")", "not", "and", "or", "a=1", "topic=*", "a.b > '"])).map(
        " ".join
    ),
    json_values,
)
events = st.fixed_dictionaries(
    {},
    optional={
        "topic": topics | json_values,
        "data": st.fixed_dictionaries(
            {"subscriber": st.fixed_dictionaries({"id": st.sampled_from("abc") | json_values})},
            optional={"subscription": expressions},
        )
        | json_values,
        "target": expressions,
        "source": st.fixed_dictionaries({"id": json_values}) | json_values,
        "id": json_values,
        "inReplyToEvent": json_values,
        "more": json_values,
    },
)
packets = st.one_of(
    st.text(max_size=20),
    st.binary(max_size=20),
    st.builds(
        "{}:{}:{}:{}".format,
        st.sampled_from("0123456789"),
        st.sampled_from(["", "1", "2+", "+", "x"]),
        st.sampled_from(["", "/path"]),
        st.text(max_size=20) | json_values.map(json.dumps),
    ),
    st.builds(
        lambda packet_id, payload: f"5:{packet_id}::{json.dumps(payload)}",
        st.sampled_from(["", "3+"]),
        st.fixed_dictionaries(
            {"name": st.just("ftrack.event") | json_values},
            optional={"args": st.lists(events, min_size=1, max_size=2) | json_values},
        ),
    ),
)


@settings(
    max_examples=part(400),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(sent=st.lists(packets, min_size=1, max_size=15))
def test_whatever_clients_send_the_others_get_their_events(
    shared_server: Server, sent: list[str | bytes]
) -> None:
    with RawClient(shared_server.url) as hostile, RawClient(shared_server.url) as other:
        assert other.subscribe("topic=studio.safe and data.n=yes")["success"]
        try:
            for packet in sent:
                if isinstance(packet, str):
                    packet = packet.encode("utf-8", "replace")
                    hostile.socket.send(packet, opcode=1)
                else:
                    hostile.socket.send(packet, opcode=2)
        except (OSError, websocket.WebSocketException):
            pass  # it has said that it leaves
        event: dict[str, Any] = {"topic": "studio.safe", "data": {"n": "yes"}, "id": "1"}
        other.send(event)
        assert other.hear_event() == event
