"""Relations between types: from the schema, and from a studio's relationship file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trackteroid_cli import (
    SCHEMA,
    Asset,
    AssetVersion,
    ComponentLocation,
    Project,
    Sequence,
    Shot,
    Task,
)
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.errors import AmbiguousRelation, NoRelation, NotConfigured, UsageError
from trackteroid_cli.fluent.query import Query
from trackteroid_cli.fluent.types.entity_types import Path as TypePath
from trackteroid_cli.fluent.types.paths import resolve_path
from trackteroid_cli.fluent.types.relations import Relations
from trackteroid_cli.session.session import Session

PLAIN = Relations("plain", {})

#: Source, target, and the paths.
TABLE = """
    Asset AssetVersion versions
    Asset Component versions.components
    Asset ComponentLocation versions.components.component_locations
    Asset Project parent[Project] parent[TypedContext].project
    Asset Shot parent[Shot]
    Asset State versions.status.state
    Asset Task versions.task
    Asset User versions.user
    AssetBuild Folder parent[Folder]
    AssetBuild Task children[Task]
    AssetVersion Asset asset
    AssetVersion AssetType asset.type
    AssetVersion Component components
    AssetVersion List lists
    AssetVersion Location components.component_locations.location
    AssetVersion Project task.project
    AssetVersion ReviewSession review_session_objects.review_session
    AssetVersion Sequence asset.parent[Sequence] asset.parent[TypedContext].ancestors[Sequence]
    AssetVersion Shot asset.parent[Shot]
    AssetVersion State status.state
    AssetVersion Task task
    AssetVersion TypedContext asset.parent[TypedContext]
    AssetVersion User user
    AssetVersionList AssetVersion items
    Component AssetVersion version
    Component ComponentLocation component_locations
    Component Shot version.asset.parent[Shot]
    Component Task version.task
    ComponentLocation AssetVersion component.version
    FileComponent AssetVersion version
    Group User memberships.user
    Project ProjectSchema project_schema
    Project Shot descendants[Shot]
    Project Task descendants[Task]
    Sequence Shot children[Shot]
    Sequence Task descendants[Task]
    Shot Asset assets
    Shot AssetVersion assets.versions
    Shot Component assets.versions.components
    Shot Episode ancestors[Episode]
    Shot FileComponent assets.versions.components[FileComponent]
    Shot Project project
    Shot Sequence parent[Sequence]
    Shot Task children[Task]
    Status State state
    Task Note notes
    Task Sequence ancestors[Sequence]
    Task Shot parent[Shot]
    Task State status.state
    Task Status status
    Task Timelog timelogs
    Task User assignments.resource[User]
    Timelog Project context[Project] context[TypedContext].project
    Timelog Task context[Task]
    Timelog User user
    TypedContext Component assets.versions.components
    TypedContext Project project
    User Task assignments.context[Task]
    User Timelog timelogs
