"""Many processes use one sandbox at once, over HTTP and in their own process."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.benchmarks import soak
from trackteroid_cli.engine.demo import DEMO_KEY, DEMO_USER
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.engine.storage import store


def test_nothing_fails_or_is_lost_while_many_processes_read_and_write(home: Path) -> None:
    report = soak.run(home, seconds=0, processes=4)
    assert (report.errors, report.lost) == ([], [])
    assert report.created > report.deleted > 0
    assert report.versions > 0


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = Engine.create(tmp_path / "engine.sqlite", standard_schemas())
    engine.admit(DEMO_USER, DEMO_KEY)
    return engine


def write(engine: Engine, number: int) -> None:
    engine.call(
        [
            {
                "action": "create",
                "entity_type": "Scope",
                "entity_data": {"name": f"{number:06}" * 500},
            }
        ],
        user=DEMO_USER,
        key=DEMO_KEY,
    )


def test_the_log_stays_small_while_somebody_always_reads(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_LARGE_LOG", 2**18)
    path = engine.store.path
    stopped, largest = threading.Event(), 0

    def read_by_turns() -> None:
        """Read so that the next one has begun before this one ends."""
        with (
            closing(sqlite3.connect(path, isolation_level=None)) as first,
            closing(sqlite3.connect(path, isolation_level=None)) as second,
        ):
            turns = [first, second]
            for connection in turns:
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM scope").fetchall()
            while not stopped.wait(0.01):
                connection = turns.pop(0)
                connection.execute("ROLLBACK")
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM scope").fetchall()
                turns.append(connection)

    reader = threading.Thread(target=read_by_turns)
    reader.start()
    log = path.with_name(f"{path.name}-wal")
    try:
        for number in range(200):
            write(engine, number)
            largest = max(largest, log.stat().st_size)
    finally:
        stopped.set()
        reader.join()
        engine.close()
    assert largest < 4 * 2**20  # not half as much again


def test_a_write_is_acknowledged_though_a_long_reader_keeps_the_log(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_LARGE_LOG", 0)
    monkeypatch.setattr(store, "_LOG_SECONDS", 0)
    with closing(sqlite3.connect(engine.store.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM scope").fetchall()
        for number in range(40):
            write(engine, number)
    (count,) = engine.store.connection.execute("SELECT count(*) FROM scope").fetchone()
    assert count == 40
    engine.close()
