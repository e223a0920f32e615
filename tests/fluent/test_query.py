"""Queries: projections, results, logging, checks, and the reuse of results."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import ftrack_api
import pytest

from tests.support.servers import Server
from tests.support.sessions import Connect
from trackteroid_cli import (
    SCHEMA,
    Asset,
    AssetBuild,
    AssetVersion,
    Component,
    ComponentLocation,
    Folder,
    Project,
    Sequence,
    Shot,
    Task,
    Timelog,
    TypedContext,
    User,
)
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.errors import NoRelation, UsageError
from trackteroid_cli.fluent.collections.collection import EmptyCollection, EntityCollection
from trackteroid_cli.fluent.query import Query
from trackteroid_cli.fluent.types.default_projections import default_projections
from trackteroid_cli.fluent.types.entity_types import EntityType
from trackteroid_cli.session.default_session import DefaultSession
from trackteroid_cli.session.session import Session


@pytest.fixture
def performed(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """The log of queries."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    caplog.set_level(logging.INFO, "trackteroid.query")
    logger = logging.getLogger("trackteroid.query")
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


def selected(message: str) -> str:
    """Return the projections of a logged query."""
    return message.partition("select ")[2].partition(" from ")[0]


# Projections.


@pytest.mark.parametrize(
    ("entity_type", "projections"),
    [
        (AssetVersion, "id, asset.name, version"),
        (Shot, "id, name"),
        (User, "id, username, is_active"),
        (ComponentLocation, "id, resource_identifier"),
        (EntityType("NoteComponent"), "component_id, note_id"),
        (EntityType("Appointment"), "id"),
    ],
)
def test_a_query_selects_the_key_and_what_names_an_entity(
    session: Session, entity_type: EntityType, projections: str
) -> None:
    assert str(Query(entity_type, session)) == f"select {projections} from {entity_type}"


@pytest.mark.parametrize(
    ("entity_type", "projections", "more"),
    [
        (AssetVersion, ["comment", "version"], ["comment"]),
        (AssetVersion, [Project.name], ["task.project.name"]),
        (AssetVersion, ["asset.parent.project.name"], ["asset.parent[TypedContext].project.name"]),
        (Asset, [AssetVersion, AssetVersion.Task], ["versions", "versions.task"]),
        (
            Asset,
            [Component, ComponentLocation.resource_identifier],
            [
                "versions.components",
                "versions.components.component_locations.resource_identifier",
            ],
        ),
        (AssetBuild, [Task.Timelog.duration], ["children[Task].timelogs.duration"]),
        (TypedContext, [Component.name], ["assets.versions.components.name"]),
        (AssetVersion, [AssetVersion.comment], ["comment"]),
        (AssetVersion, {Shot.name, "comment"}, ["comment", "asset.parent[Shot].name"]),
    ],
)
def test_projections_are_attributes_and_related_types(
    session: Session,
    schema: Schema,
    performed: list[str],
    entity_type: EntityType,
    projections: Any,
    more: list[str],
) -> None:
    Query(entity_type, session).get_all(projections=projections)
    default = default_projections(schema, str(entity_type))
    assert selected(performed[0]).split(", ") == [*default, *more]


@pytest.mark.parametrize("projections", ["name", Task, Task.name])
def test_projections_that_are_no_list_are_refused(session: Session, projections: Any) -> None:
    with pytest.raises(UsageError, match="cannot select"):
        Query(Shot, session).get_all(projections=projections)


def test_an_error_for_an_unknown_projection_proposes_close_names(session: Session) -> None:
    with pytest.raises(NoRelation) as refused:
        Query(Shot, session).get_all(projections=["descripton"])
    assert refused.value.what == "Shot has no attribute 'descripton'"
    assert "description" in refused.value.hint


# Results.


def test_get_all_returns_a_collection_of_all(session: Session) -> None:
    found = Query(AssetVersion, session).get_all()
    assert isinstance(found, EntityCollection)
    assert len(found) == len(session.query("AssetVersion").all())


def test_nothing_found_is_an_empty_collection(session: Session) -> None:
    found = Query(Shot, session).by_name("nothing").get_all()
    assert isinstance(found, EmptyCollection)
    assert found.entity_type == Shot


def test_order_limit_and_offset(session: Session, performed: list[str]) -> None:
    every = sorted(each["version"] for each in session.query("AssetVersion").all())
    found = Query(AssetVersion, session).get_all(
        limit=8, offset=1, order="descending", order_by="version"
    )
    assert list(found.version) == every[::-1][1:9]
    assert performed == [
        'Performing query: "select id, asset.name, version from AssetVersion '
        'order by version descending limit 8 offset 1"'
    ]


