"""Operations: their JSON form, and the request that many of them make."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackteroid_cli.batches.operations import (
    UNSET,
    Create,
    Delete,
    Operation,
    TakenAlong,
    Update,
    counts,
    from_json,
    to_json,
)
from trackteroid_cli.batches.squashing import squash
from trackteroid_cli.errors import InvalidOperation

SHOT = {"id": "5f0c"}

_texts = st.text(min_size=1)
_keys = st.dictionaries(_texts, _texts, min_size=1, max_size=3)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_commits = st.integers(0, 9)
_operations: st.SearchStrategy[Operation] = st.one_of(
    st.builds(Create, _texts, _keys, st.dictionaries(st.text(), _values, max_size=3), _commits),
    st.builds(Update, _texts, _keys, _texts, _values, _values | st.just(UNSET), _commits),
    st.builds(
        Delete,
        _texts,
        _keys,
        _commits,
        st.dictionaries(st.text(), _values, max_size=3),
        st.none()
        | st.lists(st.builds(TakenAlong, _texts, _keys, st.text(), st.text()), max_size=3),
        st.lists(_texts, max_size=3),
    ),
)


@given(_operations)
def test_an_operation_comes_back_from_its_json_form(operation: Operation) -> None:
    assert from_json(to_json(operation)) == operation


def test_a_value_that_was_never_set_is_absent() -> None:
    unknown = Update("Shot", SHOT, "name", "sh020")
    assert "old_value" not in to_json(unknown)
    assert to_json(Update("Shot", SHOT, "name", "sh020", None))["old_value"] is None


GOOD: dict[str, Any] = {
    "operation": "update",
    "entity_type": "Shot",
    "entity_key": SHOT,
    "attribute_name": "name",
    "new_value": None,
}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"operation": "drop"}, '"operation" must be'),
        ({"operation": None}, '"operation" must be'),
        ({"entity_type": ""}, '"entity_type"'),
        ({"entity_type": 1}, '"entity_type"'),
        ({"entity_key": {}}, '"entity_key" must be an object'),
        ({"entity_key": ["5f0c"]}, '"entity_key" must be an object'),
        ({"entity_key": {"id": 1}}, '"entity_key" must hold texts'),
        ({"entity_key": {"id": ""}}, '"entity_key" must hold texts'),
        ({"attribute_name": None}, '"attribute_name"'),
        ({"commit": "1"}, '"commit"'),
        ({"commit": True}, '"commit"'),
        ({"operation": "create", "entity_data": []}, '"entity_data"'),
        ({"operation": "delete", "seen": []}, '"seen"'),
        ({"operation": "delete", "takes_along": {}}, '"takes_along"'),
        ({"operation": "delete", "takes_along": [1]}, '"takes_along"'),
        ({"operation": "delete", "takes_along": [{"entity_type": "Shot"}]}, '"entity_key"'),
        ({"operation": "delete", "not_known": "Shot"}, '"not_known"'),
    ],
)
def test_a_part_that_is_wrong_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidOperation) as error:
        from_json({**GOOD, **change})
    assert named in error.value.why
    assert "trackteroid inspect BATCH --jsonl" in error.value.hint


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_a_part_that_is_missing_is_named(missing: str) -> None:
    with pytest.raises(InvalidOperation, match=missing):
        from_json({name: value for name, value in GOOD.items() if name != missing})


@pytest.mark.parametrize("document", [None, [], "update", 1])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(InvalidOperation, match="an operation is a JSON object"):
        from_json(document)


def test_every_kind_is_counted() -> None:
    assert counts([]) == {"create": 0, "update": 0, "delete": 0}
    assert counts([Delete("Shot", SHOT), Delete("Shot", SHOT), Create("Shot", SHOT)]) == {
        "create": 1,
        "update": 0,
        "delete": 2,
    }


def renamed(name: str, commit: int = 1, *, key: dict[str, str] = SHOT) -> Update:
    return Update("Shot", key, "name", name, commit=commit)


def payload(action: str, *, key: str = "5f0c", **data: Any) -> dict[str, Any]:
    result: dict[str, Any] = {"action": action, "entity_type": "Shot", "entity_key": [key]}
    if action != "delete":
        result["entity_data"] = {"__entity_type__": "Shot", **data}
    return result


def test_within_a_commit_only_the_last_value_is_sent_and_neighbours_share_an_entry() -> None:
    operations = [
        Create("Shot", SHOT, {"name": "a"}, 1),
        renamed("b"),
        Update("Shot", SHOT, "description", "x", commit=1),
        renamed("c"),
    ]
    assert squash(operations) == [payload("create", id="5f0c", name="c", description="x")]


def test_within_a_commit_nothing_is_sent_of_what_is_made_and_removed_again() -> None:
    other = {"id": "77"}
    operations = [
        Create("Shot", SHOT, {}, 1),
        renamed("other", key=other),
        renamed("gone"),
        Delete("Shot", SHOT, 1),
    ]
    assert squash(operations) == [payload("update", key="77", name="other")]


def test_across_commits_everything_is_sent_in_order() -> None:
    operations = [
        Create("Shot", SHOT, {"name": "a"}, 1),
        renamed("b", 2),
        renamed("c", 3),
        Delete("Shot", SHOT, 4),
    ]
    assert squash(operations) == [
        payload("create", id="5f0c", name="a"),
        payload("update", name="b"),
        payload("update", name="c"),
        payload("delete"),
    ]


def test_the_operations_themselves_are_not_changed_by_making_a_request() -> None:
    operations = [Create("Shot", SHOT, {"name": "a"}, 1), renamed("b")]
    before = [to_json(each) for each in operations]
    squash(operations)
    squash(operations)
    assert [to_json(each) for each in operations] == before
