"""Creating a session: the cost of the import, ftrack's own arguments, and a quiet stderr."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ftrack_api
import ftrack_api.cache
import ftrack_api.exception
import pytest

import trackteroid_cli
from tests.support.servers import Server
from tests.support.sessions import Connect
from trackteroid_cli.errors import NotConfigured
from trackteroid_cli.session.default_session import DefaultSession
from trackteroid_cli.session.session import Session


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_the_package_loads_nothing_heavy() -> None:
    ran = python(
        "import sys, trackteroid_cli\n"
        "print([name for name in ('ftrack_api', 'requests', 'lark') if name in sys.modules])"
    )
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_the_default_session_connects_on_first_use(server: Server) -> None:
    code = (
        "from trackteroid_cli import SESSION, Session\n"
        "assert isinstance(SESSION, Session)\n"
        "print(repr(SESSION)[:1], flush=True)\n"
        "input()\n"
        "print(SESSION.query('Project').first()['name'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **server.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "<\n"
        assert server.requests == []
        out, err = child.communicate("\n")
    assert out.strip() in ("salt_and_ember", "brightwater")
    assert err == ""


def test_the_default_session_tries_again_after_a_failure(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = DefaultSession()
    with pytest.raises(NotConfigured, match="FTRACK_SERVER"):
        session.query("Project")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    assert len(session.query("Project").all()) == 2
    with pytest.raises(AttributeError, match="no_such"):
        session.no_such  # noqa: B018
    session.close()


def test_the_package_exports_the_names_that_it_lists() -> None:
    assert all(hasattr(trackteroid_cli, name) for name in trackteroid_cli.__all__)
    assert trackteroid_cli.SESSION is trackteroid_cli.SESSION
    assert trackteroid_cli.Session is Session
    with pytest.raises(AttributeError, match="no_such"):
        trackteroid_cli.no_such  # noqa: B018


def test_arguments_are_ftracks_own_in_order_and_ours_by_keyword() -> None:
    ours, theirs = inspect.signature(Session), inspect.signature(ftrack_api.Session)
    parameters = list(ours.parameters.values())
    assert parameters[: len(theirs.parameters)] == list(theirs.parameters.values())
    added = parameters[len(theirs.parameters) :]
    assert {each.kind for each in added} == {inspect.Parameter.KEYWORD_ONLY}


def test_arguments_can_be_given_by_position(server: Server, schemas: Path) -> None:
    session = Session(server.url, "demo-key", "demo", False)
    assert (session.server_url, session.api_user, session.auto_populate) == (
        server.url,
        "demo",
        False,
    )
    session.close()


def test_an_unknown_argument_is_refused(server: Server) -> None:
    with pytest.raises(TypeError, match="no_such"):
        Session(server_url=server.url, no_such=1)


def test_plugins_are_found_and_given_their_arguments(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(
        "def register(session, greeting=None):\n    session.greeted = greeting\n"
    )
    session: Any = connect(plugin_paths=[str(tmp_path)], plugin_arguments={"greeting": "hello"})
    assert session.greeted == "hello"


def test_a_cache_can_be_given_as_a_function_of_the_session(connect: Connect) -> None:
    given: list[Any] = []

    def make(session: Any) -> Any:
        given.append(session)
        return ftrack_api.cache.MemoryCache()

    session = connect(cache=make)
    assert given == [session]
    project = session.query("Project").first()
    assert project["id"] in "".join(session.cache.caches[1].keys())


def test_cookies_headers_and_strict_api_reach_the_server(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = connect(cookies={"gate": "open"}, headers={"x-studio": "north"}, strict_api=True)
    sent = session._request.prepare_request(
        __import__("requests").Request("POST", f"{session.server_url}/api")
    ).headers
    assert (sent["cookie"], sent["x-studio"], sent["ftrack-strict-api"]) == (
        "gate=open",
        "north",
        "true",
    )
    with pytest.raises(ftrack_api.exception.ServerError):
        session.query("select no_such from Shot").all()


def test_schemas_are_cached_in_the_given_folder(
    connect: Connect, server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    connect(schema_cache_path=str(folder))
    assert json.loads((folder / "ftrack_api_schema_cache.json").read_text())
    connect(schema_cache_path=str(folder))
    assert sum("query_schemas" in actions for actions in server.requests) == 1
    connect(schema_cache_path=False)
    assert sum("query_schemas" in actions for actions in server.requests) == 2


def test_the_event_hub_is_not_connected_by_default(session: Session) -> None:
    assert not session.event_hub.connected
    assert session._auto_connect_event_hub_thread is None


SCRIPT = """
import sys
from trackteroid_cli import Session

with Session() as session:
    shot = session.query("Shot").first()
    with session.deferred_operations(sys.argv[1]):
        shot["name"] = "recorded"
        session.create("Note", {"content": "hello", "parent_id": shot["id"]})
    session.reconnect()
    session.reconnect_and_commit(sys.argv[1])
    print(shot["name"])
"""


@pytest.mark.parametrize("kept", [None, "", "[{", "{}"])
def test_ordinary_use_prints_nothing_on_stderr(
    server: Server, home: Path, batch: Path, kept: str | None
) -> None:
    folder = batch.parent / "schema-cache"
    folder.mkdir()
    if kept is not None:
        (folder / "ftrack_api_schema_cache.json").write_text(kept)
    ran = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", SCRIPT, str(batch)],
        env={
            **os.environ,
            **server.environment,
            "FTRACK_API_SCHEMA_CACHE_PATH": str(folder),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("recorded\n", "")


def test_a_session_works_without_a_writable_cache_folder(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TRACKTEROID_HOME", str(tmp_path / "file" / "home"))
    session = connect(schema_cache_path=None)
    assert len(session.query("Project").all()) == 2