def test_order_by_a_path_of_types(session: Session) -> None:
    found = Query(Task, session).get_all(order_by=Project.name, projections=[Project.name])
    names = [each["project"]["name"] for each in found.values()]
    assert names == sorted(names)


def test_pages_are_stable_as_they_are_ordered_by_the_key(session: Session) -> None:
    keys = [
        key
        for offset in (0, 5, 10)
        for key in Query(Task, session).get_all(limit=5, offset=offset).id
    ]
    assert keys == sorted(each["id"] for each in session.query("Task").all())[:15]


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": 0},
        {"limit": "2"},
        {"offset": -1},
        {"order": "down"},
        {"order_by": Sequence.name, "limit": 1},
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    session: Session, arguments: dict[str, Any]
) -> None:
    with pytest.raises(UsageError) as refused:
        Query(Asset, session).get_all(**arguments)
    assert refused.value.hint


def test_get_one_wants_exactly_one_entity(session: Session) -> None:
    query = Query(Project, session).by_name("salt_and_ember")
    assert list(query.get_one(projections=["full_name"]).full_name) == ["Salt and Ember"]
    with pytest.raises(ftrack_api.exception.MultipleResultsFoundError, match="from Shot"):
        Query(Shot, session).get_one()
    with pytest.raises(ftrack_api.exception.NoResultFoundError, match='name is "nothing"'):
        Query(Shot, session).by_name("nothing").get_one()


def test_get_first_is_the_first_by_its_key(session: Session) -> None:
    keys = sorted(each["id"] for each in session.query("Shot").all())
    assert list(Query(Shot, session).get_first().keys()) == keys[:1]
    assert list(Query(Shot, session).get_first(offset=2).keys()) == keys[2:3]


def test_get_is_get_all(session: Session) -> None:
    assert len(Query(Shot, session).get(limit=3)) == 3


def test_inputs_and_outputs_are_the_other_ends_of_links(session: Session) -> None:
    first, second, third = session.query("select id from Shot order by id limit 3").all()
    for from_, to in ((first, second), (second, third), (first, third)):
        session.create("TypedContextLink", {"from": from_, "to": to})
    session.commit()
    query = Query(Shot, session).by_id(third["id"])
    assert set(query.get_inputs(projections=["description"]).keys()) == {first["id"], second["id"]}
    assert not query.get_outputs()
    outputs = Query(Shot, session).by_id(first["id"]).get_outputs(TypedContext)
    assert set(outputs.keys()) == {second["id"], third["id"]}
    assert outputs.entity_type == TypedContext


# Checks and requests.


def test_creating_a_query_sends_nothing(default_session: DefaultSession) -> None:
    query = Query(Shot).by_name(Project, "x").not_by_status("Done")
    assert repr(query) == "Query(Shot)"
    assert vars(default_session) == {}
    str(query)
    assert vars(default_session)


def test_only_an_entity_type_can_be_queried() -> None:
    with pytest.raises(UsageError, match="cannot query for 'Shot'"):
        Query("Shot")  # type: ignore[arg-type]


def test_a_query_is_logged_once_and_its_text_only_when_it_is_sent(
    session: Session, performed: list[str]
) -> None:
    query = Query(Task, session)
    str(query)
    assert performed == []
    query.get_all()
    assert performed == ['Performing query: "select id, name from Task"']


def test_a_bare_ftrack_session_can_be_queried(server: Server, schemas: Any) -> None:
    bare = ftrack_api.Session(
        **{
            name.removeprefix("FTRACK_").lower().replace("server", "server_url"): value
            for name, value in server.environment.items()
        },
        schema_cache_path=str(schemas),
        auto_connect_event_hub=False,
    )
    assert Query(Shot, bare).by_name("sh010").get_all()
    bare.close()


