"""The corpus: scripts as studios have them, recorded and committed as if they had run directly.

Each script of `tests/scripts` prints what it reads after its commits. A recorded run prints the
same, online and offline, and its batch leaves on the server what a direct run leaves there.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.changes import Changes, Contents, changes
from tests.support.command_line import CommandLine
from tests.support.generated import part, some
from tests.support.processes import ForkServers
from tests.support.servers import Server, ServerMaker, WebThread, contents
from trackteroid_cli.settings import folder_name

FOLDER = Path(__file__).parents[1] / "scripts"

#: Checked by `test_equality`.
ELSEWHERE = {"__init__", "plugins", "production"}
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ELSEWHERE)


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


@pytest.mark.parametrize("name", some(SCRIPTS))
def test_a_recorded_script_does_what_a_direct_run_does(
    name: str,
    make_server: Callable[[], Server],
    before: Contents,
    pulled: tuple[str, Path],
    connected: CommandLine,
    schemas: Path,
    home: Path,
) -> None:
    script = FOLDER / f"{name}.py"
    twin = make_server()
    cache = {"FTRACK_API_SCHEMA_CACHE_PATH": str(schemas)}
    direct = connected.python(script, **twin.environment, **cache)
    assert direct.returncode == 0, direct.stderr
    assert direct.stdout, "nothing to compare"
    expected = changes(twin, before)
    ways = [[], ["--offline"], ["--exec", "--", sys.executable]]
    if part(len(ways)) < len(ways):  # another one each time, and the last one seldom
        ways = random.choices(ways, [10, 10, 2])
    for options in ways:
        server = make_server()
        if "--offline" in options:
            give_replica(pulled, server, home)
        recorded = connected("record", *options, script, **server.environment, **cache)
        assert recorded.returncode == 0, recorded.stderr
        assert recorded.stdout == direct.stdout, options
        assert server.writes == []
        assert server.requests == [] or "--offline" not in options

        committed = connected("commit", **server.environment)
        assert committed.returncode == 0, committed.stderr
        changed = changes(server, before)
        assert changed.named == expected.named, options
        assert changed.related == expected.related, options


def test_the_corpus_is_large() -> None:
    assert len(SCRIPTS) >= 60


def test_new_entities_of_one_name_are_told_apart_by_their_relations(
    make_server: Callable[[], Server], before: Contents
) -> None:
    def shots_with_a_task(below: str) -> Changes:
        server = make_server()
        for name in ("sq020", "sq030"):
            (sequence,) = server.query(f'Sequence where name is "{name}"')
            shot = server.create("Shot", name="sh900", parent_id=sequence["id"])
            if name == below:
                server.create("Task", name="roto", parent_id=shot["id"])
        return changes(server, before)

    first, again, other = map(shots_with_a_task, ("sq020", "sq020", "sq030"))
    assert first == again
    assert first.named == other.named
    assert first.related != other.related
