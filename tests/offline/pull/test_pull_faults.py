"""Pulls that are killed or stopped, or lose their server: no row is lost, no replica is half."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from tests.offline.pull.comparing import folder, generations, pull_from, rows_in, rows_of
from tests.support.command_line import CommandLine
from tests.support.faults import Fault, FaultyProxy
from tests.support.servers import Server
from trackteroid_cli.offline import replicas

PULL = ("replica", "pull", "--all-projects", "--retries", "0")

#: The number of a request in the middle of a pull of the demo data.
MIDDLE = 20


@contextmanager
def proxy_of(server: Server, plan: Callable[[int, bytes], Fault]) -> Iterator[FaultyProxy]:
    """Stand between *server* and its clients."""
    proxy = FaultyProxy(server.url, plan)
    upstream, server.url = server.url, proxy.url
    try:
        yield proxy
    finally:
        server.url = upstream
        proxy.close()


def start(server: Server, command: CommandLine) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "trackteroid_cli", *PULL],
        cwd=command.folder,
        env={**os.environ, **server.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def rows_in_draft(server: Server) -> int:
    """Return how many rows the draft of an unfinished pull has."""
    with closing(sqlite3.connect(folder(server) / "draft.sqlite")) as connection:
        (state,) = connection.execute("SELECT value FROM _setting WHERE name = 'pull'").fetchone()
    return int(json.loads(state)["new"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_pull_is_resumed(
    server: Server, trackteroid: CommandLine, number: signal.Signals
) -> None:
    started = threading.Event()
    processes: list[subprocess.Popen[str]] = []

    def plan(count: int, _: bytes) -> Fault:
        if count == MIDDLE:
            started.wait()
            processes[0].send_signal(number)
        return Fault.NONE

    with proxy_of(server, plan):
        with start(server, trackteroid) as process:
            processes.append(process)
            started.set()
            _, errors = process.communicate()
        assert "Traceback" not in errors
        if number is signal.SIGKILL:
            assert process.returncode == -signal.SIGKILL
        else:
            assert process.returncode == 75
            assert "error: the pull was interrupted" in errors
        assert replicas.current(server.url) is None
        kept = rows_in_draft(server)
        assert kept
        trackteroid.environment = server.environment
        finished = trackteroid(*PULL)
        assert finished.returncode == 0, finished.stderr
        assert "went on where the last pull was stopped" in finished.stderr
        replica = replicas.current(server.url)
        assert replica is not None
        assert rows_in(replica) == rows_of(server.engine)
        assert int(finished.stdout.split()[1]) > kept  # counted from the beginning of the first


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.DROP_AFTER, Fault.BAD_GATEWAY_AFTER])
def test_a_lost_server_leaves_the_former_replica_in_use(
    server: Server, trackteroid: CommandLine, fault: Fault
) -> None:
    gone = False

    def plan(count: int, _: bytes) -> Fault:
        return fault if gone and count > last + MIDDLE else Fault.NONE

    with proxy_of(server, plan) as proxy:
        former = pull_from(server, every_project=True).replica
        last = len(proxy.happened)
        server.engine.store.connection.execute("UPDATE context SET name = name || '_v2'")
        gone = True
        trackteroid.environment = server.environment
        finished = trackteroid(*PULL)
        assert finished.returncode == 75
        assert "goes on where it stopped" in finished.stderr
        assert "Traceback" not in finished.stderr
        assert replicas.current(server.url) == former
        gone = False
        assert trackteroid(*PULL).returncode == 0
        replica = replicas.current(server.url)
        assert replica is not None
        assert replica != former
        assert rows_in(replica) == rows_of(server.engine)
        assert generations(server) == [replica.path.name]


def test_a_passing_fault_is_retried(server: Server) -> None:
    def plan(count: int, _: bytes) -> Fault:
        return Fault.RESET_AFTER if count % 17 == 5 else Fault.NONE

    with proxy_of(server, plan) as proxy:
        assert rows_in(pull_from(server, every_project=True).replica) == rows_of(server.engine)
        assert Fault.RESET_AFTER in proxy.happened


@contextmanager
def pull_stopped(server: Server, trackteroid: CommandLine) -> Iterator[None]:
    """Leave the draft of a pull that lost its server half-way; the server is back."""
    gone = True

    def plan(count: int, _: bytes) -> Fault:
        return Fault.REFUSE if gone and count > MIDDLE else Fault.NONE

    with proxy_of(server, plan):
        trackteroid.environment = server.environment
        assert trackteroid(*PULL).returncode == 75
        gone = False
        yield


def test_a_draft_of_another_pull_is_replaced(server: Server, trackteroid: CommandLine) -> None:
    with pull_stopped(server, trackteroid):
        pulled = pull_from(server, projects=("brightwater",))
        assert not pulled.resumed
        assert [each.name for each in pulled.replica.holdings.projects] == ["brightwater"]


def test_a_draft_of_the_day_before_yesterday_is_replaced(
    server: Server, trackteroid: CommandLine
) -> None:
    with pull_stopped(server, trackteroid):
        with closing(sqlite3.connect(folder(server) / "draft.sqlite")) as connection, connection:
            connection.execute(
                "UPDATE _setting SET value = json_set(value, '$.began', '2026-01-31T10:00:00Z') "
                "WHERE name = 'pull'"
            )
        pulled = pull_from(server, every_project=True)
        assert not pulled.resumed
        assert rows_in(pulled.replica) == rows_of(server.engine)


def test_a_full_disk_leaves_the_former_replica_in_use(
    server: Server, trackteroid: CommandLine
) -> None:
    former = pull_from(server).replica
    trackteroid.environment = server.environment
    limited = (
        "import resource, runpy, sys; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({former.size + 20_000},) * 2); "
        f"sys.argv[1:] = {list(PULL)!r}; runpy.run_module('trackteroid_cli', run_name='__main__')"
    )
    finished = subprocess.run(
        [sys.executable, "-c", limited],
        cwd=trackteroid.folder,
        env={**os.environ, **server.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1, finished.stderr
    assert "error: cannot write the replica" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert replicas.current(server.url) == former
