"""What a commit does about conflicts, limits, refusals and servers that do not answer."""

from __future__ import annotations

import json

import pytest

from tests.support.batches import Put, new_scope, states
from tests.support.command_line import CommandLine, refused
from tests.support.servers import Server
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.operations import Delete, Update
from trackteroid_cli.batches.spool import Entry, Spool
from trackteroid_cli.batches.squashing import squash
from trackteroid_cli.kill_points import VARIABLE


def names(server: Server) -> list[str]:
    found = server.query('select name from Scope where name like "scope %" order by name')
    return [each["name"] for each in found]


@pytest.fixture
def shot(server: Server) -> dict[str, str]:
    """The key of a shot whose description somebody has just changed."""
    key = {"id": server.query("select id from Shot order by id limit 1")[0]["id"]}
    server.call(*squash([Update("Shot", key, "description", "theirs")]))
    return key


def describe(shot: dict[str, str]) -> Update:
    return Update("Shot", shot, "description", "mine", "seen")


def description(server: Server, shot: dict[str, str]) -> str:
    (found,) = server.query(f'select description from Shot where id is "{shot["id"]}"')
    return str(found["description"])


def outcomes(spool: Spool, entry: Entry) -> list[str]:
    with Batch(spool.find(entry.id).path) as batch:
        return [attempt.outcome for attempt in batch.journal()]


# -- conflicts -------------------------------------------------------------------------------------


def test_a_conflict_holds_its_batch_back_and_no_other_one(
    connected: CommandLine, server: Server, shot: dict[str, str], put: Put, spool: Spool
) -> None:
    held = put(new_scope(1), describe(shot), name="held")
    put(new_scope(2), name="other")
    for _ in range(2):
        ran = connected("commit", "--json")
        assert ran.returncode == 3
        told = json.loads(ran.stdout)["batches"][0]
        assert (told["id"], told["state"], told["outcome"]) == (held.id, "pending", None)
        (conflict,) = told["conflicts"]
        assert (conflict["recorded"], conflict["now"], conflict["wanted"]) == (
            "seen",
            "theirs",
            "mine",
        )
        assert "--on-conflict skip or overwrite" in ran.stderr
    assert outcomes(spool, held) == ["held"]  # once, however often it is tried
    assert names(server) == ["scope 2"]
    assert states(spool) == {"committed": ["other"], "pending": ["held"]}
    (listed, _) = connected.json("inspect", "--json")
    assert listed["reason"] == told["reason"]
    assert '"theirs" now' in listed["reason"]


