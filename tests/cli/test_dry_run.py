"""`trackteroid commit --dry-run`: what a commit would do, with nothing sent and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.batches import Put, describe, everything_below, new_scope
from tests.support.command_line import CommandLine
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.batches.journal import Attempt, Outcome
from trackteroid_cli.batches.operations import Create, Delete, Operation, Update
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.batches.squashing import squash
from trackteroid_cli.errors import Interrupted
from trackteroid_cli.replay import schedule
from trackteroid_cli.replay.forecast import Forecast
from trackteroid_cli.replay.policy import Policy
from trackteroid_cli.replay.schedule import Result
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.retry import RetryPolicy
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER
from trackteroid_cli.settings import Server as Address

ELSEWHERE = "https://other.ftrackapp.com"


@pytest.fixture
def shots(server: Server) -> list[str]:
    """The ids of the first shots, without descriptions."""
    ids = [shot["id"] for shot in server.query("select id from Shot order by name, id limit 3")]
    server.call(*squash(describe(each, "") for each in ids))
    server.requests.clear()
    return ids


@pytest.fixture
def foreseen(
    connected: CommandLine, server: Server, spool: Spool
) -> Callable[..., tuple[int, list[dict[str, Any]], str]]:
    """Return a function that runs a dry run, and checks that it changes nothing."""

    def run(*arguments: str, **more: str) -> tuple[int, list[dict[str, Any]], str]:
        before = everything_below(spool.folder)
        ran = connected("commit", "--dry-run", "--json", *arguments, **more)
        assert everything_below(spool.folder) == before
        assert server.writes == []
        told = json.loads(ran.stdout)
        assert told["exit"] == ran.returncode
        return ran.returncode, told["batches"], ran.stderr

    return run


def test_a_conflict_is_told_before_anything_is_sent(
    foreseen: Any, connected: CommandLine, put: Put, shots: list[str]
) -> None:
    put(Update("Shot", {"id": shots[0]}, "description", "mine", old_value="long ago"), name="late")
    put(describe(shots[1], "fine"), name="fine")
    status, (late, fine), errors = foreseen()
    assert status == 3
    assert (late["state"], late["outcome"], len(late["conflicts"])) == ("pending", None, 1)
    assert fine["reason"] is None
    assert "(late) is held back" in errors
    assert errors.count("error: ") == 1
    status, (late, _), errors = foreseen("--on-conflict", "skip")
    assert (status, len(late["conflicts"])) == (0, 1)
    assert "would send" in errors
    assert "without what is in conflict with newer work: 1 conflict" in errors
    assert foreseen("--on-conflict", "overwrite")[0] == 0


def test_batches_build_on_those_that_would_land_before_them(
    foreseen: Any, put: Put, shots: list[str]
) -> None:
    put(new_scope(1), describe(shots[0], "first"))
    put(Update("Shot", {"id": shots[0]}, "description", "second", old_value="first"))
    key = new_scope(1).entity_key
    put(Update("Scope", key, "name", "renamed", old_value="scope 1"))
    put(Update("Scope", key, "name", "renamed again", old_value="renamed"))
    status, results, errors = foreseen()
    assert (status, errors) == (0, "")
    assert [each["reason"] for each in results] == [None] * 4


def test_what_waits_and_what_is_for_another_server_is_told(
    foreseen: Any, connected: CommandLine, put: Put, server: Server, shots: list[str]
) -> None:
    refused = put(new_scope(1), name="refused", state=State.FAILED)
    needs = Update("Scope", new_scope(1).entity_key, "name", "x", old_value="scope 1")
    put(needs, name="needs it")
    put(describe(shots[0], "x"), name="elsewhere", server=ELSEWHERE)
    done = put(describe(shots[1], "x"), name="done", attempts=(Attempt.now(Outcome.LANDED),))
    status, (waits, elsewhere, committed), errors = foreseen()
    assert status == 1
    assert f"waits behind {refused.id}" in errors
    assert waits["reason"] == f"it needs what {refused.id} (refused) creates, which has not landed"
    assert elsewhere["reason"] == f"it is for {ELSEWHERE}"
    assert (committed["id"], committed["outcome"]) == (done.id, "landed")
    plain = connected("commit", "--dry-run")
    assert [line.split("\t")[0] for line in plain.stdout.splitlines()] == [
        "would pass over",
        "committed",
    ]


@pytest.mark.parametrize("why", ["none configured", "out of reach", "offline"])
def test_without_a_server_it_tells_what_is_known_here(
    foreseen: Any, put: Put, shots: list[str], why: str
) -> None:
    held = Attempt.now(Outcome.HELD, reason="description was a, is b now")
    put(describe(shots[0], "x"), name="held", attempts=(held,))
    put(new_scope(1), name="fine")
    environment = {
        "none configured": {"FTRACK_SERVER": "", "FTRACK_API_KEY": ""},
        "out of reach": {"FTRACK_SERVER": "http://127.0.0.1:9"},
        "offline": {"TRACKTEROID_OFFLINE": "1"},
    }[why]
    status, (first, second), errors = foreseen(**environment)
    assert status == 3
    assert first["reason"] == "description was a, is b now"
    assert second["reason"] is None
    assert "not compared with the server: " in errors
    assert foreseen("--on-conflict", "overwrite", **environment)[0] == 0


#: Operations on a few things that batches share: ftrack's names, values, and ids of new scopes.
WORDS = st.sampled_from(["", "a", "b"])
NUMBERS = st.integers(1, 2)


def operations(shots: list[str]) -> st.SearchStrategy[Operation]:
    def describing(shot: str, old: str, new: str) -> Operation:
        return Update("Shot", {"id": shot}, "description", new, old_value=old)

    def renaming(number: int, new: str) -> Operation:
        key = new_scope(number).entity_key
        return Update("Scope", key, "name", new, old_value=f"scope {number}")

    def creating(number: int) -> Create:
        return new_scope(number)

    return st.one_of(
        st.builds(describing, st.sampled_from(shots), WORDS, WORDS),
        st.builds(creating, NUMBERS),
        st.builds(renaming, NUMBERS, WORDS.map("new {}".format)),
    )


@settings(
    max_examples=part(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_commit_does_what_its_dry_run_has_told(
    server: Server, spool: Spool, put: Put, shots: list[str], data: st.DataObject
) -> None:
    server.call(*squash(describe(each, "") for each in shots))
    for scope in server.query(
        'select id from Scope where name like "scope %" or name like "new %"'
    ):
        server.call(*squash([Delete("Scope", {"id": scope["id"]})]))
    for entry in spool.entries():
        entry.path.unlink()
    lists = st.lists(operations(shots), min_size=1, max_size=3)
    for _ in range(data.draw(st.integers(1, 4))):
        put(*data.draw(lists), server=data.draw(st.sampled_from(["", server.url, ELSEWHERE])))
    policy = Policy(passing_over=True, retry=RetryPolicy(0))
    targets = schedule.waiting(spool)
    server.requests.clear()
    before = everything_below(spool.folder)
    with Connection(Address(server.url, SANDBOX_USER, SANDBOX_KEY)) as connection:
        told = [outline(each) for each in Forecast(spool, connection, policy).results(targets)]
        assert everything_below(spool.folder) == before
        assert server.writes == []
        done = list(schedule.commit(spool, targets, connection, policy))
    # That the server refuses something, nobody knows before, nor what becomes of the rest then.
    known = next((n for n, each in enumerate(done) if each.state is State.FAILED), len(done))
    assert told[:known] == [outline(each) for each in done[:known]]


def outline(result: Result) -> tuple[str, str, str]:
    """Return what a forecast and a commit say alike of a batch."""
    return result.id, type(result.error).__name__, result.elsewhere


def test_a_dry_run_that_is_told_to_stop_stops(server: Server, spool: Spool, put: Put) -> None:
    put(new_scope(1))
    policy = Policy()
    policy.retry.stop.set()
    with (
        Connection(Address(server.url, SANDBOX_USER, SANDBOX_KEY)) as connection,
        pytest.raises(Interrupted),
    ):
        list(Forecast(spool, connection, policy).results(schedule.waiting(spool)))
