"""Importing entities of another server without defaults, checks or side effects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trackteroid_cli.engine.query.query import run_query
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.store import Store
from trackteroid_cli.engine.writing.import_rows import ImportedRows, import_rows


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.create(tmp_path / "store.sqlite", Schema(standard_schemas()))
    yield store
    store.close()


def import_all(store: Store, *entities: dict[str, Any]) -> ImportedRows:
    with store.writing() as connection:
        return import_rows(connection, store.schema, entities)


def ask(store: Store, expression: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = run_query(store.connection, store.schema, expression)["data"]
    return data


def entity(entity_type: str, **data: Any) -> dict[str, Any]:
    return {"__entity_type__": entity_type, **data}


def moment(text: str) -> dict[str, str]:
    return {"__type__": "datetime", "value": text}


def test_equal_rows_are_neither_new_nor_changed(store: Store) -> None:
    shot = entity("Shot", id="s", name="sh010", start_date=moment("2026-01-31T10:00:00"), bid=1.5)
    assert import_all(store, shot) == (1, 0)
    assert import_all(store, shot) == (0, 0)
    assert ask(store, "select name, start_date, bid from Shot")[0].items() >= shot.items()


def test_a_name_that_differs_in_case_only_is_changed(store: Store) -> None:
    import_all(store, entity("Shot", id="s", name="sh010"))
    assert import_all(store, entity("Shot", id="s", name="SH010")) == (0, 1)
    assert ask(store, "select name from Shot")[0]["name"] == "SH010"


def test_attributes_that_are_not_given_stay(store: Store) -> None:
    import_all(store, entity("Shot", id="s", name="sh010", description="Wide"))
    assert import_all(store, entity("Shot", id="s", name="sh020")) == (0, 1)
    assert ask(store, "select description from Shot")[0]["description"] == "Wide"


def test_no_defaults_are_set(store: Store) -> None:
    import_all(store, entity("Task", id="t", name="comp", project_id="p"))
    (task,) = ask(store, "select status_id, priority_id, created_at from Task")
    assert (task["status_id"], task["priority_id"], task["created_at"]) == (None, None, None)
    assert ask(store, "StatusChange") == []


def test_a_reference_without_a_visible_column_is_kept(store: Store) -> None:
    done = entity("State", id="done", name="Done", short="DONE")
    import_all(store, done, entity("Status", id="s", name="Done", state={**done}))
    assert ask(store, "select state.name from Status")[0]["state"]["name"] == "Done"
    import_all(store, entity("Status", id="s", state=None))
    assert ask(store, "select state.name from Status")[0]["state"] is None


def test_members_are_replaced_by_the_imported_ones(store: Store) -> None:
    scopes = [entity("Scope", id=name, name=name) for name in ("stereo", "vr")]
    import_all(store, *scopes, entity("Task", id="t", scopes=scopes))
    import_all(store, entity("Task", id="t", scopes=scopes[1:]))
    (task,) = ask(store, "select scopes.name from Task")
    assert [each["name"] for each in task["scopes"]] == ["vr"]


def test_both_ends_of_a_custom_attribute_link_are_one_row(store: Store) -> None:
    ends = {"id": "l", "configuration_id": "c", "from_id": "shot", "to_id": "jane"}
    assert import_all(
        store,
        entity("ContextCustomAttributeLinkFrom", **ends, from_entity_type="Context"),
        entity("UserCustomAttributeLink", **ends),
    ) == (1, 1)
    assert len(ask(store, "select id from UserCustomAttributeLink")) == 1
    (seen,) = ask(store, "select from_entity_type from ContextCustomAttributeLinkFrom")
    assert seen["from_entity_type"] == "Context"


def test_custom_attribute_values_keep_their_form(store: Store) -> None:
    types = ("text", "number", "boolean", "date", "enumerator")
    written = ["Late", 24.5, True, moment("2026-06-01T00:00:00"), ["a", "b"]]
    for name, value in zip(types, written, strict=True):
        import_all(
            store,
            entity("CustomAttributeType", id=name, name=name),
            entity("CustomAttributeConfiguration", id=name, key=name, type_id=name),
            entity("CustomAttributeValue", configuration_id=name, entity_id="t", value=value),
        )
    found = ask(store, "select configuration_id, value from CustomAttributeValue")
    by_type = {each["configuration_id"]: each["value"] for each in found}
    assert [by_type[name] for name in types] == written


def test_rows_differ_by_any_part_of_their_key(store: Store) -> None:
    a, b = (entity("Metadata", parent_id="t", key=key, value="1") for key in "ab")
    assert import_all(store, a) == (1, 0)
    assert import_all(store, {**a, "value": "2"}, b) == (1, 1)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (entity("Shto", id="s"), "No entity type 'Shto' exists"),
        (entity("Shot", name="sh010"), "came without 'id'"),
        (entity("Shot", id="s", bid="many"), 'Value for "bid" must be of type number'),
        (entity("Shot", id=None), "came without its key"),
    ],
)
def test_unacceptable_entities_are_refused_as_a_whole(
    store: Store, wrong: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        import_all(store, entity("Task", id="t"), wrong)
    assert ask(store, "TypedContext") == []
