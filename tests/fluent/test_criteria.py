"""Every criterion against a filter in plain Python, over all entities of a generated production."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from ftrack_api.symbol import NOT_SET
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fluent.generated_production import TEXTS, generate
from tests.support.generated import part
from tests.support.sessions import close
from trackteroid_cli import (
    Asset,
    AssetVersion,
    Component,
    ComponentLocation,
    Job,
    Project,
    Sequence,
    Shot,
    Status,
    Task,
    Timelog,
    TypedContext,
    User,
)
from trackteroid_cli.errors import InvalidCriterion
from trackteroid_cli.fluent.criteria import known_criteria
from trackteroid_cli.fluent.query import Query
from trackteroid_cli.fluent.types.entity_types import EntityType
from trackteroid_cli.session.session import Session

#: Criterion, queried type, target if there is one, and the attributes that it compares.
VALUES: list[tuple[str, EntityType, EntityType | None, tuple[str, ...]]] = [
    ("by_id", Task, None, ("id",)),
    ("by_id", Asset, AssetVersion, ("versions.id",)),
    ("by_id", Shot, Project, ("project.id",)),
    ("by_name", Task, None, ("name",)),
    ("by_name", TypedContext, None, ("name",)),
    ("by_name", Project, None, ("name",)),
    ("by_name", Asset, Task, ("versions.task.name",)),
    ("by_name", Task, Project, ("project.name",)),
    ("by_name", Task, Shot, ("parent[Shot].name",)),
    ("by_name", Task, Sequence, ("ancestors[Sequence].name",)),
    ("by_name", Asset, Project, ("parent[Project].name", "parent[TypedContext].project.name")),
    ("by_name", AssetVersion, None, ("asset.name",)),
    ("by_name", AssetVersion, Shot, ("asset.parent[Shot].name",)),
    ("by_name", ComponentLocation, None, ("location.name",)),
    ("by_name", User, None, ("username",)),
    ("by_name", Task, User, ("assignments.resource[User].username",)),
    ("by_type", Task, None, ("type.name",)),
    ("by_type", Asset, None, ("type.name",)),
    ("by_type", AssetVersion, None, ("asset.type.name",)),
    ("by_type", AssetVersion, Task, ("task.type.name",)),
    ("by_status", Task, None, ("status.name",)),
    ("by_status", AssetVersion, Task, ("task.status.name",)),
    ("by_status", Project, None, ("status",)),
    ("by_status", Job, None, ("status",)),
    ("by_state", AssetVersion, None, ("status.state.name",)),
    ("by_state", Status, None, ("state.name",)),
    ("by_version", AssetVersion, None, ("version",)),
    ("by_version", Component, None, ("version.version",)),
    ("by_version", ComponentLocation, None, ("component.version.version",)),
    ("by_description", Shot, None, ("description",)),
    ("by_description", Task, None, ("description",)),
    ("by_description", Task, Shot, ("parent[Shot].description",)),
    ("by_comment", AssetVersion, None, ("comment",)),
    ("by_comment", Timelog, None, ("comment",)),
    ("by_publisher", AssetVersion, None, ("user.username",)),
    ("by_publisher", Component, None, ("version.user.username",)),
    ("by_assignee", Task, None, ("assignments.resource[User].username",)),
    ("by_list", TypedContext, None, ("lists.name",)),
    ("by_list", AssetVersion, None, ("lists.name",)),
    ("by_outgoing_link", TypedContext, None, ("outgoing_links.to_id",)),
    ("by_incoming_link", TypedContext, None, ("incoming_links.from_id",)),
    ("by_outgoing_link", AssetVersion, None, ("outgoing_links.to_id",)),
    ("by_incoming_link", AssetVersion, None, ("incoming_links.from_id",)),
    ("by_active_state", User, None, ("is_active",)),
    ("by_publish_state", AssetVersion, None, ("is_published",)),
    ("by_data", Job, None, ("data",)),
    ("by_location", Component, None, ("component_locations.location.name",)),
    ("by_component_location", Component, None, ("component_locations.id",)),
    ("by_resource_identifier", Component, None, ("component_locations.resource_identifier",)),
    (
        "by_resource_identifier",
        AssetVersion,
        None,
        ("components.component_locations.resource_identifier",),
    ),
    ("by_resource_identifier", ComponentLocation, None, ("resource_identifier",)),
    ("by_file_type", Component, None, ("file_type",)),
    ("by_file_type", AssetVersion, None, ("components.file_type",)),
    ("by_system_type", Component, None, ("system_type",)),
]

#: Criterion, type, target, the path to the entities with a range, and the attributes of its ends.
RANGES: list[tuple[str, EntityType, EntityType | None, str, str, str]] = [
    ("by_lifespan", Task, None, "", "start_date", "end_date"),
    ("by_lifespan", Task, Project, "project", "start_date", "end_date"),
    ("by_lifespan", Timelog, None, "", "start", "start"),
    ("by_publish_time", AssetVersion, None, "", "date", "date"),
    ("by_publish_time", Asset, None, "versions", "date", "date"),
    ("by_status_change_time", Task, None, "status_changes", "date", "date"),
]

DAYS = [("by_creation_date", Task, "created_at"), ("by_finish_date", Job, "finished_at")]

#: Texts that the language cannot write.
BEFORE_QUOTE = re.compile(r"\\([\"']|$)")

#: Criteria whose attributes no entity of the production has; only their texts are tested.
UNTRIED = {"by_action"}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory, schemas: Any) -> Iterator[Session]:
    session = generate(tmp_path_factory.mktemp("generated"), schemas)
    yield session
    close(session)


# A filter in plain Python.


def reached(entity: Any, path: str) -> list[Any]:
    """Return the values at the end of *path*, without missing ones."""
    found = [entity]
    for segment in path.split("."):
        match = re.fullmatch(r"(\w+)(?:\[(\w+)\])?", segment)
        assert match is not None
        name, cast = match.groups()
        values: list[Any] = []
        for each in found:
            value = each[name]
            assert value is not NOT_SET, f"{path} was not fetched"
            values += value if hasattr(value, "append") else [value]
        if cast == "TypedContext":
            values = [each for each in values if each and each.entity_type != "Project"]
        elif cast:
            values = [each for each in values if each and each.entity_type == cast]
        found = [each for each in values if each is not None]
    return found


def equals(value: Any, wanted: Any) -> bool:
    """Return whether *value* matches *wanted* as ftrack compares them: equal, or like a pattern."""
    if not isinstance(wanted, str):
        return bool(value == wanted)
    text = str(value)
    if "%" in wanted:
        pattern = re.sub(
            r"\\([%_\\])|(%)|(_)|(.)",
            lambda match: (
                re.escape(match[1])
                if match[1]
                else ".*"
                if match[2]
                else "."
                if match[3]
                else re.escape(match[4])
            ),
            wanted,
            flags=re.DOTALL,
        )
        return re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) is not None
    return text.casefold() == wanted.casefold()


def matches(entity: Any, paths: Iterable[str], wanted: Iterable[Any]) -> bool:
    """Return whether a value at the end of one of *paths* matches one of *wanted*."""
    values = [value for path in paths for value in reached(entity, path)]
    return any(
        not values if each is None else any(equals(value, each) for value in values)
        for each in wanted
    )


def asked(session: Session, entity_type: EntityType, paths: Iterable[str]) -> list[Any]:
    """Return all entities of a type, with the attributes at *paths*."""
    return list(
        session.query(f"select id, {', '.join(paths)} from {entity_type} order by id").all()
    )


def assert_complementary(
    session: Session,
    name: str,
    entity_type: EntityType,
    arguments: tuple[list[Any], dict[str, Any]],
    expected: set[str],
    entities: list[Any],
) -> None:
    """Assert that a criterion finds the expected ids, and its negation all others."""
    for criterion, ids in (
        (name, expected),
        (f"not_{name}", {each["id"] for each in entities} - expected),
    ):
        query = Query(entity_type, session)
        getattr(query, criterion)(*arguments[0], **arguments[1])
        assert set(query.get_all().keys()) == ids, str(query)


def texts_like(values: Iterable[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy of present values, patterns for them, and other values."""
    known = sorted({value for value in values if value is not None}, key=repr) or ["x"]
    exactly = st.sampled_from(known)
    if not isinstance(known[0], str):
        return exactly
    pieces = st.sampled_from(known).flatmap(
        lambda text: st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(
            lambda ends: f"%{text[min(ends) : max(ends)]}%"
        )
    )
    texts = exactly | exactly.filter(str.isascii).map(str.upper) | pieces | st.sampled_from(TEXTS)
    return texts.filter(lambda text: not BEFORE_QUOTE.search(text))


