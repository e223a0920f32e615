"""The corpus: scripts as studios have them, recorded and committed as if they had run directly.

Each script of `tests/scripts` prints what it reads after its commits. A recorded run prints the
same, online and offline, and its batch leaves on the server what a direct run leaves there.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.changes import Changes, Contents, changes
from tests.support.command_line import CommandLine
from tests.support.processes import ForkServers
from tests.support.servers import Server, ServerMaker, WebThread, contents
from trackteroid_cli.settings import folder_name

FOLDER = Path(__file__).parents[1] / "scripts"

#: Checked by `test_equality`.
ELSEWHERE = {"__init__", "plugins", "production"}
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ELSEWHERE)

MODES = ("online", "offline")


@dataclass
class Outcome:
    """What a run has printed, and what it or its batch has changed on the server."""

    printed: str
    changed: Changes


@pytest.fixture(scope="module")
def make_twin(
    web_thread: WebThread, demo_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Server]]:
    """Return a function that starts a server for more than one test."""
    maker = ServerMaker(web_thread, demo_database, tmp_path_factory.mktemp("twins"))
    yield maker
    maker.close()


@pytest.fixture(scope="module")
def before(make_twin: Callable[[], Server]) -> Contents:
    """The demo data."""
    return contents(make_twin())


@pytest.fixture(scope="module")
def run_directly(
    make_twin: Callable[[], Server],
    before: Contents,
    fork_servers: ForkServers,
    schemas: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Outcome]:
    """Return a function that runs a script without recording it, once for all tests."""
    outcomes: dict[str, Outcome] = {}

    def run(name: str) -> Outcome:
        if name not in outcomes:
            server = make_twin()
            command_line = CommandLine(tmp_path_factory.mktemp(name), fork_servers)
            cache = {"FTRACK_API_SCHEMA_CACHE_PATH": str(schemas)}
            ran = command_line.python(FOLDER / f"{name}.py", **server.environment, **cache)
            assert ran.returncode == 0, ran.stderr
            outcomes[name] = Outcome(ran.stdout, changes(server, before))
        return outcomes[name]

    return run


@pytest.fixture(scope="module")
def pulled(
    make_twin: Callable[[], Server],
    fork_servers: ForkServers,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path]:
    """The URL of a server, and a folder with a replica of it that holds all projects."""
    server, home = make_twin(), tmp_path_factory.mktemp("replica")
    command_line = CommandLine(home, fork_servers, server.environment)
    finished = command_line("replica", "pull", "--all-projects", TRACKTEROID_HOME=str(home))
    assert finished.returncode == 0, finished.stderr
    return server.url, home


def give_replica(pulled: tuple[str, Path], server: Server, home: Path) -> None:
    """Copy what was pulled to *home*, as if it were pulled from *server*."""
    url, source = pulled
    for kind in ("cache", "replicas"):
        shutil.copytree(source / kind / folder_name(url), home / kind / folder_name(server.url))
    folder = home / "replicas" / folder_name(server.url)
    with closing(sqlite3.connect(folder / (folder / "current").read_text().strip())) as connection:
        renamed = "UPDATE _setting SET value = replace(value, ?, ?)"
        with connection:
            connection.execute(renamed, [url.rstrip("/"), server.url.rstrip("/")])


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_of_the_corpus_prints_what_it_reads(
    name: str, run_directly: Callable[[str], Outcome]
) -> None:
    assert run_directly(name).printed


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_recorded_script_does_what_a_direct_run_does(
    name: str,
    mode: str,
    server: Server,
    before: Contents,
    run_directly: Callable[[str], Outcome],
    connected: CommandLine,
    request: pytest.FixtureRequest,
    home: Path,
) -> None:
    direct = run_directly(name)
    options = []
    if mode == "offline":
        give_replica(request.getfixturevalue("pulled"), server, home)
        options = ["--offline"]
    recorded = connected("record", *options, FOLDER / f"{name}.py")
    assert recorded.returncode == 0, recorded.stderr
    assert server.writes == []
    if mode == "offline":
        assert server.requests == []
    assert recorded.stdout == direct.printed

    committed = connected("commit")
    assert committed.returncode == 0, committed.stderr
    changed = changes(server, before)
    assert changed.named == direct.changed.named
    assert changed.related == direct.changed.related


def test_the_corpus_is_large() -> None:
    assert len(SCRIPTS) >= 60


def test_new_entities_of_one_name_are_told_apart_by_their_relations(
    make_server: Callable[[], Server], before: Contents
) -> None:
    def shots_with_a_task(below: str) -> Changes:
        server = make_server()
        for name in ("sq020", "sq030"):
            (sequence,) = server.query(f'Sequence where name is "{name}"')
            shot = create(server, "Shot", name="sh900", parent_id=sequence["id"])
            if name == below:
                create(server, "Task", name="roto", parent_id=shot["id"])
        return changes(server, before)

    first, again, other = map(shots_with_a_task, ("sq020", "sq020", "sq030"))
    assert first == again
    assert first.named == other.named
    assert first.related != other.related


def create(server: Server, entity_type: str, **data: str) -> dict[str, Any]:
    """Create an entity on *server* and return it."""
    operation = {"action": "create", "entity_type": entity_type, "entity_data": data}
    created: dict[str, Any] = server.call(operation)[0]["data"]
    return created
