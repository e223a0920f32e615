"""The official JavaScript client on the event hub, together with the Python one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hub_clients import PythonClient
from tests.support.javascript import Script, needs_node, script
from tests.support.servers import Server, ServerMaker

pytestmark = needs_node


@pytest.fixture(scope="module")
def node(shared_server: Server) -> Iterator[Script]:
    """A hub of the JavaScript client."""
    with script("hub.mjs", shared_server.environment) as running:
        yield running


def listen(node: Script, topic: str, **more: object) -> None:
    """Let *node* hear *topic*, and wait until the server knows."""
    node.tell(do="subscribe", subscription=f"topic={topic}", id=topic, **more)
    catch_up(node, topic)


def catch_up(node: Script, after: str) -> None:
    """Wait until the server has seen all that *node* has sent."""
    topic = f"caught-up.{after}"
    node.tell(do="subscribe", subscription=f"topic={topic}", id=topic)
    node.tell(do="publish", event={"topic": topic})
    assert node.hear()["id"] == topic
    node.tell(do="unsubscribe", id=topic)


def test_javascript_hears_what_python_publishes_and_the_other_way_round(
    shared_server: Server, node: Script
) -> None:
    listen(node, "studio.from_python")
    data = {"text": "a:b ünï \U0001f3ac", "list": [1, None, {"x": True}]}
    with PythonClient(shared_server.url) as python:
        python.publish("studio.from_python", data=data)
        heard = node.hear()["heard"]
        assert heard["data"] == data
        assert heard["source"]["id"] == python.hub.id
        from_node = python.listen("topic=studio.from_node and source.applicationId=ftrack.api.*")
        node.tell(do="publish", event={"topic": "studio.from_node", "data": data})
        python.wait(lambda: from_node)
    assert from_node[0]["data"] == data


def test_javascript_replies_to_python_and_the_other_way_round(
    shared_server: Server, node: Script
) -> None:
    listen(node, "studio.ask_node", reply={"by": "node"})
    with PythonClient(shared_server.url) as python:
        replies = python.publish("studio.ask_node")
        python.wait(lambda: replies)
        assert replies[0]["data"] == {"by": "node"}
        assert replies[0]["source"]["id"] == "studio.ask_node"
        assert node.hear()["id"] == "studio.ask_node"
        asked = python.listen("topic=studio.ask_python", reply={"by": "python"})
        node.tell(do="ask", event={"topic": "studio.ask_python"})
        python.wait(lambda: asked)
        assert node.hear()["reply"]["data"] == {"by": "python"}


def test_an_event_for_others_does_not_reach_javascript(shared_server: Server, node: Script) -> None:
    listen(node, "studio.targeted")
    with PythonClient(shared_server.url) as python:
        python.publish("studio.targeted", target="id=somebody", data={"n": 1})
        python.publish("studio.targeted", target="id=studio.targeted", data={"n": 2})
    assert node.hear()["heard"]["data"] == {"n": 2}


def test_javascript_hears_of_changes(shared_server: Server, node: Script) -> None:
    listen(node, "ftrack.update")
    (shot,) = shared_server.query("select id, name from Shot limit 1")
    shared_server.call(
        {
            "action": "update",
            "entity_type": "Shot",
            "entity_key": [shot["id"]],
            "entity_data": {"name": "sh_renamed"},
        }
    )
    (entity,) = node.hear()["heard"]["data"]["entities"]
    assert entity["changes"] == {"name": {"old": shot["name"], "new": "sh_renamed"}}
    node.tell(do="unsubscribe", id="ftrack.update")
    catch_up(node, "unsubscribed")


def test_javascript_connects_again_after_a_restart(make_server: ServerMaker) -> None:
    server = make_server()
    with script("hub.mjs", server.environment) as node:
        listen(node, "studio.after")
        again = make_server.restart(server)
        catch_up(node, "restart")
        with PythonClient(again.url) as python:
            python.publish("studio.after", data={"n": 1})
            assert node.hear()["heard"]["data"] == {"n": 1}
