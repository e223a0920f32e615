"""Scripts recorded without a network see the replica and the batches recorded before."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.offline.conftest import NOT_PULLED, PULLED, Offline
from tests.support.command_line import CommandLine
from tests.support.servers import Server, contents

#: Ids are made from names, so that two runs make the same entities.
BEGINNING = """
import uuid, ftrack_api
session = ftrack_api.Session()

def made(entity_type, called, **data):
    key = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{entity_type} {called}"))
    return session.create(entity_type, {"id": key, **data})
"""

LAYOUT = """
project = session.query('Project where name is "salt_and_ember"').one()
sought = {"name": "sq700", "parent_id": project["id"]}
key = str(uuid.uuid5(uuid.NAMESPACE_DNS, "sq700"))
sequence = session.ensure("Sequence", {"id": key, **sought}, list(sought))
for name in ("sh010", "sh020"):
    shot = made("Shot", name, name=name, parent=sequence)
    shot["custom_attributes"]["fstart"] = 1001
    shot["metadata"]["camera"] = "A"
session.commit()
assert session.ensure("Sequence", sought) is sequence
print(shot["status"]["name"], shot["parent"]["name"], len(sequence["children"]))
"""

TASKS = """
user = session.query('User where username is "hanna.vidal"').one()
kind = session.query('Type where name is "Compositing"').one()
for shot in session.query('Shot where parent.name is "sq700" order by name'):
    assert shot["parent"]["parent"]["name"] == "salt_and_ember"
    task = made("Task", shot["name"], name="comp", parent=shot, type=kind)
    made("Appointment", shot["name"], context=task, resource=user, type="assignment")
    camera = shot["metadata"]["camera"]
    shot["description"] = f"{shot['name']} of {shot['parent']['name']}, {camera}"
session.commit()
"""

PUBLISH = """
task = session.query(
    'Task where name is "comp" and parent.name is "sh010" and parent.parent.name is "sq700"'
).one()
task["status"] = session.query('Status where name is "In progress"').one()
kind = session.query("AssetType order by name").first()
asset = made("Asset", "comp", name="comp", parent=task["parent"], type=kind)
session.commit()
for comment in ("first", "second"):
    made("AssetVersion", comment, asset=asset, task=task, comment=comment)
    session.commit()
