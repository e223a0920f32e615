"""Plug-ins that write while an offline session is made are recorded."""

from __future__ import annotations

import pytest

from tests.offline.conftest import Offline
from tests.recording.test_plugins import CONNECT, plug_in, recorded_kinds
from tests.scripts import plugins
from trackteroid_cli.batches.spool import Spool


@pytest.mark.parametrize(
    ("text", "created", "name"),
    [
        (plugins.ON_READY, "Project", "by_plugin"),
        (plugins.FAILS_ON_READY, "Project", "by_plugin"),
        (plugins.ON_LOCATIONS, "Location", "studio.by_plugin"),
    ],
    ids=["ready", "fails when ready", "locations"],
)
def test_what_a_plugin_commits_offline_is_recorded_and_seen(
    offline: Offline, spool: Spool, text: str, created: str, name: str
) -> None:
    folder = plug_in(offline.folder, text)
    script = CONNECT + f"print(session.query('{created} where name is \"{name}\"').one()['name'])\n"
    ran = offline("record", "-c", script, FTRACK_EVENT_PLUGIN_PATH=folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"{name}\n"
    assert recorded_kinds(spool) == [f"create {created}"]


def test_a_plugin_cannot_connect_to_the_event_hub_offline(offline: Offline) -> None:
    folder = plug_in(
        offline.folder,
        "def register(session):\n"
        "    try:\n        session.event_hub.connect()\n"
        "    except Exception as error:\n        print(error)\n",
    )
    ran = offline("record", "-c", CONNECT, FTRACK_EVENT_PLUGIN_PATH=folder)
    assert "cannot connect to the event hub" in ran.stdout, ran.stderr
