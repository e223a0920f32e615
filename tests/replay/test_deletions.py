"""Deletes are compared with what their author saw: nobody's newer work goes in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.batches import Put, states
from tests.support.command_line import CommandLine
from tests.support.generated import part
from tests.support.servers import Server
from tests.support.sessions import Connect
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.operations import Delete, to_json
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.replay.attempt import compare_batch

DELETE = """
import ftrack_api
session = ftrack_api.Session()
for entity in session.query({wanted!r}):
    session.delete(entity)
session.commit()
"""

SEQUENCE = 'Sequence where name is "sq010" and project.name is "salt_and_ember"'
SHOTS = "Shot where parent.name is sq010 and project.name is salt_and_ember"


def record(command: CommandLine, *wanted: str, name: str = "clean") -> str:
    """Record the deletes of what the *wanted* queries find; return the id of the batch."""
    text = "\n".join(DELETE.format(wanted=each) for each in wanted)
    ran = command("record", "--name", name, command.script(text))
    assert ran.returncode == 0, ran.stderr
    return str(command.json("inspect", name, "--json")["id"])


def one(server: Server, wanted: str) -> dict[str, Any]:
    (found,) = server.query(f"select id, link from {wanted}")
    return found


def update(server: Server, entity_type: str, *key: str, **data: Any) -> None:
    server.call({"action": "update", "entity_type": entity_type, "entity_key": list(key),
                 "entity_data": data})  # fmt: skip


def below(server: Server, name: str) -> str:
    """Return the id of the shot of that name."""
    return str(one(server, f"{SHOTS} and name is {name}")["id"])


def add_shot(server: Server) -> str:
    parent = {"__entity_type__": "Sequence", "id": one(server, SEQUENCE)["id"]}
    server.create("Shot", name="sh900", parent=parent)
    return (
        "Shot salt_and_ember / sq010 / sh900 was added since it was recorded, and would be deleted "
        "with Sequence salt_and_ember / sq010"
    )


def add_note(server: Server) -> str:
    server.create("Note", content="Keep it!", parent_id=below(server, "sh010"), parent_type="Shot")
    return "Note Keep it! was added since"


def add_metadata(server: Server) -> str:
    server.create("Metadata", parent_id=below(server, "sh010"), parent_type="Shot", key="mood",
                  value="dark")  # fmt: skip
    return "metadata.mood of Shot salt_and_ember / sq010 / sh010 was added since"


def rename_sequence(server: Server) -> str:
    update(server, "Sequence", one(server, SEQUENCE)["id"], description="theirs")
    return (
        "description of Sequence salt_and_ember / sq010, which should be deleted, was "
        '"" when recorded, and is "theirs" now'
    )


def change_reference(server: Server) -> str:
    (priority,) = server.query("select id from Priority where name is Urgent")
    reference = {"__entity_type__": "Priority", "id": priority["id"]}
    update(server, "Sequence", one(server, SEQUENCE)["id"], priority=reference)
    return "priority of Sequence salt_and_ember / sq010, which should be deleted, was None when"


def change_task(server: Server) -> str:
    task = one(server, f"Task where name is layout and parent.id is {below(server, 'sh010')}")
    update(server, "Task", task["id"], description="theirs")
    return "Task salt_and_ember / sq010 / sh010 / layout has changed since"


def change_custom_attribute(server: Server) -> str:
    (fend,) = server.query("select id from CustomAttributeConfiguration where key is fend")
    update(server, "ContextCustomAttributeValue", fend["id"], below(server, "sh010"), value=7)
    return "custom_attributes.fend of Shot salt_and_ember / sq010 / sh010 has changed since"


NEWER_WORK = [
    add_shot, add_note, add_metadata, rename_sequence, change_reference, change_task,
    change_custom_attribute,
]  # fmt: skip


@pytest.mark.parametrize("work", NEWER_WORK, ids=lambda work: work.__name__)
def test_a_delete_that_would_take_newer_work_along_is_held_back_and_names_it(
    connected: CommandLine, server: Server, spool: Spool, work: Callable[[Server], str]
) -> None:
    batch_id = record(connected, SEQUENCE)
    told = work(server)
    checked = connected("inspect", batch_id, "--check", "--json")
    assert checked.returncode == 3
    (conflict,) = json.loads(checked.stdout)["conflicts"]
    assert told in conflict["text"]
    assert "1 conflict;" in connected("inspect", batch_id, "--check").stdout
    ran = connected("commit")
    assert ran.returncode == 3
    assert told in ran.stderr
    assert server.writes == []
    assert states(spool) == {"pending": ["clean"]}
    assert connected("commit", "--on-conflict", "overwrite").returncode == 0
    assert server.query(SEQUENCE) == []


def test_what_nobody_has_touched_is_deleted(connected: CommandLine, server: Server) -> None:
    batch_id = record(connected, SEQUENCE)
    task = one(server, f"Task where name is layout and parent.id is {below(server, 'sh010')}")
    server.call({"action": "delete", "entity_type": "Task", "entity_key": [task["id"]]})
    other = one(server, "Sequence where name is sq020 and project.name is salt_and_ember")
    update(server, "Sequence", other["id"], description="theirs")
    assert "no conflicts" in connected("inspect", batch_id, "--check").stdout
    ran = connected("commit")
    assert ran.returncode == 0, ran.stderr
    assert server.query(SEQUENCE) == []


@pytest.mark.parametrize(
    ("wanted", "attribute", "theirs"),
    [(SEQUENCE, "description", "theirs"), ("AssetVersion", "version", 4711)],
)
def test_what_the_script_read_before_counts_and_not_what_is_there_when_it_ends(
    wanted: str, attribute: str, theirs: object, connected: CommandLine
) -> None:
    text = f"""
