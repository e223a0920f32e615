"""Entity schemas from outside: whole ones become servers, and all others are refused in words."""

from __future__ import annotations

import copy
import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.generated import part
from trackteroid_cli.engine.demo import DEMO_KEY, DEMO_USER
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.engine.storage.schema_check import (
    NEEDED,
    UnusableSchemas,
    checked_schemas,
)

STANDARD: list[dict[str, Any]] = json.loads(json.dumps(list(standard_schemas())))


def schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas of a whole server, by name, to be changed."""
    return {document["id"]: document for document in copy.deepcopy(STANDARD)}


def use(engine: Engine, shot: str = "Shot") -> None:
    """Make a small production, read and delete it."""

    def send(*operations: dict[str, Any]) -> list[Any]:
        return engine.call(list(operations), user=DEMO_USER, key=DEMO_KEY)

    def new(entity_type: str, /, **data: Any) -> dict[str, Any]:
        return {"action": "create", "entity_type": entity_type, "entity_data": data}

    def ask(expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = send({"action": "query", "expression": expression})[0]["data"]
        return found

    (shot_type,) = ask(f"ObjectType where name is {shot}")
    (text,) = ask("CustomAttributeType where name is text")
    send(
        new("Project", id="p", name="north"),
        new(shot, id="s", name="sh010", parent_id="p"),
        new("Task", id="t", name="anim", parent_id="s"),
        new("Asset", id="a", name="model", context_id="s"),
        new("AssetVersion", id="v", asset_id="a"),
        new("Note", id="n", parent_id="s", parent_type=shot),
        new("Metadata", parent_id="s", parent_type=shot, key="k", value="v"),
        new("Timelog", id="l", context_id="t", duration=60),
        new("Group", id="g", name="animators"),
        new(
            "CustomAttributeConfiguration",
            id="c",
            key="slate",
            entity_type="task",
            object_type_id=shot_type["id"],
            type_id=text["id"],
            config="{}",
        ),
        new("CustomAttributeValue", configuration_id="c", entity_id="s", value="one"),
    )
    (made,) = ask(f"select name, status.name, parent.name from {shot} where id is s")
    assert made["name"] == "sh010"
    assert made["status"]["name"]
    assert [
        row["id"] for row in ask("Task where parent.name is sh010 and status.state is_not none")
    ]
    assert ask("CustomAttributeValue where configuration_id is c and value is one")
    assert ask("AssetVersion where asset.parent.id is s and version is 1")
    send(
        {"action": "update", "entity_type": shot, "entity_key": ["s"], "entity_data": {"name": "x"}}
    )
    send({"action": "delete", "entity_type": "Project", "entity_key": ["p"]})
    assert ask("Context") == ask("Note") == ask("Asset") == []


def engine_of(path: Path, documents: list[Any]) -> Engine:
    engine = Engine.create(path, checked_schemas(documents))
    engine.admit(DEMO_USER, DEMO_KEY)
    return engine


def test_a_server_with_nothing_but_what_is_needed_works(tmp_path: Path) -> None:
    documents = []
    for name, document in schemas().items():
        if name in NEEDED or name == "Shot":
            kept = {*NEEDED.get(name, NEEDED["Task"]).split(), *document["primary_key"]}
            properties = document["properties"]
            document["properties"] = {each: properties[each] for each in properties if each in kept}
            documents.append(document)
    with closing(engine_of(tmp_path / "engine.sqlite", documents)) as engine:
        use(engine)


def test_a_studios_own_object_type_can_be_created_and_asked_for(tmp_path: Path) -> None:
    types = schemas()
    scene = json.loads(json.dumps(types["Shot"]).replace('"Shot"', '"CityBlock"'))
    scene["alias_for"]["classifiers"]["object_typeid"] = "5ce11e00-0000-0000-0000-000000000001"
    scene["properties"]["object_type_id"]["default"] = "5ce11e00-0000-0000-0000-000000000001"
    with closing(engine_of(tmp_path / "engine.sqlite", [*types.values(), scene])) as engine:
        found = engine.store.connection.execute(
            "SELECT name FROM object_type WHERE id = '5ce11e00-0000-0000-0000-000000000001'"
        ).fetchall()
        assert found == [("City Block",)]
        engine.store.connection.execute("UPDATE object_type SET name = 'CityBlock' WHERE sort = 1")
        use(engine, "CityBlock")


def test_the_answer_of_a_server_is_taken_as_well_as_its_list() -> None:
    assert checked_schemas([STANDARD]) == checked_schemas(STANDARD)


HOSTILE = 'x" (a); DROP TABLE context; --'


def changed(name: str, **values: Any) -> list[dict[str, Any]]:
    types = schemas()
    types[name].update(values)
    return list(types.values())


def with_property(name: str, attribute: str, fragment: Any) -> list[dict[str, Any]]:
    types = schemas()
    types[name]["properties"][attribute] = fragment
    return list(types.values())


def without(*names: str) -> list[dict[str, Any]]:
    return [document for name, document in schemas().items() if name not in names]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (None, "a JSON list of objects"),
        ([], "a JSON list of objects"),
        ({}, "a JSON list of objects"),
        ([1], "number 1 is no object"),
        ([{}], "number 1 has no name"),
        (changed("Shot", id=HOSTILE), "no name of an entity type"),
        (changed("Shot", id="Task"), "there are 2 of the entity type 'Task'"),
        (changed("Scope", id="ContextScope"), "no database can be made"),
        (changed("Scope", id="sqlite_scope"), "no database can be made"),
        (changed("Shot", properties=[]), "Shot has no properties"),
        (changed("Shot", primary_key="id"), "no list of names as its primary_key"),
        (changed("Shot", primary_key=[]), "no primary key"),
        (changed("Shot", primary_key=["id", "id"]), "no primary key"),
        (changed("Shot", primary_key=["nope"]), "the key 'nope'"),
        (changed("Shot", primary_key=["parent"]), "the key 'parent'"),
        (changed("Shot", immutable=None), "no list of names as its immutable"),
        (changed("Shot", computed=[1]), "no list of names as its computed"),
        (changed("Shot", alias_for=["Task"]), "names no storage"),
        (changed("Shot", alias_for={"id": "Task", "classifiers": {HOSTILE: "1"}}), "no storage"),
        (changed("Context", alias_for={"id": "Task", "classifiers": {"a": "1"}}), "kind of itself"),
        (with_property("Shot", HOSTILE, {"type": "string"}), "a name has letters"),
        (with_property("Shot", "rowid", {"type": "string"}), "a name has letters"),
        (with_property("Shot", "Name", {"type": "string"}), "no database can be made"),
        (with_property("Shot", "_type", {"type": "string"}), "no database can be made"),
        (with_property("Shot", "x", "string"), "that is no object"),
        (with_property("Shot", "x", {"type": ["string"]}), "whose type is no text"),
        (with_property("Shot", "x", {"type": "array", "items": []}), "name no entity type"),
        (with_property("Shot", "x", {"type": "string", "default": [1]}), "default is no value"),
        (with_property("Shot", "x", {"type": "integer", "default": "many"}), "a wrong default"),
        (
            with_property("Job", "x", {"type": "string", "enum": "a"}),
            "no list of names as its enum",
        ),
        (without("User"), "not those of a whole server: User missing"),
        (without("StatusChange"), "a kind of StatusChange, which is missing"),
        (without("ListObject"), "values of ListObject, which is missing"),
    ],
)
def test_schemas_that_no_server_can_be_made_with_are_refused(sent: Any, why: str) -> None:
    with pytest.raises(UnusableSchemas, match=re.escape(why)):
        checked_schemas(sent)


def every_place(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to all that is in a JSON document."""
    inside = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for key, value in inside:
        found.append((*path, key))
        if isinstance(value, (dict, list)):
            found += every_place(value, (*path, key))
    return found


