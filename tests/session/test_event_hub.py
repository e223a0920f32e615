"""The event hub of a session: that of the server, and none of a sandbox in this process."""

from __future__ import annotations

from pathlib import Path

import ftrack_api
import pytest
from ftrack_api.event.base import Event

from tests.support.command_line import CommandLine
from tests.support.hub_clients import RawClient
from tests.support.sessions import Connect
from trackteroid_cli.errors import ServerUnreachable
from trackteroid_cli.session.session import Session


@pytest.fixture
def sandbox(home: Path, demo_database: Path) -> str:
    """The address of a sandbox in this process."""
    folder = home / "sandboxes"
    folder.mkdir(parents=True)
    (folder / "demo.sqlite").write_bytes(demo_database.read_bytes())
    return "sandbox://demo"


def test_a_session_connects_to_the_hub_of_its_server_if_asked(connect: Connect) -> None:
    session = connect(auto_connect_event_hub=True)
    with RawClient(session.server_url) as listener:
        assert listener.subscribe("topic=studio.news")["success"]
        session.event_hub.publish(Event("studio.news", data={"n": 1}))
        assert listener.hear_event()["data"] == {"n": 1}


def test_a_sandbox_in_process_says_that_it_has_no_hub_and_what_to_do(sandbox: str) -> None:
    with Session(server_url=sandbox) as session:
        with pytest.raises(ServerUnreachable) as raised:
            session.event_hub.connect()
        assert isinstance(raised.value, ftrack_api.exception.EventHubConnectionError)
        assert raised.value.what == f"cannot connect to the event hub in {sandbox}"
        assert "in this process" in raised.value.why
        assert "trackteroid sandbox serve demo" in raised.value.hint


def test_a_session_of_a_sandbox_in_process_that_is_to_connect_warns_and_goes_on(
    sandbox: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Session(server_url=sandbox, auto_connect_event_hub=True) as session:
        assert "trackteroid sandbox serve demo" in caplog.text
        assert session.query("Shot").first() is not None
        with pytest.raises(ftrack_api.exception.EventHubConnectionError):
            session.event_hub.publish(Event("studio.news"))


def test_what_is_published_in_a_recording_for_a_sandbox_in_process_is_kept(
    sandbox: str, trackteroid: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(
        "import ftrack_api\n"
        "session = ftrack_api.Session()\n"
        "session.event_hub.connect()\n"
        "session.event_hub.publish(ftrack_api.event.base.Event('studio.news'))\n"
        "try:\n"
        "    session.event_hub.wait(0.1)\n"
        "except ftrack_api.exception.EventHubConnectionError as error:\n"
        "    print(error)\n"
        "session.query('Shot').first()['description'] = 'published'\n"
        "session.commit()\n"
    )
    recorded = trackteroid("--sandbox", "record", str(tmp_path / "script.py"))
    assert recorded.returncode == 0, recorded.stderr
    assert recorded.stdout.startswith("cannot wait for events in sandbox://demo: ")
    assert "1 follow-up" in recorded.stderr
