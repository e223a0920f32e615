"""Collections: their entities, items, slices, equality and coercion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fluent.collections.examples import (
    Project,
    Sequence,
    Shot,
    Task,
    TypedContext,
    found,
    named,
    shots,
)
from tests.support.sessions import Connect
from trackteroid_cli.errors import EntityCollectionOperationError, NoAttribute
from trackteroid_cli.fluent.collections.collection import EmptyCollection, EntityCollection, collect
from trackteroid_cli.fluent.types.entity_types import EntityType


def test_a_collection_shows_its_type_and_how_many_it_holds(session: Any) -> None:
    assert repr(shots(session)) == "EntityCollection[Shot]{5}"
    assert str(shots(session)[1:3]) == "EntityCollection[Shot]{2}"


def test_a_collection_is_ordered_and_has_no_duplicates(session: Any) -> None:
    entities = list(shots(session).values())
    doubled = collect(Shot, [*reversed(entities), *entities], session, shots(session).schema)
    assert doubled.name == ["sh050", "sh040", "sh030", "sh020", "sh010"]
    assert list(doubled.keys()) == doubled.id


def test_an_entity_is_found_by_position_and_by_id(session: Any) -> None:
    collection = shots(session)
    assert collection[0].name == ["sh010"]
    assert collection[-1].name == ["sh050"]
    assert collection[1:3].name == ["sh020", "sh030"]
    assert collection[::-2].name == ["sh050", "sh030", "sh010"]
    assert collection[collection.id[3]].name == ["sh040"]


@pytest.mark.parametrize("position", [5, -6, -99])
def test_a_position_that_does_not_exist_is_an_index_error(session: Any, position: int) -> None:
    with pytest.raises(IndexError):
        shots(session)[position]


def test_a_slice_without_entities_is_an_empty_collection(session: Any) -> None:
    empty = shots(session)[9:]
    assert isinstance(empty, EmptyCollection)
    assert repr(empty) == "EmptyCollection[Shot]"


def test_an_unknown_id_is_a_key_error(session: Any) -> None:
    with pytest.raises(KeyError):
        shots(session)["unknown"]


def test_a_type_in_brackets_keeps_the_entities_of_that_type(session: Any) -> None:
    contexts = found(session, "select name from TypedContext")
    assert repr(contexts[Shot]) == "EntityCollection[Shot]{20}"
    assert repr(contexts[Project]) == "EmptyCollection[Project]"
    assert contexts[TypedContext] == contexts
    assert len(contexts[Shot]) + len(contexts[Sequence]) < len(contexts)


def test_a_type_that_the_server_lacks_is_an_error(session: Any) -> None:
    with pytest.raises(NoAttribute, match="Shoot") as caught:
        shots(session)[EntityType("Shoot")]
    assert "Shot" in caught.value.hint


def test_iterating_yields_a_collection_for_each_entity(session: Any) -> None:
    collection = shots(session)
    assert [element.name for element in collection] == [[name] for name in collection.name]
    assert all(isinstance(element, EntityCollection) for element in collection)


def test_loops_over_the_same_collection_do_not_disturb_one_another(session: Any) -> None:
    collection = shots(session)
    pairs = []
    for first in collection:
        for second in collection:
            if second == first:
                break
            pairs.append((first.name[0], second.name[0]))
    assert len(pairs) == 10


def test_collections_are_equal_by_type_entities_and_order(session: Any) -> None:
    collection, again = shots(session), shots(session)
    assert collection == again
    assert len({collection, again}) == 1
    assert collection != collection[::-1]
    assert collection != collection[:4]
    assert collection != TypedContext(collection)
    assert collection != collection.id


def test_a_collection_knows_what_it_contains(session: Any) -> None:
    collection = shots(session)
    assert collection.id[2] in collection
    assert next(iter(collection.values())) in collection
    assert collection[1:3] in collection
    assert collection not in collection[1:3]
    assert "unknown" not in collection


def test_coercion_to_a_wider_type_makes_types_comparable(session: Any) -> None:
    sequences = found(session, "select name from Sequence")
    both = TypedContext(shots(session)).union(TypedContext(sequences))
    assert repr(both) == f"EntityCollection[TypedContext]{{{5 + len(sequences)}}}"
    projects = found(session, "select name from Project")
    assert repr(TypedContext(projects)) == "EntityCollection[TypedContext]{2}"
    assert repr(TypedContext(sequences[9:])) == "EmptyCollection[TypedContext]"


def test_an_error_for_a_coercion_to_another_type_proposes_a_filter(session: Any) -> None:
    with pytest.raises(EntityCollectionOperationError, match="Shot is no kind of Task") as caught:
        Task(shots(session))
    assert "collection[Task]" in caught.value.hint
    with pytest.raises(EntityCollectionOperationError, match="takes a collection"):
        Task("sh010")


def test_deleted_entities_are_gone_after_a_commit(connect: Connect) -> None:
    session = connect(auto_populate=False)
    task = found(
        session, 'select name from Task where name is "layout" and parent.name is "sh050" limit 1'
    )
    task.delete().commit()
    again = connect()
    assert not again.query(f'Task where id is "{task.id[0]}"').all()


def test_a_commit_sends_all_operations_of_the_session(connect: Connect) -> None:
    session = connect(auto_populate=False)
    shots(session)[0].description = "wide"
    named(session, "Sequence", "sq010").commit()
    assert shots(connect(), "description").description[0] == "wide"
