"""The spool: batches in recorded order, and one process at a time on each."""

from __future__ import annotations

import builtins
import io
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.batches import interrupt_a_writer, name_super_journal, new_scope, put_batch
from tests.support.generated import part
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.ids import new_id
from trackteroid_cli.batches.spool import Entry, Spool, State, slug
from trackteroid_cli.errors import (
    AmbiguousBatch,
    BatchBusy,
    BatchDiscarded,
    BatchTwice,
    NotFound,
    StorageError,
)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def put(spool: Spool, name: str = "publish", batch_id: str = "") -> Entry:
    """Put a batch there; what is in it does not matter here."""
    path = spool.place(batch_id or new_id(), name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"operations")
    return spool.find(path.name.partition(".")[0])


def state(spool: Spool, entry: Entry) -> State:
    return spool.find(entry.id).state


def test_ids_sort_in_the_order_in_which_they_are_made() -> None:
    ids = [new_id() for _ in range(5000)]
    moments = [each[:-1] for each in ids]  # the last character is random
    assert moments == sorted(moments)
    assert len(set(ids)) == len(ids)
    assert all(len(each) == len("20260131-134501-417k2f") for each in ids)


def test_listing_is_in_recorded_order_over_all_states_and_opens_no_file(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [put(spool, f"batch {number}") for number in range(4)]
    with spool.claim(entries[1]) as claim:
        claim.outcome = State.COMMITTED
    with spool.claim(entries[2]) as claim:
        claim.outcome = State.FAILED
    (spool.folder / "pending" / ".trackteroid-1.tmp").write_bytes(b"half")
    (spool.folder / "pending" / "notes.txt").write_bytes(b"")

    def no_opening(*_: Any, **__: Any) -> Any:
        raise AssertionError("a file was opened")

    for module in (builtins, io):
        monkeypatch.setattr(module, "open", no_opening)
    monkeypatch.setattr(os, "open", no_opening)
    listed = spool.entries()
    monkeypatch.undo()
    assert [entry.id for entry in listed] == [entry.id for entry in entries]
    assert [entry.state.value for entry in listed] == ["pending", "committed", "failed", "pending"]
    assert [entry.name for entry in listed] == ["batch-0", "batch-1", "batch-2", "batch-3"]
    assert spool.entries((State.FAILED,)) == [listed[2]]


def test_a_spool_that_is_not_there_yet_is_empty_and_stays_away(spool: Spool) -> None:
    assert spool.entries() == []
    with pytest.raises(NotFound, match="there is no batch 'x'"):
        spool.find("x")
    assert not spool.folder.exists()


def test_a_batch_is_found_by_id_beginning_and_name(spool: Spool) -> None:
    first = put(spool, "Night run!", "20260131-134501-417k2f")
    second = put(spool, "other", "20260131-134502-417k2f")
    assert spool.find(first.id) == first
    assert spool.find("20260131-134502") == second
    assert spool.find("Night run!") == spool.find("Night-run") == first
    with pytest.raises(AmbiguousBatch, match="'20260131' means 2 batches"):
        spool.find("20260131")
    with pytest.raises(NotFound, match="spool"):
        spool.find("")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("publish_v2", "publish_v2"),
        ("../../etc/passwd", "etc-passwd"),
        ("Überblick.v1", "Überblick-v1"),
        ("???", "batch"),
        ("", "batch"),
        ("\udc80broken", "broken"),
    ],
)
def test_a_name_becomes_one_that_every_file_system_takes(name: str, shown: str) -> None:
    assert slug(name) == shown


@pytest.mark.parametrize("letter", ["x", "é", "語", "𠀋"])
def test_a_long_name_still_fits_into_a_file_name(spool: Spool, letter: str) -> None:
    entry = put(spool, letter * 300)
    assert entry.path.exists()
    assert spool.find(letter * 300) == entry


def test_a_claimed_batch_goes_where_the_claim_says_and_else_back(spool: Spool) -> None:
    entry = put(spool)
    with spool.claim(entry) as claim:
        assert state(spool, entry) is State.COMMITTING
        assert claim.path.read_bytes() == b"operations"
    with pytest.raises(RuntimeError), spool.claim(entry):
        raise RuntimeError
    assert state(spool, entry) is State.PENDING
    with spool.claim(entry) as claim:
        claim.outcome = State.COMMITTED
    assert state(spool, entry) is State.COMMITTED
    with pytest.raises(NotFound, match="another process has it committed"), spool.claim(entry):
        pass
    spool.find(entry.id).path.unlink()
    with pytest.raises(NotFound, match="it is gone"), spool.claim(entry):
        pass


HOLD = """
import sys, time
from pathlib import Path
from trackteroid_cli.batches.spool import Spool
spool = Spool(Path(sys.argv[1]))
with spool.claim(spool.find(sys.argv[2])):
    print("claimed", flush=True)
    time.sleep(60)
"""


