"""The plan selects every row and every column of a schema."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from trackteroid_cli.engine.schema import facts
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.offline.ownership import OWNERSHIP, UPWARD_REFERENCES, is_scoped, owners_of
from trackteroid_cli.offline.pull.plan import OWNERS_PER_QUERY, Include, Job, Plan
from trackteroid_cli.server.expressions import PAGE


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema(standard_schemas())


@pytest.fixture(scope="module")
def plan(schema: Schema) -> Plan:
    return Plan(schema)


def test_every_stored_column_is_selected(plan: Plan) -> None:
    for root, family in plan.schema.families.items():
        if family.dense:
            continue
        columns = set()
        for source in plan.sources.values():
            if source.root != root:
                continue
            relations = plan.schema.types[source.entity_type].relations
            for projection in source.projections:
                name = projection.partition(".")[0]
                columns.add(relations[name].column if name in relations else projection)
        # The key of a setting is not one column, so this one holds nothing.
        assert set(family.columns) - {"setting_id"} <= columns, root


def test_every_type_is_held_whole_or_for_projects(plan: Plan) -> None:
    roots = {root for root, family in plan.schema.families.items() if not family.dense}
    assert set(plan.whole) | set(plan.scoped) == roots
    assert not set(plan.whole) & set(plan.scoped)


def test_ownership_names_columns_of_the_schema(schema: Schema) -> None:
    for root, ownerships in [*OWNERSHIP.items(), *UPWARD_REFERENCES.items()]:
        members = [schema.types[name] for name in schema.families[root].members]
        for ownership in ownerships:
            assert any(ownership.column in member.scalars for member in members), (root, ownership)
            assert ownership.owner_column in schema.types[ownership.owner].scalars, (
                root,
                ownership,
            )


def test_every_scoped_type_can_be_reached_from_a_project(schema: Schema, plan: Plan) -> None:
    reached = {"Context"}
    while True:
        further = {
            root
            for name in plan.sources
            if schema.types[name].root in reached
            for root, _ in plan._owned_rows(name)
        } - reached
        if not further:
            break
        reached |= further
    assert set(plan.scoped) <= reached


def test_every_type_that_a_row_can_have_is_selected(plan: Plan) -> None:
    for root, family in plan.schema.families.items():
        if not family.dense:
            types = [name for source in plan.sources_of_family(root) for name in source.types]
            assert sorted(types) == sorted(set(family.members) - facts.ABSTRACT)


def test_types_of_a_family_with_the_same_attributes_share_a_query(plan: Plan) -> None:
    assert plan.sources_of("Shot") == ["TypedContext"]
    assert plan.sources_of("Context") == ["Project", "TypedContext"]
    assert plan.sources_of("FileComponent") == ["Component"]
    assert plan.sources_of("SequenceComponent") == ["SequenceComponent"]


def test_an_attribute_of_one_object_type_is_selected_from_that_type() -> None:
    documents: list[dict[str, Any]] = copy.deepcopy(list(standard_schemas()))
    (shot,) = (each for each in documents if each["id"] == "Shot")
    shot["properties"]["plates"] = {"type": "integer"}
    plan = Plan(Schema(documents))
    assert "plates" in plan.sources["Shot"].projections
    assert "plates" not in plan.sources["TypedContext"].projections
    assert plan.sources_of("Shot") == ["Shot"]


def test_an_unknown_type_is_owned_by_the_types_it_refers_to() -> None:
    documents: list[dict[str, Any]] = copy.deepcopy(list(standard_schemas()))
    (timelog,) = (each for each in documents if each["id"] == "Timelog")
    documents.append({**timelog, "id": "Shift", "alias_for": {"id": "Shift", "classifiers": {}}})
    schema = Schema(documents)
    assert [(each.column, each.owner) for each in owners_of(schema, "Shift")] == [
        ("context_id", "Context")
    ]
    assert is_scoped(schema, "Shift")


@pytest.mark.parametrize(
    "job",
    [
        Job("Project", include=Include.PARTS),
        Job("TypedContext", "project_id", ("a", "b"), low="1", high="2", after="17"),
        Job("Metadata", "parent_id", ("a",), alone=True),
        Job(
            "Shot", within="Shot where name is x", follow="assets", include=Include.PARTS_AND_OWNERS
        ),
    ],
)
def test_a_job_is_the_same_after_a_round_trip_through_json(job: Job) -> None:
    assert Job.from_json(job.as_json()) == job


def test_the_next_page_begins_after_the_last_id(plan: Plan) -> None:
    job = Job("Asset", "context_id", ("a",))
    following, *_ = plan.next_pages(job, [{"id": f"{number:03}"} for number in range(PAGE)])
    assert 'id > "499"' in plan.expression(following)
    assert list(plan.next_pages(following, [{"id": "500"}])) == []


def test_pages_of_numeric_ids_follow_one_another(plan: Plan) -> None:
    (following,) = plan.next_pages(Job("Event"), [{"id": number} for number in range(PAGE)])
    assert 'id > "499"' in plan.expression(following)


def test_owners_whose_rows_are_complete_are_not_queried_again(plan: Plan) -> None:
    job = Job("Metadata", "parent_id", ("a", "b", "c"))
    rows = [{"parent_id": "a"}] * 10 + [{"parent_id": "b"}] * (PAGE - 10)
    (following,) = plan.next_pages(job, rows)
    assert following.values == ("b", "c")
    assert plan.complete_owners(job, rows) == ("a",)


def test_an_owner_that_fills_a_page_is_queried_page_by_page(plan: Plan) -> None:
    job = Job("Asset", "context_id", ("a", "b"))
    rows = [{"id": f"{number:03}", "context_id": "a"} for number in range(PAGE)]
    _, alone = plan.next_pages(job, rows)
    following, *_ = plan.next_pages(alone, rows)
    assert (following.values, following.after) == (("a",), "499")


def test_an_owner_that_fills_a_page_of_rows_without_ids_gets_its_own_query(plan: Plan) -> None:
    job = Job("Metadata", "parent_id", ("a", "b"))
    others, alone = plan.next_pages(job, [{"parent_id": "a"}] * PAGE)
    assert (others.values, alone.values, alone.joinable) == (("b",), ("a",), False)
    assert "limit" not in plan.expression(alone)
    assert list(plan.next_pages(alone, [{"parent_id": "a"}] * 2 * PAGE)) == []


def test_many_owners_are_divided_among_queries(plan: Plan) -> None:
    jobs = list(plan.id_jobs("Asset", map(str, range(OWNERS_PER_QUERY + 1)), Include.PARTS))
    assert [len(job.values) for job in jobs] == [OWNERS_PER_QUERY, 1]


@pytest.mark.parametrize("last", ["0a", "37b2", "fff"])
def test_the_rows_after_a_first_page_are_divided_without_a_gap(plan: Plan, last: str) -> None:
    (job,) = (each for each in plan.project_jobs(["p"]) if each.entity_type == "TypedContext")
    parts = list(plan.next_pages(job, [{"id": last}] * PAGE))
    assert (parts[0].after, parts[-1].high) == (last, "")
    assert [each.high for each in parts[:-1]] == [each.low for each in parts[1:]]
    assert {each.values for each in parts} == {("p",)}
    (following,) = plan.next_pages(parts[-1], [{"id": "ffff"}] * PAGE)
    assert (following.after, following.high) == ("ffff", "")
