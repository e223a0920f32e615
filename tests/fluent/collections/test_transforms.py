"""Methods of collections that call a function."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fluent.collections.examples import found, shots
from tests.support.sessions import Connect
from trackteroid_cli.fluent.collections.collection import EmptyCollection


@pytest.fixture
def versions(connect: Connect) -> Any:
    """Five versions: 1, 2, 1, 2, 1."""
    return found(
        connect(auto_populate=False),
        "select version, comment, asset.name, asset.parent.name, task.status.name, components.name "
        "from AssetVersion where asset.parent.name in ('sh010', 'sh020') "
        "and asset.parent.parent.name is 'sq010' order by asset.parent.name, asset.name, version",
    )


def described(versions: Any) -> list[str]:
    return versions.map(  # type: ignore[no-any-return]
        lambda each: f"{each.Shot.name[0]}_{each.Asset.name[0]}_{each.version[0]}"
    )


def test_map_returns_what_the_function_returns(versions: Any) -> None:
    assert described(versions)[:2] == ["sh010_animation_1", "sh010_animation_2"]


def test_filter_and_count_keep_entities_for_which_the_function_holds(versions: Any) -> None:
    second = versions.filter(lambda each: each.version[0] == 2)
    assert set(second.version) == {2}
    assert versions.count(lambda each: each.version[0] == 2) == len(second) > 0
    assert repr(versions.filter(lambda _: False)) == "EmptyCollection[AssetVersion]"


def test_partition_returns_both_parts(versions: Any) -> None:
    second, first = versions.partition(lambda each: each.version[0] == 2)
    assert set(second.version) == {2}
    assert set(first.version) == {1}
    everything, nothing = versions.partition(lambda each: each)
    assert everything == versions
    assert isinstance(nothing, EmptyCollection)


def test_fold_goes_through_all_from_first_to_last(versions: Any) -> None:
    assert versions.fold(0, lambda total, each: total + each.version[0]) == sum(versions.version)
    assert versions.fold([], lambda names, each: names + each.version) == versions.version


def test_group_returns_collections_by_value(versions: Any) -> None:
    groups = versions.group(lambda each: each.Asset.name[0])
    assert set(groups) == {"animation", "compositing"}
    assert sum(map(len, groups.values())) == len(versions)
    assert set(groups["animation"].asset.name) == {"animation"}


def test_a_list_with_one_value_is_a_group_of_that_value(versions: Any) -> None:
    assert set(versions.group(lambda each: each.version)) == {1, 2}
    assert list(versions.group(lambda _: ["a", "b"])) == [("a", "b")]
    assert len(versions.group(lambda each: each.asset)) == len(versions.asset)


def test_group_and_map_maps_whole_groups(versions: Any) -> None:
    numbers = versions.group_and_map(
        lambda each: (each.Shot.name[0], each.Asset.name[0]), lambda group: group.version
    )
    assert numbers["sh010", "animation"] == [1, 2]


def test_sort_orders_by_the_value_and_keeps_the_order_of_equal_ones(versions: Any) -> None:
    sorted_ones = versions.sort(lambda each: each.version)
    assert sorted_ones.version == sorted(versions.version)
    assert described(sorted_ones)[0] == described(versions)[0]
    assert versions.sort(lambda each: each.version, reverse=True).version == sorted(
        versions.version, reverse=True
    )


def test_entities_without_a_value_come_first(versions: Any) -> None:
    by_value = versions.sort(lambda each: each.asset.name if each.version[0] == 2 else [])
    assert by_value.version == sorted(versions.version)
    assert versions.sort(lambda each: each.metadata) == versions


def test_max_is_the_last_of_the_largest_and_min_the_first_of_the_smallest(versions: Any) -> None:
    second = versions.filter(lambda each: each.version[0] == 2)
    first = versions.filter(lambda each: each.version[0] == 1)
    assert versions.max(lambda each: each.version) == second[-1]
    assert versions.min(lambda each: each.version[0]) == first[0]


def test_several_values_are_compared_by_the_largest(versions: Any) -> None:
    assets = versions.asset.fetch_attributes("versions.version")
    largest = assets.max(lambda each: each.versions.version)
    assert largest.versions.version == [1, 2]


def test_an_entity_without_a_value_is_never_the_smallest(session: Any) -> None:
    collection = shots(session)
    smallest = collection.min(lambda each: None if each.name == ["sh010"] else each.name)
    assert smallest.name == ["sh020"]
    assert collection.min(lambda _: None) == collection[0]
