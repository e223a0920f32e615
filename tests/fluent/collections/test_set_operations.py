"""Set operations on collections."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fluent.collections.examples import Task, TypedContext, found, shots
from trackteroid_cli.errors import EntityCollectionOperationError


def names(collection: Any) -> list[str]:
    return [name[-2:-1] for name in collection.name]


@pytest.fixture
def everything(session: Any) -> Any:
    """The shots 1 to 5."""
    return shots(session)


def test_a_union_holds_what_any_holds(everything: Any) -> None:
    union = everything[3:].union(everything[1:4], everything[:2])
    assert names(union) == ["4", "5", "2", "3", "1"]
    assert everything[:2].union() == everything[:2]


def test_an_intersection_holds_what_all_hold(everything: Any) -> None:
    assert names(everything[:4].intersection(everything[1:], everything[2:])) == ["3", "4"]
    assert not everything[:2].intersection(everything[2:])


def test_a_difference_holds_what_no_other_holds(everything: Any) -> None:
    assert names(everything.difference(everything[:1], everything[3:])) == ["2", "3"]
    assert repr(everything.difference(everything)) == "EmptyCollection[Shot]"


def test_a_symmetric_difference_holds_what_exactly_one_holds(everything: Any) -> None:
    assert names(everything[:3].symmetric_difference(everything[1:])) == ["1", "4", "5"]
    three = everything[:2].symmetric_difference(everything[1:3], everything[1:4])
    assert names(three) == ["1", "4"]


def test_set_operations_accept_empty_collections(everything: Any) -> None:
    empty = everything[9:]
    assert empty.union(everything[:1]) == everything[:1].union(empty) == everything[:1]
    assert everything.intersection(empty) == empty
    assert everything.difference(empty) == everything


def test_a_union_with_a_kind_of_the_type_has_the_wider_type(everything: Any) -> None:
    contexts = TypedContext(everything)
    assert everything[:1].union(contexts) == contexts
    assert repr(contexts.union(everything[:1])) == "EntityCollection[TypedContext]{5}"


def test_types_that_have_nothing_in_common_cannot_be_combined(
    everything: Any, session: Any
) -> None:
    tasks = found(session, "select name from Task")
    with pytest.raises(EntityCollectionOperationError, match="Shot and one of Task"):
        everything.union(tasks)
    with pytest.raises(EntityCollectionOperationError, match="Shot and one of Task"):
        everything.difference(tasks[9999:])
    assert len(TypedContext(everything).union(tasks)[Task]) == len(tasks)


@pytest.mark.parametrize("other", [None, [], "sh010", 3])
@pytest.mark.parametrize(
    "name",
    [
        "union",
        "intersection",
        "difference",
        "symmetric_difference",
        "link_inputs",
        "unlink_outputs",
    ],
)
def test_a_value_that_is_no_collection_is_refused(everything: Any, name: str, other: Any) -> None:
    with pytest.raises(EntityCollectionOperationError, match="it was given"):
        getattr(everything, name)(other)