def test_importing_the_api_loads_nothing_heavy() -> None:
    code = (
        "import sys; from trackteroid_cli import Shot, SCHEMA, Task; Shot.Task.name, Task.Status; "
        "sys.exit(bool({'ftrack_api', 'requests', 'lark'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Reusing results.


def test_the_same_query_twice_gives_the_same_collection(
    session: Session, performed: list[str]
) -> None:
    with session.reusing_query_results():
        first = Query(AssetVersion, session).get_all()
        assert Query(AssetVersion, session).get_all() is first
        assert len(performed) == 1
        other = Query(AssetVersion, session).by_version("%").get_all()
        assert other == first
        assert other is not first
        assert len(performed) == 2
    assert Query(AssetVersion, session).get_all() is not first


@pytest.mark.parametrize("forget", ["commit", "reset"])
def test_collections_are_forgotten_with_the_results(session: Session, forget: str) -> None:
    with session.reusing_query_results():
        first = Query(Shot, session).get_all()
        getattr(session, forget)()
        assert Query(Shot, session).get_all() is not first


def test_results_are_not_reused_for_other_relations_or_sessions(
    session: Session, connect: Connect
) -> None:
    SCHEMA.load({"overrides": [{"name": "other", "entities": {}}]})
    second = connect("other")
    with session.reusing_query_results(), second.reusing_query_results():
        first = Query(Shot, session).get_all()
        other = Query(Shot, session, SCHEMA.other).get_all()
        assert other is not first
        assert other.schema is SCHEMA.other
        assert Query(Shot, second).get_all().session is second


# Documented examples.


def test_the_example_of_the_comparison(session: Session) -> None:
    project = session.query('Project where name is "salt_and_ember"').one()
    folder = session.create("Folder", {"name": "Delivery 3", "parent": project})
    build = session.create("AssetBuild", {"name": "drone", "parent": folder})
    task = session.create("Task", {"name": "modeling", "parent": build})
    user = session.query("User").first()
    for hours in (6, 10):
        data = {"context": task, "user": user, "duration": hours * 3600}
        session.create("Timelog", data)
    session.create("AssetBuild", {"name": "shelf", "parent": folder})
    session.commit()
    session.reset()
    collection = (
        Query(AssetBuild, session)
        .by_name(Project, "salt_and_ember", "showroom")
        .by_name(Folder, "Editorial%", "Delivery 3")
        .get_all(projections=[Task.Timelog, Task.Timelog.duration])
    )
    assert len(collection) == 2
    assert collection.count(lambda each: each.Task.Timelog) == 1
    spent = collection.group_and_map(
        lambda each: (
            each.Task.Timelog.fold(0, lambda current, log: current + log.duration[0] / 3600)
            or "No time tracked yet."
        ),
        lambda each: each.sort(lambda one: one.name).name,
    )
    assert {key: list(names) for key, names in spent.items()} == {
        16.0: ["drone"],
        "No time tracked yet.": ["shelf"],
    }
    assert Query(Timelog, session).by_name(Project, "salt_and_ember").get_all()


def names(found: Any) -> list[str]:
    return sorted(found.name)


def test_the_examples_of_criteria(session: Session) -> None:
    every = session.query("select name, parent.name from Asset").all()
    some = every[0]["name"]
    expected = sorted(each["name"] for each in every)
    assert names(Query(Asset, session).by_name(f"%{some[1:]}").get_all()) == [
        each for each in expected if each.endswith(some[1:])
    ]
    versions = Query(AssetVersion, session).by_name(some).by_version(1, 2)
    others = Query(AssetVersion, session).not_by_name(some).by_version(1, 2)
    both = Query(AssetVersion, session).by_version(1, 2).get_all()
    assert set(versions.get_all().keys()) | set(others.get_all().keys()) == set(both.keys())
    assert Query(Asset, session).by_id(AssetVersion, "%").get_first()
    within = Query(Asset, session).by_name(some).by_name(Project, "salt_and_ember", "brightwater")
    assert names(within.get_all()) == [name for name in expected if name == some]


def test_descending_without_an_attribute_is_by_the_key(session: Session) -> None:
    ids = sorted(Query(Task, session).get_all().id)
    assert Query(Task, session).get_all(order="descending").id == ids[::-1]
    assert Query(Task, session).get_all(limit=2, order="descending").id == ids[:-3:-1]


@pytest.mark.parametrize("projections", [[None], [["name"]], 5])
def test_what_cannot_be_selected_is_refused(session: Session, projections: Any) -> None:
    with pytest.raises(UsageError, match="cannot select"):
        Query(Shot, session).get_all(projections=projections)


def test_a_list_is_no_attribute_to_fetch(session: Session) -> None:
    with pytest.raises(UsageError, match="cannot select") as refused:
        Query(Shot, session).get_all().fetch_attributes(["name"])  # type: ignore[arg-type]
    assert "one by one" in refused.value.hint


def test_a_name_is_no_table_of_relationships(session: Session) -> None:
    with pytest.raises(UsageError, match="relationships 'episodic'"):
        Query(Shot, session, schema="episodic")  # type: ignore[arg-type]


def test_a_boolean_is_no_limit(session: Session) -> None:
    with pytest.raises(UsageError, match="cannot take True"):
        Query(Shot, session).get_all(limit=True)
