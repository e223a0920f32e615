"""The rows of a new engine, and the demo production."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from trackteroid_cli.engine.demo import DEMO_KEY, DEMO_USER, load_demo
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.engine.storage.errors import DuplicateEntryError


def rows(engine: Engine, expression: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = engine.call(
        [{"action": "query", "expression": expression}], user=DEMO_USER, key=DEMO_KEY
    )[0]["data"]
    return found


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Engine]:
    with closing(Engine.create(tmp_path / "store.sqlite", standard_schemas())) as engine:
        engine.admit(DEMO_USER, DEMO_KEY)
        yield engine


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Engine]:
    with closing(Engine.create(tmp_path / "store.sqlite", standard_schemas())) as engine:
        load_demo(engine)
        yield engine


def test_a_new_engine_has_the_rows_that_the_schemas_use_as_defaults(fresh: Engine) -> None:
    for entity_type in fresh.store.schema.types.values():
        for column in ("object_type_id", "priority_id"):
            default = entity_type.scalars[column].default if column in entity_type else None
            if default is not None:
                target = entity_type.relations[column.removesuffix("_id")].target
                assert rows(fresh, f"{target} where id is '{default}'")


def test_every_object_type_has_a_schema_in_the_project_schema(fresh: Engine) -> None:
    schemas = rows(fresh, "select type_id, object_type_id from Schema")
    assert {row["type_id"] for row in schemas} == {row["id"] for row in rows(fresh, "ObjectType")}
    assert all(row["type_id"] == row["object_type_id"] for row in schemas)


def test_every_status_has_a_state(fresh: Engine) -> None:
    assert not rows(fresh, "Status where state is none")
    assert {row["short"] for row in rows(fresh, "select short from State")} == {
        "NOT_STARTED",
        "IN_PROGRESS",
        "BLOCKED",
        "DONE",
    }


def test_a_new_engine_does_not_replace_a_file(fresh: Engine) -> None:
    with pytest.raises(FileExistsError):
        Engine.create(fresh.store.path, standard_schemas())


def test_an_older_ftrack_with_fewer_types_is_supported(tmp_path: Path) -> None:
    schemas = [schema for schema in standard_schemas() if schema["id"] != "ManagerType"]
    for schema in schemas:
        if schema["id"] == "AssetType":
            del schema["properties"]["short"]
    with closing(Engine.create(tmp_path / "store.sqlite", schemas)) as engine:
        engine.admit(DEMO_USER, DEMO_KEY)
        assert rows(engine, "AssetType")


def test_admitting_again_changes_no_user(fresh: Engine) -> None:
    fresh.admit(DEMO_USER.upper(), "another-key")
    fresh.call([], user=DEMO_USER, key=DEMO_KEY)
    fresh.call([], user=DEMO_USER, key="another-key")
    assert len(rows(fresh, "User")) == 1


def test_two_demos_are_the_same(tmp_path: Path, demo: Engine) -> None:
    expressions = (
        "select name, created_at, status.name, custom_attributes, metadata from TypedContext",
        "select content, date, recipients, parent_id from Note",
        "select version, date, components.name from AssetVersion",
        "select start, duration, user.username from Timelog",
    )
    with closing(Engine.create(tmp_path / "other.sqlite", standard_schemas())) as other:
        load_demo(other)
        for expression in expressions:
            assert rows(demo, expression) == rows(other, expression)


def test_a_second_load_is_refused(demo: Engine) -> None:
    with pytest.raises(DuplicateEntryError):
        load_demo(demo)


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("Project where status is active", 2),
        ("Shot", 20),
        ("AssetBuild where type is_not none", 6),
        ("Task where assignments any ()", 92),
        ("Task where status.state.short is DONE and timelogs any ()", 10),
        ("User where is_active is true", 13),
        ("Group where memberships any ()", 2),
        ("Asset where versions.version is 2", 5),
        ("SequenceComponent where members.component_locations any ()", 5),
        ("AssetVersion where uses_versions any ()", 5),
        ("TypedContextLink", 20),
        ("Note where replies any ()", 3),
        ("AssetVersionList where items any ()", 1),
        ("TypedContextList where items any ()", 1),
        ("ReviewSession where review_session_objects.statuses any ()", 1),
        ("Project where metadata any (key is client)", 2),
        ("Shot where custom_attributes any (key is complexity)", 20),
        ("CustomAttributeConfiguration where is_hierarchical is true", 1),
        ("StatusChange where from_status.name is 'Pending review'", 5),
    ],
)
def test_the_demo_has_entities_of_many_types(demo: Engine, expression: str, count: int) -> None:
    assert len(rows(demo, expression)) == count
