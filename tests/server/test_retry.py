"""Requests that are sent again: when a busy server wants them to be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.batches import Put, new_scope
from tests.support.faults import Fault, FaultyProxy, is_write
from tests.support.servers import Server
from trackteroid_cli import settings
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.replay.policy import Policy
from trackteroid_cli.replay.schedule import commit, waiting
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.retry import RetryPolicy, Stop
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER


class Waits(Stop):
    """Notes how long it is waited for, and lets nobody wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return self.is_set()


@pytest.mark.parametrize(("longest", "waited"), [(30.0, 7.0), (2.0, 2.0)])
def test_a_server_that_is_busy_is_asked_again_when_it_wants_to_be(
    make_proxy: Callable[..., FaultyProxy],
    server: Server,
    put: Put,
    spool: Spool,
    longest: float,
    waited: float,
) -> None:
    put(new_scope(1))
    busy = [Fault.BUSY, Fault.BUSY]
    proxy = make_proxy(lambda _, body: busy.pop() if busy and is_write(body) else Fault.NONE)
    stop = Waits()
    policy = Policy(retry=RetryPolicy(retries=2, longest_wait=longest, stop=stop))
    where = settings.Server(proxy.url, SANDBOX_USER, SANDBOX_KEY)
    with Connection(where) as connection:
        (result,) = commit(spool, waiting(spool), connection, policy)
    assert result.state is State.COMMITTED
    assert stop.seconds == [waited, waited]
    assert len(server.writes) == 1