import ftrack_api, json, urllib.request
session = ftrack_api.Session()
entity = session.query('select {attribute} from {wanted}').first()
assert entity["{attribute}"] != {theirs!r}
headers = {{"ftrack-user": session.api_user, "ftrack-api-key": session.api_key}}
change = {{"action": "update", "entity_type": entity.entity_type, "entity_key": [entity["id"]],
          "entity_data": {{"{attribute}": {theirs!r}}}}}
body = json.dumps([change]).encode()
request = urllib.request.Request(session.server_url + "/api", body, headers)
urllib.request.urlopen(request).read()
session.delete(entity)
session.commit()
"""
    ran = connected("record", "--name", "clean", connected.script(text))
    assert ran.returncode == 0, ran.stderr
    assert connected("commit").returncode == 3


def test_what_the_batch_itself_and_earlier_ones_do_is_no_conflict(
    connected: CommandLine, server: Server
) -> None:
    first = f"""
import ftrack_api
session = ftrack_api.Session()
sequence = session.query('{SEQUENCE}').one()
sequence["description"] = "ours"
shot = session.query('{SHOTS} and name is sh010').one()
shot["description"] = "ours"
new = session.create("Shot", {{"name": "sh900", "parent": sequence}})
new["metadata"]["mood"] = "dark"
new["custom_attributes"]["fend"] = 7
author = session.query("User").first()
session.create("Note", {{"content": "x", "parent_id": shot["id"], "parent_type": "Shot",
                        "author": author}})
session.commit()
"""
    assert connected("record", "--name", "first", connected.script(first)).returncode == 0
    second = f"""
import ftrack_api
session = ftrack_api.Session()
sequence = session.query('{SEQUENCE}').one()
for shot in session.query('{SHOTS} order by name').all()[:2]:
    shot["description"] = "going"
    session.commit()
    session.delete(shot)
session.create("Shot", {{"name": "sh910", "parent": sequence}})
sequence["description"] = "going"
session.commit()
session.delete(sequence)
session.commit()
"""
    assert connected("record", "--name", "second", connected.script(second)).returncode == 0
    ran = connected("commit", "--chunk-size", "2")
    assert ran.returncode == 0, ran.stderr
    assert server.query(SEQUENCE) == []


@pytest.mark.parametrize("how", ["reference", "column", "collection"])
def test_what_the_batch_moves_away_is_not_taken_along_and_what_it_moves_there_is(
    connected: CommandLine, server: Server, how: str
) -> None:
    moved = {
        "reference": "shot['parent'] = other\nback['parent'] = sequence",
        "column": "shot['parent_id'] = other['id']\nback['parent_id'] = sequence['id']",
        "collection": "other['children'].append(shot)\nback['parent'] = sequence",
    }
    text = f"""
