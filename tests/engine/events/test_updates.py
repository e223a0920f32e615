"""What listeners are told of changes: one event for each request that changed something."""

from __future__ import annotations

import json
import threading
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.command_line import CommandLine
from tests.support.generated import part
from tests.support.hub_clients import TOO_LONG, PythonClient, RawClient
from tests.support.servers import Server
from trackteroid_cli.engine.events.updates import Updates
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.session.session import Session
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER


@pytest.fixture
def listener(shared_server: Server) -> Iterator[RawClient]:
    """A client that hears of every change."""
    with RawClient(shared_server.url) as client:
        assert client.subscribe("topic=ftrack.update")["success"]
        yield client


def told(listener: RawClient) -> dict[str, Any]:
    """Return the entities of the next event, by their ids."""
    entities = listener.hear_event()["data"]["entities"]
    by_id = {each["entityId"]: each for each in entities}
    assert len(by_id) == len(entities)
    return by_id


def request(kind: str, entity_type: str, key: str, **data: Any) -> dict[str, Any]:
    """Return an operation as clients send it."""
    operation: dict[str, Any] = {"action": kind, "entity_type": entity_type, "entity_key": [key]}
    if kind != "delete":
        operation["entity_data"] = {"id": key, **data} if kind == "create" else data
    return operation


def new_folder(server: Server, **data: Any) -> str:
    """Create a folder, without telling anybody who listens later, and return its id."""
    project = server.query("Project where name is salt_and_ember")[0]["id"]
    key = uuid.uuid4().hex
    server.call(request("create", "Folder", key, name=key, **{"parent_id": project, **data}))
    return key


def test_an_update_is_told_in_the_words_of_the_storage(
    shared_server: Server, listener: RawClient
) -> None:
    shot = shared_server.query(
        "select id, parent_id, project_id, object_type_id, status_id from Shot"
        " where status.name is_not Omitted"
    )[0]
    (omitted,) = shared_server.query("select id from Status where name is Omitted")
    shared_server.call(request("update", "Shot", shot["id"], status_id=omitted["id"]))
    event = listener.hear_event()
    user = shared_server.query(f"select id from User where username is {SANDBOX_USER}")[0]["id"]
    assert event["source"] == {
        "id": shared_server.hub.id,
        "applicationId": "ftrack.server",
        "user": {"id": user, "username": SANDBOX_USER},
    }
    assert event["target"] == ""
    data = event["data"]
    assert (data["clientToken"], data["pushToken"]) == (None, None)
    assert data["user"]["userid"] == user
    entity = data["entities"][0]
    chain = [each["entityId"] for each in entity["parents"]]
    assert chain[0] == shot["id"]
    assert chain[-1] == shot["project_id"]
    assert data["parents"][: len(chain)] == chain
    assert [each["parentId"] for each in entity["parents"]] == [*chain[1:], None]
    assert entity["parents"][-1]["entityType"] == "show"
    assert (
        entity.items()
        >= {
            "action": "update",
            "entityId": shot["id"],
            "entityType": "task",
            "entity_type": "Shot",
            "parentId": shot["parent_id"],
            "objectTypeId": shot["object_type_id"],
            "keys": ["statusid"],
            "changes": {"statusid": {"old": shot["status_id"], "new": omitted["id"]}},
        }.items()
    )


def test_what_is_new_is_told_with_its_values_and_what_goes_with_all_that_goes_along(
    shared_server: Server, listener: RawClient
) -> None:
    top = new_folder(shared_server)
    added = told(listener)[top]
    assert added["action"] == "add"
    assert added["changes"]["name"] == {"old": None, "new": top}
    assert added["changes"]["showid"]["new"] == added["parents"][-1]["entityId"]
    inner = new_folder(shared_server, parent_id=top)
    assert [each["entityId"] for each in told(listener)[inner]["parents"]][:2] == [inner, top]
    shared_server.call(request("delete", "Folder", top))
    gone = told(listener)
    assert {each["action"] for each in gone.values()} == {"remove"}
    assert gone[top]["changes"]["name"] == {"old": top, "new": None}
    # Where it was, although none of it is there any more.
    assert [each["entityId"] for each in gone[inner]["parents"]][:2] == [inner, top]
    assert gone[inner]["parents"][-1]["entity_type"] == "Project"


