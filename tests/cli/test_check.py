"""`trackteroid inspect --check`: a batch compared with what the server holds now."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.batches import Put, describe
from tests.support.command_line import CommandLine, refused
from tests.support.servers import Server
from trackteroid_cli.batches.operations import Create, Update
from trackteroid_cli.batches.spool import Entry, Spool, State


def shots(server: Server) -> list[dict[str, Any]]:
    """Return some shots with what the tests change."""
    return server.query(
        'select id, name, description, status_id from Shot where parent.name is "sq010" '
        "order by name"
    )


def status(server: Server, name: str) -> dict[str, str]:
    """Return the reference to a status."""
    (found,) = server.query(f'select id from Status where name is "{name}"')
    return {"__entity_type__": "Status", "id": found["id"]}


def change(server: Server, shot: dict[str, Any], **data: Any) -> None:
    """Change a shot behind the batch's back."""
    server.call(
        {"action": "update", "entity_type": "Shot", "entity_key": [shot["id"]], "entity_data": data}
    )


def put_updates(put: Put, server: Server) -> Entry:
    """Put a batch that describes three shots and completes one; change one of each since."""
    first, second, third, *_ = shots(server)
    before = {"__entity_type__": "Status", "id": first["status_id"]}
    entry = put(
        Update("Shot", {"id": first["id"]}, "description", "ours", first["description"]),
        Update("Shot", {"id": second["id"]}, "description", "ours", second["description"]),
        Update("Shot", {"id": third["id"]}, "description", "ours", third["description"]),
        Update("Shot", {"id": first["id"]}, "status", status(server, "Completed"), before),
        server=server.url,
    )
    change(server, second, description="theirs")
    change(server, third, description="ours")
    change(server, first, status=status(server, "On Hold"))
    return entry


def test_conflicts_are_lines_of_recorded_now_and_wanted_then_a_verdict(
    connected: CommandLine, server: Server, put: Put
) -> None:
    entry = put_updates(put, server)
    first, second, *_ = shots(server)
    ran = connected("inspect", entry.id, "--check")
    assert ran.returncode == 3, ran.stderr
    assert ran.stderr == ""
    *lines, verdict = ran.stdout.splitlines()
    rows = sorted(line.split("\t") for line in lines)
    assert verdict == "2 conflicts; 1 of 4 operations is on the server already"
    described, completed = sorted(rows, key=lambda row: row[1])
    assert described[:2] == [f"Shot {second['id']}", "description"]
    assert described[3:] == ['"theirs"', '"ours"']
    assert completed[:2] == [f"Shot {first['id']}", "status"]
    # The batch knows no names; the server is asked for that of what it has.
    assert completed[3] == "On Hold"
    assert server.writes == []


def test_a_terminal_gets_a_table(connected: CommandLine, server: Server, put: Put) -> None:
    put_updates(put, server)
    shown = connected.on_terminal("inspect", "publish", "--check", status=3)
    for heading in ("ENTITY", "ATTRIBUTE", "RECORDED", "NOW", "WANTED"):
        assert heading in shown
    assert "2 conflicts; 1 of 4 operations is on the server already" in shown


def test_json_has_the_conflicts_beside_the_batch(
    connected: CommandLine, server: Server, put: Put
) -> None:
    entry = put_updates(put, server)
    _, second, *_ = shots(server)
    ran = connected("inspect", entry.id, "--check", "--json")
    assert ran.returncode == 3
    document = json.loads(ran.stdout)
    assert document["id"] == entry.id
    assert len(document["operations"]) == 4
    (described,) = [each for each in document["conflicts"] if each["attribute"] == "description"]
    recorded = described.pop("recorded")
    assert isinstance(recorded, str)
    assert described.pop("text").startswith(f"description of Shot {second['id']} was ")
    assert described == {
        "entity_type": "Shot",
        "entity_key": {"id": second["id"]},
        "label": second["id"],
        "attribute": "description",
        "now": "theirs",
        "wanted": "ours",
        "problem": "changed",
        "other": None,
    }


def test_without_conflicts_the_verdict_is_all_there_is(
    connected: CommandLine, server: Server, put: Put
) -> None:
    (shot, *_) = shots(server)
    put(Update("Shot", {"id": shot["id"]}, "name", "sh999", shot["name"]), server=server.url)
    ran = connected("inspect", "publish", "--check")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "no conflicts; 0 of 1 operation is on the server already\n"
    assert connected.json("inspect", "publish", "--check", "--json")["conflicts"] == []


