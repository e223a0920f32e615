"""The results of queries: entities, their order and their pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.query.query_production import OBJECT_TYPES, Production, small_production
from trackteroid_cli.engine.query.query import run_query
from trackteroid_cli.engine.storage.errors import ParseError


@pytest.fixture(scope="module")
def alpha(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    production = small_production(tmp_path_factory.mktemp("store") / "store.sqlite")
    yield production
    production.store.close()


def context(type_name: str, key: str, **more: Any) -> dict[str, Any]:
    """Return a context with the attributes that ftrack always sends, and *more*."""
    typed = {"project_id": key.split("/")[0], "object_type_id": OBJECT_TYPES.get(type_name)}
    kind = "show" if type_name == "Project" else "task"
    return {
        "__entity_type__": type_name,
        "id": key,
        "context_type": kind,
        **({} if type_name == "Project" else typed),
        **more,
    }


def test_an_entity_has_its_type_its_key_and_what_was_asked_for(alpha: Production) -> None:
    result = run_query(
        alpha.connection,
        alpha.schema,
        "select name, bid, start_date, status.name, parent.name from Task where id is alpha/anim",
    )
    assert result == {
        "action": "query",
        "data": [
            context(
                "Task",
                "alpha/anim",
                name="anim",
                bid=10.0,
                start_date={"__type__": "datetime", "value": "2024-05-01T10:00:00"},
                status={"__entity_type__": "Status", "id": "s-done", "name": "Done"},
                parent=context("Shot", "alpha/sh010", name="sh010"),
            )
        ],
        "metadata": {"next": {"offset": None}},
    }


def test_what_is_missing_is_none_or_empty_and_never_left_out(alpha: Production) -> None:
    (comp,) = alpha.ask(
        "select bid, status, status.state.name, assignments.resource.username, metadata, notes, "
        "start_date, thumbnail_url from Task where id is alpha/comp"
    )
    assert comp == context(
        "Task",
        "alpha/comp",
        bid=None,
        status=None,
        assignments=[],
        metadata=[
            {
                "__entity_type__": "Metadata",
                "parent_id": "alpha/comp",
                "parent_type": "Task",
                "key": "a",
                "value": "2",
            }
        ],
        notes=[],
        start_date=None,
        thumbnail_url=None,
    )


def test_a_relation_alone_answers_references(alpha: Production) -> None:
    (shot,) = alpha.ask("select parent, children from Shot where id is alpha/sh020")
    assert shot["parent"] == context("Sequence", "alpha/sq01")
    assert shot["children"] == [context("Task", "alpha/anim2")]


def test_a_base_type_answers_each_row_with_its_own_type(alpha: Production) -> None:
    rows = alpha.ask("select name from Context where name in (alpha, sh020, anim) order by id")
    assert rows == [
        context("Project", "alpha", name="alpha"),
        context("Task", "alpha/anim", name="anim"),
        context("Task", "alpha/anim2", name="anim"),
        context("Shot", "alpha/sh020", name="sh020"),
        context("Task", "beta/anim", name="Anim"),
    ]
    types = {row["id"]: row["__entity_type__"] for row in alpha.ask("Component")}
    assert types["frames"] == "SequenceComponent"
    assert {row["__entity_type__"] for row in alpha.ask("NoteCategory")} == {"NoteLabel"}
    assert [row["__entity_type__"] for row in alpha.ask("CustomAttributeLinkFrom")] == [
        "ContextCustomAttributeLinkFrom"
    ]


def test_a_cast_adds_attributes_to_the_rows_of_that_type_only(alpha: Production) -> None:
    rows = alpha.ask(
        "select parent[Shot].description, parent[Sequence].parent.name, parent.name "
        "from TypedContext where id in (alpha/anim, alpha/sh010, alpha/hero) order by name"
    )
    task, hero, shot = (row["parent"] for row in rows)
    sequence = context(
        "Sequence", "alpha/sq01", name="sq01", parent=context("Project", "alpha", name="alpha")
    )
    # The shot is a row too; this is its first occurrence.
    assert task == context(
        "Shot", "alpha/sh010", name="sh010", description="C:\\plates", parent=sequence
    )
    assert hero == context("Project", "alpha", name="alpha")
    assert shot == sequence


def test_resources_show_the_attributes_of_users_without_a_cast(alpha: Production) -> None:
    rows = alpha.ask("select assignments.resource.username from Task order by id limit 2")
    jane, group = (row["assignments"][0]["resource"] for row in rows)
    assert jane == {
        "__entity_type__": "User",
        "id": "jane",
        "resource_type": "user",
        "username": "jane",
    }
    assert group == {"__entity_type__": "Group", "id": "animators", "resource_type": "group"}


def test_relations_of_every_kind_are_loaded(alpha: Production) -> None:
    def of(expression: str) -> Any:
        (row,) = alpha.ask(expression)
        return row

    task = of("select scopes.name, lists.name, ancestors.name from Task where id is alpha/anim")
    assert [scope["name"] for scope in task["scopes"]] == ["stereo"]
    assert [one["name"] for one in task["lists"]] == ["today"]
    assert sorted(one["name"] for one in task["ancestors"]) == ["sh010", "sq01"]
    project = of("select descendants from Project where id is beta")
    assert sorted(one["id"] for one in project["descendants"]) == ["beta/anim", "beta/sh010"]
    asset = of("select latest_version.version, versions.version from Asset where id is model")
    assert asset["latest_version"]["id"] == "v2"
    assert [version["version"] for version in asset["versions"]] == [1, 2, 3]
    (empty,) = alpha.ask("select latest_version from Asset where id is empty")
    assert empty["latest_version"] is None
    version = of("select uses_versions.version, is_latest_version from AssetVersion where id is v2")
    assert [used["id"] for used in version["uses_versions"]] == ["v1"]
    assert version["is_latest_version"] is True
    items = of("select items.name from TypedContextList")["items"]
    assert {item["__entity_type__"]: item["name"] for item in items} == {
        "Task": "anim",
        "Shot": "sh010",
    }
    frame = of("select container.name from FileComponent where id is f1")
    assert frame["container"]["__entity_type__"] == "SequenceComponent"
    note = of("select recipients.recipient, recipients.user from Note where id is note")
    assert note["recipients"][0]["recipient"]["id"] == "animators"
    assert note["recipients"][0]["user"] is None


def test_assignments_and_allocations_are_told_apart(alpha: Production) -> None:
    rows = alpha.ask("select assignments, allocations, appointments from Task order by id")
    found = {
        row["id"]: [len(row[name]) for name in ("assignments", "allocations", "appointments")]
        for row in rows
    }
    assert found["alpha/anim"] == [1, 0, 1]
    assert found["alpha/comp"] == [0, 1, 1]


def test_links_lead_from_the_project_down(alpha: Production) -> None:
    def link(entity_type: str, key: str) -> Any:
        (row,) = alpha.ask(f'select link from {entity_type} where id is "{key}"')
        return [(entry["type"], entry["id"], entry["name"]) for entry in row["link"]]

    path = [
        ("Project", "alpha", "alpha"),
        ("Sequence", "alpha/sq01", "sq01"),
        ("Shot", "alpha/sh010", "sh010"),
    ]
    assert link("TypedContext", "alpha/sh010") == path
    assert link("Project", "alpha") == path[:1]
    assert link("AssetVersion", "v2") == [*path, ("AssetVersion", "v2", "model v002")]
    assert link("AssetVersion", "loose") == []
    assert link("Group", "animators") == [
        ("Group", "crew", "crew"),
        ("Group", "animators", "animators"),
    ]


def test_addresses_lead_to_the_server(alpha: Production) -> None:
    def ask(expression: str) -> Any:
        return alpha.ask(expression, server_url="https://studio.ftrackapp.com/")

    (hero,) = ask("select thumbnail_url from AssetBuild")
    url = "https://studio.ftrackapp.com/component/thumbnail?id=picture&size=300"
    assert hero["thumbnail_url"] == {"url": url, "value": url}
    served, on_disk = ask("select url from ComponentLocation order by id")
    assert served["url"]["url"] == "https://studio.ftrackapp.com/component/get?id=file"
    assert on_disk["url"] is None


def test_time_is_logged_on_a_context_and_all_below_it(alpha: Production) -> None:
    rows = alpha.ask("select time_logged, bid_time_logged_difference from TypedContext")
    logged = {row["id"]: row["time_logged"] for row in rows}
    assert logged["alpha/anim"] == 3600.0
    assert logged["alpha/comp"] == 0
    assert logged["alpha/sq01"] == 5400.0
    assert {row["id"]: row["bid_time_logged_difference"] for row in rows}["alpha/anim"] == -3590.0


def test_custom_attributes_are_typed_and_complete(alpha: Production) -> None:
    (row,) = alpha.ask("select custom_attributes from Task where id is alpha/anim")
    assert {entry["key"]: entry["value"] for entry in row["custom_attributes"]} == {
        "comment": "Late",
        "fstart": 950,
        "ok": False,
        "due": {"__type__": "datetime", "value": "2024-06-01T00:00:00"},
        "tags": ["foo", "bar"],
        "fps": None,
    }
    first = next(entry for entry in row["custom_attributes"] if entry["key"] == "fps")
    assert first == {
        "__entity_type__": "ContextCustomAttributeValue",
        "configuration_id": "c-fps",
        "entity_id": "alpha/anim",
        "key": "fps",
        "value": None,
    }


def test_custom_attributes_apply_by_type_and_project(alpha: Production) -> None:
    def keys(expression: str) -> dict[str, Any]:
        (row,) = alpha.ask(expression)
        return {entry["key"]: entry["value"] for entry in row["custom_attributes"]}

    assert keys("select custom_attributes from Project where id is alpha") == {
        "fps": None,
        "code": "P",
    }
    assert keys("select custom_attributes from Sequence") == {"fps": 25.0}
    assert keys("select custom_attributes from User where id is bob") == {"mood": "calm"}
    in_beta = keys("select custom_attributes from Task where id is beta/anim")
    assert in_beta["comment"] == "beta's own"
    assert keys("select custom_attributes from AssetVersion where id is v1") == {"fps": None}


def test_dense_values_are_queried_directly(alpha: Production) -> None:
    rows = alpha.ask(
        "select value, entity_id from ContextCustomAttributeValue where entity_id in "
        "(alpha/anim, alpha/comp) and configuration_id is c-fstart order by value desc"
    )
    assert [(row["entity_id"], row["value"]) for row in rows] == [
        ("alpha/comp", 1001),
        ("alpha/anim", 950),
    ]
    sparse = alpha.ask("select value from CustomAttributeValue where configuration.key is fstart")
    assert [(row["entity_id"], row["value"]) for row in sparse] == [("alpha/anim", 950)]
    first = "ContextCustomAttributeValue where configuration.key is ok limit 2 offset {}"
    pages = [alpha.ask(first.format(offset)) for offset in (0, 2, 4)]
    assert [len(page) for page in pages] == [2, 2, 0]
    assert len({row["entity_id"] for page in pages for row in page}) == 4


def test_defaults_of_configurations_are_typed(alpha: Production) -> None:
    rows = alpha.ask("select key, default from CustomAttributeConfiguration")
    defaults = {row["id"]: row["default"] for row in rows}
    assert defaults["c-ok"] is False
    assert defaults["c-tags"] == ["none"]
    assert defaults["c-due"] is None


def test_custom_attribute_links_are_queried_without_a_cast(alpha: Production) -> None:
    (row,) = alpha.ask(
        'select user.username from CustomAttributeLink where configuration.key = "lead" '
        'and from_id = "alpha/sh010"'
    )
    assert row["__entity_type__"] == "UserCustomAttributeLink"
    assert row["user"]["username"] == "jane"
    (typed,) = alpha.ask("UserCustomAttributeLink")
    assert typed["to_entity_type"] == "User"
    assert alpha.ids("UserCustomAttributeLink where from_entity_type is Shot") == ["link"]


def test_every_type_answers_what_its_schema_projects_by_default(alpha: Production) -> None:
    for name, entity_type in alpha.schema.types.items():
        for row in alpha.ask(name):
            concrete = alpha.schema.types[row["__entity_type__"]]
            assert {*concrete.primary_key, "__entity_type__"} <= set(row), name
            shown = [one for one in entity_type.default_projections if one in concrete]
            assert set(shown) <= set(row), name


def test_rows_are_sorted_without_regard_to_case_and_missing_values_come_first(
    alpha: Production,
) -> None:
    def ids(order: str) -> list[str]:
        return [row["id"] for row in alpha.ask(f"Task order by {order}")]

    assert ids("bid") == ["alpha/comp", "beta/anim", "alpha/anim2", "alpha/anim"]
    assert ids("name desc, bid desc") == ["alpha/comp", "alpha/anim", "alpha/anim2", "beta/anim"]
    assert ids("name, project.name descending, parent.name") == [
        "beta/anim",
        "alpha/anim",
        "alpha/anim2",
        "alpha/comp",
    ]
    assert ids("status.state.name desc, status.sort, id")[0] == "alpha/anim"
    assert ids("status desc, id")[:2] == ["alpha/anim2", "beta/anim"]


def test_statuses_come_in_their_own_order(alpha: Production) -> None:
    alpha.add("Status", id="s-first", name="Waiting", sort=-1)
    assert [row["name"] for row in alpha.ask("select name from Status")] == [
        "Waiting",
        "Ready",
        "Done",
    ]


def test_pages_cover_all_rows_once_and_the_last_announces_no_more(alpha: Production) -> None:
    def page(limit: int, offset: int) -> tuple[list[str], int | None]:
        expression = f"select id from Task where name is_not x limit {limit} offset {offset}"
        result = run_query(alpha.connection, alpha.schema, expression)
        return [row["id"] for row in result["data"]], result["metadata"]["next"]["offset"]

    everything = [row["id"] for row in alpha.ask("select id from Task")]
    assert page(2, 0) == (everything[:2], 2)
    assert page(2, 2) == (everything[2:], None)
    assert page(4, 0) == (everything, None)
    assert page(3, 1) == (everything[1:], None)
    assert page(0, 0) == ([], None)
    assert page(5, 9) == ([], None)
    assert page(999999999999999999, 0) == (everything, None)


def test_groups_are_counted_and_summed(alpha: Production) -> None:
    def ask(expression: str) -> list[dict[str, Any]]:
        return alpha.ask(expression, strict=True)

    assert ask("select count(id), sum(bid) from Task group by project_id") == [
        {"count_id": 3, "sum_bid": 12.5, "project_id": "alpha"},
        {"count_id": 1, "sum_bid": 0.0, "project_id": "beta"},
    ]
    assert ask("select status.name, avg(bid) from Task where bid > 0 group by status.name") == [
        {"status.name": "Done", "avg_bid": 10.0},
        {"status.name": "Ready", "avg_bid": 2.5},
    ]
    assert ask("select count(id), max(start_date), min(name) from Task") == [
        {
            "count_id": 4,
            "max_start_date": {"__type__": "datetime", "value": "2024-05-01T10:00:00"},
            "min_name": "anim",
        }
    ]
    assert ask("select count(id) from Task group by name order by count_id limit 1") == [
        {"count_id": 1, "name": "comp"}
    ]
    assert ask("select count(entity_id) from UserCustomAttributeValue") == [{"count_entity_id": 2}]
    assert ask("select sum(bid) from Task where id is x") == [{"sum_bid": None}]


@pytest.mark.parametrize(
    ("expression", "strict", "words"),
    [
        ("select count(id) from Task", False, "strict mode.*ftrack-strict-api"),
        ("select id, count(name) from Task group by name", True, "'id'.*'group by'"),
        ("select sum(name) from Task", True, r"sum\(name\) needs numbers"),
        ("select count(id) from Task group by name order by bid", True, "'bid'.*count_id, name"),
        ("select count(assignments.id) from Task", True, "'assignments'.*many"),
        ("select count(link) from Task", True, "'link' of 'Task' is computed"),
    ],
)
def test_groups_that_make_no_sense_are_refused(
    alpha: Production, expression: str, strict: bool, words: str
) -> None:
    with pytest.raises(ParseError, match=words):
        alpha.ask(expression, strict=strict)


def test_a_level_of_relations_takes_one_statement_however_many_rows(alpha: Production) -> None:
    expression = "select status.name, parent.parent.name, assignments.resource.id from Task"
    statements: list[str] = []
    alpha.connection.set_trace_callback(statements.append)
    try:
        alpha.ask(f"{expression} limit 1")
        few = len(statements)
        alpha.ask(expression)
    finally:
        alpha.connection.set_trace_callback(None)
    assert few == 6
    assert len(statements) - few == few


def test_values_never_become_part_of_a_statement(alpha: Production) -> None:
    statements: list[str] = []
    alpha.connection.set_trace_callback(statements.append)
    try:
        assert alpha.ids("Task where name is \"x' or '1' = '1\"") == []
        assert alpha.ids("Task where name in (\"x') or ('1') in ('1\", 'y')") == []
    finally:
        alpha.connection.set_trace_callback(None)
    assert len(statements) == 2
