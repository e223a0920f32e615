"""SQLite files as a whole: one that moves has all that is in it, and finds nothing of others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trackteroid_cli.files import move_database


def database(path: Path, value: int) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE kept (value)")
        connection.execute("INSERT INTO kept VALUES (?)", [value])
    return path


def value(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT value FROM kept").fetchone()[0])


def test_a_database_that_moves_is_not_mixed_with_what_an_earlier_one_has_left(
    tmp_path: Path,
) -> None:
    former, target = database(tmp_path / "former", 1), tmp_path / "target"
    with closing(sqlite3.connect(former, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE kept SET value = 2")
        target.with_name("target-wal").write_bytes((tmp_path / "former-wal").read_bytes())
    move_database(database(tmp_path / "draft", 3), target)
    assert value(target) == 3
    assert {each.name for each in tmp_path.iterdir()} == {"former", "target"}


def test_a_database_that_is_not_settled_is_not_moved_without_the_rest(tmp_path: Path) -> None:
    draft = database(tmp_path / "draft", 1)
    with closing(sqlite3.connect(draft, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE kept SET value = 2")
        with pytest.raises(OSError, match="draft-wal holds what is not in draft"):
            move_database(draft, tmp_path / "target")
    assert value(draft) == 2