def test_a_committed_batch_shows_what_changed_since(
    connected: CommandLine, server: Server, put: Put
) -> None:
    (shot, *_) = shots(server)
    project = server.query('select id from Project where name is "salt_and_ember"')[0]
    parent = {"__entity_type__": "Project", "id": project["id"]}
    new = Create("Sequence", {"id": "5e900000-0000-4000-8000-000000000001"},
                 {"name": "sq900", "parent": parent})  # fmt: skip
    update = Update("Shot", {"id": shot["id"]}, "description", "ours", shot["description"])
    put(new, update, server=server.url)
    assert connected("commit").returncode == 0
    ran = connected("inspect", "publish", "--check")
    assert ran.returncode == 0
    assert ran.stdout == "no conflicts; 2 of 2 operations are on the server already\n"
    change(server, shot, description="theirs")
    ran = connected("inspect", "publish", "--check")
    assert ran.returncode == 3
    assert '"theirs"\t"ours"' in ran.stdout


@pytest.mark.parametrize("kind", ["custom attribute", "metadata"])
def test_a_conflict_names_what_a_custom_attribute_or_metadata_is_of(
    connected: CommandLine, server: Server, put: Put, kind: str
) -> None:
    (shot, *_) = shots(server)
    if kind == "metadata":
        server.create("Metadata", parent_id=shot["id"], parent_type="Shot", key="mood", value="x")
        put(
            Update("Metadata", {"parent_id": shot["id"], "key": "mood"}, "value", "dark", "light"),
            server=server.url,
        )
    else:
        (fend,) = server.query("select id from CustomAttributeConfiguration where key is fend")
        key = {"configuration_id": fend["id"], "entity_id": shot["id"]}
        put(Update("ContextCustomAttributeValue", key, "value", 7, 5), server=server.url)
    name = {"metadata": "metadata.mood", "custom attribute": "custom_attributes.fend"}[kind]
    whose = f"Shot salt_and_ember / sq010 / {shot['name']}"
    ran = connected("inspect", "publish", "--check")
    assert ran.returncode == 3, ran.stderr
    assert ran.stdout.splitlines()[0].split("\t")[:2] == [whose, name]
    assert f"{name} of {whose} was" in connected("commit").stderr


def test_an_entity_to_be_created_is_said_to_exist_already(
    connected: CommandLine, server: Server, put: Put
) -> None:
    (shot, *_) = shots(server)
    put(Create("Shot", {"id": shot["id"]}, {"name": "sh999"}), server=server.url)
    ran = connected("inspect", "publish", "--check")
    assert "\t".join(["name", "(not there)", f'"{shot["name"]}"', '"sh999"']) in ran.stdout
    ran = connected("commit")
    assert ran.returncode == 3
    assert (
        "Shot sh999, which should be created, exists already: its name is "
        f'"{shot["name"]}", and should be "sh999"'
    ) in ran.stderr


def test_each_conflict_of_a_batch_that_is_held_back_is_a_line(
    connected: CommandLine, server: Server, put: Put
) -> None:
    tasks = server.query("select id from Task limit 30")
    updates = (Update("Task", {"id": each["id"]}, "bid", 1, -1) for each in tasks)
    put(*updates, server=server.url)
    ran = connected("commit")
    assert ran.returncode == 3
    lines = [line.split(" of Task ")[0] for line in ran.stderr.splitlines()]
    assert lines[1] == "  why: bid"
    assert lines[2:21] == ["       bid"] * 19
    assert lines[21] == "       and 10 more"
    # The reason in a list is one text, and short.
    (summary,) = connected.json("inspect", "--json")
    assert summary["reason"].endswith("; and 27 more")


def test_what_is_gone_is_said_to_be(connected: CommandLine, server: Server, put: Put) -> None:
    put(describe("5f0c0000-0000-4000-8000-000000000000", "new"), server=server.url)
    ran = connected("inspect", "publish", "--check")
    assert ran.returncode == 3
    assert ran.stdout.splitlines()[0].split("\t")[1:] == [
        "description", '""', "(the entity is gone)", '"new"',
    ]  # fmt: skip


def test_a_batch_of_another_server_is_refused(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    put(describe("5f0c", "new"), server="https://other.example.com")
    refused(
        connected("inspect", "publish", "--check", "--json"),
        1,
        what="is for another server",
        why="recorded against https://other.example.com",
    )
    assert server.requests == []
    assert spool.find("publish").state is State.PENDING


def test_a_server_is_needed_and_so_is_a_batch(trackteroid: CommandLine, put: Put) -> None:
    put(describe("5f0c", "new"))
    refused(trackteroid("inspect", "--check"), 2, what="--check", hint="name the batch")
    refused(trackteroid("inspect", "publish", "--check", "--jsonl"), 2, what="--jsonl")
    refused(trackteroid("inspect", "publish", "--check"), 78, what="", hint="FTRACK_SERVER")
    refused(
        trackteroid(
            "inspect", "publish", "--check", FTRACK_SERVER="http://127.0.0.1:9",
            FTRACK_API_KEY="x", FTRACK_API_USER="ada",
        ),
        75,
        what="cannot reach",
    )  # fmt: skip
