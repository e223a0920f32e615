"""Attributes of a collection: the loaded values of all its entities."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ftrack_api.symbol import NOT_SET

from tests.fluent.collections.examples import (
    AssetVersion,
    Component,
    Project,
    Sequence,
    Shot,
    Status,
    Task,
    found,
    named,
    shots,
)
from tests.support.servers import Server
from tests.support.sessions import close
from trackteroid_cli.errors import NoAttribute
from trackteroid_cli.fluent.types.entity_types import EntityType
from trackteroid_cli.session.session import Session
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER


@pytest.fixture
def watched(server: Server, schemas: Path) -> Iterator[Session]:
    """A session that would populate by itself, on a server whose requests are noted."""
    session = Session(server.url, SANDBOX_KEY, SANDBOX_USER, schema_cache_path=str(schemas))
    yield session
    close(session)


def test_a_scalar_is_a_list_with_a_value_for_each_entity(quiet: Any) -> None:
    assert shots(quiet).name == ["sh010", "sh020", "sh030", "sh040", "sh050"]


def test_values_that_were_not_fetched_are_not_set(quiet: Any) -> None:
    assert shots(quiet).description == [NOT_SET] * 5


def test_a_relation_is_a_collection_without_duplicates(quiet: Any) -> None:
    collection = shots(quiet, "parent.name", "children.name", "project.name")
    assert repr(collection.parent) == "EntityCollection[TypedContext]{1}"
    assert collection.parent.name == ["sq010"]
    assert repr(collection.children) == "EntityCollection[TypedContext]{20}"
    assert repr(collection.project) == "EntityCollection[Project]{1}"
    assert collection.children[Task].name[:2] == ["layout", "animation"]


def test_a_type_is_read_through_the_path_to_it(quiet: Any) -> None:
    collection = shots(quiet, "parent.name", "assets.versions.components.name")
    assert repr(collection.Sequence) == "EntityCollection[Sequence]{1}"
    assert collection.AssetVersion == collection.assets.versions
    assert set(collection.Component.name) == set(collection.assets.versions.components.name)
    assert collection.Shot == collection


def test_relations_of_a_resource_are_those_of_the_user_that_it_is(quiet: Any) -> None:
    tasks = found(quiet, "select assignments.resource.username from Task")
    assert repr(tasks.assignments.resource).startswith("EntityCollection[User]")
    assert "emil.sorokin" in tasks.assignments.resource.username


def test_a_relation_that_was_not_fetched_is_an_empty_collection_of_its_type(quiet: Any) -> None:
    collection = shots(quiet)
    assert repr(collection.status) == "EmptyCollection[Status]"
    assert repr(collection.parent) == "EmptyCollection[TypedContext]"
    assert repr(collection.AssetVersion.Component) == "EmptyCollection[Component]"


def test_reading_before_a_fetch_does_not_hide_the_fetched_values(quiet: Any) -> None:
    collection = shots(quiet)
    assert not collection.children
    assert not collection.metadata[0]
    assert len(collection.fetch_attributes("children").children) == 20


def test_reading_sends_no_query_even_if_the_session_populates(watched: Any, server: Server) -> None:
    collection = shots(watched)
    collection.Status  # noqa: B018  # the schemas are made ready
    server.requests.clear()
    assert collection.description == [NOT_SET] * 5
    assert not collection.status.name
    assert not collection.AssetVersion
    assert collection.metadata == [NOT_SET] * 5
    assert collection.custom_fend == [NOT_SET] * 5
    assert collection.filter(lambda shot: shot.bid[0])[0].name == collection[9:]
    assert server.requests == []


def test_custom_attributes_are_read_by_their_keys(quiet: Any) -> None:
    collection = shots(quiet, "custom_attributes")
    assert collection.custom_fend == [1048, 1072, 1096, 1120, 1144]
    assert collection.custom_attributes[0]["complexity"] == ["simple"]
    with pytest.raises(NoAttribute, match="custom_fent") as caught:
        collection.custom_fent  # noqa: B018
    assert "did you mean custom_fend" in caught.value.hint


def test_a_custom_attribute_of_a_type_without_any_is_an_error(quiet: Any) -> None:
    components = found(quiet, "select name from Component")
    with pytest.raises(NoAttribute, match="Component has no attribute 'custom_fend'"):
        components.custom_fend  # noqa: B018
    assert named(quiet, "Project", "none").custom_fend == named(quiet, "Project", "none")


def test_metadata_is_a_dict_for_each_entity(quiet: Any) -> None:
    projects = found(quiet, "select name, metadata from Project")
    assert projects.metadata[0] == {"client": "Northlight Pictures", "colorspace": "ACEScg"}


def test_a_missing_attribute_is_an_error(quiet: Any) -> None:
    collection = shots(quiet)
    with pytest.raises(NoAttribute, match="Shot has no attribute 'nmae'") as caught:
        collection.nmae  # noqa: B018
    assert caught.value.hint == "did you mean name?"
    assert not hasattr(collection, "nmae")
    assert getattr(collection, "nmae", "nothing") == "nothing"


def test_an_entity_of_a_mixed_collection_that_lacks_an_attribute_has_none(quiet: Any) -> None:
    contexts = found(quiet, "select parent.name, parent[TypedContext].bid from TypedContext")
    assert len(contexts.parent.bid) == len(contexts.parent)
    assert len(contexts.parent[Project].name) == contexts.parent.bid.count(None) == 2


def test_a_collection_reads_no_attributes_with_special_names(quiet: Any) -> None:
    collection = shots(quiet)
    assert not hasattr(collection, "__array__")
    assert copy.copy(collection) is copy.deepcopy(collection) is collection


def test_fetched_attributes_are_loaded(quiet: Any) -> None:
    collection = shots(quiet)
    assert collection.fetch_attributes("description", Status.name, AssetVersion) is collection
    assert collection.status.name
    assert NOT_SET not in collection.description
    assert collection.AssetVersion
    version = collection.AssetVersion[0]
    assert "movie" in version.fetch_attributes(Component, Component.name).Component.name


def test_attributes_of_all_entities_are_fetched_with_one_query(
    watched: Any, server: Server
) -> None:
    collection = shots(watched)
    server.requests.clear()
    collection.fetch_attributes("description", "status.name")
    assert server.requests == [["query"]]


def test_metadata_of_all_entities_is_fetched_at_once_before_it_is_assigned(
    watched: Any, server: Server
) -> None:
    collection = shots(watched)
    server.requests.clear()
    collection.metadata = {"camera": "A"}
    assert server.requests == [["query"]]
    assert collection.metadata == [{"camera": "A"}] * 5


def test_many_entities_are_fetched_page_by_page(
    watched: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackteroid_cli.fluent.collections.projections.PAGE", 2)
    collection = shots(watched)
    server.requests.clear()
    collection.fetch_attributes("description")
    assert server.requests == [["query"]] * 3
    assert NOT_SET not in collection.description


def test_attributes_are_fetched_of_projects_among_contexts_too(quiet: Any) -> None:
    parents = found(quiet, "select parent from TypedContext").parent
    assert len(parents[Project]) == 2
    parents.fetch_attributes("name", "object_type.name")
    assert NOT_SET not in parents.name
    assert {"Shot", "Sequence"} <= set(parents.object_type.name)


def test_a_path_may_have_a_cast(quiet: Any) -> None:
    animation = named(quiet, "AssetType", "Animation")
    assert animation.name == ["Animation"]
    versions = found(quiet, "select asset.parent.name, asset.parent.parent.name from AssetVersion")
    assert set(versions.Shot.name) == set(versions.asset.parent[Shot].name)
    assert set(versions.Shot.Sequence.name) == set(versions.Shot.parent[Sequence].name)


def test_a_type_is_followed_through_an_attribute_named_like_a_method(quiet: Any) -> None:
    users = found(quiet, "select username, memberships.group.name from User")
    groups = users.Group
    assert groups.entity_type == EntityType("Group")
    assert sorted(groups.name) == ["Animation", "Finishing"]


def test_an_error_for_a_missing_attribute_lists_the_attributes_of_the_type(quiet: Any) -> None:
    with pytest.raises(NoAttribute) as refused:
        _ = named(quiet, "Status", "Completed").zzz
    assert "color" in refused.value.hint
    assert "AssetBuild" not in refused.value.hint
