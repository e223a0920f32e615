"""Plug-ins that write while a session is made are recorded, and send nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scripts import plugins
from tests.support.command_line import CommandLine
from tests.support.servers import Server
from tests.support.sessions import Connect, kinds
from trackteroid_cli.batches.spool import Spool

CONNECT = "import ftrack_api\nsession = ftrack_api.Session()\n"


def plug_in(folder: Path, text: str) -> str:
    """Write a plug-in and return the folder to search."""
    path = folder / "plugins"
    path.mkdir(exist_ok=True)
    (path / "plugin.py").write_text(text)
    return str(path)


def recorded_kinds(spool: Spool) -> list[str]:
    return [kind for entry in spool.entries() for kind in kinds(entry.path)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (plugins.ON_READY, ["create Project"]),
        (plugins.FAILS_ON_READY, ["create Project"]),
        (plugins.ON_LOCATIONS, ["create Location"]),
    ],
    ids=["ready", "fails when ready", "locations"],
)
def test_what_a_plugin_commits_is_recorded(
    connected: CommandLine, server: Server, spool: Spool, text: str, expected: list[str]
) -> None:
    folder = plug_in(connected.folder, text)
    ran = connected(
        "record", "-c", CONNECT + "session.query('Shot').first()", FTRACK_EVENT_PLUGIN_PATH=folder
    )
    assert ran.returncode == 0, ran.stderr
    assert recorded_kinds(spool) == expected
    assert server.writes == []


def test_a_plugin_sees_what_it_recorded_and_the_script_adds_to_it(
    connected: CommandLine, server: Server, spool: Spool
) -> None:
    folder = plug_in(connected.folder, plugins.ON_READY)
    script = CONNECT + "session.query('Shot').first()['description'] = 'x'\nsession.commit()\n"
    ran = connected("record", "-c", script, FTRACK_EVENT_PLUGIN_PATH=folder)
    assert ran.returncode == 0, ran.stderr
    assert recorded_kinds(spool) == ["create Project", "update Shot"]
    assert server.writes == []


def test_a_session_that_a_plugin_prevents_leaves_the_others_usable(
    connected: CommandLine, server: Server, spool: Spool
) -> None:
    folder = plug_in(connected.folder, plugins.FAILS_ON_REGISTRATION)
    script = (
        "import ftrack_api, sys\n"
        "session = ftrack_api.Session(plugin_paths=[])\n"
        "try:\n    ftrack_api.Session()\n"
        "except RuntimeError as error:\n    print(error)\n"
        "session.query('Shot').first()['description'] = 'x'\nsession.commit()\n"
    )
    ran = connected("record", "-c", script, FTRACK_EVENT_PLUGIN_PATH=folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "of the plug-in\n"
    assert recorded_kinds(spool) == ["update Shot"]
    ran = connected("record", "-c", CONNECT, FTRACK_EVENT_PLUGIN_PATH=folder)
    assert ran.returncode == 1
    assert "of the plug-in" in ran.stderr
    assert server.writes == []


@pytest.mark.parametrize("text", [plugins.ON_READY, plugins.FAILS_ON_READY], ids=["ok", "fails"])
def test_plugins_that_run_again_while_a_session_defers(
    connect: Connect, server: Server, tmp_path: Path, text: str
) -> None:
    session = connect(plugin_paths=[plug_in(tmp_path, text)])
    server.requests.clear()
    shot = session.query("Shot").first()
    path = tmp_path / "batch.dbm"
    with session.deferred_operations(path):
        shot["description"] = "waits"
        session.reconnect()
        assert kinds_of(session) == ["UpdateEntityOperation"]
        session.rollback()
        shot["description"] = "recorded"
    assert server.writes == []
    assert kinds(path) == ["create Project", "update Shot"]


def kinds_of(session: object) -> list[str]:
    return [type(each).__name__ for each in session.recorded_operations]  # type: ignore[attr-defined]


def test_what_plugins_leave_uncommitted_when_they_run_again_waits_for_the_next_commit(
    connect: Connect, server: Server, tmp_path: Path
) -> None:
    uncommitted = plugins.ON_READY.replace("    session.commit()\n", "")
    session = connect(plugin_paths=[plug_in(tmp_path, uncommitted)])
    session.recorded_operations.clear()
    shot = session.query("Shot").first()
    path = tmp_path / "batch.dbm"
    with session.deferred_operations(path):
        shot["description"] = "first"
        session.reconnect()
    assert kinds(path) == ["update Shot", "create Project"]
    assert server.writes == []
