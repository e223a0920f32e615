"""`trackteroid revert`: a committed batch is taken back by another one, attribute by attribute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.batches import Put, describe
from tests.support.command_line import CommandLine, refused
from tests.support.servers import Server
from trackteroid_cli.batches import dbm as dbmfile
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.journal import Attempt, Outcome
from trackteroid_cli.batches.operations import Create, Delete, Operation, Update
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.engine.schema.standard import standard_schemas

LANDED = Attempt("2026-01-31T14:00:00Z", Outcome.LANDED)

#: What a pipeline does to the demo production, of every kind.
WORK = """
import datetime
import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "salt_and_ember"').one()
shot = session.query('Shot where name is "sh040" and parent.name is "sq010"').one()
status = session.query('Status where name is "Completed"').one()
user = session.query('User where username is "ada.lindqvist"').one()

# Creates.
sequence = session.create("Sequence", {"name": "sq900", "parent": project})
new = session.create("Shot", {"name": "sh900", "parent": sequence, "description": "new"})
new["metadata"]["mood"] = "dark"
new["custom_attributes"]["handles"] = 12
session.create("Note", {"content": "Hello", "author": user, "parent_id": shot["id"],
                        "parent_type": "Shot"})
session.commit()

# Updates: of a scalar, a date, a reference, a collection, metadata, custom attributes.
shot["description"] = "another"
shot["status"] = status
shot["custom_attributes"]["fend"] = 1500
shot["custom_attributes"]["complexity"] = ["hard"]
shot["metadata"]["touched"] = "yes"
project["end_date"] = datetime.datetime(2025, 1, 1)
project["metadata"]["colorspace"] = "linear"
del project["metadata"]["client"]
versions = session.query("AssetVersion order by id").all()
versions[0]["uses_versions"].append(versions[3])
versions[0]["uses_versions"].append(versions[4])
session.commit()
shot["description"] = "a third one"
shot["parent"] = sequence
session.commit()

# Deletes: notes with replies, recipients and labels, an appointment, metadata, a timelog, a task.
notes = session.query("select in_reply_to_id from Note").all()
for note in sorted(notes, key=lambda note: not note["in_reply_to_id"]):
    session.delete(note)
