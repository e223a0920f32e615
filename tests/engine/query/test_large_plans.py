"""No usual query, and no write, reads a whole large table, whatever SQLite knows of the tables."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.million import build
from trackteroid_cli.engine.demo import DEMO_KEY, DEMO_USER
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.query.query import explain
from trackteroid_cli.engine.storage import layout

#: How many times as large as it is the production is said to be.
TIMES = 100

#: Tables that grow with a production. What is read of all others is little.
LARGE = (
    "appointment|asset|asset_version|component|component_location|context|custom_attribute_link|"
    "custom_attribute_value|event|list_object|metadata|note|status_change|timelog|t\\d+|[ev]\\d+"
)

#: The indexes that the first versions did not make.
ADDED = {
    "asset_version": "date",
    "context": "_type,name",
    "custom_attribute_value": "configuration_id,value",
    "note": "date",
}

USUAL = [
    "Task where id is x",
    "TypedContext where id in (x, y)",
    "Shot where name is sh0001",
    'Shot where name like "sh0001%"',
    "Shot where name is sh0001 and project.name is project1",
    "Task where parent_id is x",
    "Task where parent.name is sh0001 and name is animation",
    "Task where parent.parent.name is sq001 and project.name is project1",
    "Task where project_id is x",
    "Task where project.name is project1 limit 100",
    "Task where status.name is Ready limit 100",
    "Task where status_id is none",
    "Task where type.name is Animation order by name limit 100",
    "Task where priority.name is High and parent_id is x",
    "Task where assignments any (resource.username is user1)",
    "Task where project.name is project1 and assignments any (resource.username is user1)",
    "Task where parent_id in (select id from Shot where name is sh0001)",
    "Shot where children any (name is compositing)",
    "Shot where parent.name is sq001 and not children any ()",
    "Shot where thumbnail_id is x",
    "Shot where thumbnail_id is_not none",
    "Shot where ancestors any (name is sq001)",
    "Sequence where descendants any (name is sh0001)",
    "Shot where descendants any (assignments any (resource.username is user1))",
    "Task order by name limit 100",
    "Shot order by name descending limit 100 offset 400",
    "Task limit 100",
    "Project order by name",
    "Asset where parent.name is sh0001 and name is comp",
    "AssetVersion where asset.parent.name is sh0001",
    "AssetVersion where asset_id is x and version is 2",
    "AssetVersion where task.parent.name is sh0001",
    "AssetVersion where asset.parent.parent.name is sq001 and is_latest_version is true",
    "AssetVersion where user.username is user1",
    "AssetVersion where date > 2024-03-20 order by date descending limit 100",
    "Component where version.asset.parent.name is sh0001",
    "Component where version_id is x and name is main",
    "Appointment where context_id is x",
    "Metadata where parent_id is x and key is source",
    "Note where parent_id is x order by date descending",
    "CustomAttributeValue where entity_id in (x, y)",
    "CustomAttributeValue where entity_id in (x, y) and configuration_id is z",
    "CustomAttributeValue where configuration_id is z limit 100",
    "ContextCustomAttributeValue where entity_id is x and configuration_id is z",
    "UserCustomAttributeLink where user.username is user1",
    "select user from CustomAttributeLink where from_id is x",
    "Shot where custom_attribute_links any (configuration.key is supervisor "
    "and user.username is user1)",
]

#: Sorted by an index, or by the rows themselves, from which a page is taken.
IN_ORDER = [
    "AssetVersion order by date descending limit 100",
    "AssetVersion limit 100",
    "TypedContext order by name limit 100",
]

#: What no default meets is not looked for in the entities without a value of their own.
OF_VALUES = [
    "Shot where custom_attributes any (key is slate and value is slate1)",
    "Shot where custom_attributes any (key is fstart and value > 1100)",
    'Shot where custom_attributes any (key is slate and value like "slate1%")',
    "ContextCustomAttributeValue where key is slate and value is slate1",
]


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("production") / "production.sqlite"
    with closing(build(path, 10_000)) as engine:
        engine.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def scale(path: Path) -> None:
    """Let SQLite believe that each table is so many times as large."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for index, stat in connection.execute("SELECT idx, stat FROM sqlite_stat1").fetchall():
            rows, *equal = (int(word) for word in stat.split() if word.isdigit())
            words = (rows * TIMES, *(each * TIMES if each > 50 else each for each in equal))
            connection.execute(
                "UPDATE sqlite_stat1 SET stat = ? WHERE idx = ?",
                [" ".join(map(str, words)), index],
            )