import ftrack_api
session = ftrack_api.Session()
sequence = session.query('{SEQUENCE}').one()
other = session.query('Sequence where name is sq020 and project.name is salt_and_ember').one()
shot = session.query('{SHOTS} and name is sh010').one()
back = other['children'][0]
{moved[how]}
session.commit()
session.delete(sequence)
session.commit()
"""
    ran = connected("record", "--name", "clean", connected.script(text))
    assert ran.returncode == 0, ran.stderr
    away, back = (
        below(server, "sh010"),
        server.query(
            "select id from Shot where parent.name is sq020 and project.name is salt_and_ember"
        ),
    )
    *_, delete = connected.json("inspect", "clean", "--json")["operations"]
    shots = {
        each["entity_key"]["id"] for each in delete["takes_along"] if each["entity_type"] == "Shot"
    }
    assert away not in shots
    assert len(shots & {each["id"] for each in back}) == 1
    server.create("Note", content="x", parent_id=away, parent_type="Shot")
    assert connected("inspect", "clean", "--check").returncode == 0
    (there,) = shots & {each["id"] for each in back}
    server.create("Note", content="Keep it!", parent_id=there, parent_type="Shot")
    assert "Note Keep it!" in connected("inspect", "clean", "--check").stdout


def test_a_parent_is_kept_with_a_child_whose_delete_is_left_out_and_all_say_so(
    connected: CommandLine, server: Server
) -> None:
    batch_id = record(connected, SHOTS, SEQUENCE)
    update(server, "Shot", below(server, "sh020"), description="theirs")
    ran = connected("commit", "--on-conflict", "skip")
    assert ran.returncode == 0
    shot, sequence = "Shot salt_and_ember / sq010 / sh020", "Sequence salt_and_ember / sq010"
    assert f"  description of {shot}, which should be deleted, was" in ran.stderr
    assert f"  {sequence} cannot be deleted without {shot}" in ran.stderr
    left = server.query(f"select name, description from {SHOTS}")
    assert [(each["name"], each["description"]) for each in left] == [("sh020", "theirs")]
    shown = connected("inspect", batch_id).stdout
    marked = [
        line for line in shown.splitlines() if line.endswith("left out: in conflict, not sent")
    ]
    assert [line.split("  ")[0] for line in marked] == ["- Shot", "- Sequence"]
    assert f"2 in conflict left out: delete of {shot}; delete of {sequence}" in shown
    positions = connected.json("inspect", batch_id, "--json")["left_out"]
    assert len(positions) == 2
    assert connected("revert", batch_id).returncode == 0
    undone = connected.json("inspect", "revert clean", "--json")["operations"]
    kept = {each["id"] for each in (*left, one(server, SEQUENCE))}
    assert kept.isdisjoint(each["entity_key"].get("id") for each in undone)
    assert connected("commit").returncode == 0


def test_the_review_shows_what_a_delete_takes_along(connected: CommandLine, server: Server) -> None:
    batch_id = record(connected, SEQUENCE)
    shown = connected("inspect", batch_id).stdout
    assert "- 5 Shot" in shown
    assert "sh010, sh020, sh030, sh040, sh050" in shown
    (delete,) = connected.json("inspect", batch_id, "--json")["operations"]
    shots = [each for each in delete["takes_along"] if each["entity_type"] == "Shot"]
    assert {each["entity_key"]["id"] for each in shots} == {
        each["id"] for each in server.query(SHOTS)
    }
    assert delete["seen"]["name"] == "sq010"
    lines = connected("inspect", batch_id, "--jsonl").stdout
    connected("record", "--jsonl", "-", "--name", "again", stdin=lines)
    assert connected("inspect", "again", "--jsonl").stdout == lines


def test_a_batch_that_does_not_know_what_it_deletes_says_so_and_can_be_committed(
    connected: CommandLine, server: Server, put: Put
) -> None:
    put(Delete("Sequence", {"id": one(server, SEQUENCE)["id"]}), server=server.url)
    add_shot(server)
    shown = connected("inspect", "publish").stdout
    assert "with all that is below it, which was not recorded" in shown
    shown = connected("inspect", "publish", "--check").stdout
    assert "not all that goes with deleted entities was recorded" in shown
    assert connected("commit").returncode == 0
    assert server.query(SEQUENCE) == []


def test_many_deletes_cost_no_more_requests_than_one(
    connected: CommandLine, server: Server
) -> None:
    def requests(wanted: str, name: str) -> tuple[int, int]:
        server.requests.clear()
        record(connected, wanted, name=name)
        recorded = len(server.requests)
        server.requests.clear()
        assert connected("inspect", name, "--check").returncode == 0
        return recorded, len(server.requests)

    many = requests("Task", "many")
    assert len(server.query("Task")) > 50
    assert many == requests(f"{SHOTS} and name is sh010", "few") or many <= (12, 12)


def test_metadata_of_any_key_is_deleted_unless_somebody_has_changed_it(
    connected: CommandLine, server: Server
) -> None:
    shot = below(server, "sh010")
    keys = ["plain", "ends in \\", 'a "quote"']
    for key in keys:
        server.create("Metadata", parent_id=shot, parent_type="Shot", key=key, value="dark")
    text = f"""
