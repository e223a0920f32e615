from __future__ import annotations

import json
from typing import Any

import pytest

from trackteroid_cli.engine.schema.standard import SchemaTextError, read_schemas, standard_schemas

SCHEMAS = {schema["id"]: schema for schema in standard_schemas()}
OBJECT_TYPES = ("Task", "Shot", "Sequence", "Episode", "Folder", "Milestone", "AssetBuild")

# Names on ftrack's lists that have no attribute.
UNDEFINED = {
    **{f"{kind}List": {"type"} for kind in ("TypedContext", "AssetVersion")},
    **{
        f"{owner}CustomAttributeLink": {"from_entity_type", "to_entity_type"}
        for owner in ("Asset", "AssetVersion", "Component", "Context", "Group", "List", "User")
    },
}


def read_one(text: str) -> dict[str, Any]:
    """Read a text and return the schema of its last type."""
    return read_schemas({"some.txt": text})[-1]


def targets(schema: dict[str, Any]) -> set[str]:
    return {
        prop.get("$ref") or prop["items"]["$ref"]
        for prop in schema["properties"].values()
        if "$ref" in prop or "items" in prop
    }


def test_there_are_116_types_each_once() -> None:
    assert len(standard_schemas()) == len(SCHEMAS) == 116


def test_the_schemas_are_plain_json() -> None:
    assert json.loads(json.dumps(standard_schemas())) == standard_schemas()


def test_a_change_to_one_result_leaves_other_types_and_results_alone() -> None:
    changed = {schema["id"]: schema for schema in standard_schemas()}
    changed["Note"]["properties"]["parent_type"]["transform"]["client"] = "changed"
    changed["Shot"]["properties"]["metadata"]["items"]["$ref"] = "changed"
    changed["Shot"]["required"].append("changed")
    assert {name for name in SCHEMAS if changed[name] != SCHEMAS[name]} == {"Note", "Shot"}
    assert standard_schemas() == list(SCHEMAS.values())


@pytest.mark.parametrize("name", SCHEMAS)
def test_references_and_collections_lead_to_types_that_exist(name: str) -> None:
    assert targets(SCHEMAS[name]) <= SCHEMAS.keys()


