"""Queries use indexes: SQLite's plans for a store without statistics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.query.query_production import Production, small_production
from trackteroid_cli.engine.query.query import explain


@pytest.fixture(scope="module")
def alpha(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    production = small_production(tmp_path_factory.mktemp("store") / "store.sqlite")
    yield production
    production.store.close()


@pytest.mark.parametrize(
    ("expression", "begins_with"),
    [
        (
            'Task where project.name is "alpha" and assignments any (resource.username is "jane") '
            "limit 500",
            "(id=?)",
        ),
        (
            'Task where project.name is "alpha" and assignments any (resource.username is "jane")',
            "(id=?)",
        ),
        ("Task where ancestors any (id is alpha/sh010)", "(id=?)"),
        ("Shot where descendants any (id is alpha/anim)", "(id=?)"),
        ("Task where custom_attributes any (key is fstart and value is 950)", "(id=?)"),
        ("Task where id in (alpha/anim, alpha/comp)", "(id=?)"),
        ("Task where parent_id is alpha/sh010", "(parent_id=?)"),
        ("Task where parent.id is alpha/sh010 and name is anim", "=?)"),
        ("Task where status.name is Done", "(status_id=?)"),
        ("Project where name is alpha", "name=?)"),
        ("Project", "(_type=?)"),
        ("Task where id in (select context_id from Timelog where user_id is jane)", "(id=?)"),
    ],
)
def test_rows_are_found_by_an_index(alpha: Production, expression: str, begins_with: str) -> None:
    first, *_ = (
        step for step in explain(alpha.connection, alpha.schema, expression) if "t0" in step
    )
    assert first.startswith("SEARCH t0 USING")
    assert first.endswith(begins_with)


def test_assignments_are_found_without_reading_all_contexts(alpha: Production) -> None:
    plan = explain(
        alpha.connection,
        alpha.schema,
        'select name, status.name, parent.name from Task where project.name is "alpha" '
        'and assignments any (resource.username is "jane") limit 500',
    )
    assert not [step for step in plan if step.startswith("SCAN") and "json_each" not in step]


def test_alternatives_of_composite_keys_are_looked_up(alpha: Production) -> None:
    expression = "Metadata where " + " or ".join(
        f'(parent_id is "p{number}"and key is "k")' for number in range(100)
    )
    plan = explain(alpha.connection, alpha.schema, expression)
    assert plan[0].startswith("SEARCH t0 USING")
    assert plan[0].endswith("(parent_id=? AND key=?)")