def test_a_claim_keeps_other_processes_off_until_its_own_is_killed(spool: Spool) -> None:
    entry = put(spool)
    other = put(spool)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(spool.folder), entry.id], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"claimed\n"
        with (
            pytest.raises(BatchBusy, match=f"another process works on {entry.id}"),
            spool.claim(entry),
        ):
            pass
        with spool.claim(other):
            pass
        process.kill()
    left = spool.find(entry.id)
    assert left.state is State.COMMITTING
    with spool.claim(left) as claim:
        claim.outcome = State.COMMITTED
    assert spool.find(entry.id).path.read_bytes() == b"operations"
    assert state(spool, entry) is State.COMMITTED


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("target", [State.COMMITTED, State.DISCARDED])
def test_what_a_killed_writer_left_undone_is_settled_before_a_batch_changes_its_state(
    target: State, spool: Spool
) -> None:
    entry = put_batch(spool, *[new_scope(number) for number in range(50)])
    interrupt_a_writer(entry.path)
    if target is State.DISCARDED:
        with spool.holding(entry):
            spool.settle(entry, target)
    else:
        with spool.claim(entry) as claim:
            claim.outcome = target
    moved = spool.find(entry.id)
    assert moved.state is target
    with Batch(moved.path) as batch:
        assert len(list(batch.operations())) == 50
    assert list(entry.path.parent.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_batch_beyond_repair_changes_its_state_with_what_is_beside_it(spool: Spool) -> None:
    entry = put_batch(spool, *[new_scope(number) for number in range(50)])
    journal = interrupt_a_writer(entry.path)
    name_super_journal(journal, entry.path.with_name("another file"))
    with spool.holding(entry):
        moved = spool.settle(entry, State.DISCARDED)
        assert {each.name for each in moved.path.parent.iterdir()} == {
            entry.path.name,
            journal.name,
        }
    with spool.holding(moved):
        spool.purge(moved)
    assert list(moved.path.parent.iterdir()) == []


def copied(spool: Spool, entry: Entry, target: State, name: str) -> Path:
    """Put a copy of the batch *entry* into another place, as a person might."""
    path = spool.folder / target.value / f"{entry.id}.{name}.dbm"
    path.parent.mkdir(exist_ok=True)
    return Path(shutil.copy(entry.path, path))


@pytest.mark.parametrize("target", list(State)[:5])
def test_a_batch_that_is_there_twice_is_left_alone_and_both_files_are_named(
    target: State, spool: Spool
) -> None:
    entry = put(spool)
    other = copied(spool, entry, target, "other")
    for each in (each for each in spool.entries() if each.state is not State.DISCARDED):
        for take in (spool.claim, spool.holding):
            with pytest.raises(BatchTwice, match="is there 2 times") as error, take(each):
                pass
            assert str(entry.path) in error.value.why
            assert str(other) in error.value.why
    if target in (State.PENDING, State.FAILED):
        with pytest.raises(BatchTwice):
            spool.find(entry.id)
    assert entry.path.exists()
    assert other.exists()


def test_a_batch_never_takes_the_place_of_a_file(spool: Spool) -> None:
    entry = put(spool)
    with spool.holding(entry):
        other = copied(spool, entry, State.DISCARDED, "publish")
        other.write_bytes(b"precious")
        with pytest.raises(StorageError, match="there is a file"):
            spool.settle(entry, State.DISCARDED)
    assert other.read_bytes() == b"precious"
    assert entry.path.exists()


@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 1)), max_size=5))
@settings(deadline=None, max_examples=part(50))
def test_a_new_batch_comes_after_those_that_are_there_whatever_the_clock_says(
    moments: list[datetime],
) -> None:
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        for number, moment in enumerate(moments):
            text = f"{moment:%Y%m%d-%H%M%S}".zfill(15)
            put(spool, batch_id=f"{text}-{moment.microsecond // 1000:03d}zz{number}")
        for _ in range(3):
            last = put(spool, batch_id=spool.new_id())
            assert spool.entries()[-1] == last


def test_an_id_after_the_end_of_time_is_refused_with_the_batch_to_blame(spool: Spool) -> None:
    put(spool, batch_id="99991231-235959-999zzz")
    with pytest.raises(StorageError, match="no time comes after") as error:
        spool.new_id()
    assert "99991231-235959-999zzz" in error.value.hint


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool")
    with pytest.raises(StorageError, match="cannot read the spool") as error:
        spool.entries()
    assert error.value.why
    assert "TRACKTEROID_HOME" in error.value.hint
    with pytest.raises(StorageError, match="cannot write to"), spool.lock("x"):
        pass


def test_a_discarded_batch_is_found_only_where_no_other_is_meant(spool: Spool) -> None:
    entry = put(spool)
    with spool.holding(entry):
        gone = spool.settle(entry, State.DISCARDED)
    assert gone.path.exists()
    assert spool.find("publish") == spool.find(entry.id) == gone
    other = put(spool)
    assert spool.find("publish") == other
    assert spool.find("publish", (State.DISCARDED,)) == gone


def test_a_discarded_batch_cannot_be_claimed(spool: Spool) -> None:
    entry = put(spool)
    with spool.holding(entry):
        gone = spool.settle(entry, State.DISCARDED)
    with pytest.raises(BatchDiscarded, match="is discarded") as error, spool.claim(gone):
        pass
    assert f"discard --restore {entry.id}" in error.value.hint
    with pytest.raises(NotFound, match="another process has it discarded"), spool.claim(entry):
        pass
    assert state(spool, entry) is State.DISCARDED


def test_a_batch_is_only_held_in_the_state_in_which_it_was_seen(spool: Spool) -> None:
    entry = put(spool)
    with spool.claim(entry) as claim:
        claim.outcome = State.COMMITTED
    with pytest.raises(NotFound, match="another process has it committed"), spool.holding(entry):
        pass
    committed = spool.find(entry.id)
    with (
        spool.holding(committed),
        pytest.raises(BatchBusy, match="another process works on"),
        spool.claim(committed),
    ):
        pass


def test_a_purged_batch_is_gone(spool: Spool) -> None:
    entry = put(spool)
    with spool.holding(entry):
        spool.purge(entry)
    assert spool.entries() == []
    with pytest.raises(StorageError, match="cannot write"):
        spool.purge(entry)
