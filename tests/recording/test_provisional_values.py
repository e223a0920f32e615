"""What only the server decides is shown as it would be now, marked, and told if it differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.command_line import CommandLine, refused
from tests.support.faults import Fault, FaultyProxy, is_write
from tests.support.servers import Server
from tests.support.sessions import recorded
from trackteroid_cli.batches.spool import Spool

PUBLISH = """
import ftrack_api
session = ftrack_api.Session()
asset = session.query("Asset where versions.version > 0").first()
version = session.create("AssetVersion", {"asset": asset})
session.commit()
version["comment"] = f"see /renders/{asset['name']}_v{version['version']:03d}.exr"
session.commit()
print(version["version"])
"""


@pytest.fixture(params=["online", "offline"])
def record(request: pytest.FixtureRequest, connected: CommandLine) -> Callable[[str], str]:
    """Return a function that records code, and returns what it prints."""
    options = []
    if request.param == "offline":
        assert connected("replica", "pull", "--all-projects").returncode == 0
        options = ["--offline"]

    def run(code: str) -> str:
        ran = connected("record", *options, "-c", code)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def created(spool: Spool, entity_type: str) -> dict[str, Any]:
    """Return the create of *entity_type* in the batch that waits."""
    (entry,) = spool.entries()
    (found,) = (
        each
        for each in recorded(entry.path)
        if (each["operation"], each["entity_type"]) == ("create", entity_type)
    )
    return found


def test_a_version_number_that_the_script_read_is_marked_in_the_batch(
    record: Callable[[str], str], connected: CommandLine, server: Server, spool: Spool
) -> None:
    number = int(record(PUBLISH))
    create = created(spool, "AssetVersion")
    assert create["provisional"]["version"] == number
    assert "version" not in create["entity_data"]
    reviewed = connected("inspect", spool.entries()[0].id)
    assert "provisional: the server decides" in reviewed.stdout
    committed = connected("commit", "--json")
    assert committed.returncode == 0
    (result,) = json.loads(committed.stdout)["batches"]
    assert (result["provisional"], result["reason"]) == ([], None)
    assert committed.stderr == ""


def test_a_version_number_that_came_out_otherwise_is_told_with_what_was_written_with_it(
    record: Callable[[str], str], connected: CommandLine, server: Server, spool: Spool
) -> None:
    number = int(record(PUBLISH))
    asset_id = created(spool, "AssetVersion")["entity_data"]["asset"]["id"]
    server.create("AssetVersion", asset_id=asset_id)
    committed = connected("commit", "--quiet")
    assert committed.returncode == 0
    assert committed.stdout == ""
    assert f"was {number} when recorded, and is {number + 1} now" in committed.stderr
    assert f"see v{number:03d} in comment of AssetVersion" in committed.stderr
    assert f"is {number + 1} now" in connected("inspect", spool.entries()[0].id).stdout


def test_the_same_as_json(
    record: Callable[[str], str], connected: CommandLine, server: Server, spool: Spool
) -> None:
    number = int(record(PUBLISH))
    create = created(spool, "AssetVersion")
    server.create("AssetVersion", asset_id=create["entity_data"]["asset"]["id"])
    (result,) = json.loads(connected("commit", "--json").stdout)["batches"]
    assert result["outcome"] == "landed"
    (told,) = result["provisional"]
    assert told["label"]
    assert {**told, "label": ""} == {
        "entity_type": "AssetVersion",
        "entity_key": create["entity_key"],
        "attribute": "version",
        "recorded": number,
        "now": number + 1,
        "label": "",
    }


def test_it_is_told_after_a_lost_answer_too(
    connected: CommandLine, server: Server, spool: Spool, make_proxy: Callable[..., FaultyProxy]
) -> None:
    number = int(connected("record", "-c", PUBLISH).stdout)
    server.create(
        "AssetVersion", asset_id=created(spool, "AssetVersion")["entity_data"]["asset"]["id"]
    )
    lost = iter([Fault.DROP_AFTER])
    proxy = make_proxy(lambda _, body: next(lost, Fault.NONE) if is_write(body) else Fault.NONE)
    committed = connected("commit", "--server-changed", FTRACK_SERVER=proxy.url)
    assert committed.returncode == 0, committed.stderr
    assert Fault.DROP_AFTER in proxy.happened
    assert f"is {number + 1} now" in committed.stderr


def test_what_the_script_or_the_batch_sets_itself_is_not_provisional(
    record: Callable[[str], str], connected: CommandLine, spool: Spool
) -> None:
    record(
        "import ftrack_api\n"
        "session = ftrack_api.Session()\n"
        'shot = session.query("Shot").first()\n'
        'status = session.query("Status where name is Completed").one()\n'
        'task = session.create("Task", {"name": "given", "parent": shot, "status": status})\n'
        'later = session.create("Asset", {"name": "later", "parent": shot})\n'
        "session.commit()\n"
        'session.query("select status.name, type.name from Task where name is given").one()\n'
        'session.query("select type.name from Asset where name is later").one()\n'
        'later["type"] = session.query("AssetType").all()[-1]\n'
        "session.commit()\n"
    )
    assert "status" not in created(spool, "Task").get("provisional", {})
    committed = connected("commit", "--json")
    (result,) = json.loads(committed.stdout)["batches"]
    assert result["provisional"] == []


def test_a_batch_lands_although_the_server_does_not_tell_what_came_out(
    connected: CommandLine, spool: Spool, make_proxy: Callable[..., FaultyProxy]
) -> None:
    assert connected("record", "-c", PUBLISH).returncode == 0
    sent = []

    def after_the_batch(_: int, body: bytes) -> Fault:
        sent.append(is_write(body))
        return Fault.BAD_GATEWAY_AFTER if any(sent[:-1]) else Fault.NONE

    proxy = make_proxy(after_the_batch)
    environment = {"FTRACK_SERVER": proxy.url}
    committed = connected("commit", "--retries", "0", "--server-changed", **environment)
    assert committed.returncode == 0, committed.stderr
    assert "what the author read may have come out otherwise" in committed.stderr
    assert spool.entries()[0].state.value == "committed"


def test_a_change_that_names_a_side_effect_is_refused(
    connected: CommandLine, server: Server
) -> None:
    ran = connected(
        "record",
        "-c",
        "import ftrack_api\n"
        "session = ftrack_api.Session()\n"
        'shot = session.query("Shot where status.name is_not Completed").first()\n'
        'shot["status"] = session.query("Status where name is Completed").one()\n'
        "session.commit()\n"
        'change = session.query("TypedContextStatusChange where parent_id is "\n'
        "    f\"{shot['id']} order by date descending\").first()\n"
        'session.create("Metadata", {"key": "seen", "value": change["id"],\n'
        '    "parent_id": shot["id"], "parent_type": "Shot"})\n'
        "session.commit()\n",
    )
    refused(ran, 1, what="that names a TypedContextStatusChange", why="another id", hint="after")
    assert server.writes == []