def test_what_an_earlier_batch_of_the_same_spool_has_set_is_nobody_elses_work(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    key = {"id": server.query("select id from Shot order by id limit 1")[0]["id"]}
    seen = description(server, key)
    put(Update("Shot", key, "description", "first", seen), name="first")
    put(Update("Shot", key, "description", "second", seen), name="second")
    put(Update("Shot", key, "description", "third", seen), name="third")
    assert connected("commit", "first").returncode == 0
    assert connected("commit", "second").returncode == 0
    server.call(*squash([Update("Shot", key, "description", "theirs")]))
    assert connected("inspect", "third", "--check").returncode == 3
    assert connected("commit", "third").returncode == 3
    assert description(server, key) == "theirs"


def test_one_commit_of_many_batches_looks_at_the_schemas_once(
    connected: CommandLine, server: Server, put: Put
) -> None:
    for number in range(3):
        put(new_scope(number))
    assert connected("commit").returncode == 0
    assert server.requests.count(["query_server_information"]) == 1
    assert len(server.writes) == 3


def test_skip_sends_the_rest_and_tells_what_was_left_out(
    connected: CommandLine, server: Server, shot: dict[str, str], put: Put, spool: Spool
) -> None:
    entry = put(new_scope(1), describe(shot))
    ran = connected("commit", "--json", "--on-conflict", "skip")
    assert ran.returncode == 0
    (told,) = json.loads(ran.stdout)["batches"]
    reason = f"1 in conflict left out: description of Shot {shot['id']}"
    assert (told["outcome"], told["reason"]) == ("landed", reason)
    assert [each["attribute"] for each in told["conflicts"]] == ["description"]
    assert (names(server), description(server, shot)) == (["scope 1"], "theirs")
    with Batch(spool.find(entry.id).path) as batch:
        assert batch.journal()[-1].reason == reason


@pytest.mark.parametrize("size", ["0", "1"])
@pytest.mark.parametrize("place", ["journaled", "sent", "noted"])
def test_what_was_left_out_is_known_however_the_commit_ended(
    connected: CommandLine,
    server: Server,
    shot: dict[str, str],
    put: Put,
    size: str,
    place: str,
) -> None:
    entry = put(describe(shot), new_scope(1), new_scope(2), server=server.url)
    skipping = ("commit", "--on-conflict", "skip", "--chunk-size", size)
    connected.fresh(*skipping, **{VARIABLE: place})
    # What was sent is there, and proves that the rest was left out.
    again = connected(*(skipping if place == "journaled" else ("commit", "--chunk-size", size)))
    assert again.returncode == 0, again.stderr
    assert (names(server), description(server, shot)) == (["scope 1", "scope 2"], "theirs")
    if place != "noted":
        assert f"description of Shot {shot['id']}" in again.stdout + again.stderr
    shown = connected("inspect", entry.id)
    (marked,) = (each for each in shown.stdout.splitlines() if "left out: in conflict" in each)
    assert marked.split()[0] == "description"
    assert connected.json("inspect", entry.id, "--json")["left_out"] == [0]
    assert connected("revert", entry.id).returncode == 0
    assert connected("commit", "revert publish").returncode == 0
    assert (names(server), description(server, shot)) == ([], "theirs")


def test_a_conflict_that_was_left_out_and_is_sent_later_is_left_out_no_more(
    connected: CommandLine, server: Server, shot: dict[str, str], put: Put
) -> None:
    entry = put(describe(shot), new_scope(1), new_scope(2), server=server.url)
    connected.fresh("commit", "--on-conflict", "skip", **{VARIABLE: "journaled"})
    assert connected("commit", "--on-conflict", "overwrite").returncode == 0
    assert description(server, shot) == "mine"
    assert connected.json("inspect", entry.id, "--json")["left_out"] == []


def test_overwrite_sends_all_the_same(
    connected: CommandLine, server: Server, shot: dict[str, str], put: Put
) -> None:
    server.call(*squash([new_scope(1)]))
    server.call(*squash([Update("Scope", new_scope(1).entity_key, "name", "theirs")]))
    put(new_scope(1), describe(shot))
    ran = connected("commit", "--on-conflict", "overwrite")
    assert ran.returncode == 0, ran.stderr
    assert server.writes[-1] == ["update", "update"]  # what is there already cannot be created
    assert (names(server), description(server, shot)) == (["scope 1"], "mine")


def test_overwrite_holds_back_what_is_for_an_entity_that_is_gone(
    connected: CommandLine, server: Server, shot: dict[str, str], put: Put, spool: Spool
) -> None:
    server.call(*squash([Delete("Shot", shot)]))
    put(new_scope(1), describe(shot))
    ran = connected("commit", "--on-conflict", "overwrite")
    refused(ran, 3, what="is held back", why="the entity is gone")
    assert names(server) == []
    assert states(spool) == {"pending": ["publish"]}


# -- one batch behind another ----------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["held", "refused"])
def test_a_batch_waits_behind_the_one_that_creates_what_it_needs(
    connected: CommandLine,
    server: Server,
    shot: dict[str, str],
    put: Put,
    spool: Spool,
    reason: str,
) -> None:
    wrong = describe(shot) if reason == "held" else Update("Shot", shot, "no_such", "x")
    first = put(new_scope(1), wrong, name="first")
    rename = Update("Scope", new_scope(1).entity_key, "name", "scope renamed", "scope 1")
    put(rename, name="second")
    put(new_scope(2), name="other")
    result = connected.json("commit", "--json")
    state = "pending" if reason == "held" else "failed"
    assert [each["state"] for each in result["batches"]] == [state, "pending", "committed"]
    waits = result["batches"][1]
    assert f"{first.id} (first) creates, which has not landed" in waits["reason"]
    assert names(server) == ["scope 2"]
    if reason == "held":
        assert connected("commit", "--on-conflict", "skip").returncode == 0
        assert names(server) == ["scope 2", "scope renamed"]


# -- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["journaled", "sent"])
def test_chunks_are_remembered_when_a_commit_dies_between_them(
    connected: CommandLine, server: Server, put: Put, spool: Spool, place: str
) -> None:
    entry = put(*map(new_scope, range(5)))
    connected.fresh("commit", "--chunk-size", "2", **{VARIABLE: place})
    assert len(names(server)) == (2 if place == "sent" else 0)
    again = connected("commit", "--chunk-size", "2")
    assert again.returncode == 0, again.stderr
    assert len(names(server)) == 5
    assert [len(actions) for actions in server.writes] == [2, 2, 1]
    assert outcomes(spool, entry)[-4:] == (
        ["sent", "sending", "sent", "sending", "landed"][-4:]
        if place == "journaled"
        else ["sending", "sent", "sending", "landed"]
    )


def test_a_refusal_is_final(connected: CommandLine, server: Server, put: Put, spool: Spool) -> None:
    put(new_scope(1), Update("Shot", {"id": server.query("Shot")[0]["id"]}, "no_such", "x"))
    assert connected("commit", "--retries", "5").returncode == 1
    assert len(server.writes) == 1
    assert connected("commit", "--retries", "5").returncode == 0
    assert len(server.writes) == 1
    assert states(spool) == {"failed": ["publish"]}


def test_a_server_at_another_address_takes_batches_only_when_told_that_it_is_the_same(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    entry = put(new_scope(1), server="https://old.studio")
    ran = connected("commit", entry.id)
    refused(ran, 1, what="is for another server", hint="--server-changed")
    assert "https://old.studio (--server-changed sends" in connected("commit").stderr
    assert server.requests == []
    assert connected("commit", "--server-changed").returncode == 0
    assert names(server) == ["scope 1"]
    assert states(spool) == {"committed": ["publish"]}
