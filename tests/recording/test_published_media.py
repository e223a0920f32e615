"""A publish with media: what is committed is what a direct run leaves, bytes included."""

from __future__ import annotations

import hashlib
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.changes import Changes, Contents, changes
from tests.support.command_line import CommandLine
from tests.support.faults import Fault, FaultyProxy
from tests.support.generated import some
from tests.support.processes import ForkServers
from tests.support.servers import Server, ServerMaker, WebThread, contents
from trackteroid_cli import settings
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.kill_points import VARIABLE
from trackteroid_cli.replay.policy import Policy
from trackteroid_cli.replay.schedule import commit
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.retry import RetryPolicy
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

SCRIPT = Path(__file__).parents[1] / "scripts" / "publish_with_media.py"

#: Where a commit can be killed.
PLACES = (
    "compared",
    "uploaded",
    "upload noted",
    "journaled",
    "sent",
    "noted",
    "following",
    "followed",
    "follow-up noted",
)


class Left(NamedTuple):
    """What a run has left on a server: rows, and the digests of bytes by the component's name."""

    changes: Changes
    stored: Counter[tuple[str, str]]


class Published(NamedTuple):
    """What the script leaves if it runs directly, and its batch."""

    before: Contents
    direct: Left
    batch: Path


def left_on(server: Server, before: Contents) -> Left:
    return Left(changes(server, before), Counter(stored(server)))


def stored(server: Server) -> Iterator[tuple[str, str]]:
    """Yield the name of each component whose bytes *server* has, and their digest."""
    for each in server.query("select name from FileComponent"):
        found = server.engine.media.find(each["id"])
        if found is not None:
            with found.open() as opened:
                yield each["name"], hashlib.sha256(opened.read()).hexdigest()


@pytest.fixture(scope="module")
def published(
    web_thread: WebThread,
    demo_database: Path,
    fork_servers: ForkServers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Published]:
    maker = ServerMaker(web_thread, demo_database, tmp_path_factory.mktemp("servers"))
    folder = tmp_path_factory.mktemp("recorded")
    direct, other = maker(), maker()
    before = contents(other)
    own = {"TRACKTEROID_HOME": str(folder / "home"), "FTRACK_API_SCHEMA_CACHE_PATH": str(folder)}
    command = CommandLine(folder, fork_servers, {**direct.environment, **own})
    ran = command.python(SCRIPT)
    assert ran.returncode == 0, ran.stderr
    recorded = command("record", "-o", "publish.dbm", SCRIPT, **other.environment)
    assert recorded.returncode == 0, recorded.stderr
    assert recorded.stdout == ran.stdout
    assert not other.writes
    assert not list(stored(other))
    yield Published(before, left_on(direct, before), folder / "publish.dbm")
    maker.close()


@pytest.fixture
def batch(published: Published, tmp_path: Path) -> Path:
    """The batch, with copies of what it uploads beside it."""
    shutil.copytree(published.batch.parent, tmp_path / "batch")
    return tmp_path / "batch" / published.batch.name


def test_it_is_recorded_whole(published: Published) -> None:
    assert {name for name, _ in published.direct.stored} >= {"movie", "thumbnail", "drawing"}


def test_whoever_may_read_a_batch_in_a_file_may_read_its_copies(published: Published) -> None:
    folder = published.batch.with_name(f"{published.batch.name}.media")
    copies = list(folder.iterdir())
    assert copies
    modes = {each.stat().st_mode & 0o777 for each in (published.batch, *copies)}
    assert modes == {published.batch.stat().st_mode & 0o777}
    assert bool(folder.stat().st_mode & 0o050) == bool(published.batch.stat().st_mode & 0o040)


@pytest.mark.parametrize("place", some(PLACES))
def test_a_publish_is_carried_on_wherever_a_commit_of_it_is_killed(
    published: Published, batch: Path, connected: CommandLine, server: Server, place: str
) -> None:
    arguments = ("commit", batch, "--server-changed")
    assert connected.fresh(*arguments, **{VARIABLE: place}).returncode == -signal.SIGKILL
    again = connected(*arguments)
    assert again.returncode == 0, again.stderr
    assert left_on(server, published.before) == published.direct


@pytest.mark.parametrize("fault", some([Fault.DROP_BEFORE, Fault.DROP_AFTER]))
def test_a_publish_is_carried_on_whichever_request_is_cut_off(
    published: Published,
    batch: Path,
    make_server: Callable[[], Server],
    home: Path,
    fault: Fault,
) -> None:
    number = 0
    while True:
        server, copy = make_server(), batch.with_name(f"{number}.dbm")
        shutil.copy(batch, copy)
        shutil.copytree(f"{batch}.media", f"{copy}.media")
        cut = number

        def plan(position: int, _: bytes, cut: int = cut) -> Fault:
            return fault if position == cut else Fault.NONE

        proxy = FaultyProxy(server.url, plan)
        server.engine.server_url = proxy.url
        policy = Policy(server_changed=True, retry=RetryPolicy(retries=0))
        at = settings.Server(proxy.url, SANDBOX_USER, SANDBOX_KEY)
        try:
            for _ in range(2):
                with Connection(at, timeout=5) as connection:
                    results = list(commit(Spool(home / "spool"), [copy], connection, policy))
        finally:
            proxy.close()
        server.engine.server_url = server.url
        assert [each.error for each in results] == [None]
        assert left_on(server, published.before) == published.direct
        number += 1
        if fault not in proxy.happened:
            break
    assert number > 10


@pytest.mark.parametrize("place", ["before the batch", "media kept", "after the batch"])
@pytest.mark.parametrize("is_kept", [True, False])
def test_copies_outlast_a_recording_that_is_killed_while_it_closes_and_go_when_it_is_forgotten(
    connected: CommandLine, server: Server, home: Path, place: str, is_kept: bool
) -> None:
    killed = connected.fresh("record", "--name", "cut", SCRIPT, **{VARIABLE: place})
    assert killed.returncode == -signal.SIGKILL
    (cut, *_) = [
        each for each in connected.json("inspect", "--json") if each["state"] == "interrupted"
    ]
    if is_kept:
        kept = connected("record", "--keep", cut["id"])
        assert kept.returncode == 0, kept.stderr
        assert connected("commit").returncode == 0
        assert {name for name, _ in stored(server)} >= {"movie", "thumbnail", "drawing"}
    else:
        assert connected("discard", cut["id"]).returncode == 0
    waits = [each.id for each in Spool(home / "spool").entries((State.PENDING,))]
    media = home / "spool" / "media"
    assert sorted(each.name for each in media.glob("*")) == waits
    assert list((home / "recordings").iterdir()) == []
