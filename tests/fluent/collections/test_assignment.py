"""Assignment to an attribute of all entities of a collection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fluent.collections.examples import Sequence, Task, found, named, shots
from tests.support.sessions import Connect
from trackteroid_cli.errors import AmbiguousRelation, EntityCollectionOperationError, NoAttribute


@pytest.fixture
def committed(quiet: Any, connect: Connect) -> Callable[..., Any]:
    """Return a function that commits, and returns the shots as another session reads them."""

    def commit(*projections: str) -> Any:
        quiet.commit()
        return shots(connect(auto_populate=False), *projections)

    return commit


def test_one_value_is_for_all_and_a_list_has_one_for_each(
    quiet: Any, committed: Callable[..., Any]
) -> None:
    collection = shots(quiet, "description")
    collection.description = "wide"
    assert collection.description == ["wide"] * 5
    collection[:2].description = ["close", "far"]
    assert committed("description").description == ["close", "far", "wide", "wide", "wide"]


@pytest.mark.parametrize("count", [0, 1, 4, 6])
def test_a_list_of_another_length_is_refused(quiet: Any, count: int) -> None:
    collection = shots(quiet, "description")
    before = collection.description
    with pytest.raises(EntityCollectionOperationError, match="5 entities.* given " + str(count)):
        collection.description = ["close"] * count
    assert collection.description == before


def test_a_reference_takes_one_entity_for_all_or_one_for_each(
    quiet: Any, committed: Callable[..., Any]
) -> None:
    collection = shots(quiet, "status.name")
    done, omitted = named(quiet, "Status", "Completed"), named(quiet, "Status", "On Hold")
    collection.status = done
    assert collection.status == done
    collection[3:].Status = omitted.union(done)
    assert committed("status.name").map(lambda shot: shot.status.name[0]) == [
        "Completed",
        "Completed",
        "Completed",
        "On Hold",
        "Completed",
    ]


def test_none_removes_a_reference(quiet: Any, committed: Callable[..., Any]) -> None:
    shots(quiet)[0].thumbnail = named(quiet, "Component", "movie")[0]
    assert committed("thumbnail.name")[0].thumbnail.name == ["movie"]
    shots(quiet)[0].thumbnail = None
    assert not committed("thumbnail.name")[0].thumbnail


def test_a_value_of_the_wrong_type_is_refused(quiet: Any) -> None:
    collection = shots(quiet)
    with pytest.raises(EntityCollectionOperationError, match=r"takes Status.* given a Shot"):
        collection.status = collection[0]
    with pytest.raises(EntityCollectionOperationError, match=r"one entity.* given 'Completed'"):
        collection.status = "Completed"
    with pytest.raises(EntityCollectionOperationError, match=r"5 entities.* given 0"):
        collection.status = found(quiet, 'select name from Status where name is "none"')
    with pytest.raises(EntityCollectionOperationError, match="takes a value"):
        collection.description = collection[0]
    assert len(quiet.recorded_operations) == 0


def test_a_relation_to_many_takes_a_collection_of_its_new_entities(
    quiet: Any, connect: Connect
) -> None:
    for name in ("trailer", "poster"):
        quiet.create("Scope", {"name": name})
    quiet.commit()
    scopes = found(quiet, 'select name from Scope where name in ("trailer", "poster")')
    collection = shots(quiet, "scopes.name")[:2]
    collection.scopes = scopes
    quiet.commit()
    seen = shots(connect(auto_populate=False), "scopes.name")
    assert sorted(seen[0].scopes.name) == sorted(seen[1].scopes.name) == ["poster", "trailer"]
    collection.scopes = [scopes[:1], scopes[9:]]
    quiet.commit()
    seen = shots(connect(auto_populate=False), "scopes.name")
    assert (len(seen[0].scopes), len(seen[1].scopes), len(seen[2].scopes)) == (1, 0, 0)
    with pytest.raises(EntityCollectionOperationError, match="takes a collection"):
        collection.scopes = "trailer"


def test_custom_attributes_are_assigned_by_their_keys(
    quiet: Any, committed: Callable[..., Any]
) -> None:
    collection = shots(quiet)
    collection.custom_fend = [1, 2, 3, 4, 5]
    collection.custom_slate = "A"
    seen = committed("custom_attributes")
    assert seen.custom_fend == [1, 2, 3, 4, 5]
    assert seen.custom_slate == ["A"] * 5
    with pytest.raises(NoAttribute, match="custom_fent"):
        collection.custom_fent = 1


def test_metadata_keeps_the_keys_that_are_not_named(
    quiet: Any, committed: Callable[..., Any]
) -> None:
    collection = shots(quiet)[:2]
    collection.metadata = {"camera": "A", "lens": "50"}
    committed()
    fresh = shots(quiet)[:2]
    fresh.metadata = [{"lens": "35"}, {"filter": "none"}]
    assert committed("metadata").metadata[:2] == [
        {"camera": "A", "lens": "35"},
        {"camera": "A", "lens": "50", "filter": "none"},
    ]
    shots(quiet, "metadata")[0].metadata = {}
    assert committed("metadata").metadata[0] == {}
    with pytest.raises(EntityCollectionOperationError, match="takes a dict"):
        collection.metadata = "A"


def test_metadata_that_was_not_fetched_is_kept(quiet: Any, connect: Connect) -> None:
    projects = named(quiet, "Project", "salt_and_ember")
    projects.metadata = {"colorspace": "linear"}
    quiet.commit()
    seen = named(connect(auto_populate=False), "Project", "salt_and_ember", "metadata")
    assert seen.metadata == [{"client": "Northlight Pictures", "colorspace": "linear"}]


def test_a_missing_attribute_cannot_be_assigned(quiet: Any) -> None:
    with pytest.raises(NoAttribute, match="Shot has no attribute 'nmae'"):
        shots(quiet).nmae = "x"
    with pytest.raises(AmbiguousRelation, match="it is the type itself"):
        shots(quiet).Shot = shots(quiet)


def test_assigning_to_a_type_assigns_the_last_attribute_of_its_path(
    quiet: Any, committed: Callable[..., Any]
) -> None:
    collection = shots(quiet, "parent.name")
    other = named(quiet, "Sequence", "sq020")
    collection[4].name = "sh060"
    collection[4].Sequence = other
    assert committed().name == ["sh010", "sh020", "sh030", "sh040"]
    assert collection[4].parent[Sequence].name == ["sq020"]


def test_apply_assigns_the_result_of_the_function_for_each_entity(
    quiet: Any, committed: Callable[..., Any]
) -> None:
    collection = shots(quiet, "description")
    assert collection.apply(lambda shot: f"shot {shot.name[0]}", "description")[1] == "shot sh020"
    assert collection.apply(lambda shot: shot.name, attribute_name="description") == collection.name
    assert committed("description").description == collection.name


def test_apply_without_a_name_assigns_the_attribute_that_was_read(quiet: Any) -> None:
    collection = shots(quiet, "children.name", "children[Task].status.name")
    completed = named(quiet, "Status", "Completed")
    tasks = collection.children[Task]
    seen = []
    statuses = tasks.status.apply(lambda task: seen.append(task.name[0]) or completed)
    assert statuses == completed
    assert seen == tasks.name
    assert tasks.Status.name == ["Completed"]
    with pytest.raises(EntityCollectionOperationError, match="needs the name of an attribute"):
        collection.apply(lambda _: "x")


@pytest.mark.parametrize("name", ["description", "custom_fend", "status"])
@pytest.mark.parametrize(
    "values", [dict.fromkeys(range(5)).keys(), map(str, range(5)), set(range(5)), range(5)]
)
def test_an_iterable_that_is_no_list_is_refused(quiet: Any, name: str, values: Any) -> None:
    with pytest.raises(EntityCollectionOperationError, match="it was given") as refused:
        setattr(shots(quiet, "description"), name, values)
    assert "list(values)" in refused.value.hint
    assert len(quiet.recorded_operations) == 0


@pytest.mark.parametrize("value", [{}, [{"fend": 1}, {}]])
def test_custom_attributes_cannot_be_removed(quiet: Any, value: Any) -> None:
    collection = shots(quiet, "custom_attributes")[:2]
    with pytest.raises(EntityCollectionOperationError, match="cannot be removed"):
        collection.custom_attributes = value
    assert len(quiet.recorded_operations) == 0
