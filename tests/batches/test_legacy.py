"""Files of the older Trackteroid package, read into the form of today's batches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trackteroid_cli.batches.dbm import DbmCorrupt, create, open_reader
from trackteroid_cli.batches.legacy import LegacyBatch, is_legacy, read_legacy

SHOT_KEY = "('Shot', ['5f0c'])"
SHOT = {
    "__entity_type__": "Shot",
    "id": "5f0c",
    "name": "sh010",
    "start_date": {"__type__": "datetime", "value": "2024-05-01T10:00:00"},
    "status": {"__entity_type__": "Status", "id": "a1"},
    "description": "NOT SET",
}

Read = Callable[..., LegacyBatch]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes a file as the older package does, and reads it."""

    def write_and_read(operations: Any, entries: dict[str, Any] | None = None) -> LegacyBatch:
        pairs = {"__operations__": json.dumps(json.dumps(operations))}
        pairs |= {key: json.dumps(value) for key, value in (entries or {}).items()}
        return read_raw(tmp_path / "publish.dbm", pairs)

    return write_and_read


def read_raw(path: Path, pairs: dict[str, str]) -> LegacyBatch:
    create(path, [(key.encode(), value.encode()) for key, value in pairs.items()])
    with open_reader(path) as reader:
        return read_legacy(reader)


def update(**changes: Any) -> dict[str, Any]:
    return {
        "operation": "update",
        "entity_type": "Shot",
        "entity_key": {"id": "5f0c"},
        "attribute_name": "name",
        "old_value": "sh010",
        "new_value": "sh020",
        **changes,
    }


def test_its_files_are_told_from_others(tmp_path: Path) -> None:
    create(tmp_path / "old.dbm", [(b"__operations__", b'"[]"')])
    create(tmp_path / "new.dbm", [(b"__batch__", b"{}")])
    with open_reader(tmp_path / "old.dbm") as old, open_reader(tmp_path / "new.dbm") as new:
        assert is_legacy(old)
        assert not is_legacy(new)


def test_operations_keep_their_order_and_form(read: Read) -> None:
    create_task = {
        "operation": "create",
        "entity_data": {"id": "77", "name": "comp", "bid": 0.0, "parent_id": None},
        "entity_type": "Task",
        "entity_key": {"id": "77"},
    }
    delete = {"operation": "delete", "entity_type": "Note", "entity_key": {"id": "9"}}
    operations = [create_task, update(), delete]
    assert read(operations) == LegacyBatch(operations, {})


def test_a_file_without_operations_is_an_empty_batch(read: Read) -> None:
    assert read([]) == LegacyBatch([], {})


def test_entities_are_known_by_type_and_key(read: Read) -> None:
    metadata = {"__entity_type__": "Metadata", "parent_id": "5f0c", "key": "it's"}
    entries = {SHOT_KEY: SHOT, str(("Metadata", ["5f0c", "it's"])): metadata, "other": [1]}
    assert read([], entries).entities == {
        ("Shot", "5f0c"): {name: SHOT[name] for name in SHOT if name != "description"},
        ("Metadata", "5f0c,it's"): metadata,
    }


@pytest.mark.parametrize(
    "key", [{"id": "5f0c"}, [["id", "5f0c"]], ["5f0c"]], ids=["mapping", "pairs", "values"]
)
def test_every_form_of_an_entity_key_is_read(key: Any, read: Read) -> None:
    assert read([update(entity_key=key)]).operations == [update()]


def test_a_key_of_several_parts_keeps_its_names_and_order(read: Read) -> None:
    pairs = [["parent_id", "5f0c"], ["key", 7]]
    (operation,) = read([update(entity_key=pairs)]).operations
    assert list(operation["entity_key"].items()) == [("parent_id", "5f0c"), ("key", "7")]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"operation": "Create"}, "create"),
        ({"operation": "CreateEntityOperation"}, "create"),
        ({"action": "delete"}, "delete"),
        ({"action": "DeleteEntityOperation"}, "delete"),
    ],
)
def test_every_name_of_a_kind_is_read(given: dict[str, str], kind: str, read: Read) -> None:
    (operation,) = read([{**given, "entity_type": "Shot", "entity_key": {"id": "1"}}]).operations
    assert operation["operation"] == kind