def test_a_move_is_told_as_one(shared_server: Server, listener: RawClient) -> None:
    place, moved = new_folder(shared_server), new_folder(shared_server)
    below = new_folder(shared_server, parent_id=moved)
    for _ in range(3):
        told(listener)
    shared_server.call(request("update", "Folder", moved, parent_id=place))
    entity = told(listener)[moved]
    assert (entity["action"], entity["keys"], entity["parentId"]) == ("move", ["parent_id"], place)
    (other,) = shared_server.query(
        "select id from Project where name is_not salt_and_ember limit 1"
    )
    shared_server.call(request("update", "Folder", moved, parent_id=other["id"]))
    entities = told(listener)
    assert entities[moved]["action"] == "move"
    assert entities[below]["action"] == "update"
    assert entities[below]["keys"] == ["showid"]
    shared_server.call(request("update", "Folder", moved, parent_id=place, name="other name"))
    assert told(listener)[moved]["action"] == "update"


def test_custom_attributes_are_told_as_text_of_the_entity_that_has_them(
    shared_server: Server, listener: RawClient
) -> None:
    with Session(shared_server.url, SANDBOX_KEY, SANDBOX_USER) as session:
        shot = session.query("Shot where custom_attributes any (key is fstart)").first()
        shot["custom_attributes"]["fstart"] = 1042
        session.commit()
        entity = told(listener)[shot["id"]]
        assert entity["entity_type"] == "Shot"
        assert entity["changes"]["fstart"]["new"] == "1042"
        project = session.query("Project").first()
        project["custom_attributes"].update({"fps": 23.5, "stereo": True})
        session.commit()
        assert told(listener)[project["id"]]["changes"]["fps"]["new"] == "23.5"
        project["custom_attributes"].update({"fps": 25.0, "stereo": False})
        session.commit()
        assert told(listener)[project["id"]]["changes"] == {
            "fps": {"old": "23.5", "new": "25"},
            "stereo": {"old": "1", "new": "0"},
        }


def test_several_changes_of_an_entity_in_a_request_are_told_as_one(
    shared_server: Server, listener: RawClient
) -> None:
    first, second, third = (new_folder(shared_server) for _ in range(3))
    for _ in range(3):
        told(listener)
    fleeting = uuid.uuid4().hex
    shared_server.call(
        request("create", "Folder", fleeting, name="fleeting", parent_id=first),
        request("update", "Folder", first, name="one"),
        request("update", "Folder", first, name="two", description="text"),
        request("update", "Folder", second, name="there"),
        request("update", "Folder", second, name=second),
        request("update", "Folder", third, name="before"),
        request("delete", "Folder", third),
        request("delete", "Folder", fleeting),
    )
    entities = told(listener)
    assert set(entities) == {first, third}
    assert entities[first]["changes"]["name"] == {"old": first, "new": "two"}
    assert entities[third]["changes"]["name"] == {"old": third, "new": None}


def test_nothing_is_told_of_what_was_read_or_refused(
    shared_server: Server, listener: RawClient
) -> None:
    folder = new_folder(shared_server)
    told(listener)
    shared_server.query("Project")
    with pytest.raises(Exception, match="No Folder"):
        shared_server.call(
            request("update", "Folder", folder, name="lost"), request("delete", "Folder", "none")
        )
    shared_server.call(request("update", "Folder", folder, name=folder))  # as it was
    shared_server.call(request("update", "Folder", folder, name="next"))
    assert told(listener)[folder]["changes"]["name"] == {"old": folder, "new": "next"}


def test_nothing_is_found_out_for_those_who_do_not_listen(shared_server: Server) -> None:
    with RawClient(shared_server.url) as client:
        assert not shared_server.hub.is_listening
        client.subscribe("topic=studio.news and not topic=ftrack.update")
        assert not shared_server.hub.is_listening
        client.subscribe("source.user.username=jane", id="any")
        assert shared_server.hub.is_listening
        client.subscribe("topic=studio.news", id="any")
        assert not shared_server.hub.is_listening


@pytest.mark.parametrize(
    ("given_tokens", "expected"),
    [
        ({"ftrack-Clienttoken": "c1", "ftrack-pushtoken": "p1"}, ("c1", "p1")),
        ({"ftrack-Clienttoken": "c1", "ftrack-pushtoken": "undefined"}, ("c1", None)),
        ({}, (None, None)),
    ],
)
def test_a_client_can_tell_its_own_changes(
    shared_server: Server,
    listener: RawClient,
    given_tokens: dict[str, str],
    expected: tuple[str | None, str | None],
) -> None:
    folder = new_folder(shared_server)
    told(listener)
    credentials = {"ftrack-user": SANDBOX_USER, "ftrack-api-key": SANDBOX_KEY}
    body = json.dumps([request("update", "Folder", folder, description="mine")]).encode()
    urllib.request.urlopen(
        urllib.request.Request(
            shared_server.url + "/api", body, {**credentials, **given_tokens}, method="POST"
        )
    ).close()
    event = listener.hear_event()
    assert (event["data"]["clientToken"], event["data"]["pushToken"]) == expected
    assert event["source"]["id"] == (expected[0] or shared_server.hub.id)


