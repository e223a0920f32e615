"""Creation of entities from a collection."""

from __future__ import annotations

from typing import Any

import ftrack_api
import pytest

from tests.fluent.collections.examples import (
    Component,
    EntityType,
    Project,
    Sequence,
    Shot,
    Task,
    found,
    named,
    shots,
)
from tests.support.sessions import Connect
from trackteroid_cli.errors import EntityCollectionOperationError, NoAttribute


def again(created: Any, connect: Connect, *projections: str) -> Any:
    """Commit, and return *created* as another session reads it, in order."""
    created.commit()
    ids = ", ".join(created.id)
    seen = found(
        connect(auto_populate=False),
        f"select {', '.join(projections)} from {created.entity_type} where id in ({ids})",
    )
    assert len(seen) == len(created)
    return seen.sort(lambda each: [created.id.index(each.id[0])])


def test_a_child_is_created_below_its_parent(quiet: Any, connect: Connect) -> None:
    project = named(quiet, "Project", "salt_and_ember")
    sequence = project.children[Sequence].create(name="sq900")
    shot = sequence.children[Shot].create(name="sh900", description="wide")
    tasks = shot.children[Task].create_batch(
        {"name": "modeling", "type": "Modeling"}, {"name": "rigging", "type": "Rigging"}
    )
    assert repr(tasks) == "EntityCollection[Task]{2}"
    seen = again(tasks, connect, "name", "type.name", "parent.name", "parent.parent.name")
    assert seen.name == ["modeling", "rigging"]
    assert seen.type.name == ["Modeling", "Rigging"]
    assert seen.parent.name == ["sh900"]
    assert seen.parent.parent.name == ["sq900"]


def test_a_descendant_is_created_as_a_child(quiet: Any, connect: Connect) -> None:
    folders = named(quiet, "Project", "salt_and_ember").descendants[EntityType("Folder")]
    seen = again(folders.create(name="editorial"), connect, "name", "parent.name")
    assert (seen.name, seen.parent.name) == (["editorial"], ["salt_and_ember"])


def test_an_entity_is_created_for_each_owner(quiet: Any, connect: Connect) -> None:
    parents = shots(quiet)
    created = parents.children[Task].create(
        name=[f"task of {name}" for name in parents.name], type="Layout"
    )
    seen = again(created, connect, "name", "parent.name")
    assert seen.map(lambda each: (each.name[0], each.parent.name[0])) == [
        (f"task of {name}", name) for name in parents.name
    ]


def test_a_collection_with_entities_creates_siblings(quiet: Any, connect: Connect) -> None:
    task = found(quiet, 'select name from Task where parent.name is "sh010" limit 1')
    created = task.create_batch({"name": "a", "type": "Layout"}, {"name": "b", "type": "Layout"})
    seen = again(created, connect, "name", "parent.name")
    assert seen.name == ["a", "b"]
    assert seen.parent.name == ["sh010"]


def test_a_collection_that_a_filter_emptied_still_creates_for_its_owners(
    quiet: Any, connect: Connect
) -> None:
    children = shots(quiet, "children.name")[0].children[Task]
    assert len(children) == 4
    created = children.filter(lambda task: task.name[0] == "none").create(name="x", type="Layout")
    assert again(created, connect, "parent.name").parent.name == ["sh010"]


def test_a_publish_is_created_with_its_component_and_location(quiet: Any, connect: Connect) -> None:
    shot = shots(quiet, "children.name")[0]
    task = shot.children[Task].filter(lambda each: each.name[0] == "layout")
    asset = shot.Asset.create(name="layout", type="Animation")
    version = asset.AssetVersion.create(task=task, comment="first")
    component = version.Component.create(name="main")
    component.ComponentLocation.create(resource_identifier="/path/to/file")
    seen = again(
        version,
        connect,
        "comment",
        "version",
        "task.name",
        "asset.name",
        "asset.parent.name",
        "components.name",
        "components.component_locations.resource_identifier",
        "components.component_locations.location_id",
    )
    assert (seen.comment, seen.version, seen.task.name) == (["first"], [1], ["layout"])
    assert seen.asset.parent.name == ["sh010"]
    assert seen.Component.name == ["main"]
    assert seen.ComponentLocation.resource_identifier == ["/path/to/file"]
    assert seen.ComponentLocation.location_id == [ftrack_api.symbol.UNMANAGED_LOCATION_ID]


def test_a_version_of_each_asset_is_created(quiet: Any, connect: Connect) -> None:
    assets = found(
        quiet, 'select name, versions.task from Asset where parent.name in ("sh010", "sh020")'
    )
    task = assets.AssetVersion.Task[0]
    created = assets.AssetVersion.create(task=task)
    assert len(created) == len(assets) > 1
    assert set(again(created, connect, "asset.id").asset.id) == set(assets.id)


def test_a_note_has_a_parent_and_an_author(quiet: Any, connect: Connect) -> None:
    version = found(quiet, "select notes.content from AssetVersion where notes is_not None limit 1")
    before = version.Note.content
    created = version.Note.create(content="Thanks!")
    assert (created.parent_id, created.parent_type) == (version.id, ["AssetVersion"])
    version.Note = version.Note.union(created)
    version.commit()
    seen = found(
        connect(auto_populate=False),
        f"select notes.content, notes.author.username, notes.parent_type from AssetVersion "
        f'where id is "{version.id[0]}"',
    )
    assert sorted(seen.Note.content) == sorted([*before, "Thanks!"])
    note = seen.notes.filter(lambda each: each.content == ["Thanks!"])
    assert note.author.username == ["demo"]
    assert note.parent_type == ["AssetVersion"]