import ftrack_api
session = ftrack_api.Session()
shot = session.query('{SHOTS} and name is sh010').one()
for key in {keys!r}:
    del shot["metadata"][key]
session.commit()
"""
    ran = connected("record", "--name", "clean", connected.script(text))
    assert ran.returncode == 0, ran.stderr
    assert connected("inspect", "clean", "--check").returncode == 0
    update(server, "Metadata", shot, keys[1], value="theirs")
    ran = connected("commit", "--on-conflict", "skip")
    assert ran.returncode == 0, ran.stderr
    assert 'which should be deleted, was "dark" when recorded, and is "theirs" now' in ran.stderr
    left = server.query(f"select key from Metadata where parent_id is '{shot}'")
    assert [each["key"] for each in left if each["key"] in keys] == [keys[1]]


def test_what_is_deleted_by_itself_and_was_changed_does_not_go_with_its_owner_either(
    connected: CommandLine, server: Server
) -> None:
    shot = below(server, "sh010")
    server.create("Metadata", parent_id=shot, parent_type="Shot", key="mood", value="dark")
    text = f"""
import ftrack_api
session = ftrack_api.Session()
shot = session.query('{SHOTS} and name is sh010').one()
del shot["metadata"]["mood"]
session.delete(shot)
session.commit()
"""
    ran = connected("record", "--name", "clean", connected.script(text))
    assert ran.returncode == 0, ran.stderr
    update(server, "Metadata", shot, "mood", value="theirs")
    ran = connected("commit", "--on-conflict", "skip")
    assert ran.returncode == 0
    whose = "Shot salt_and_ember / sq010 / sh010"
    assert f"{whose} cannot be deleted without metadata.mood of {whose}" in ran.stderr
    assert below(server, "sh010") == shot


def test_offline_the_replica_tells_what_a_delete_takes_along(
    connected: CommandLine, server: Server
) -> None:
    pulled = connected("replica", "pull", "--project", "salt_and_ember")
    assert pulled.returncode == 0, pulled.stderr
    add_shot(server)
    ran = connected("record", "--offline", "--name", "clean",
                    connected.script(DELETE.format(wanted=SEQUENCE)))  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "sh010, sh020, sh030, sh040, sh050" in connected("inspect", "clean").stdout
    ran = connected("commit")
    assert ran.returncode == 3
    assert "Shot salt_and_ember / sq010 / sh900 was added since" in ran.stderr


def test_what_a_replica_does_not_hold_is_said_to_be_unknown(
    connected: CommandLine, server: Server
) -> None:
    assert connected("replica", "pull", SEQUENCE).returncode == 0
    script = connected.script(DELETE.format(wanted=SEQUENCE))
    assert connected("record", "--offline", "--name", "clean", script).returncode == 0
    shown = connected("inspect", "clean").stdout
    assert "with all that is below it of these, not recorded: Asset" in shown
    assert "not all that goes with" in connected("inspect", "clean", "--check").stdout
    rename_sequence(server)
    assert connected("commit").returncode == 3


def test_offline_what_nobody_has_touched_is_deleted(connected: CommandLine, server: Server) -> None:
    assert connected("replica", "pull", "--project", "salt_and_ember").returncode == 0
    record(connected, SHOTS, SEQUENCE)
    ran = connected("commit")
    assert ran.returncode == 0, ran.stderr


def test_a_revert_does_not_delete_what_others_have_added_or_changed_since(
    connected: CommandLine, server: Server
) -> None:
    text = """