# The tests.


@pytest.mark.parametrize(("name", "entity_type", "target", "paths"), VALUES)
def test_a_criterion_finds_what_a_filter_in_python_finds_and_its_negation_the_rest(
    generated: Session,
    name: str,
    entity_type: EntityType,
    target: EntityType | None,
    paths: tuple[str, ...],
) -> None:
    entities = asked(generated, entity_type, paths)
    known = [value for each in entities for path in paths for value in reached(each, path)]
    assert known, "there is nothing to find"

    @settings(max_examples=part(12, least=5), deadline=None, derandomize=True, database=None)
    @given(st.lists(texts_like(known) | st.none(), min_size=1, max_size=3))
    def check(wanted: list[Any]) -> None:
        expected = {each["id"] for each in entities if matches(each, paths, wanted)}
        values = [*([target] if target else []), *wanted]
        assert_complementary(generated, name, entity_type, (values, {}), expected, entities)

    check()


@pytest.mark.parametrize(("name", "entity_type", "target", "way", "low", "high"), RANGES)
def test_a_range_finds_what_a_filter_in_python_finds_and_its_negation_the_rest(
    generated: Session,
    name: str,
    entity_type: EntityType,
    target: EntityType | None,
    way: str,
    low: str,
    high: str,
) -> None:
    paths = [f"{way}.{each}".lstrip(".") for each in (low, high)]
    entities = asked(generated, entity_type, paths)

    def within(entity: Any, start: datetime | None, end: datetime | None) -> bool:
        return any(
            (start is None or (each[low] and each[low].naive >= start))
            and (end is None or (each[high] and each[high].naive <= end))
            for each in (reached(entity, way) if way else [entity])
        )

    moments = st.datetimes(datetime(2024, 3, 1), datetime(2024, 3, 30)).map(
        lambda moment: moment.replace(minute=0, second=0, microsecond=0)
    )
    if name == "by_status_change_time":
        now = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
        moments = st.sampled_from([now - timedelta(days=1), now + timedelta(days=1)])
    bounds = st.tuples(st.none() | moments, st.none() | moments).filter(any)

    @settings(max_examples=part(15, least=5), deadline=None, derandomize=True, database=None)
    @given(bounds)
    def check(ends: tuple[datetime | None, datetime | None]) -> None:
        expected = {each["id"] for each in entities if within(each, *ends)}
        arguments = [*([target] if target else []), *ends]
        assert_complementary(generated, name, entity_type, (arguments, {}), expected, entities)

    check()


