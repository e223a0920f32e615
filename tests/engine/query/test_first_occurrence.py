"""The first occurrence of an entity has all that the answer tells of it, as ftrack_api needs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ftrack_api
import pytest
from ftrack_api.symbol import NOT_SET
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.conftest import Clients
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.engine.schema.schema import Relation, Schema
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.engine.storage import occurrences

SCHEMA = Schema(standard_schemas())
PROPERTIES = {document["id"]: document["properties"] for document in SCHEMA.documents}
#: Types that lead to each other in many ways.
TYPES = ("TypedContext", "Shot", "Task", "AssetVersion", "Asset", "Project", "Status", "User")
#: Collections that are dictionaries in ftrack_api, or as good as the whole database.
LEFT_OUT = {"custom_attributes", "metadata", "descendants", "tasks"}


@pytest.fixture(scope="module")
def quiet(clients: Clients) -> ftrack_api.Session:
    """A session that asks for nothing by itself."""
    return clients(auto_populate=False)


def relations_of(type_name: str) -> list[Relation]:
    """Return the relations of a type that a query may select."""
    entity_type = SCHEMA.types[type_name]
    return [
        relation
        for name, relation in entity_type.relations.items()
        if name not in entity_type.restricted | LEFT_OUT
    ]


@st.composite
def paths(draw: st.DrawFn, type_name: str) -> str:
    """A projection that follows up to three relations, at most two of them to many entities."""
    names: list[str] = []
    many = 0
    for _ in range(draw(st.integers(0, 3))):
        usable = [one for one in relations_of(type_name) if one.single or many < 2]
        if not usable:
            break
        relation = draw(st.sampled_from(usable))
        many += not relation.single
        names.append(relation.name)
        type_name = relation.target
    if not names or draw(st.booleans()):
        texts = [
            name
            for name, attribute in SCHEMA.types[type_name].scalars.items()
            if attribute.kind in ("text", "number")
            and not attribute.computed
            and "type" in PROPERTIES[type_name].get(name, ())
        ]
        names.append(draw(st.sampled_from(texts)))
    return ".".join(names)


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A type, and projections of it."""
    type_name = draw(st.sampled_from(TYPES))
    return type_name, draw(st.lists(paths(type_name), min_size=2, max_size=6, unique=True))


def shown(value: Any, names: list[str]) -> Any:
    """Return what is at a path of an entity: a text, a number, a key, or lists of these."""
    if value is None or value is NOT_SET:
        return repr(value)
    if not isinstance(value, (dict, ftrack_api.entity.base.Entity, str, int, float)):
        return sorted(str(shown(each, names)) for each in value)
    if names:
        return shown(value[names[0]], names[1:])
    if isinstance(value, (str, int, float)):
        return value
    type_name = value["__entity_type__"] if isinstance(value, dict) else value.entity_type
    return [value[part] for part in SCHEMA.types[type_name].primary_key]


@settings(max_examples=part(240), deadline=None)
@given(queries())
def test_the_client_has_all_projections_of_a_query_without_asking_again(
    shared: Server, quiet: ftrack_api.Session, asked: tuple[str, list[str]]
) -> None:
    type_name, projections = asked
    quiet.cache.clear()
    found = quiet.query(f"select {', '.join(projections)} from {type_name} limit 12").all()
    for path in projections:
        separate = shared.query(f"select {path} from {type_name} limit 12")
        names = path.split(".")
        assert [shown(row, names) for row in found] == [shown(row, names) for row in separate]


def test_a_row_that_its_parent_lists_first_keeps_its_name_at_the_client(
    shared: Server, quiet: ftrack_api.Session
) -> None:
    quiet.cache.clear()
    rows = quiet.query(
        "select name, object_type.name, project.children, children, parent_id from TypedContext"
    ).all()
    expected = {each["id"]: each["name"] for each in shared.query("select name from TypedContext")}
    assert len(expected) > 25
    assert {row["id"]: row["name"] for row in rows} == expected


def occurrences_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the entities of an answer, in the order of its text."""
    if isinstance(value, dict):
        if "__entity_type__" in value:
            yield value
        for each in value.values():
            yield from occurrences_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from occurrences_in(each)


@settings(max_examples=part(160), deadline=None)
@given(st.lists(queries(), min_size=1, max_size=3))
def test_who_reads_an_answer_from_its_beginning_learns_all_of_an_entity_at_once(
    shared: Server, asked: list[tuple[str, list[str]]]
) -> None:
    answer = shared.call(
        *(
            {
                "action": "query",
                "expression": f"select {', '.join(projections)} from {type_name} limit 8",
            }
            for type_name, projections in asked
        )
    )
    first: dict[Any, set[str]] = {}
    for entity in occurrences_in(answer):
        key = [entity[name] for name in SCHEMA.types[entity["__entity_type__"]].primary_key]
        told = first.setdefault((entity["__entity_type__"], *key), set(entity))
        assert told >= set(entity)


def test_a_chain_of_entities_nests_no_deeper_than_clients_can_follow(
    shared: Server, quiet: ftrack_api.Session
) -> None:
    project = shared.query("select id from Project")[0]["id"]
    shared.call(
        *(
            {
                "action": "create",
                "entity_type": "Shot",
                "entity_data": {"id": f"chain{number}", "name": f"c{number}", "parent_id": project},
            }
            for number in range(300)
        ),
        *(
            {
                "action": "create",
                "entity_type": "TypedContextLink",
                "entity_data": {"from_id": f"chain{number}", "to_id": f"chain{number + 1}"},
            }
            for number in range(299)
        ),
    )
    quiet.cache.clear()
    found = quiet.query("select name, outgoing_links.to from Shot where id like 'chain%'").all()
    assert [shot["name"] for shot in found] == [f"c{number}" for number in range(300)]
    linked = [shot["outgoing_links"][0]["to"]["name"] for shot in found[: occurrences.DEPTH // 2]]
    assert linked == [f"c{number + 1}" for number in range(occurrences.DEPTH // 2)]
