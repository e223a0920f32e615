"""Empty collections support every operation, without special cases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fluent.collections.examples import AssetVersion, Sequence, found
from trackteroid_cli.errors import EntityCollectionOperationError
from trackteroid_cli.fluent.collections.collection import EmptyCollection


@pytest.fixture
def empty(session: Any) -> Any:
    return found(session, 'select name from Asset where name is "none"')


def test_it_is_false_and_holds_nothing(empty: Any) -> None:
    assert not empty
    assert len(empty) == 0
    assert list(empty) == list(empty.keys()) == list(empty.values()) == []
    assert (empty or "nothing") == "nothing"
    assert "x" not in empty


def test_it_absorbs_attributes_of_any_depth(empty: Any) -> None:
    assert repr(empty) == "EmptyCollection[Asset]"
    assert repr(empty.versions) == "EmptyCollection[AssetVersion]"
    assert repr(empty.versions.task.status) == "EmptyCollection[Status]"
    assert repr(empty.AssetVersion.Component) == "EmptyCollection[Component]"
    assert (empty.name or []) == []
    assert (empty.versions.user.username[0] or "nobody") == "nobody"
    assert isinstance(empty.metadata.items(), EmptyCollection)


def test_its_items_are_itself(empty: Any) -> None:
    assert empty[0] is empty[-1] is empty[1:3] is empty["id"] is empty
    assert repr(empty[AssetVersion]) == "EmptyCollection[AssetVersion]"
    assert repr(empty.parent[Sequence]) == "EmptyCollection[Sequence]"


def test_every_method_takes_it(empty: Any) -> None:
    assert empty.map(len) == []
    assert empty.filter(len) == empty.sort(len) == empty.min(len) == empty.max(len) == empty
    assert empty.partition(len) == (empty, empty)
    assert empty.group(len) == empty.group_and_map(len, len) == {}
    assert empty.fold(7, max) == 7
    assert empty.count(len) == 0
    assert empty.fetch_attributes("name") is empty
    assert empty.apply(len, "name") == empty
    assert empty.delete() is empty.session


def test_empty_collections_are_equal_by_type(empty: Any) -> None:
    again = found(empty.session, 'select name from Asset where name is "no other"')
    assert empty == again
    assert hash(empty) == hash(again)
    assert empty != empty.versions


def test_nothing_can_be_assigned_to_it(empty: Any) -> None:
    with pytest.raises(EntityCollectionOperationError, match="empty collection"):
        empty.name = "x"
    with pytest.raises(EntityCollectionOperationError, match="empty collection"):
        empty.versions.comment = "x"