def test_sizes_lie_between_a_minimum_and_a_maximum(generated: Session) -> None:
    entities = asked(generated, AssetVersion, ["components.size"])
    for low, high in ((1000, 3000), (None, 0), (5000, None), (4500, 4600)):
        expected = {
            each["id"]
            for each in entities
            if any(
                (low is None or size >= low) and (high is None or size <= high)
                for size in reached(each, "components.size")
            )
        }
        named = {"minimum": low, "maximum": high}
        assert_complementary(generated, "by_size", AssetVersion, ([], named), expected, entities)


@pytest.mark.parametrize(("name", "entity_type", "attribute"), DAYS)
def test_a_day_is_one_of_utc_given_in_any_form(
    generated: Session, name: str, entity_type: EntityType, attribute: str
) -> None:
    entities = asked(generated, entity_type, [attribute])
    today = datetime.now(timezone.utc).date()
    forms: list[Callable[[date], Any]] = [
        lambda day: day,
        lambda day: day.isoformat(),
        lambda day: f"{day.isoformat()}%",
        lambda day: datetime(day.year, day.month, day.day, 1, tzinfo=timezone.utc),
    ]
    for days in ([today], [today - timedelta(days=1), today], [today + timedelta(days=2)], [None]):
        for form in forms:
            given_days = [form(day) if day else None for day in days]
            expected = {
                each["id"]
                for each in entities
                if (each[attribute].date() if each[attribute] else None) in days
            }
            assert_complementary(generated, name, entity_type, (given_days, {}), expected, entities)