"""


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_the_schema_gives_the_relation(schema: Schema, line: str) -> None:
    source, target, *paths = line.split()
    assert PLAIN.paths(schema, source, target) == tuple(paths)
    for path in paths:
        assert resolve_path(schema, source, path).text == path


@pytest.mark.parametrize(("source", "target"), [("Task", "Task"), ("Shot", "TypedContext")])
def test_a_type_has_no_path_to_itself_or_to_a_wider_type(
    schema: Schema, source: str, target: str
) -> None:
    assert PLAIN.paths(schema, source, target) == ()


@pytest.mark.parametrize(
    ("source", "target", "ways"),
    [
        ("Note", "User", "author, completed_by"),
        ("AssetVersion", "AssetVersionLink", "incoming_links, outgoing_links"),
        ("Milestone", "Shot", "parent[Shot], children[Shot]"),
        ("TypedContext", "Shot", "parent[Shot], children[Shot]"),
    ],
)
def test_several_paths_are_ambiguous_and_listed(
    schema: Schema, source: str, target: str, ways: str
) -> None:
    with pytest.raises(AmbiguousRelation) as refused:
        PLAIN.paths(schema, source, target)
    assert refused.value.what == f"several ways lead from {source} to {target}"
    assert refused.value.why == f"they are {ways}"


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("AssetVersion", "Timelog", "there is task.timelogs, user.timelogs"),
        ("Component", "Note", "there is version.notes"),
        ("Task", "Event", "no attributes of the server's schema connect them"),
    ],
)
def test_an_error_for_unrelated_types_lists_paths_that_come_near(
    schema: Schema, source: str, target: str, why: str
) -> None:
    with pytest.raises(NoRelation) as refused:
        PLAIN.paths(schema, source, target)
    assert refused.value.why == why
    assert "relationship file" in refused.value.hint


def test_an_error_for_an_unknown_type_proposes_close_names(schema: Schema) -> None:
    with pytest.raises(NoRelation) as refused:
        PLAIN.paths(schema, "AssetVersion", "Taks")
    assert "Task" in refused.value.hint


# Paths of types and attributes.


@pytest.mark.parametrize(
    ("source", "path", "texts"),
    [
        ("Asset", AssetVersion.Task, ("versions.task",)),
        ("AssetVersion", AssetVersion.Task, ("task",)),
        ("AssetVersion", AssetVersion.comment, ("comment",)),
        ("Shot", Task.Status.name, ("children[Task].status.name",)),
        (
            "Asset",
            ComponentLocation.resource_identifier,
            ("versions.components.component_locations.resource_identifier",),
        ),
        ("AssetVersion", Asset.parent.project.name, ("asset.parent[TypedContext].project.name",)),
        ("Asset", Project.name, ("parent[Project].name", "parent[TypedContext].project.name")),
        ("Task", Shot.AssetVersion.User.username, ("parent[Shot].assets.versions.user.username",)),
        ("AssetVersion", Task.custom_attributes, ("task.custom_attributes",)),
    ],
)
def test_a_path_stands_for_attributes(
    schema: Schema, source: str, path: TypePath, texts: tuple[str, ...]
) -> None:
    assert PLAIN.resolve(schema, source, path) == texts


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (Task.statsu, "Task has no attribute 'statsu'"),
        (Task.name.length, "Task has no attribute 'length'"),
        (Task.name.Shot, "nothing follows 'name' in the path 'children[Task].name.parent[Shot]'"),
    ],
)
def test_a_path_that_cannot_be_followed_is_an_error(
    schema: Schema, path: TypePath, what: str
) -> None:
    with pytest.raises(NoRelation) as refused:
        PLAIN.resolve(schema, "Shot", path)
    assert refused.value.what == what


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("parent[Shot", "made of attributes"),
        ("status[Shot].name", "none of which is of type Shot"),
        ("parent[Shto].name", "does not name it"),
        ("project.nothing", "names none"),
        ("name[Shot]", "holds a value"),
    ],
)
def test_a_text_that_is_no_path_is_an_error(schema: Schema, path: str, why: str) -> None:
    with pytest.raises(NoRelation) as refused:
        resolve_path(schema, "Task", path)
    assert why in refused.value.why


# Overrides.

RELATIONSHIPS: dict[str, Any] = {
    "entities": {
        "AssetVersion": {
            "Shot": "asset.parent[Shot]",
            "Sequence": ["asset.parent[Shot].parent[Sequence]", "asset.parent[Sequence]"],
        },
        "TypedContext": {"Component": "assets.latest_version.components"},
    },
    "overrides": [
        {
            "name": "vfx",
            "entities": {
                "AssetVersion": {"Shot": "asset.parent[Folder].parent[Shot]"},
                "Shot": {"Component": "assets.versions.components"},
            },
        },
        {
            "name": "episodic",
            "inherit": False,
            "entities": {"AssetVersion": {"Episode": "asset.parent[Shot].parent[Episode]"}},
        },
    ],
}


def test_overrides_come_before_the_schema(schema: Schema) -> None:
    SCHEMA.load(RELATIONSHIPS)
    assert SCHEMA.default.paths(schema, "AssetVersion", "Sequence") == (
        "asset.parent[Shot].parent[Sequence]",
        "asset.parent[Sequence]",
    )
    assert SCHEMA.default.paths(schema, "AssetVersion", "Task") == ("task",)


def test_the_table_of_the_nearest_type_is_used(schema: Schema) -> None:
    SCHEMA.load(RELATIONSHIPS)
    latest = ("assets.latest_version.components",)
    assert SCHEMA.default.paths(schema, "Shot", "Component") == latest
    assert SCHEMA.vfx.paths(schema, "Shot", "Component") == ("assets.versions.components",)
    assert SCHEMA.vfx.paths(schema, "Task", "Component") == latest


def test_an_override_inherits_unless_it_says_otherwise(schema: Schema) -> None:
    SCHEMA.load(RELATIONSHIPS)
    assert SCHEMA["vfx"].paths(schema, "AssetVersion", "Shot") == (
        "asset.parent[Folder].parent[Shot]",
    )
    assert len(SCHEMA.vfx.paths(schema, "AssetVersion", "Sequence")) == 2
    assert SCHEMA.episodic.entities == {
        "AssetVersion": {"Episode": ("asset.parent[Shot].parent[Episode]",)}
    }
    assert SCHEMA.episodic.paths(schema, "AssetVersion", "Shot") == ("asset.parent[Shot]",)


def test_an_override_is_an_or_in_a_query(session: Session) -> None:
    SCHEMA.load(RELATIONSHIPS)
    query = Query(AssetVersion, session).by_name(Sequence, "sq010")
    assert str(query).partition(" where ")[2] == (
        '(asset.parent[Shot].parent[Sequence].name is "sq010" or '
        'asset.parent[Sequence].name is "sq010")'
    )
    assert query.get_all()
    assert query.get_all().schema is SCHEMA.default


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("asset.parnet", "Asset has no attribute 'parnet'"),
        ("asset", "the relationships of 'default' lead from AssetVersion to Shot by 'asset'"),
        ("comment", "the relationships of 'default' lead from AssetVersion to Shot by 'comment'"),
    ],
)
def test_an_override_is_checked_when_it_is_used(schema: Schema, path: str, what: str) -> None:
    SCHEMA.load({"entities": {"AssetVersion": {"Shot": path}}})
    assert SCHEMA.default.paths(schema, "AssetVersion", "Task") == ("task",)
    with pytest.raises(NoRelation) as refused:
        SCHEMA.default.paths(schema, "AssetVersion", "Shot")
    assert refused.value.what == what


def test_an_error_for_an_unknown_table_lists_the_tables() -> None:
    SCHEMA.load(RELATIONSHIPS)
    with pytest.raises(UsageError) as refused:
        SCHEMA["episodc"]
    assert "default, vfx, episodic" in refused.value.why
    assert "episodic" in refused.value.hint
    with pytest.raises(UsageError):
        _ = SCHEMA.feature
    assert not hasattr(SCHEMA, "__wrapped__")


@pytest.mark.parametrize("path", ["asset.parent", "asset.parent[TypedContext]"])
def test_a_path_to_a_wider_type_is_cast_to_the_target(session: Session, path: str) -> None:
    SCHEMA.load({"entities": {"AssetVersion": {"Sequence": path}}})
    query = Query(AssetVersion, session).by_name(Sequence, "sq010")
    assert str(query).endswith('(asset.parent[Sequence].name is "sq010")')
    versions = Query(AssetVersion, session).get_all(projections=[Sequence.name])
    assert {entity.entity_type for entity in versions.Sequence.values()} <= {"Sequence"}


def test_a_path_that_ends_with_a_value_is_refused(session: Session) -> None:
    SCHEMA.load({"entities": {"AssetVersion": {"Asset": "asset.name"}}})
    with pytest.raises(NoRelation, match="ends with a value"):
        str(Query(AssetVersion, session).by_name(Asset, "x"))


def test_a_path_does_not_lead_through_keys_and_values(schema: Schema) -> None:
    with pytest.raises(AmbiguousRelation) as refused:
        PLAIN.paths(schema, "Project", "ObjectType")
    assert "custom_attributes" not in refused.value.why


# Files.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the settings file."""
    monkeypatch.setenv("TRACKTEROID_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path


def test_without_a_file_there_is_only_the_schema(folder: Path) -> None:
    assert SCHEMA.default.entities == {}


def test_a_json_file_beside_the_settings_is_read_on_first_use(folder: Path) -> None:
    (folder / "relationships.json").write_text(json.dumps(RELATIONSHIPS))
    assert set(SCHEMA.default.entities) == {"AssetVersion", "TypedContext"}
    assert SCHEMA.vfx.name == "vfx"


def test_a_toml_file_beside_the_settings_is_read(folder: Path) -> None:
    (folder / "relationships.toml").write_text(
        '[entities.AssetVersion]\nShot = "asset.parent[Shot]"\n'
        '[[overrides]]\nname = "vfx"\n[overrides.entities.Task]\nShot = ["parent[Shot]"]\n'
    )
    assert SCHEMA.vfx.entities == {
        "AssetVersion": {"Shot": ("asset.parent[Shot]",)},
        "Task": {"Shot": ("parent[Shot]",)},
    }


def test_the_environment_names_another_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "relationships.json").write_text("not read")
    file = tmp_path / "studio.json"
    file.write_text(json.dumps({"entities": {"Task": {"Shot": "parent"}}}))
    monkeypatch.setenv("TRACKTEROID_RELATIONSHIPS", str(file))
    assert SCHEMA.default.entities == {"Task": {"Shot": ("parent",)}}


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.json", "{", "Expecting property name"),
        ("a.json", "[]", "the whole is not a table"),
        ("a.json", '{"entites": {}}', "the whole has 'entites'"),
        ("a.json", '{"entities": {"Task": "x"}}', "Task in 'entities' is not a table"),
        ("a.json", '{"entities": {"Task": {"Shot": 1}}}', "Task to Shot in 'entities' is neither"),
        ("a.json", '{"entities": {"Task": {"Shot": []}}}', "neither a path nor a list"),
        ("a.json", '{"entities": {"Task": {"Shot": [""]}}}', "something else than texts"),
        ("a.json", '{"overrides": {}}', "'overrides' is not a list"),
        ("a.json", '{"overrides": [{}]}', "override 1 has no name"),
        ("a.json", '{"overrides": [{"name": "default"}]}', "'default', as another one is"),
        ("a.toml", "entities = ", "Invalid value"),
        ("missing.json", None, "No such file"),
    ],
)
def test_a_bad_file_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str | None, why: str
) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("TRACKTEROID_RELATIONSHIPS", str(file))
    with pytest.raises(NotConfigured) as refused:
        _ = SCHEMA.default
    assert refused.value.what == f"cannot use {file}"
    assert why in refused.value.why
    assert "entities" in refused.value.hint
