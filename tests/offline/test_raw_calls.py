"""A script that makes raw calls is recorded offline with the same answers."""

from __future__ import annotations

from collections.abc import Callable

from tests.offline.conftest import Offline
from tests.recording.test_raw_calls import SCRIPT, SHOWN, task
from tests.support.command_line import CommandLine
from tests.support.servers import Server


def test_raw_calls_are_recorded_offline(
    connected: CommandLine,
    offline: Offline,
    make_server: Callable[[], Server],
    server: Server,
) -> None:
    twin = make_server()
    directly = connected.python(SCRIPT, **twin.environment)
    ran = offline("record", SCRIPT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == directly.stdout
    committed = connected("commit")
    assert committed.returncode == 0, committed.stderr
    assert server.query(SHOWN) == twin.query(SHOWN)
    assert task(server) == task(twin)