def metadata_of(entity: Any) -> dict[str, str]:
    return dict(entity["metadata"].items())


@pytest.mark.parametrize(
    "wanted",
    [
        [{"renderer": "farm"}],
        [{"renderer": "farm%", "camera": "farm"}],
        [{"renderer": 'a "b"'}, {"camera": "farm-2"}],
        [{"renderer": None}],
        [{"nothing": "%"}],
    ],
)
def test_metadata_has_all_keys_and_values_of_one_mapping(
    generated: Session, wanted: list[dict[str, Any]]
) -> None:
    entities = asked(generated, Task, ["metadata"])
    for target, way in ((None, ""), (Shot, "parent[Shot]")):
        path = f"{way}.metadata".lstrip(".")
        entities = asked(generated, Task, [path])
        expected = {
            each["id"]
            for each in entities
            if any(
                all(
                    key not in metadata_of(owner)
                    if value is None
                    else key in metadata_of(owner) and equals(metadata_of(owner)[key], value)
                    for key, value in mapping.items()
                )
                for owner in (reached(each, way) if way else [each])
                for mapping in wanted
            )
        }
        values = [*([target] if target else []), *wanted]
        assert_complementary(generated, "by_metadata", Task, (values, {}), expected, entities)


def test_every_criterion_is_compared_with_a_filter() -> None:
    tried = {case[0] for case in (*VALUES, *RANGES, *DAYS)}
    assert tried | UNTRIED | {"by_size", "by_metadata", "inject"} == set(known_criteria())


def test_a_collection_stands_for_its_entities(generated: Session) -> None:
    users = Query(User, generated).by_name("user2", "user3").get_all()
    by_users = Query(Task, generated).by_assignee(users).get_all()
    assert by_users
    assert by_users == Query(Task, generated).by_assignee("user2", "user3").get_all()
    tasks = Query(Task, generated).get_all(limit=3)
    assert Query(Task, generated).by_id(tasks).get_all(order_by="id") == tasks
    linked = Query(TypedContext, generated).get_inputs()
    assert linked
    assert Query(TypedContext, generated).by_incoming_link(linked).get_all() == (
        Query(TypedContext, generated).by_incoming_link("%").get_all()
    )


def test_thousands_of_ids_fit_into_one_query(generated: Session) -> None:
    tasks = Query(Task, generated).get_all(order_by="id")
    ids = [f"00000000-0000-0000-0000-{number:012d}" for number in range(5000)]
    assert Query(Task, generated).by_id(*ids, *tasks.keys()).get_all(order_by="id") == tasks
    assert not Query(Task, generated).not_by_id(*ids, *tasks.keys()).get_all()


@pytest.mark.parametrize(
    "text", ['"', "\\\\", "a'b", "a\\\\'b", '"%', "\\%", "(none)", "\n", "a\\b"]
)
def test_any_text_is_quoted_safely(generated: Session, text: str) -> None:
    assert not Query(Task, generated).by_description(text).by_description(Shot, text).get_all()
    assert len(Query(Task, generated).not_by_description(text).get_all()) == 30


@pytest.mark.parametrize("text", ["\\", "x\\", "a\\'b", 'a\\"b', "%\\", "\\\\\\"])
def test_a_text_that_the_language_cannot_write_is_refused(generated: Session, text: str) -> None:
    with pytest.raises(InvalidCriterion, match="backslash"):
        str(Query(Task, generated).by_description(text))