@pytest.fixture(scope="module", params=["large", "small", "large, earlier", "small, earlier"])
def engine(
    request: pytest.FixtureRequest, production: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """The production as this version or an earlier one made it, said to be large, or once small."""
    path = tmp_path_factory.mktemp("engine") / "engine.sqlite"
    shutil.copy(production, path)
    if "earlier" in request.param:
        make_as_an_earlier_version(path)
    with pytest.MonkeyPatch.context() as patch, closing(Engine(path)) as opened:
        if "large" in request.param:
            patch.setattr(layout, "_SMALL", 0)
        if "earlier" not in request.param:
            opened.store.analyze()
        with opened.store.writing():
            pass  # gets what it lacks
    scale(path)
    with closing(Engine(path)) as opened:
        yield opened


def make_as_an_earlier_version(path: Path) -> None:
    """Give a file the indexes and the statistics that the first versions gave it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table, columns in ADDED.items():
            connection.execute(f'DROP INDEX "{table}/{columns}"')
        connection.execute("ANALYZE")
        connection.execute("PRAGMA user_version = 0")


def scans(plan: list[str]) -> list[str]:
    return [step for step in plan if re.match(rf"SCAN ({LARGE})\b", step)]


def plans(engine: Engine, expressions: list[str]) -> dict[str, list[str]]:
    connection, schema = engine.store.connection, engine.store.schema
    return {expression: explain(connection, schema, expression) for expression in expressions}


def test_no_usual_query_reads_a_whole_table(engine: Engine) -> None:
    unwanted = ("BLOOM", "AUTOMATIC")
    assert {
        expression: plan
        for expression, plan in plans(engine, USUAL).items()
        if scans(plan) or any(word in step for step in plan for word in unwanted)
    } == {}


def test_a_page_is_read_in_order_and_not_sorted(engine: Engine) -> None:
    assert {
        expression: plan
        for expression, plan in plans(engine, IN_ORDER).items()
        if "USE TEMP B-TREE FOR ORDER BY" in plan
    } == {}


def test_values_that_were_set_are_found_by_an_index(engine: Engine) -> None:
    for expression, plan in plans(engine, OF_VALUES).items():
        stored, _, defaults = "\n".join(plan).partition("UNION ALL")
        assert not scans(stored.splitlines()), (expression, plan)
        assert re.search(r"SEARCH v\d+ USING (COVERING )?INDEX", stored), (expression, plan)
        # The configurations come first: where the default is another value, nothing follows.
        assert re.search(r"SEARCH c\d+.*\n(.*\n)*SCAN e\d+", defaults), (expression, plan)


WRITES: list[dict[str, Any]] = [
    {"action": "create", "entity_type": "Task", "entity_data": {"name": "new", "parent_id": "S"}},
    {"action": "create", "entity_type": "AssetVersion", "entity_data": {"asset_id": "A"}},
    {"action": "create", "entity_type": "Note", "entity_data": {"parent_id": "S", "content": "x"}},
    {"action": "update", "entity_type": "Shot", "entity_key": ["S"], "entity_data": {"name": "n"}},
    {"action": "delete", "entity_type": "AssetVersion", "entity_key": ["V"]},
    {"action": "delete", "entity_type": "Shot", "entity_key": ["S"]},
]


def test_no_write_reads_a_whole_table(engine: Engine) -> None:
    connection = engine.store.connection
    (shot,) = connection.execute("SELECT max(id) FROM context WHERE _type = 'Shot'").fetchone()
    asset, version = connection.execute(
        "SELECT asset.id, asset_version.id FROM asset JOIN asset_version ON asset_id = asset.id "
        "WHERE context_id = ?",
        [shot],
    ).fetchone()
    writes = json.dumps(WRITES)
    for letter, key in (("S", shot), ("A", asset), ("V", version)):
        writes = writes.replace(f'"{letter}"', f'"{key}"')
    statements: set[str] = set()
    connection.set_trace_callback(statements.add)
    engine.call(json.loads(writes), user=DEMO_USER, key=DEMO_KEY)
    connection.set_trace_callback(None)
    found = {
        statement: [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        for statement in statements
        if statement.startswith(("SELECT", "UPDATE", "DELETE"))
    }
    assert len(found) > 50
    assert {statement: plan for statement, plan in found.items() if scans(plan)} == {}
