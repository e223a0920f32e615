"""After a commit, a recorded script reads a value in the form in which a server gives it back."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import arrow
import pytest

from tests.support.servers import Server
from tests.support.sessions import Connect
from trackteroid_cli.session.session import Session

EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))

VALUES = [
    ("start_date", datetime.datetime(2024, 3, 4, 9, 0, 30, 999)),
    ("start_date", datetime.datetime(2024, 3, 4, 9, tzinfo=EAST)),
    ("start_date", datetime.date(2024, 3, 4)),
    ("start_date", arrow.get(2024, 3, 4, 9, tzinfo=EAST)),
    ("start_date", "2024-03-04T09:00:00"),
    ("start_date", "2024-03-04"),
    ("start_date", None),
    ("bid", 900),
    ("bid", "12.5"),
    ("bid", True),
    ("sort", 7),
    ("description", 12),
    ("description", "text"),
]


def updated(session: Session, name: str, value: object) -> Any:
    """Return an attribute after it was set to *value* and committed."""
    task = session.query("Task order by id").first()
    task[name] = value
    session.commit()
    return task[name]


def created(session: Session, name: str, value: object) -> Any:
    """Return the same attribute of a new entity."""
    shot = session.query("Shot order by id").first()
    task = session.create("Task", {"name": "new", "parent": shot, name: value})
    session.commit()
    return task[name]


@pytest.mark.parametrize("set_value", [updated, created])
@pytest.mark.parametrize(("name", "value"), VALUES)
def test_a_value_is_read_back_as_in_a_direct_run(
    make_server: Callable[[], Server],
    connect: Connect,
    tmp_path: Path,
    set_value: Callable[[Session, str, object], Any],
    name: str,
    value: object,
) -> None:
    expected = set_value(connect(make_server()), name, value)
    session = connect()
    with session.deferred_operations(tmp_path / "batch.dbm"):
        found = set_value(session, name, value)
    assert (type(found), found) == (type(expected), expected)


def test_a_value_that_was_set_again_since_is_kept(connect: Connect, tmp_path: Path) -> None:
    session = connect()
    task = session.query("Task").first()
    with session.deferred_operations(tmp_path / "batch.dbm"):
        task["bid"] = 900
        session.commit()
        task["bid"] = 901
        assert task["bid"] == 901
        session.commit()
        assert task["bid"] == 901