def test_what_was_never_set_is_absent(read: Read) -> None:
    create_shot = {
        "operation": "create",
        "entity_type": "Shot",
        "entity_key": {"id": "1"},
        "entity_data": {"name": "sh010", "description": "NOT SET"},
    }
    operations = read([create_shot, update(old_value="NOT SET"), update(new_value="NOT SET")])
    first, second = operations.operations
    assert first["entity_data"] == {"name": "sh010"}
    assert second == {key: value for key, value in update().items() if key != "old_value"}


def test_none_is_a_value_and_not_absent(read: Read) -> None:
    assert read([update(old_value=None, new_value=None)]).operations == [
        update(old_value=None, new_value=None)
    ]


def test_the_text_of_a_key_becomes_a_reference(read: Read) -> None:
    changed = update(attribute_name="parent", old_value="(u'Sequence', [u'1'])", new_value=SHOT_KEY)
    (operation,) = read([changed], {SHOT_KEY: SHOT}).operations
    assert operation["old_value"] == {"__entity_type__": "Sequence", "id": "1"}
    assert operation["new_value"] == {"__entity_type__": "Shot", "id": "5f0c"}


@pytest.mark.parametrize(
    "text",
    [
        "(a note)",
        "('Shot', [])",
        "('Shot', [['5f0c']])",
        "('Shot', [__import__('os').getpid()])",
        "('Shot', ['\\q'])",
        "('Shot', ['" + "[" * 1000 + ")",
    ],
)
def test_a_users_text_in_brackets_stays_text(text: str, read: Read) -> None:
    assert read([update(new_value=text)]).operations == [update(new_value=text)]


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("create", "operation 2 in __operations__ is not a JSON object"),
        (update(operation="merge"), "operation 2 in __operations__ is of an unknown kind: 'merge'"),
        (update(operation=["x"]), r"operation 2 .* is of an unknown kind"),
        (update(entity_type=""), 'operation 2 .* has no "entity_type"'),
        (update(entity_key=None), 'operation 2 .* has no "entity_key"'),
        (update(entity_key={}), 'operation 2 .* has an "entity_key" that is empty'),
        (update(entity_key={"id": None}), 'operation 2 .* has an "entity_key" .* not of texts'),
        (update(entity_key=["a", "b"]), r'operation 2 .* has no "entity_key" with the names'),
        (update(attribute_name=3), 'operation 2 .* has no "attribute_name"'),
        (update(operation="create", entity_data=[]), 'operation 2 .* has an "entity_data"'),
    ],
)
def test_a_malformed_operation_is_named(operation: Any, reason: str, read: Read) -> None:
    with pytest.raises(DbmCorrupt, match=rf"publish\.dbm: {reason}"):
        read([update(), operation])


def test_an_update_to_nothing_is_named(read: Read) -> None:
    without = update()
    del without["new_value"]
    with pytest.raises(DbmCorrupt, match=r'operation 1 .* has no "new_value"'):
        read([without])


@pytest.mark.parametrize(
    "value",
    ["", "[]", "{", '"{"', '"{}"', "null", '"[NaN]"', "[" * 100_000, '"' + "[" * 100_000 + '"'],
)
def test_operations_that_cannot_be_decoded_are_named(value: str, tmp_path: Path) -> None:
    with pytest.raises(DbmCorrupt, match=r"publish\.dbm: the entry __operations__ is not"):
        read_raw(tmp_path / "publish.dbm", {"__operations__": value})


@pytest.mark.parametrize("value", ["", "null", "[]", "{", "[" * 100_000])
def test_an_entity_that_cannot_be_decoded_is_named(value: str, tmp_path: Path) -> None:
    with pytest.raises(DbmCorrupt, match=r"the entry \('Shot', \['5f0c'\]\) is not"):
        read_raw(tmp_path / "publish.dbm", {"__operations__": '"[]"', SHOT_KEY: value})


def test_a_file_without_the_entry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DbmCorrupt, match="no entry __operations__"):
        read_raw(tmp_path / "publish.dbm", {"x": "1"})