session.delete(session.query("Appointment where type is allocation").first())
session.delete(session.query("Timelog").first())
task = session.query('Task where name is "lighting" and parent.name is "sh030"').first()
task["bid"] = 1
session.delete(task)
fleeting = session.create("Shot", {"name": "short-lived", "parent": sequence})
session.commit()
session.delete(fleeting)
session.commit()
"""

#: What the server notes of itself whenever something happens, and no client can set back.
NOTED = frozenset({"status_changes", "thread_activity"})

ASKED = (
    "Appointment", "AssetVersion", "AssetVersionLink", "Asset", "CustomAttributeValue", "Manager",
    "Metadata", "Milestone", "Note", "NoteLabelLink", "Project", "Recipient", "Sequence", "Shot",
    "Task", "Timelog", "TypedContextLink",
)  # fmt: skip


def everything(server: Server) -> dict[str, list[dict[str, Any]]]:
    """Return every attribute of every entity that `WORK` could touch, by type."""
    schemas = {schema["id"]: schema for schema in standard_schemas()}
    found = {}
    for entity_type in ASKED:
        schema = schemas[entity_type]
        names = [
            name
            for name, fragment in schema["properties"].items()
            if not fragment.get("restricted_projection") and name not in NOTED
        ]
        rows = server.query(f"select {', '.join(names)} from {entity_type}")
        ids = {row.get("id") for row in rows} - {None}
        ordered = ({name: _ordered(row[name], ids) for name in sorted(row)} for row in rows)
        found[entity_type] = sorted(ordered, key=json.dumps)
    return found


def _ordered(value: Any, ids: set[str]) -> Any:
    """Return *value* with every list in one order, and of entities that are rows too their ids.

    Which place of an answer tells more of them depends on the order of the rows.
    """
    if isinstance(value, dict):
        if value.get("id") in ids:
            return value["id"]
        return {name: _ordered(value[name], ids) for name in sorted(value)}
    if isinstance(value, list):
        return sorted((_ordered(each, ids) for each in value), key=json.dumps)
    return value


def committed(command: CommandLine, text: str = WORK) -> str:
    """Record and commit a script; return the id of the batch."""
    ran = command("record", "--name", "work", command.script(text))
    assert ran.returncode == 0, ran.stderr
    ran = command("commit", "work")
    assert ran.returncode == 0, ran.stderr
    batch_id: str = command.json("inspect", "--json")[0]["id"]
    return batch_id


def test_a_reverted_batch_leaves_the_server_as_it_was_attribute_by_attribute(
    connected: CommandLine, server: Server
) -> None:
    before = everything(server)
    batch_id = committed(connected)
    assert everything(server) != before
    ran = connected("revert", batch_id)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    (made,) = connected.json("inspect", "--state", "pending", "--json")
    assert made["name"] == "revert work"
    with Batch(Path(made["path"])) as batch:
        assert batch.header.argv == ["revert", batch_id]
        assert batch.header.server == server.url
    ran = connected("commit")
    assert ran.returncode == 0, ran.stderr
    after = everything(server)
    for entity_type in ASKED:
        assert after[entity_type] == before[entity_type], entity_type


def test_a_commit_that_dies_after_it_has_deleted_can_be_reverted_all_the_same(
    connected: CommandLine, server: Server
) -> None:
    before = everything(server)
    connected("record", "--name", "work", connected.script(WORK))
    for place in ("compared", "journaled", "sent"):
        connected.fresh("commit", TRACKTEROID_KILL_AT=place)
    assert connected("commit").returncode == 0
    assert connected("revert", "work").returncode == 0
    assert connected("commit").returncode == 0
    assert everything(server) == before


def test_what_a_commit_deletes_is_kept_before_anything_is_sent(
    connected: CommandLine, server: Server, put: Put
) -> None:
    (note,) = server.query("select content from Note limit 1")
    entry = put(Delete("Note", {"id": note["id"]}), server=server.url)
    connected.fresh("commit", TRACKTEROID_KILL_AT="journaled")
    assert server.writes == []
    (path,) = entry.path.parent.parent.glob("committing/*.dbm")
    with dbmfile.open_reader(path) as reader:
        kept = json.loads(reader[f"kept/Note/{note['id']}".encode()])
    assert kept["operations"][0]["entity_data"]["content"] == note["content"]


def test_a_commit_without_deletes_asks_for_nothing_to_keep(
    connected: CommandLine, server: Server, put: Put
) -> None:
    (shot,) = server.query("select description from Shot limit 1")
    update = Update("Shot", {"id": shot["id"]}, "description", "x", shot["description"])
    entry = put(update, server=server.url)
    assert connected("commit").returncode == 0
    (path,) = entry.path.parent.parent.glob("committed/*.dbm")
    with Batch(path) as batch:
        assert batch.preimages() == {}


def test_a_parent_comes_back_with_its_own_rows_and_its_lost_children_are_told(
    connected: CommandLine, server: Server, put: Put
) -> None:
    wanted = 'Shot where name is "sh030" and parent.name is "sq010"'
    (shot,) = server.query(f"select id from {wanted}")
    server.call(
        {"action": "create", "entity_type": "Metadata", "entity_data": {
            "parent_id": shot["id"], "parent_type": "Shot", "key": "mood", "value": "dark"}},
    )  # fmt: skip
    asked = (
        "select name, status_id, metadata.value, custom_attributes.value, incoming_links.from_id, "
        f"created_at from {wanted}"
    )
    (before,) = server.query(asked)
    tasks = f"Task where parent_id is '{shot['id']}'"
    number = len(server.query(tasks))
    entry = put(Delete("Shot", {"id": shot["id"]}), server=server.url)
    assert connected("commit").returncode == 0
    assert server.query(wanted) == []
    ran = connected("revert", entry.id, "--json", "--name", "again")
    assert ran.returncode == 0, ran.stderr
    assert f"not brought back: what went with Shot {shot['id']}: " in ran.stderr
    assert f"{number} in children" in ran.stderr
    document = json.loads(ran.stdout)
    assert (document["batch"]["name"], document["batch"]["state"]) == ("again", "pending")
    assert len(document["not_restored"]) == 1
    assert connected("commit", "again").returncode == 0
    (after,) = server.query(asked)
    assert _ordered(after, set()) == _ordered(before, set())
    assert server.query(tasks) == []


UNSEEN = [
    Update("Shot", {"id": "5f0c"}, "description", "new"),
    Update("Shot", {"id": "5f0c"}, "name", "new", old_value="old"),
    Delete("Note", {"id": "9"}),
]


def test_what_nobody_knows_the_former_value_of_is_named_and_left_out_only_on_request(
    trackteroid: CommandLine, put: Put, spool: Spool
) -> None:
    entry = put(*UNSEEN, state=State.COMMITTED, attempts=(LANDED,))
    ran = trackteroid("revert", "publish", "--json")
    refused(
        ran,
        1,
        what=f"batch {entry.id} (publish) cannot be reverted whole",
        why="Note 9 (what it was is not kept); Shot 5f0c (the former description is not recorded)",
        hint=f"`trackteroid revert {entry.id} --partial`",
    )
    assert [each.state for each in spool.entries()] == [State.COMMITTED]
    ran = trackteroid("revert", "publish", "--partial")
    assert ran.returncode == 0
    assert "not brought back: Note 9" in ran.stderr
    lines = trackteroid("inspect", "revert publish", "--jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"operation": "update", "entity_type": "Shot", "entity_key": {"id": "5f0c"},
         "attribute_name": "name", "old_value": "new", "new_value": "old"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [Create("Shot", {"id": "1"}, {"name": "a"}), Delete("Shot", {"id": "1"})],
    ],
    ids=["empty", "created and deleted again"],
)
def test_a_batch_that_left_nothing_has_nothing_to_take_back(
    trackteroid: CommandLine, put: Put, spool: Spool, operations: list[Operation]
) -> None:
    put(*operations, state=State.COMMITTED, attempts=(LANDED,))
    ran = trackteroid("revert", "publish")
    assert (ran.returncode, ran.stderr) == (0, "nothing to take back\n")
    assert len(spool.entries()) == 1
    assert trackteroid.json("revert", "publish", "--json") == {"batch": None, "not_restored": []}


def test_a_batch_that_is_not_committed_is_refused_with_what_to_do_instead(
    trackteroid: CommandLine, put: Put
) -> None:
    entry = put(describe("5f0c", "new"))
    refused(
        trackteroid("revert", "publish"),
        1,
        what=f"batch {entry.id} (publish) is not committed",
        why="nothing on the server to take back",
        hint=f"`trackteroid discard {entry.id}`",
    )
    refused(trackteroid("revert", "lost"), 4, what="there is no batch 'lost'")
    refused(trackteroid("revert"), 2, what="Missing argument")


def test_damage_to_what_was_kept_is_refused_with_the_name_of_the_file(
    trackteroid: CommandLine, put: Put
) -> None:
    entry = put(Delete("Note", {"id": "9"}), state=State.COMMITTED, attempts=(LANDED,))
    dbmfile.append(entry.path, [(b"kept/Note/9", b'{"operations": [{}]}')])
    refused(
        trackteroid("revert", "publish"),
        1,
        what=f"cannot read {entry.path}",
        why="what it keeps of deleted entities is damaged",
        hint="left as it is",
    )


def test_a_revert_does_not_overwrite_what_somebody_changed_since(
    connected: CommandLine, server: Server, put: Put
) -> None:
    (shot,) = server.query("select description from Shot limit 1")
    key = {"id": shot["id"]}
    put(Update("Shot", key, "description", "ours", shot["description"]), server=server.url)
    assert connected("commit").returncode == 0
    server.call({"action": "update", "entity_type": "Shot", "entity_key": [shot["id"]],
                 "entity_data": {"description": "theirs"}})  # fmt: skip
    assert connected("revert", "publish").returncode == 0
    ran = connected("inspect", "revert publish", "--check")
    assert ran.returncode == 3
    assert '"ours"\t"theirs"' in ran.stdout
    assert connected("commit").returncode == 3
