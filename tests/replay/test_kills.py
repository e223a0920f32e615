"""A commit that dies anywhere, is stopped, or is not alone: the next one carries on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.replay.workload import Workload
from tests.support.command_line import CommandLine
from tests.support.faults import Fault, FaultyProxy, is_write
from tests.support.generated import part, some
from tests.support.servers import Server
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.operations import Update
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.batches.squashing import squash
from trackteroid_cli.errors import ExitCode
from trackteroid_cli.kill_points import VARIABLE

PLACES = ("claimed", "compared", "journaled", "sent", "noted", "settled")


def start(command: CommandLine, *arguments: str) -> subprocess.Popen[bytes]:
    """Start `trackteroid` and go on."""
    return subprocess.Popen(
        [sys.executable, "-m", "trackteroid_cli", *arguments],
        cwd=command.folder,
        env={**os.environ, **command.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(command: CommandLine) -> None:
    ran = command("commit", "--json")
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("chunk_size", ["0", "2"])
@pytest.mark.parametrize("place", some(PLACES))
def test_a_commit_that_is_killed_is_carried_on_by_the_next_one(
    make_workload: Callable[[int], Workload],
    connected: CommandLine,
    server: Server,
    place: str,
    chunk_size: str,
) -> None:
    work = make_workload(PLACES.index(place))
    work.record(2)
    killed = connected.fresh("commit", "--chunk-size", chunk_size, **{VARIABLE: place})
    assert killed.returncode == -signal.SIGKILL
    left = work.spool.entries()[0].state
    assert left is (State.COMMITTED if place == "settled" else State.COMMITTING)
    again = connected("commit", "--chunk-size", chunk_size)
    assert again.returncode == 0, again.stderr
    work.check(server)


@pytest.mark.parametrize("seed", range(part(6, least=2)))
def test_a_commit_that_is_killed_at_any_moment_is_carried_on(
    make_workload: Callable[[int], Workload], connected: CommandLine, server: Server, seed: int
) -> None:
    work = make_workload(seed)
    work.record(6)
    chance = random.Random(seed)
    for _ in range(3):
        with start(connected, "commit") as process:
            wait_for_a_claim(work.spool, process)
            time.sleep(chance.uniform(0, 0.15))
            process.kill()
    finish(connected)
    work.check(server)


def wait_for_a_claim(spool: Spool, process: subprocess.Popen[bytes]) -> None:
    """Wait until *process* has begun to commit, or has ended."""
    while process.poll() is None and not spool.entries((State.COMMITTING,)):
        time.sleep(0.005)


def test_two_commits_at_once_share_the_work_and_send_each_batch_once(
    make_workload: Callable[[int], Workload], connected: CommandLine, server: Server
) -> None:
    work = make_workload(11)
    work.record_unrelated()
    commit_twice_at_once(connected)
    finish(connected)
    assert len(server.writes) == len(work.batches) > 1
    work.check(server)


def commit_twice_at_once(command: CommandLine) -> None:
    with start(command, "commit", "--quiet") as one, start(command, "commit", "--quiet") as two:
        for process in (one, two):
            _, errors = process.communicate()
            assert process.returncode in (0, ExitCode.TRY_AGAIN), errors
            assert b"Traceback" not in errors


def test_two_commits_at_once_keep_to_the_order_of_changes_to_one_entity(
    make_workload: Callable[[int], Workload], connected: CommandLine, server: Server
) -> None:
    work = make_workload(12)
    (shot,) = work.twin.query("select id, description from Shot limit 1")
    for number in range(12):
        before = shot["description"] if number == 0 else f"step {number - 1}"
        change = Update("Shot", {"id": shot["id"]}, "description", f"step {number}", before)
        work.twin.call(*squash([change]))
        work.put([change])
    commit_twice_at_once(connected)
    finish(connected)
    assert len(server.writes) == 12
    work.check(server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("recorded", [1, 3])
def test_a_commit_that_is_told_to_stop_settles_the_request_in_flight(
    make_workload: Callable[[int], Workload],
    make_proxy: Callable[..., FaultyProxy],
    connected: CommandLine,
    server: Server,
    number: signal.Signals,
    recorded: int,
) -> None:
    work = make_workload(5)
    work.record(recorded)
    in_flight, go_on = threading.Event(), threading.Event()

    def plan(_: int, body: bytes) -> Fault:
        if is_write(body):
            in_flight.set()
            go_on.wait(30)
        return Fault.NONE

    connected.environment["FTRACK_SERVER"] = make_proxy(plan).url
    with start(connected, "commit") as process:
        assert in_flight.wait(30)
        process.send_signal(number)
        time.sleep(0.1)  # for the signal to be handled while the request is out
        go_on.set()
        _, errors = process.communicate()
    assert process.returncode == (0 if recorded == 1 else 75), errors
    assert b"Traceback" not in errors
    states = [entry.state for entry in work.spool.entries()]
    assert states == [State.COMMITTED, *[State.PENDING] * (recorded - 1)]
    assert len(server.writes) == 1
    finish(connected)
    work.check(server)


def test_a_commit_that_waits_to_try_again_stops_at_once_when_told_to(
    make_workload: Callable[[int], Workload],
    make_proxy: Callable[..., FaultyProxy],
    connected: CommandLine,
    server: Server,
) -> None:
    work = make_workload(5)
    work.record(1)
    lost = threading.Event()

    def plan(_: int, body: bytes) -> Fault:
        if is_write(body):
            lost.set()
            return Fault.DROP_BEFORE
        return Fault.NONE

    proxy = make_proxy(plan)
    connected.environment["FTRACK_SERVER"] = proxy.url
    with start(connected, "commit", "--retries", "1000") as process:
        assert lost.wait(30)
        process.terminate()
        _, errors = process.communicate()
    assert process.returncode == 75, errors
    assert [entry.state for entry in work.spool.entries()] == [State.PENDING]
    proxy.plan = lambda *_: Fault.NONE
    finish(connected)
    work.check(server)


def test_recording_goes_on_while_batches_are_committed(
    make_workload: Callable[[int], Workload],
    connected: CommandLine,
    server: Server,
    tmp_path: Path,
) -> None:
    work = make_workload(3)
    work.record(8)
    with start(connected, "commit") as process:
        wait_for_a_claim(work.spool, process)
        recorded = connected("record", "-c", NEW_SCOPE, "--name", "meanwhile")
        assert recorded.returncode == 0, recorded.stderr
        _, errors = process.communicate()
    assert process.returncode == 0, errors
    finish(connected)
    assert len(server.query('Scope where name is "recorded"')) == 1
    assert {entry.state for entry in work.spool.entries()} == {State.COMMITTED}
    assert len(server.writes) == 9


NEW_SCOPE = (
    "import ftrack_api; session = ftrack_api.Session(auto_connect_event_hub=False); "
    "session.create('Scope', {'name': 'recorded'}); session.commit()"
)


@pytest.mark.parametrize("seed", range(part(4, least=2)))
def test_recording_that_is_killed_leaves_earlier_batches_and_no_part_of_one(
    make_workload: Callable[[int], Workload], connected: CommandLine, seed: int
) -> None:
    work = make_workload(seed)
    work.record(1)
    before = {entry.path: entry.path.read_bytes() for entry in work.spool.entries()}
    many = NEW_SCOPE.replace("session.create", "[session.create").replace(
        "})", "}) for _ in range(3000)]"
    )
    with start(connected, "record", "-c", many) as process:
        pending = work.spool.folder / State.PENDING.value
        while process.poll() is None and len(list(pending.iterdir())) == 1:
            time.sleep(0.001)
        time.sleep(random.Random(seed).uniform(0, 0.02))
        process.kill()
    for entry in work.spool.entries():
        with Batch(entry.path) as batch:
            assert len(list(batch.operations())) == sum(batch.header.counts.values())
    assert {path: path.read_bytes() for path in before} == before
    assert connected("inspect").returncode == 0
