"""`trackteroid discard`: what is not to be sent goes to the trash, and comes back from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.batches import Put, describe, everything_below, states
from tests.support.command_line import CommandLine, refused
from tests.support.servers import Server
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.journal import Attempt, Outcome
from trackteroid_cli.batches.spool import Spool, State

LANDED = Attempt("2026-01-31T14:00:00Z", Outcome.LANDED)
REFUSED = Attempt("2026-01-31T14:00:00Z", Outcome.REFUSED, reason="ValidationError: no")
SENDING = Attempt("2026-01-31T14:00:00Z", Outcome.SENDING, up_to=1)
LOST = Attempt("2026-01-31T14:00:01Z", Outcome.UNKNOWN, reason="no answer", up_to=1)

UPDATE = describe("5f0c", "new")


def test_a_discarded_batch_is_noted_listed_on_request_only_and_never_committed(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    entry = put(UPDATE, server=server.url)
    ran = connected("discard", "publish")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"discarded\t{entry.id}\tpublish\n"
    assert states(spool) == {"discarded": ["publish"]}
    with Batch(spool.find(entry.id).path) as batch:
        (note,) = batch.journal()
    assert note.outcome == "discarded"
    assert note.user
    assert note.when
    assert connected.json("inspect", "--json") == []
    (listed,) = connected.json("inspect", "--state", "discarded", "--json")
    assert (listed["id"], listed["state"]) == (entry.id, "discarded")
    assert f"{note.user}@{note.host} discarded it at {note.when}" in listed["reason"]
    assert connected("commit").stderr == "nothing to commit\n"
    assert connected("commit", "--retry-failed").stderr == "nothing to commit\n"
    assert server.requests == []


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_discarded_batch_that_is_named_is_refused_with_how_to_bring_it_back(
    connected: CommandLine, server: Server, put: Put, spool: Spool, options: list[str]
) -> None:
    entry = put(UPDATE, server=server.url)
    connected("discard", "publish")
    refused(
        connected("commit", "publish", *options),
        1,
        what=f"batch {entry.id} (publish) is discarded",
        why="threw it away",
        hint=f"`trackteroid discard --restore {entry.id}`",
    )
    assert states(spool) == {"discarded": ["publish"]}
    assert server.writes == []


def test_a_restored_batch_is_committed_like_any_other(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    (shot,) = server.query("select id from Shot where name is 'sh030' and parent.name is 'sq010'")
    update = describe(shot["id"], "from the trash")
    server.call({"action": "update", "entity_type": "Shot", "entity_key": [shot["id"]],
                 "entity_data": {"description": ""}})  # fmt: skip
    entry = put(update, server=server.url, state=State.FAILED, attempts=(REFUSED,))
    assert connected("discard", "publish").returncode == 0
    ran = connected("discard", "--restore", "publish")
    assert ran.stdout == f"restored\t{entry.id}\tpublish\n"
    (listed,) = connected.json("inspect", "--json")
    assert (listed["state"], listed["reason"]) == ("pending", "ValidationError: no")
    assert connected("commit").returncode == 0
    (after,) = server.query(f"select description from Shot where id is '{shot['id']}'")
    assert after["description"] == "from the trash"
    assert states(spool) == {"committed": ["publish"]}


def test_only_what_is_in_the_trash_is_purged(
    trackteroid: CommandLine, put: Put, spool: Spool
) -> None:
    entry = put(UPDATE)
    refused(
        trackteroid("discard", "--purge", "publish"),
        1,
        what=f"batch {entry.id} (publish) is not discarded",
        why="it is pending",
    )
    assert states(spool) == {"pending": ["publish"]}
    trackteroid("discard", "publish")
    assert trackteroid.json("discard", "--purge", "publish", "--json") == {
        "batches": [{"id": entry.id, "name": "publish", "state": "purged"}],
        "exit": 0,
    }
    assert states(spool) == {}
    refused(trackteroid("discard", "--purge", "publish"), 4, what="there is no batch 'publish'")


def test_the_trash_is_meant_by_restore_and_purge_where_a_name_is_used_again(
    trackteroid: CommandLine, put: Put, spool: Spool
) -> None:
    old = put(UPDATE)
    trackteroid("discard", "publish")
    new = put(UPDATE)
    assert trackteroid.json("inspect", "publish", "--json")["id"] == new.id
    assert trackteroid("discard", "--restore", "publish").returncode == 0
    assert [entry.id for entry in spool.entries((State.PENDING,))] == [old.id, new.id]


@pytest.mark.parametrize(
    ("state", "attempts", "why", "hint"),
    [
        (State.COMMITTED, (LANDED,), "the server has it", "trackteroid revert"),
        (State.COMMITTING, (SENDING,), "the server may have it", "`trackteroid commit`"),
        (State.DISCARDED, (), "thrown away already", "--purge"),
    ],
)
def test_what_the_server_has_or_may_have_is_not_discarded(
    trackteroid: CommandLine,
    put: Put,
    home: Path,
    state: State,
    attempts: tuple[Attempt, ...],
    why: str,
    hint: str,
) -> None:
    entry = put(UPDATE, state=state, attempts=attempts)
    before = everything_below(home)
    refused(
        trackteroid("discard", "publish", "--json"),
        1,
        what=f"batch {entry.id} (publish) is {state.value}",
        why=why,
        hint=hint,
    )
    assert everything_below(home) == before


def test_a_lost_answer_is_told_when_its_batch_is_discarded(
    trackteroid: CommandLine, put: Put, spool: Spool
) -> None:
    put(UPDATE, attempts=(SENDING, LOST))
    ran = trackteroid("discard", "publish")
    assert ran.returncode == 0
    assert "the server may have" in ran.stderr
    assert states(spool) == {"discarded": ["publish"]}


def test_a_mistyped_name_among_others_changes_nothing(
    trackteroid: CommandLine, put: Put, spool: Spool
) -> None:
    put(UPDATE)
    put(UPDATE, name="other")
    refused(trackteroid("discard", "publish", "othr"), 4, what="there is no batch 'othr'")
    assert states(spool) == {"pending": ["publish", "other"]}
    ran = trackteroid("discard", "publish", "other", "publish", "--json")
    assert [each["state"] for each in json.loads(ran.stdout)["batches"]] == ["discarded"] * 2
    assert states(spool) == {"discarded": ["publish", "other"]}


def test_a_batch_that_another_process_works_on_is_left_alone(
    trackteroid: CommandLine, put: Put, spool: Spool
) -> None:
    entry = put(UPDATE)
    with spool.lock(entry.id):
        refused(trackteroid("discard", "publish"), 75, what="another process works on")
    assert states(spool) == {"pending": ["publish"]}


def test_a_damaged_batch_can_be_thrown_away_and_brought_back(
    trackteroid: CommandLine, put: Put, spool: Spool
) -> None:
    entry = put(UPDATE)
    entry.path.write_bytes(b"no batch")
    assert trackteroid("discard", entry.id).returncode == 0
    assert spool.find(entry.id).path.read_bytes() == b"no batch"
    assert trackteroid("discard", "--restore", entry.id).returncode == 0
    assert states(spool) == {"pending": ["publish"]}


def test_options_that_exclude_each_other_and_a_missing_name_are_wrong_usage(
    trackteroid: CommandLine,
) -> None:
    refused(trackteroid("discard", "x", "--restore", "--purge"), 2, what="--restore and --purge")
    refused(trackteroid("discard"), 2, what="Missing argument")
