"""An offline session reads from the replica, sees what it records, and asks no server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ftrack_api
import pytest

from tests.offline.conftest import PULLED
from tests.support.command_line import CommandLine
from tests.support.servers import Server
from tests.support.sessions import close
from trackteroid_cli.errors import NotPulled, Offline, ServerUnreachable
from trackteroid_cli.session.session import Session

Connect = Callable[..., Session]


@pytest.fixture
def connect(pulled: CommandLine, server: Server) -> Iterator[Connect]:
    """Return a function that makes an offline session of `server`; it is given no key."""
    sessions: list[Session] = []
    server.requests.clear()

    def make(**arguments: Any) -> Session:
        arguments = {"server_url": server.url, "api_user": "demo", "offline": True, **arguments}
        sessions.append(Session(**arguments))
        return sessions[-1]

    yield make
    for session in sessions:
        close(session)


@pytest.fixture
def session(connect: Connect) -> Session:
    return connect()


def first_shot(session: Session) -> Any:
    return session.query(f'Shot where project.name is "{PULLED}" order by name').first()


def test_an_offline_session_reads_as_the_server_answers(server: Server, session: Session) -> None:
    shot = first_shot(session)
    (same,) = server.query(
        f'select name, status.name, parent.name from Shot where id is "{shot["id"]}"'
    )
    assert shot["status"]["name"] == same["status"]["name"]
    assert shot["parent"]["name"] == same["parent"]["name"]
    assert session.get("Shot", shot["id"]) is shot
    assert [each["name"] for each in session.query("Location")]
    assert session.server_url == server.url
    assert server.requests == []


def test_a_block_sees_its_commits_and_the_session_does_not_see_them_afterwards(
    session: Session, tmp_path: Path
) -> None:
    sequence = first_shot(session)["parent"]
    expression = f'Shot where name is "sh999" and parent_id is "{sequence["id"]}"'
    with session.deferred_operations(tmp_path / "batch.dbm"):
        shot = session.create("Shot", {"name": "sh999", "parent_id": sequence["id"]})
        assert session.query(expression).all() == []
        session.commit()
        assert session.query(expression).one() is shot
        assert shot["parent"] is sequence
        assert shot["project"]["name"] == PULLED
        asset = session.create("Asset", {"name": "comp", "parent": shot})
        session.commit()
        versions = []
        for _ in range(2):
            versions.append(session.create("AssetVersion", {"asset": asset}))
            session.commit()
        assert [each["version"] for each in versions] == [1, 2]
    assert session.query(expression).all() == []


def test_sessions_of_one_recording_see_each_others_commits(offline: Any) -> None:
    script = (
        "import ftrack_api\n"
        "one, other = ftrack_api.Session(), ftrack_api.Session()\n"
        "one.create('Scope', {'name': 'dailies'})\n"
        "one.commit()\n"
        "print(len(other.query('Scope where name is dailies').all()))\n"
    )
    ran = offline("record", offline.script(script))
    assert (ran.stdout, ran.returncode) == ("1\n", 0), ran.stderr


def test_entities_created_and_not_committed_can_be_queried(
    session: Session, tmp_path: Path
) -> None:
    sequence = first_shot(session)["parent"]
    file = tmp_path / "comp.exr"
    file.write_bytes(b"pixels")
    with session.deferred_operations(tmp_path / "batch.dbm"):
        shot = session.create("Shot", {"name": "sh999", "parent": sequence})
        assert session.query(f'Task where parent.id is "{shot["id"]}"').all() == []
        assert session.query(f'Shot where id is "{shot["id"]}"').all() == []
        component = session.create_component(str(file), location="auto")
        session.commit()
        locations = [each["location"]["name"] for each in component["component_locations"]]
        assert locations == ["ftrack.unmanaged"]


def test_requests_that_need_the_server_are_refused(server: Server, session: Session) -> None:
    first_shot(session)["description"] = "not recorded"
    with pytest.raises(Offline, match="cannot commit in an offline session"):
        session.commit()
    session.recorded_operations.clear()
    with pytest.raises(Offline, match="event hub"):
        session.event_hub.connect()
    with pytest.raises(Offline, match="cannot send an invitation offline"):
        session.call([{"action": "send_user_invite", "user_id": "x"}])
    with pytest.raises(Offline, match=r"cannot reach https://elsewhere\.example"):
        session._request.get("https://elsewhere.example/")
    assert server.requests == []


def test_an_offline_session_can_reconnect_online(server: Server, session: Session) -> None:
    shot = first_shot(session)
    shot["description"] = "from the plane"
    session.reconnect(offline=False, api_key=server.environment["FTRACK_API_KEY"])
    session.commit()
    (there,) = server.query(f'select description from Shot where id is "{shot["id"]}"')
    assert there["description"] == "from the plane"


def test_an_unknown_user_is_refused(connect: Connect) -> None:
    with pytest.raises(NotPulled, match="no active user 'nobody'"):
        connect(api_user="nobody")


def test_the_environment_makes_every_session_offline(
    pulled: CommandLine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**server.environment, "TRACKTEROID_OFFLINE": "1"}.items():
        monkeypatch.setenv(name, value)
    server.requests.clear()
    with Session() as session:
        assert session.query("Status").all()
    assert server.requests == []


def test_the_error_for_an_unreachable_server_mentions_the_replica(
    pulled: CommandLine, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from trackteroid_cli.offline import replicas as replica

    gone = "http://127.0.0.1:9"
    replica.folder(server.url).rename(replica.folder(gone))
    pulled.environment["FTRACK_SERVER"] = gone
    for command in (["query", "Shot"], ["record", "-c", "import ftrack_api; ftrack_api.Session()"]):
        refused = pulled(*command)
        assert refused.returncode == 75
        assert "add --offline: there is a replica, pulled" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_script_may_catch_what_ftrack_api_raises_for_an_unreachable_server() -> None:
    import requests

    with pytest.raises(requests.ConnectionError) as caught:
        Session(server_url="http://127.0.0.1:9", api_key="x", api_user="y")
    assert isinstance(caught.value, ServerUnreachable)
    assert ftrack_api.Session is not Session


def test_a_session_without_a_schema_cache_reads_the_schemas_of_the_replica(
    connect: Connect,
) -> None:
    assert first_shot(connect(schema_cache_path=False))["name"]


def test_an_offline_session_asks_the_server_for_no_file(server: Server, session: Session) -> None:
    """The official client asks for files past the session; a removal could not be taken back."""
    location = session.query('Location where name is "ftrack.server"').one()
    with pytest.raises(Offline, match="open a file"):
        location.accessor.open("any")
    with pytest.raises(Offline, match="remove a file"):
        location.accessor.remove("any")