class SlowListener:
    """Listens in place of a hub, and is held up while it takes the first event."""

    id = "slow"
    is_listening = True

    def __init__(self) -> None:
        self.taking, self.go_on = threading.Event(), threading.Event()
        self.heard: list[str] = []

    def tell(self, event: dict[str, Any]) -> None:
        if not self.taking.is_set():
            self.taking.set()
            self.go_on.wait(0.3)
        self.heard.append(event["data"]["entities"][0]["changes"]["name"]["new"])


def test_changes_are_told_in_the_order_in_which_they_were_made(server: Server) -> None:
    folder = new_folder(server)
    listener = SlowListener()
    server.engine.updates = Updates(listener)

    def rename(name: str) -> None:
        server.call(request("update", "Folder", folder, name=name))

    first = threading.Thread(target=rename, args=["first"])
    first.start()
    assert listener.taking.wait(TOO_LONG)
    rename("second")
    listener.go_on.set()
    first.join()
    assert listener.heard == ["first", "second"]


def test_a_listener_hears_what_a_commit_did(
    shared_server: Server, trackteroid: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(
        "import ftrack_api\n"
        "session = ftrack_api.Session()\n"
        "shot = session.query('Shot').first()\n"
        "shot['description'] = 'recorded first'\n"
        "session.create('Note', {'content': 'look', 'parent_id': shot['id'],"
        " 'parent_type': 'TypedContext', 'author': session.query('User').first()})\n"
        "session.commit()\n"
    )
    with PythonClient(shared_server.url) as client:
        heard = client.listen("topic=ftrack.update")
        settings = shared_server.environment
        recorded = trackteroid("record", str(tmp_path / "script.py"), **settings)
        assert recorded.returncode == 0, recorded.stderr
        client.catch_up()
        assert not heard
        committed = trackteroid("commit", **settings)
        assert committed.returncode == 0, committed.stderr
        client.wait(lambda: heard)
        client.catch_up()
    (event,) = heard
    changed = {each["entity_type"]: each["changes"] for each in event["data"]["entities"]}
    assert changed["Shot"]["description"]["new"] == "recorded first"
    assert changed["Note"]["text"] == {"old": None, "new": "look"}


@settings(
    max_examples=part(80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    batches=st.lists(
        st.lists(
            st.tuples(
                st.sampled_from(["create", "create", "rename", "move", "describe", "delete"]),
                st.integers(0, 5),
                st.integers(0, 5),
                st.sampled_from("xyz"),
            ),
            min_size=1,
            max_size=8,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_told_is_what_differs(
    shared_server: Server, batches: list[list[tuple[str, int, int, str]]]
) -> None:
    top = new_folder(shared_server)
    known: list[str] = []
    with RawClient(shared_server.url) as listener:
        listener.subscribe("topic=ftrack.update")
        before = folders(shared_server)
        for batch in batches:
            there = list(known)
            try:
                shared_server.call(*operations(top, known, batch))
            except EngineError:
                known = there  # a name is taken, or a folder would be below itself
                continue
            after = folders(shared_server)
            if before == after:
                continue
            assert differences(listener) == {
                key: {
                    name: (old and old[name], new and new[name])
                    for name in ("name", "description", "parent_id")
                    if (old and old[name]) != (new and new[name])
                }
                for key in before.keys() | after.keys()
                if (old := before.get(key)) != (new := after.get(key))
            }
            before = after


def operations(
    top: str, known: list[str], batch: list[tuple[str, int, int, str]]
) -> Iterator[dict[str, Any]]:
    """Yield operations on folders, some of which may not be there any more."""
    for kind, which, where, word in batch:
        place = known[where % len(known)] if known and where else top
        if kind == "create" or not known:
            known.append(uuid.uuid4().hex)
            yield request("create", "Folder", known[-1], name=f"{word}{where}", parent_id=place)
            continue
        key = known[which % len(known)]
        if kind == "delete":
            known.remove(key)
            yield request("delete", "Folder", key)
        else:
            changed = {"rename": "name", "move": "parent_id", "describe": "description"}[kind]
            yield request("update", "Folder", key, **{changed: place if kind == "move" else word})


def folders(server: Server) -> dict[str, dict[str, Any]]:
    """Return all folders by their ids."""
    found = server.query("select name, description, parent_id from Folder")
    return {each["id"]: each for each in found}


def differences(listener: RawClient) -> dict[str, dict[str, tuple[Any, Any]]]:
    """Return what the next event tells of folders: their old and new values."""
    return {
        key: {
            name: (change["old"], change["new"])
            for name, change in entity["changes"].items()
            if name in ("name", "description", "parent_id")
        }
        for key, entity in told(listener).items()
        if entity["entity_type"] == "Folder"
    }
