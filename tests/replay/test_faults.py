"""Whatever happens to requests and answers, every batch reaches the server exactly once."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from tests.replay.workload import Workload
from tests.support.batches import new_scope, put_batch
from tests.support.command_line import CommandLine
from tests.support.faults import COMMON, Fault, FaultyProxy, is_write
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli import settings
from trackteroid_cli.batches.journal import Outcome
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.replay.policy import Policy
from trackteroid_cli.replay.schedule import commit, waiting
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.retry import RetryPolicy
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

#: How many seeds there are, and how many faults each of them meets: 560 in all in a large run.
SEEDS, FAULTS = part(40), 14

#: Seconds until a client gives up, and until the proxy lets go of it.
TIMEOUT, DELAY = 0.25, 0.35


class Faults:
    """A plan: *number* faults, most of them for requests that write."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.left = number
        self._chance = chance

    def __call__(self, _: int, body: bytes) -> Fault:
        if self.left and self._chance.random() < (0.8 if is_write(body) else 0.4):
            self.left -= 1
            return self._chance.choice(COMMON)
        return Fault.NONE


def connection_to(url: str) -> Connection:
    return Connection(settings.Server(url, SANDBOX_USER, SANDBOX_KEY), timeout=TIMEOUT)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_batch_lands_exactly_once_whatever_requests_meet(
    make_workload: Callable[[int], Workload],
    make_proxy: Callable[..., FaultyProxy],
    server: Server,
    seed: int,
) -> None:
    work = make_workload(seed)
    faults = Faults(FAULTS, work.chance)
    proxy = make_proxy(faults, DELAY)
    policy = Policy(
        retry=RetryPolicy(retries=work.chance.choice([0, 1, 3]), longest_wait=0.01),
        chunk_size=work.chance.choice([0, 0, 0, 3]),
    )
    for _ in range(40):
        work.record(1)
        with connection_to(proxy.url) as connection:
            results = list(commit(work.spool, waiting(work.spool), connection, policy))
        assert {each.state for each in results} <= {State.COMMITTED, State.PENDING}, results
        if not faults.left and all(each.state is State.COMMITTED for each in results):
            break
    assert len(proxy.happened) - proxy.happened.count(Fault.NONE) == FAULTS
    work.check(server)


@pytest.mark.parametrize("seed", range(part(4, least=2)))
def test_commit_from_a_crontab_goes_on_until_everything_is_there(
    make_workload: Callable[[int], Workload],
    make_proxy: Callable[..., FaultyProxy],
    trackteroid: CommandLine,
    server: Server,
    seed: int,
) -> None:
    work = make_workload(1000 + seed)
    work.record(4)
    faults = Faults(8, work.chance)
    proxy = make_proxy(faults, DELAY, retry_after=0)
    trackteroid.environment = {**server.environment, "FTRACK_SERVER": proxy.url}
    statuses: list[int] = []
    while not statuses or statuses[-1] != 0:
        ran = trackteroid("commit", "--retries", "1", "--timeout", str(TIMEOUT), "--quiet")
        assert ran.returncode in (0, 75, 78), ran.stderr
        assert "Traceback" not in ran.stderr
        statuses.append(ran.returncode)
    work.check(server)


def test_a_request_that_arrives_after_it_was_given_up_does_no_harm(
    make_workload: Callable[[int], Workload],
    make_proxy: Callable[..., FaultyProxy],
    server: Server,
) -> None:
    work = make_workload(7)
    work.record(1)
    late = [Fault.LATE]
    proxy = make_proxy(lambda _, body: late.pop() if late and is_write(body) else Fault.NONE, DELAY)
    with connection_to(proxy.url) as connection:
        policy = Policy(retry=RetryPolicy(longest_wait=0.01))
        (result,) = commit(work.spool, waiting(work.spool), connection, policy)
    assert result.state is State.COMMITTED, result.reason
    assert len(server.writes) == 2  # the second one is refused, for the first has come
    work.check(server)


_data = st.sampled_from([None, True, False, 1, "yes", [], {}, {"id": "other"}]) | st.just("ours")
_result = (
    st.none()
    | st.just("ok")
    | st.fixed_dictionaries(
        {}, optional={"action": st.sampled_from(["create", "update", "query", None]), "data": _data}
    )
)


def confirms(operation: dict[str, Any], result: object) -> bool:
    """Return whether *result* is what a server could answer to *operation*."""
    return result == {"action": operation["action"], "data": operation["entity_data"]}


@given(
    st.lists(
        st.tuples(_result, st.sampled_from(Fault).filter(lambda each: "NONSENSE" in each.name))
    ).filter(bool)
)
@settings_of_hypothesis(
    deadline=None,
    max_examples=part(40),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_an_answer_that_confirms_nothing_never_counts_as_landed(
    server: Server, make_proxy: Callable[..., FaultyProxy], answers: list[tuple[Any, Fault]]
) -> None:
    waiting_answers = answers[::-1]

    def plan(_: int, body: bytes) -> Fault:
        return waiting_answers[-1][1] if waiting_answers and is_write(body) else Fault.NONE

    def nonsense(asked: list[Any]) -> list[object]:
        result, _ = waiting_answers.pop()
        if isinstance(result, dict) and result.get("data") == "ours":
            result = {**result, "data": asked[0]["entity_data"]}
        if confirms(asked[0], result):
            result = {**result, "action": "other"}
        return [result] * len(asked)

    proxy = make_proxy(plan)
    proxy.nonsense = nonsense
    with TemporaryDirectory() as folder, connection_to(proxy.url) as connection:
        spool = Spool(Path(folder))
        scope = new_scope(int.from_bytes(os.urandom(4), "big"))
        put_batch(spool, scope)
        outcomes = [Outcome.UNKNOWN]
        while outcomes[-1] is Outcome.UNKNOWN:
            (result,) = commit(spool, waiting(spool), connection, Policy(retry=RetryPolicy(0)))
            outcomes.append(result.outcome)
    assert outcomes[-1] is Outcome.LANDED
    assert len(outcomes) <= 2 + len(answers)
    assert server.query(f'Scope where id is "{scope.entity_key["id"]}"')