task["parent"]["description"] = "published: " + task["parent"]["description"]
session.commit()
names = [each["resource"]["username"] for each in task["assignments"]]
print(names, task["parent"]["custom_attributes"]["fstart"])
"""


def scripts(folder: CommandLine) -> list[Path]:
    return [
        folder.script(BEGINNING + text, f"{name}.py")
        for name, text in {"layout": LAYOUT, "tasks": TASKS, "publish": PUBLISH}.items()
    ]


def test_scripts_recorded_offline_have_the_result_of_a_run_online(
    make_server: Callable[[], Server], server: Server, pulled: CommandLine, offline: Offline
) -> None:
    direct = make_server()
    folders = dict.fromkeys(("HOME", "FTRACK_API_SCHEMA_CACHE_PATH"), str(pulled.folder))
    server.requests.clear()
    for script in scripts(pulled):
        online = pulled.python(script, **direct.environment, **folders)
        assert online.returncode == 0, online.stderr
        recorded = offline("record", script)
        assert recorded.returncode == 0, recorded.stderr
        assert recorded.stdout == online.stdout
    assert server.requests == []

    found = offline("query", 'select parent.name from Task where parent.parent.name is "sq700"')
    assert found.stdout.split() == ["sh010", "sh020"]
    shown = offline("inspect", "publish").stdout
    assert "salt_and_ember / sq700 / sh010 / comp" in shown

    committed = pulled("commit")
    assert committed.returncode == 0, committed.stderr
    assert contents(server) == contents(direct)


def test_the_header_of_an_offline_batch_has_the_batches_it_needs_and_the_age_of_the_replica(
    offline: Offline,
) -> None:
    for script in scripts(offline):
        assert offline("record", script).returncode == 0
    unrelated = 'session.create("Scope", {"name": "dailies"}); session.commit()'
    assert offline("record", offline.script(BEGINNING + unrelated)).returncode == 0
    layout, tasks, publish, script = offline.json("inspect", "--json")
    assert layout["built_on"] == script["built_on"] == []
    assert tasks["built_on"] == [layout["id"]]
    assert publish["built_on"] == [layout["id"], tasks["id"]]
    holdings = offline.json("replica", "status", "--json")
    assert layout["replica"] == holdings["pulled"]


def test_inspect_shows_that_a_batch_was_recorded_offline_and_what_it_is_built_on(
    offline: Offline,
) -> None:
    for script in scripts(offline):
        recorded = offline("record", script)
        assert re.search(r", as seen in a replica pulled .+; nothing was sent", recorded.stderr)
    layout, tasks, publish = (each["id"] for each in offline.json("inspect", "--json"))

    shown = offline("inspect", "publish").stdout
    assert re.search(r"^\s+offline\s.*a replica that was pulled .+ before", shown, re.M)
    assert f"{layout} (layout, pending), {tasks} (tasks, pending)" in shown

    *_, top, below, lowest = offline.on_terminal("inspect", NO_COLOR="1").splitlines()
    assert top.rstrip() == f"{layout}  layout  pending"
    assert below.rstrip() == f"\u2514\u2500\u2500 {tasks}  tasks  pending"
    assert lowest.strip() == (f"\u2514\u2500\u2500 {publish}  publish  pending  also on {layout}")


def test_a_batch_waits_for_the_one_that_it_is_built_on(
    pulled: CommandLine, offline: Offline
) -> None:
    for script in scripts(offline):
        assert offline("record", script).returncode == 0
    waits = pulled("commit", "tasks")
    assert waits.returncode == 1
    assert "it was built on" in waits.stderr
    assert "(layout), which has not landed" in waits.stderr
    assert pulled("commit", "layout", "tasks", "publish").returncode == 0


def test_a_batch_waits_for_a_discarded_one_to_be_restored(
    pulled: CommandLine, offline: Offline
) -> None:
    for script in scripts(offline)[:2]:
        assert offline("record", script).returncode == 0
    assert pulled("discard", "layout").returncode == 0
    waits = pulled("commit")
    assert waits.returncode == 1
    assert "which was discarded" in waits.stderr
    assert "discard --restore" in waits.stderr
    assert pulled("discard", "--restore", "layout").returncode == 0
    assert pulled("commit").returncode == 0


def test_without_pending_a_recording_sees_only_the_replica(offline: Offline) -> None:
    layout, tasks, _ = scripts(offline)
    assert offline("record", layout).returncode == 0
    expression = 'Sequence where name is "sq700" and project.name is "salt_and_ember"'
    assert offline("query", expression, "--format", "ids").stdout.count("\n") == 1
    assert offline("query", "--without-pending", expression).stdout == ""
    recorded = offline("record", "--without-pending", tasks)
    assert recorded.returncode == 4
    assert "does not hold every Shot that the query may mean" in recorded.stderr


def test_batches_committed_since_the_pull_are_visible(
    pulled: CommandLine, offline: Offline
) -> None:
    layout, tasks, _ = scripts(offline)
    assert offline("record", layout).returncode == 0
    assert pulled("commit").returncode == 0
    recorded = offline("record", tasks)
    assert recorded.returncode == 0, recorded.stderr
    assert pulled("commit").returncode == 0
    assert pulled("replica", "pull").returncode == 0
    found = offline("query", 'select name from Task where parent.parent.name is "sq700"')
    assert found.stdout.split() == ["comp", "comp"]


def test_a_conflict_says_how_old_the_replica_was_that_the_author_saw(
    server: Server, pulled: CommandLine, offline: Offline
) -> None:
    script = BEGINNING + (
        'shot = session.query(\'Shot where name is "sh010" and parent.name is "sq010"\').first()\n'
        'shot["description"] = "from the plane"\n'
        "session.commit()\n"
    )
    assert offline("record", offline.script(script)).returncode == 0
    (shot,) = server.query('Shot where name is "sh010" and parent.name is "sq010" limit 1')
    server.call(
        {
            "action": "update",
            "entity_type": "Shot",
            "entity_key": [shot["id"]],
            "entity_data": {"description": "from the office"},
        }
    )
    held = pulled("commit")
    assert held.returncode == 3
    assert "from the office" in held.stderr
    assert "the author saw a replica that was pulled" in held.stderr


def test_a_batch_about_data_that_is_not_held_is_left_out_with_a_warning(
    server: Server, pulled: CommandLine, offline: Offline
) -> None:
    script = BEGINNING + (
        "shot = session.query('Shot where project.name is \"brightwater\"').first()\n"
        'session.create("Task", {"name": "elsewhere", "parent": shot})\n'
        "session.commit()\n"
    )
    assert pulled("record", pulled.script(script, "elsewhere.py")).returncode == 0
    found = offline("query", "Shot", "--limit", "1")
    assert found.returncode == 0
    assert "(elsewhere) is not seen offline" in found.stderr
    silent = offline("query", "--without-pending", "Shot", "--limit", "1")
    assert "elsewhere" not in silent.stderr


def test_a_script_that_closes_its_session_records_the_same_batch(offline: Offline) -> None:
    layout, _, _ = scripts(offline)
    assert offline("record", layout).returncode == 0
    text = (
        "import ftrack_api\n"
        "with ftrack_api.Session() as session:\n"
        "    shot = session.query('Shot where parent.name is sq700 and name is sh010').one()\n"
        "    shot['description'] = 'set without having been read'\n"
        "    session.commit()\n"
    )
    recorded = offline("record", offline.script(text, "closes.py"))
    assert recorded.returncode == 0, recorded.stderr
    batch = offline.json("inspect", "closes", "--json")
    assert batch["built_on"] == [offline.json("inspect", "layout", "--json")["id"]]
    assert batch["replica"]
    assert [each["old_value"] for each in batch["operations"]] == [""]
    assert "salt_and_ember / sq700 / sh010" in offline("inspect", "closes").stdout


def test_a_committed_batch_is_visible_after_a_pull_of_another_project(
    server: Server, pulled: CommandLine, offline: Offline
) -> None:
    layout, _, _ = scripts(offline)
    assert offline("record", layout).returncode == 0
    assert pulled("commit").returncode == 0
    assert pulled("replica", "pull", "--project", NOT_PULLED).returncode == 0
    found = offline("query", 'Shot where parent.name is "sq700"', "--format", "ids")
    assert found.stdout.count("\n") == 2
    # A batch that landed before does not hide a later change of somebody else.
    (shot,) = server.query('Shot where parent.name is "sq700" and name is "sh010"')
    assert pulled("replica", "pull", "--project", PULLED).returncode == 0
    server.call({"action": "delete", "entity_type": "Shot", "entity_key": [shot["id"]]})
    assert pulled("replica", "pull", "--project", PULLED).returncode == 0
    found = offline("query", 'Shot where parent.name is "sq700"', "--format", "ids")
    assert found.stdout.count("\n") == 1


def test_a_committed_batch_does_not_hide_what_an_expression_pulled_later(
    server: Server, pulled: CommandLine, offline: Offline
) -> None:
    """Neither a later change of the entity, nor that an entity of the batch is gone."""
    (shot,) = server.query(f'Shot where project.name is "{NOT_PULLED}" and name is "sh010"')
    expression = f'select description from Shot where id is "{shot["id"]}"'
    assert pulled("replica", "pull", expression).returncode == 0
    script = BEGINNING + (
        f"shot = session.get('Shot', '{shot['id']}')\n"
        "shot['description'] = 'mine'\n"
        "session.create('Note', {'id': 'my-note', 'content': 'mine', 'parent_id': shot['id'],\n"
        "                        'parent_type': 'Shot'})\n"
        "session.commit()\n"
    )
    assert pulled("record", pulled.script(script)).returncode == 0
    assert pulled("commit").returncode == 0
    notes = f'Note where parent_id is "{shot["id"]}" and content is mine'
    assert "mine" in offline("query", expression).stdout
    assert "my-note" in offline("query", notes, "--format", "ids").stdout
    server.call(
        {
            "action": "update",
            "entity_type": "Shot",
            "entity_key": [shot["id"]],
            "entity_data": {"description": "theirs"},
        },
        {"action": "delete", "entity_type": "Note", "entity_key": ["my-note"]},
    )
    assert pulled("replica", "pull", expression).returncode == 0
    seen = offline("query", expression).stdout
    assert "theirs" in seen
    assert "mine" not in seen
    assert offline("query", notes, "--format", "ids").stdout == ""


def test_without_pending_what_was_committed_since_the_pull_is_seen(
    pulled: CommandLine, offline: Offline
) -> None:
    layout, tasks, _ = scripts(offline)
    assert offline("record", layout).returncode == 0
    assert pulled("commit").returncode == 0
    assert offline("record", tasks).returncode == 0
    shots = offline("query", "--without-pending", 'Shot where parent.name is "sq700"')
    assert shots.stdout.count("\n") == 2
    waiting = 'Task where parent.name is "sh010" and parent.parent.name is "sq700"'
    assert offline("query", waiting).stdout.count("\n") == 1
    assert offline("query", "--without-pending", waiting).stdout == ""


def test_operations_left_out_of_a_commit_are_not_visible(
    server: Server, pulled: CommandLine, offline: Offline
) -> None:
    (shot,) = server.query('Shot where name is "sh010" and parent.name is "sq010" limit 1')
    script = BEGINNING + (
        f"session.get('Shot', '{shot['id']}')['description'] = 'mine'\nsession.commit()\n"
    )
    assert offline("record", offline.script(script)).returncode == 0
    update = {"action": "update", "entity_type": "Shot", "entity_key": [shot["id"]]}
    server.call({**update, "entity_data": {"description": "theirs"}})
    assert pulled("commit", "--on-conflict", "skip").returncode == 0
    seen = offline("query", f'select description from Shot where id is "{shot["id"]}"')
    assert "mine" not in seen.stdout
