"""Conditions on custom attributes that the script has configured are answered as directly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.servers import Server
from tests.support.sessions import Connect
from trackteroid_cli.session.session import Session

CONDITIONS = [
    'custom_attributes any (key is "risk" and value is "low")',
    'custom_attributes any (key is "risk" and value is "high")',
    'not (custom_attributes any (key is "risk" and value is "low"))',
    'custom_attributes any (key is "risk" and value is "low") and parent.name is "sh010"',
    'parent.name is "sh010" and not (custom_attributes any (value is "high"))',
    'custom_attributes any (value is "high") or name is "lighting"',
    'status.name is "Not started" and (custom_attributes any (value is "low") or name is "roto")',
    'parent[Shot].custom_attributes any (key is "fend" and value > 1050)',
]
TAILS = ["", " order by name, id", " order by name descending, id limit 3 offset 1", " limit 5"]


def answers(session: Session) -> list[Any]:
    """Configure a custom attribute of tasks, set it on one, and return what queries find."""
    kind = session.query('CustomAttributeType where name is "text"').one()
    task_type = session.query('ObjectType where name is "Task"').one()
    data = {"key": "risk", "label": "Risk", "type": kind, "entity_type": "task"}
    more = {"object_type": task_type, "default": "low", "config": '{"markdown": false}'}
    session.create("CustomAttributeConfiguration", {**data, **more})
    session.commit()
    task = session.query("Task order by id").first()
    task["custom_attributes"]["risk"] = "high"
    session.commit()
    return [
        [entity["id"] for entity in session.query(f"select id from Task where {condition}{tail}")]
        for condition in CONDITIONS
        for tail in TAILS
    ]


def test_conditions_see_the_default_and_the_values(
    make_server: Callable[[], Server], connect: Connect, tmp_path: Path
) -> None:
    expected = answers(connect(make_server()))
    assert sum(map(bool, expected)) > len(expected) / 2
    session = connect()
    with session.deferred_operations(tmp_path / "batch.dbm"):
        assert answers(session) == expected