@pytest.mark.parametrize("name", SCHEMAS)
def test_lists_name_attributes_that_exist(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema["primary_key"]
    assert set(schema["primary_key"]) <= schema["properties"].keys()
    assert set(schema["primary_key"]) <= set(schema["immutable"])
    lists = ("required", "immutable", "default_projections", "computed")
    named = {entry for key in lists for entry in schema.get(key, [])}
    assert named - schema["properties"].keys() == UNDEFINED.get(name, set())


@pytest.mark.parametrize("name", SCHEMAS)
def test_lists_repeat_nothing(name: str) -> None:
    for value in SCHEMAS[name].values():
        if isinstance(value, list):
            assert len(set(value)) == len(value)


@pytest.mark.parametrize("name", OBJECT_TYPES)
def test_an_object_type_is_a_typed_context_that_carries_its_own_id(name: str) -> None:
    schema = SCHEMAS[name]
    storage = schema["alias_for"]
    assert storage["id"] == SCHEMAS["TypedContext"]["alias_for"] == "Task"
    object_type_id = schema["properties"]["object_type_id"]
    assert object_type_id["default"] == storage["classifiers"][object_type_id["alias_for"]]
    assert schema["properties"].keys() == SCHEMAS["TypedContext"]["properties"].keys()
    assert {"object_type_id", "object_type"} <= set(schema["immutable"])


def test_object_types_are_told_apart_by_their_ids() -> None:
    ids = {SCHEMAS[name]["properties"]["object_type_id"]["default"] for name in OBJECT_TYPES}
    assert len(ids) == len(OBJECT_TYPES)
    assert "default" not in SCHEMAS["TypedContext"]["properties"]["object_type_id"]


def test_composite_primary_keys_keep_their_order() -> None:
    assert SCHEMAS["Metadata"]["primary_key"] == ["parent_id", "key"]
    assert SCHEMAS["EntitySetting"]["primary_key"] == ["parent_id", "group", "name"]
    assert SCHEMAS["SchemaStatus"]["primary_key"] == ["status_id", "schema_id"]


def test_the_oddities_of_ftrack_are_kept() -> None:
    assert SCHEMAS["User"]["properties"]["user_type_id"].keys() == {"format", "alias_for"}
    assert SCHEMAS["DashboardResource"]["properties"]["resource_id"] == {
        "type": "string",
        "format": "foreign_key",
        "$ref": "Resource",
    }
    assert SCHEMAS["CustomAttributeLink"]["default_projections"] == [
        "configuration_id",
        "from_id",
        "to_id",
    ]


# Importing ftrack_api imports modules that its dependencies should have left behind.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_ftrack_api_builds_a_class_from_every_schema() -> None:
    from ftrack_api.entity.factory import StandardFactory

    factory = StandardFactory()
    classes = {name: factory.create(schema) for name, schema in SCHEMAS.items()}
    for name, built in classes.items():
        assert built.entity_type == name
        assert built.primary_key_attributes == SCHEMAS[name]["primary_key"]
    shot = classes["Shot"].attributes
    assert {"status", "children", "metadata", "custom_attributes"} <= set(shot.keys())
    assert not shot.get("object_type_id").mutable
    assert not shot.get("thumbnail_url").mutable


def test_a_line_reads_as_the_property_it_describes() -> None:
    schema = read_one(
        """
# A comment.
Thing as Stored
    id as thingid
    # Another.
    title text = "No name yet" as t required
    state open|done = "open"
    due datetime immutable computed
    owner -> User
    owner_id key projected
    parts [Thing]
    metadata {Metadata}
    links {Link}?
    system: showid
"""
    )
    assert schema == {
        "id": "Thing",
        "type": "object",
        "alias_for": "Stored",
        "primary_key": ["id"],
        "required": ["id", "title"],
        "immutable": ["id", "due"],
        "default_projections": ["id", "owner_id"],
        "computed": ["due"],
        "system_projections": ["showid"],
        "properties": {
            "id": {"type": "string", "default": "{uid}", "alias_for": "thingid"},
            "title": {"type": "string", "default": "No name yet", "alias_for": "t"},
            "state": {"type": "string", "enum": ["open", "done"], "default": "open"},
            "due": {"type": "string", "format": "date-time"},
            "owner": {"$ref": "User"},
            "owner_id": {"type": "string", "format": "foreign_key"},
            "parts": {"type": "array", "items": {"$ref": "Thing"}},
            "metadata": {
                "type": "mapped_array",
                "items": {"$ref": "Metadata"},
                "key_value_attributes": {"key": "key", "value": "value"},
            },
            "links": {
                "type": "mapped_array",
                "items": {"$ref": "Link"},
                "restricted_projection": True,
            },
        },
    }


def test_a_line_amends_what_a_base_says() -> None:
    schema = read_one(
        """
Base as Stored
    id as thingid
    size integer = 1 as length required
    when datetime = "" as at
Derived : Base
    size = 2
    when text
    immutable: size
"""
    )
    assert schema["properties"]["id"]["alias_for"] == "thingid"
    assert schema["properties"]["size"] == {"type": "integer", "default": 2, "alias_for": "length"}
    assert schema["properties"]["when"] == {"type": "string", "default": "", "alias_for": "at"}
    assert schema["required"] == ["id", "size"]
    assert schema["immutable"] == ["id", "size"]
    assert "alias_for" not in schema


def test_a_mixin_is_no_type_and_owners_make_one_type_each() -> None:
    schemas = read_schemas(
        {
            "mixins.txt": "named\n    name text\n",
            "types.txt": "<Owner>Link : named for AssetVersion User\n    <owner> -> <Owner>\n",
        }
    )
    assert [(schema["id"], *schema["properties"]) for schema in schemas] == [
        ("AssetVersionLink", "name", "asset_version"),
        ("UserLink", "name", "user"),
    ]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("    size txet", "'txet' is no type and no mark"),
        ("    size", "no type"),
        ("    size = 2", "no type"),
        ("    size integer = none", "none is not JSON"),
        ("    size integer as", "'as' is no type and no mark"),
        ("    parent ->", "'->' is no type and no mark"),
        ("    si-ze integer", "'si-ze' is no name"),
        ("    obligatory: id", "no list 'obligatory'"),
        ("Other : Nothing", "an unknown base Nothing"),
        ("Other where kind=a", "no head of a type"),
        ("Other as Stored where kind=a", "no attribute as kind"),
        ("Thing", "a second Thing"),
    ],
)
def test_a_bad_line_is_refused_with_its_file_number_and_text(bad: str, why: str) -> None:
    with pytest.raises(SchemaTextError) as caught:
        read_schemas({"good.txt": "Good\n    id\n", "bad.txt": f"Thing\n\n    id\n{bad}\n"})
    assert str(caught.value).startswith(f"bad.txt, line 4: {why} in '{bad.strip()}'. ")


def test_a_line_above_every_head_is_refused() -> None:
    with pytest.raises(SchemaTextError, match=r"lost\.txt, line 2: no type begins above"):
        read_schemas({"good.txt": "Good\n    id\n", "lost.txt": "# Nothing yet.\n    id\n"})
