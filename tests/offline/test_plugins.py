"""Plug-ins that write while an offline session is made are recorded."""

from __future__ import annotations

import pytest

from tests.offline.conftest import Offline
from tests.recording.test_plugins import CONNECT, plug_in, recorded_kinds
from tests.scripts import plugins
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.enclosures.follow_ups import Kind
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


def test_what_a_plugin_publishes_offline_is_recorded(offline: Offline, spool: Spool) -> None:
    folder = plug_in(
        offline.folder,
        "import ftrack_api.event.base\n"
        "def register(session):\n"
        "    session.event_hub.connect()\n"
        "    event = ftrack_api.event.base.Event('studio.started', data={'by': 'a plug-in'})\n"
        "    print(session.event_hub.connected, session.event_hub.publish(event))\n"
        "    try:\n        session.event_hub.wait(1)\n"
        "    except Exception as error:\n        print(error)\n",
    )
    ran = offline("record", "-c", CONNECT, FTRACK_EVENT_PLUGIN_PATH=folder)
    assert ran.stdout.startswith("True None\ncannot wait for events offline: "), ran.stderr
    with Batch(spool.entries()[0].path) as batch:
        (event,) = batch.follow_ups()
    assert (event.kind, event.data["topic"]) == (Kind.PUBLISH, "studio.started")
    assert event.data["data"] == {"by": "a plug-in"}
