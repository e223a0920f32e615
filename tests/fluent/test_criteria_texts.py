"""The expression of each criterion, and the errors for arguments that are not valid."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import arrow
import pytest

from tests.support.sessions import Connect
from trackteroid_cli import (
    Asset,
    AssetVersion,
    Component,
    Context,
    EntityCollectionOperationError,
    Event,
    Folder,
    Job,
    Note,
    Project,
    Shot,
    Status,
    Task,
    User,
)
from trackteroid_cli.errors import (
    AmbiguousRelation,
    CriterionNotSupported,
    InvalidCriterion,
    NoRelation,
    UsageError,
)
from trackteroid_cli.fluent.criteria import Criteria, Criterion, known_criteria
from trackteroid_cli.fluent.query import Query
from trackteroid_cli.fluent.types.entity_types import EntityType
from trackteroid_cli.session.session import Session

WEST = timezone(timedelta(hours=-3))

#: Criterion, type, arguments, keyword arguments, and the condition.
TEXTS: list[tuple[str, EntityType, tuple[Any, ...], dict[str, Any], str]] = [
    ("by_id", Shot, ("a", "b"), {}, '(id in ("a", "b"))'),
    (
        "by_name",
        AssetVersion,
        ("comp", "an%"),
        {},
        '(asset.name is "comp" or asset.name like "an%")',
    ),
    (
        "by_name",
        Asset,
        (Project, "x"),
        {},
        '(parent[Project].name is "x" or parent[TypedContext].project.name is "x")',
    ),
    (
        "by_name",
        Asset,
        (Project, None),
        {},
        "(not parent[Project].name is_not none and "
        "not parent[TypedContext].project.name is_not none)",
    ),
    ("by_type", Task, ("Animation",), {}, '(type.name is "Animation")'),
    ("by_status", Project, ("active",), {}, '(status is "active")'),
    ("by_state", AssetVersion, (Task, "Done"), {}, '(task.status.state.name is "Done")'),
    ("by_version", Component, (1, "2"), {}, '(version.version in (1, "2"))'),
    ("by_version", AssetVersion, ("%",), {}, '(version like "%")'),
    ("by_description", Shot, (None, "a"), {}, '(description is "a" or description is none)'),
    ("by_comment", AssetVersion, ('say "hi"',), {}, '(comment is "say \\"hi\\"")'),
    ("by_publisher", AssetVersion, ("jane",), {}, '(user.username is "jane")'),
    ("by_assignee", Task, (None,), {}, "(not assignments.resource[User].username is_not none)"),
    ("by_list", Shot, ("dailies",), {}, '(lists.name is "dailies")'),
    ("by_outgoing_link", Shot, ("a",), {}, '(outgoing_links.to.id is "a")'),
    ("by_incoming_link", AssetVersion, ("a",), {}, '(incoming_links.from.id is "a")'),
    ("by_active_state", User, (True,), {}, "(is_active is True)"),
    ("by_publish_state", AssetVersion, (False,), {}, "(is_published is False)"),
    ("by_action", Event, ("update%",), {}, '(action like "update%")'),
    ("by_data", Job, ("%publish%",), {}, '(data like "%publish%")'),
    ("by_location", Component, ("x",), {}, '(component_locations.location.name is "x")'),
    ("by_component_location", Component, ("a",), {}, '(component_locations.id is "a")'),
    (
        "by_resource_identifier",
        AssetVersion,
        ("/a",),
        {},
        '(components.component_locations.resource_identifier is "/a")',
    ),
    ("by_file_type", Component, (".mov",), {}, '(file_type is ".mov")'),
    ("by_system_type", Component, ("file",), {}, '(system_type is "file")'),
    ("by_size", Component, (1, 2.5), {}, "(size >= 1 and size <= 2.5)"),
    ("by_size", AssetVersion, (), {"maximum": 9}, "(components any (size <= 9))"),
    ("by_publish_time", AssetVersion, (date(2024, 3, 1),), {}, '(date >= "2024-03-01")'),
    (
        "by_status_change_time",
        Task,
        (),
        {"start": "2024-03-01", "end": "2024-03-02"},
        '(status_changes any (date >= "2024-03-01" and date <= "2024-03-02"))',
    ),
    (
        "by_lifespan",
        Task,
        (Project,),
        {"end": "2024-03-02"},
        '(project has (end_date <= "2024-03-02"))',
    ),
    (
        "by_creation_date",
        Job,
        (date(2024, 2, 29),),
        {},
        '(created_at >= "2024-02-29" and created_at < "2024-03-01")',
    ),
    ("by_finish_date", Job, ("2024-02%",), {}, '(finished_at like "2024-02%")'),
    (
        "by_metadata",
        Task,
        ({"a": "x%"},),
        {"b": 1},
        '(metadata any (key is "a" and value like "x%") or '
        'metadata any (key is "b" and value is "1"))',
    ),
    ("inject", Task, ("where bid > 1 or name is x",), {}, "(bid > 1 or name is x)"),
    ("inject", Task, ("bid > 1", "and\nname is x"), {}, "((bid > 1) and (name is x))"),
    ("not_by_id", Shot, ("a",), {}, 'not (id is "a")'),
    (
        "not_by_name",
        Shot,
        ("a", "%b"),
        {},
        'not (name is_not none and (name is "a" or name like "%b"))',
    ),
    ("not_by_status", Task, ("Done",), {}, 'not (status.name is "Done")'),
    (
        "not_by_size",
        Component,
        (1, 2),
        {},
        "not (size is_not none and size >= 1 and size is_not none and size <= 2)",
    ),
]


@pytest.mark.parametrize(("name", "entity_type", "values", "named", "condition"), TEXTS)
def test_a_criterion_is_written_in_the_query_language(
    session: Session,
    name: str,
    entity_type: EntityType,
    values: tuple[Any, ...],
    named: dict[str, Any],
    condition: str,
) -> None:
    query = getattr(Query(entity_type, session), name)(*values, **named)
    assert str(query).partition(" where ")[2] == condition
    query.get_all()  # ftrack reads it


def test_every_criterion_has_a_text_here_and_a_negation() -> None:
    assert {name for name, *_ in TEXTS} >= set(known_criteria())
    for name in known_criteria():
        if name != "inject":
            assert isinstance(getattr(Criteria, f"not_{name}"), Criterion)


def test_moments_are_written_in_utc(session: Session) -> None:
    east = timezone(timedelta(hours=2))
    for moment, text in (
        (datetime(2024, 3, 1, 12, 30), "2024-03-01T12:30:00"),
        (datetime(2024, 3, 1, 1, tzinfo=east), "2024-02-29T23:00:00"),
        (arrow.get("2024-03-01T12:00:00.5+02:00"), "2024-03-01T10:00:00.500000"),
    ):
        assert f'"{text}"' in str(Query(AssetVersion, session).by_publish_time(moment))


def test_the_same_criterion_twice_takes_the_values_of_both(session: Session) -> None:
    query = Query(Task, session).by_name("a").by_name(Project, "p").by_name("b").not_by_name("c")
    assert str(query).partition(" where ")[2] == (
        '(name in ("a", "b")) and (project.name is "p") and not (name is_not none and name is "c")'
    )


def test_criteria_narrow_the_query_that_they_are_called_on(session: Session) -> None:
    query = Query(Task, session)
    assert query.by_name("a") is query
    assert 'name is "a"' in str(query)


def test_a_criterion_that_a_type_lacks_is_an_error(session: Session) -> None:
    with pytest.raises(CriterionNotSupported) as refused:
        str(Query(Shot, session).by_version(1))
    assert refused.value.what == "Shot has no criterion by_version"
    assert "AssetVersion, Component, ComponentLocation" in refused.value.why
    assert "by_name" in refused.value.hint
    assert "by_version" not in refused.value.hint


def test_a_target_without_the_criterion_is_an_error(session: Session) -> None:
    with pytest.raises(CriterionNotSupported, match="Asset has no criterion by_description"):
        str(Query(AssetVersion, session).by_description(Asset, "x"))


def test_a_target_without_a_single_path_is_an_error(session: Session) -> None:
    with pytest.raises(NoRelation, match="nothing plainly leads from Note to Shot"):
        str(Query(Note, session).by_name(Shot, "x"))
    with pytest.raises(AmbiguousRelation, match="author, completed_by"):
        str(Query(Note, session).by_name(User, "x"))


@pytest.mark.parametrize(
    ("name", "values", "named", "why"),
    [
        ("by_name", (), {}, "nothing could match"),
        ("by_name", (Project,), {}, "nothing could match"),
        ("by_name", (["a", "b"],), {}, "nothing of type list"),
        ("by_name", (), {"name": "a"}, "no certain order"),
        ("by_name", (object(),), {}, "nothing of type object"),
        ("by_lifespan", (None, None), {}, "neither start nor end"),
        ("by_lifespan", (1, 2, 3), {}, "start and end"),
        ("by_lifespan", (), {"minimum": 1}, "start and end"),
        ("by_lifespan", (1,), {"start": 1}, "given once"),
        ("by_lifespan", (datetime.max.replace(tzinfo=WEST),), {}, "beyond the years"),
        ("by_name", (Shot.name,), {}, "nothing of type Path"),
        ("by_metadata", ("a",), {}, "given 'a'"),
        ("by_metadata", ({},), {}, "given {}"),
        ("by_creation_date", ("soon",), {}, "neither a date"),
        ("by_creation_date", (12,), {}, "neither a date"),
        ("by_creation_date", (Shot.created_at,), {}, "neither a date"),
        ("by_creation_date", (date.max,), {}, "a day after it"),
        ("inject", ("or name is x",), {}, "joined by 'and'"),
        ("inject", (Project, "name is x"), {}, "of the type that is queried"),
        ("inject", ("",), {}, "conditions in ftrack's"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    session: Session, name: str, values: tuple[Any, ...], named: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidCriterion) as refused:
        str(getattr(Query(Task, session), name)(*values, **named))
    assert why in refused.value.why
    assert refused.value.hint


@pytest.mark.parametrize(
    ("name", "entity_type", "value", "why"),
    [
        ("by_version", AssetVersion, "one", "a number"),
        ("by_publish_state", AssetVersion, "yes", "true or false"),
    ],
)
def test_a_value_that_the_attribute_cannot_have_is_refused(
    session: Session, name: str, entity_type: EntityType, value: str, why: str
) -> None:
    with pytest.raises(InvalidCriterion) as refused:
        str(getattr(Query(entity_type, session), name)(value))
    assert why in refused.value.why


def test_a_collection_of_another_type_or_an_empty_one_is_refused(session: Session) -> None:
    shots = Query(Shot, session).get_all()
    with pytest.raises(InvalidCriterion, match=r"cannot compare 'status\.name'"):
        str(Query(Task, session).by_status(shots))
    with pytest.raises(InvalidCriterion) as refused:
        str(Query(Task, session).by_id(Query(Task, session).by_name("nothing").get_all()))
    assert "empty" in refused.value.hint


def test_a_collection_of_another_session_is_refused(session: Session, connect: Connect) -> None:
    tasks = Query(Task, connect("other")).get_all()
    with pytest.raises(EntityCollectionOperationError, match=r"sandbox://demo.*sandbox://other"):
        Query(Task, session).by_id(tasks)


def test_studio_types_have_the_criteria_of_their_kind(session: Session) -> None:
    assert str(Query(Folder, session).by_status("Done")).endswith('(status.name is "Done")')


def test_an_error_for_an_unknown_type_proposes_close_names(session: Session) -> None:
    query = Query(EntityType("Shott"), session).by_name("x")
    with pytest.raises(UsageError) as refused:
        str(query)
    assert refused.value.what == "the server has no entity type 'Shott'"
    assert "Shot" in refused.value.hint


def test_an_error_for_an_unknown_keyword_of_a_range_names_it(session: Session) -> None:
    with pytest.raises(InvalidCriterion, match="a range was given 'min'") as refused:
        str(Query(Component, session).by_size(min=5))
    assert "minimum" in refused.value.hint


@pytest.mark.parametrize(
    ("entity_type", "name"),
    [(Status, "by_lifespan"), (Context, "by_lifespan"), (Context, "by_comment")],
)
def test_a_type_with_one_end_of_a_range_only_does_not_have_the_criterion(
    session: Session, entity_type: EntityType, name: str
) -> None:
    with pytest.raises(CriterionNotSupported, match=f"{entity_type} has no criterion {name}"):
        str(getattr(Query(entity_type, session), name)("2026-01-01"))
