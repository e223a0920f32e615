"""A script that makes raw calls is recorded, and leaves the server as a direct run does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.recording.test_plugins import plug_in
from tests.scripts import plugins
from tests.support.command_line import CommandLine
from tests.support.servers import Server
from tests.support.sessions import recorded
from trackteroid_cli.batches.spool import Spool

SCRIPT = Path(__file__).parents[1] / "scripts" / "raw_calls.py"

SHOWN = "select id, name, description, sort, parent_id from Shot order by id"


def task(server: Server) -> dict[str, Any]:
    """Return the task of the script, whose id the script leaves open."""
    names = "start_date, end_date, parent_id, sort"
    (found,) = server.query(f'select {names} from Task where name is "raw"')
    return {name: value for name, value in found.items() if name != "id"}


def test_raw_calls_are_recorded_as_they_are_done_directly(
    connected: CommandLine, make_server: Callable[[], Server], server: Server
) -> None:
    twin = make_server()
    directly = connected.python(SCRIPT, **twin.environment)
    assert directly.returncode == 0, directly.stderr
    ran = connected("record", SCRIPT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == directly.stdout
    assert server.writes == []
    committed = connected("commit")
    assert committed.returncode == 0, committed.stderr
    assert server.query(SHOWN) == twin.query(SHOWN)
    assert task(server) == task(twin)


def test_a_plugin_may_call_while_it_is_registered(
    connected: CommandLine, server: Server, spool: Spool
) -> None:
    folder = plug_in(connected.folder, plugins.ON_REGISTRATION)
    note = server.query("select id from Note")[0]["id"]
    ran = connected(
        "record",
        "-c",
        "import ftrack_api; ftrack_api.Session()",
        FTRACK_EVENT_PLUGIN_PATH=folder,
        NOTE=note,
    )
    assert ran.returncode == 0, ran.stderr
    (entry,) = spool.entries()
    (document,) = recorded(entry.path)
    assert (document["operation"], document["entity_key"]) == ("delete", {"id": note})
    assert server.writes == []
