"""Several sessions, several threads."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from tests.support.servers import Server
from tests.support.sessions import Connect, find, kinds, on_server, recorded, updates
from trackteroid_cli.session.session import Session


def test_a_session_that_defers_does_not_touch_another(
    connect: Connect, server: Server, make_server: Any, batch: Path
) -> None:
    other_server: Server = make_server()
    deferring, direct = connect(), connect(other_server)
    ours, theirs = find(deferring, "Shot", "sh010"), find(direct, "Shot", "sh010")
    with deferring.deferred_operations(batch):
        ours["name"] = "deferred"
        theirs["name"] = "direct"
        direct.commit()
        deferring.commit()
        assert not direct.deferring
    assert server.writes == []
    assert other_server.writes == [["update"]]
    assert [each["new_value"] for each in updates(batch, "name")] == ["deferred"]
    assert on_server(other_server, theirs, "name")["name"] == "direct"


def test_two_threads_that_create_and_commit_lose_nothing(
    session: Session, server: Server, sequence: Any, batch: Path
) -> None:
    start = threading.Barrier(2)

    def work(name: str) -> None:
        start.wait()
        for number in range(60):
            shot = session.create("Shot", {"name": f"{name}{number:03}", "parent": sequence})
            shot["description"] = name
            if number % 3 == 0:
                session.commit()

    with session.deferred_operations(batch):
        threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    names = {
        each["entity_data"]["name"]: each["entity_key"]["id"]
        for each in recorded(batch)
        if each["operation"] == "create"
    }
    assert len(names) == 120
    assert kinds(batch).count("create Shot") == 120
    session.reconnect_and_commit(batch)
    held = server.query('select description from Shot where parent.name is "sq010"')
    described = [each["description"] for each in held]
    assert (described.count("a"), described.count("b")) == (60, 60)


def test_operations_added_during_a_commit_are_kept(
    session: Session, shot: Any, sequence: Any, batch: Path, monkeypatch: Any
) -> None:
    with session.deferred_operations(batch):
        deferral: Any = session._deferral
        add = deferral.recording.add_commit

        def interrupted(*args: Any, **kwargs: Any) -> None:
            add(*args, **kwargs)
            thread = threading.Thread(target=lambda: sequence.update(name="meanwhile"))
            thread.start()
            thread.join()

        monkeypatch.setattr(deferral.recording, "add_commit", interrupted)
        shot["name"] = "first"
        session.commit()
        monkeypatch.undo()
        assert len(session.recorded_operations) == 1
    assert [each["new_value"] for each in updates(batch, "name")] == ["first", "meanwhile"]