def test_an_entity_with_its_owner_in_its_key_is_created(quiet: Any, connect: Connect) -> None:
    user = found(quiet, 'select username from User where username is "emil.sorokin"')
    note = shots(quiet)[0].notes.create(content="Look!")
    note.recipients.create(resource_id=user.id)
    seen = again(note, connect, "recipients.recipient.id")
    assert user.id[0] in seen.recipients.recipient.id


def test_nothing_is_recorded_if_one_entity_is_not_valid(quiet: Any) -> None:
    tasks = shots(quiet)[0].children[Task]
    with pytest.raises(NoAttribute):
        tasks.create_batch({"name": "a", "type": "Layout"}, {"nmae": "b", "type": "Layout"})
    assert len(quiet.recorded_operations) == 0


def test_an_appointment_has_the_type_of_its_relation(quiet: Any, connect: Connect) -> None:
    user = found(quiet, 'select username from User where username is "emil.sorokin"')
    shot = shots(quiet)[4]
    created = shot.allocations.create(resource=user).union(shot.assignments.create(resource=user))
    seen = again(created, connect, "type", "context.name", "resource.username")
    assert seen.type == ["allocation", "assignment"]
    assert seen.context.name == ["sh050"]


def test_a_project_needs_no_parent(quiet: Any, connect: Connect) -> None:
    projects = named(quiet, "Project", "none")
    schema = found(quiet, "select name from ProjectSchema limit 1")
    created = projects.create(name="tidewater", project_schema=schema.name[0])
    assert created.full_name == ["tidewater"]
    seen = again(created, connect, "name", "full_name", "project_schema.name")
    assert (seen.name, seen.full_name) == (["tidewater"], ["tidewater"])
    assert seen.project_schema == schema


def test_a_parent_may_be_given(quiet: Any, connect: Connect) -> None:
    nothing = named(quiet, "Shot", "none")
    created = nothing.create(name="sh900", parent=named(quiet, "Sequence", "sq020"))
    assert again(created, connect, "parent.name").parent.name == ["sq020"]


def test_an_error_for_an_unknown_name_lists_the_names(quiet: Any) -> None:
    with pytest.raises(EntityCollectionOperationError, match="none of the name 'Modelling'") as no:
        shots(quiet)[0].children[Task].create(name="x", type="Modelling")
    assert "Modeling" in no.value.hint
    assert len(quiet.recorded_operations) == 0


def test_an_unknown_owner_is_an_error(quiet: Any) -> None:
    with pytest.raises(EntityCollectionOperationError, match="its parent is not known") as caught:
        named(quiet, "Shot", "none").create(name="sh900")
    assert "create(parent=...)" in caught.value.hint
    with pytest.raises(EntityCollectionOperationError, match="holds none"):
        named(quiet, "Asset", "none").versions.create(comment="x")


def test_an_attribute_that_the_type_lacks_is_an_error(quiet: Any) -> None:
    with pytest.raises(NoAttribute, match="Task has no attribute 'nmae'"):
        shots(quiet)[0].children[Task].create(nmae="x")


def test_a_value_of_the_wrong_kind_is_refused(quiet: Any) -> None:
    shot = shots(quiet)[0]
    with pytest.raises(EntityCollectionOperationError, match="takes Status"):
        shot.children[Task].create(name="x", status=shot)
    with pytest.raises(EntityCollectionOperationError, match="takes a value"):
        shot.children[Task].create(name=shot)
    assert len(quiet.recorded_operations) == 0


def test_created_entities_have_the_type_of_the_collection(quiet: Any) -> None:
    version = found(quiet, "select version from AssetVersion limit 1")
    file = EntityType("FileComponent")
    assert repr(Component(version.components[file].create(name="main"))).endswith("{1}")
    assert (
        repr(version.components[file].create(name="main")) == "EntityCollection[FileComponent]{1}"
    )
    assert repr(shots(quiet)[:0].create_batch()) == "EmptyCollection[Shot]"
    assert repr(Project) == "Project"


def test_metadata_and_custom_attributes_may_be_given(quiet: Any, connect: Connect) -> None:
    sequences = shots(quiet, "parent").parent[Sequence]
    created = sequences.children[Shot].create_batch(
        {"name": "sh900", "metadata": {"camera": "A"}, "custom_attributes": {"slate": "B"}},
        {"name": "sh910", "custom_attributes": {"slate": "C"}, "custom_fend": 5},
    )
    assert created.custom_slate == ["B", "C"]
    seen = again(created, connect, "custom_attributes", "metadata")
    assert seen.metadata == [{"camera": "A"}, {}]
    assert seen.custom_slate == ["B", "C"]
    assert seen.custom_fend[1] == 5


def test_a_hierarchical_custom_attribute_may_be_given_for_a_version(
    quiet: Any, connect: Connect
) -> None:
    version = found(quiet, "select asset from AssetVersion limit 1")
    created = version.asset.versions.create(custom_fps=[30])
    assert again(created, connect, "custom_attributes").custom_fps == [30]


@pytest.mark.parametrize(
    "attributes",
    [
        {"custom_fnd": 1},
        {"custom_attributes": {"fnd": 1}},
        {"custom_delivery": 1},
        {"metadata": "A"},
        {"custom_attributes": 1},
    ],
)
def test_keys_and_values_that_do_not_fit_are_refused(
    quiet: Any, attributes: dict[str, Any]
) -> None:
    with pytest.raises((NoAttribute, EntityCollectionOperationError)):
        shots(quiet, "parent").create(name="sh900", **attributes)
    assert len(quiet.recorded_operations) == 0


def test_the_attributes_of_a_new_entity_are_a_dict(quiet: Any) -> None:
    with pytest.raises(EntityCollectionOperationError, match="are a dict"):
        shots(quiet).create_batch("sh900")
