"""When a recording block ends, the session is as the block found it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Server
from tests.support.sessions import kinds, on_server
from trackteroid_cli.session.session import Session


class Mishap(Exception):
    pass


ENDINGS = pytest.mark.parametrize("ending", [None, Mishap, KeyboardInterrupt, SystemExit])


def run(session: Session, batch: Path, ending: type[BaseException] | None, sequence: Any) -> Any:
    """Record a block that changes, creates and deletes, and ends by raising *ending*."""
    created: Any = None
    try:
        with session.deferred_operations(batch):
            created = session.create("Shot", {"name": "sh900", "parent": sequence})
            created["metadata"]["reel"] = "A001"
            created["custom_attributes"]["fstart"] = 990
            session.commit()
            sequence["name"] = "renamed"
            sequence["metadata"]["reel"] = "A001"
            session.commit()
            created["name"] = "sh901"
            sequence["name"] = "renamed again"
            session.delete(sequence)
            if ending is not None:
                raise ending("stop")
    except (Mishap, KeyboardInterrupt, SystemExit):
        pass
    return created


@ENDINGS
def test_operations_recorded_before_are_restored_and_only_they_are_sent(
    session: Session, server: Server, shot: Any, sequence: Any, batch: Path, ending: Any
) -> None:
    shot["description"] = "before"
    earlier = session.create("Shot", {"name": "sh800", "parent": sequence})
    former = session.recorded_operations
    contents = list(former)

    run(session, batch, ending, sequence)

    assert session.recorded_operations is former
    assert list(former) == contents
    assert not session.deferring
    assert session.created == [earlier]
    assert session.modified == [shot]
    assert session.deleted == []
    session.commit()
    assert server.writes == [["update", "create"]]
    assert on_server(server, shot, "description")["description"] == "before"
    assert on_server(server, sequence, "name")["name"] == "sq010"


@ENDINGS
def test_entities_have_their_former_values(
    session: Session, server: Server, sequence: Any, batch: Path, ending: Any
) -> None:
    run(session, batch, ending, sequence)
    assert sequence["name"] == "sq010"
    assert dict(sequence["metadata"]) == {}
    assert len(session.recorded_operations) == 0
    assert session.created == session.modified == session.deleted == []
    session.commit()
    assert server.writes == []


def test_a_local_change_made_before_is_restored(
    session: Session, sequence: Any, batch: Path
) -> None:
    sequence["name"] = "changed before"
    run(session, batch, None, sequence)
    assert sequence["name"] == "changed before"


def test_created_entities_are_detached_and_keep_their_values(
    session: Session, server: Server, sequence: Any, batch: Path
) -> None:
    created = run(session, batch, None, sequence)
    server.requests.clear()
    assert created["name"] == "sh901"
    assert created["parent"]["id"] == sequence["id"]
    assert dict(created["metadata"]) == {"reel": "A001"}
    assert created["custom_attributes"]["fstart"] == 990
    assert server.requests == []
    assert session.get("Shot", created["id"]) is None


@pytest.mark.parametrize("ending", [Mishap, KeyboardInterrupt, SystemExit])
def test_a_block_that_raises_leaves_no_file(
    session: Session, sequence: Any, batch: Path, ending: Any
) -> None:
    run(session, batch, ending, sequence)
    assert list(batch.parent.glob("*.dbm*")) == []


@pytest.mark.parametrize("clear", [True, False])
def test_a_block_that_raises_keeps_the_existing_file(
    session: Session, shot: Any, batch: Path, clear: bool
) -> None:
    with session.deferred_operations(batch):
        shot["description"] = "first"
    before = batch.read_bytes()

    def record() -> None:
        with session.deferred_operations(batch, clear=clear):
            shot["description"] = "second"
            session.commit()
            raise Mishap

    with pytest.raises(Mishap):
        record()
    assert batch.read_bytes() == before


def test_a_block_whose_batch_cannot_be_written_says_so_and_undoes_its_changes(
    session: Session, shot: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(Exception, match="cannot write the batch") as caught,
        session.deferred_operations(tmp_path / "file" / "batch.dbm"),
    ):
        shot["name"] = "never"
    assert type(caught.value).__name__ == "StorageError"
    assert shot["name"] == "sh010"
    assert not session.deferring


def test_a_session_that_is_closed_inside_keeps_its_committed_operations(
    session: Session, shot: Any, batch: Path
) -> None:
    with session.deferred_operations(batch):
        shot["name"] = "recorded"
        session.commit()
        session.close()
    assert kinds(batch) == ["update Shot"]