import ftrack_api
session = ftrack_api.Session()
project = session.query('Project where name is "salt_and_ember"').one()
sequence = session.create("Sequence", {"name": "sq900", "parent": project, "description": "ours"})
sequence["metadata"]["mood"] = "dark"
sequence["custom_attributes"]["delivery"] = "2025-01-01"
session.commit()
"""
    text = text.replace('sequence["custom_attributes"]["delivery"] = "2025-01-01"\n', "")
    assert connected("record", "--name", "work", connected.script(text)).returncode == 0
    assert connected("commit").returncode == 0
    assert connected("revert", "work").returncode == 0
    assert connected("inspect", "revert work", "--check").returncode == 0
    sequence = one(server, "Sequence where name is sq900")
    update(server, "Sequence", sequence["id"], description="theirs")
    parent = {"__entity_type__": "Sequence", "id": sequence["id"]}
    server.create("Shot", name="sh900", parent=parent)
    ran = connected("commit")
    assert ran.returncode == 3
    assert 'was "ours" when recorded, and is "theirs" now' in ran.stderr
    assert "Shot salt_and_ember / sq900 / sh900 was added since" in ran.stderr


@settings(
    max_examples=part(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(choices=st.data())
def test_a_delete_is_in_conflict_exactly_if_the_work_is_in_or_below_it(
    connect: Connect, server: Server, tmp_path: Path, choices: st.DataObject
) -> None:
    contexts = server.query(
        "select id, link from TypedContext where project.name is salt_and_ember"
    )
    doomed = choices.draw(st.lists(st.sampled_from(contexts), min_size=1, max_size=3))
    touched = choices.draw(st.sampled_from(contexts))
    session = connect()
    path = tmp_path / "batch.dbm"
    with session.deferred_operations(path):
        for each in {each["id"]: each for each in doomed}.values():
            session.delete(session.get("TypedContext", each["id"]))
    entity_type = touched["__entity_type__"]
    number = len(server.requests)
    parent = {"parent_id": touched["id"], "parent_type": entity_type}
    work = choices.draw(st.sampled_from(["change", "note", "metadata", "timelog", "nothing"]))
    if work == "change":
        update(server, entity_type, touched["id"], description=f"theirs {number}")
    elif work == "note":
        server.create("Note", content="theirs", **parent)
    elif work == "metadata":
        server.create("Metadata", key=f"theirs {number}", value="x", **parent)
    elif work == "timelog":
        server.create("Timelog", context_id=touched["id"], duration=1)
    with Batch(path) as batch, session.open_connection() as connection:
        operations = list(batch.operations())
        comparison = compare_batch(batch, operations, connection, None)
    above = {each["id"] for each in touched["link"]}
    held = [status.name == "CONFLICT" for status in comparison.statuses]
    assert held == [
        work != "nothing" and operation.entity_key["id"] in above for operation in operations
    ], [to_json(each) for each in operations]
    assert bool(comparison.conflicts) == any(held)