PLACES = every_place(STANDARD)
ANYTHING = st.sampled_from(
    [None, True, -1, 1e400, "", "\ud800", HOSTILE, "id", "Context", [], ["id"], {}, {"id": "Task"}]
)


@settings(max_examples=part(400), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=3))
def test_a_damaged_schema_is_refused_or_makes_a_server_that_answers(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[tuple[Any, ...], Any]]
) -> None:
    documents = copy.deepcopy(STANDARD)
    for (*path, last), value in damage:
        place: Any = documents
        for key in path:
            place = place[key] if isinstance(place, (dict, list)) and key in _keys(place) else {}
        if last in _keys(place):
            place[last] = value
    try:
        checked = checked_schemas(documents)
    except UnusableSchemas:
        return
    path = tmp_path_factory.mktemp("damaged") / "engine.sqlite"
    try:
        engine = Engine.create(path, checked)
        engine.admit(DEMO_USER, DEMO_KEY)
    except EngineError:
        return
    with closing(engine):
        information, sent = engine.call(
            [{"action": "query_server_information"}, {"action": "query_schemas"}],
            user=DEMO_USER,
            key=DEMO_KEY,
        )
        assert information["schema_hash"]
        assert len(sent) == len(STANDARD)


def _keys(place: Any) -> Any:
    return place if isinstance(place, dict) else range(len(place))
