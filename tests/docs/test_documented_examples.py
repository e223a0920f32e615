"""The examples of Trackteroid's documentation: its scripts run with the import changed.

They behave as documented there; the data is set up on a sandbox. `trackteroid-python`(7) says what
such scripts need; `test_examples` runs its own examples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine
from tests.support.servers import Server

IMPORTS = """\
from trackteroid_cli import (
    SCHEMA, SESSION, Query, Session,
    Asset, AssetBuild, AssetVersion, Component, ComponentLocation, Folder, Note, NoteCategory,
    ObjectType, Project, Shot, State, Status, Task, TypedContext, User,
)
"""

#: Creates a version of an asset on the task of its last version, with a file.
PUBLISH = """
    comp = Query(Asset).by_name("bc0040_comp").get_one(
        projections=[
            AssetVersion, AssetVersion.Task, Component, ComponentLocation.resource_identifier
        ]
    )
    version = comp.AssetVersion.create(task=comp.AssetVersion.Task)
    main = version.Component.create(name="main")
    file = main.ComponentLocation.create(resource_identifier="/path/to/final/file")
    version.is_published = True
"""


class Scripts:
    """Runs scripts in separate processes, on a server with the documented asset."""

    def __init__(self, command: CommandLine, server: Server) -> None:
        self.command, self.server = command, server
        self.folder = command.folder

    def run(self, text: str, *arguments: str) -> str:
        """Run a script and return its output."""
        script = self.command.script(IMPORTS + text)
        finished = self.command.python(script, *arguments, **self.server.environment)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def versions(self) -> list[Any]:
        """Return the versions of the asset, with their components."""
        return self.server.query(
            "select version, is_published, task.name, components.name, "
            "components.component_locations.resource_identifier from AssetVersion "
            'where asset.name is "bc0040_comp" order by version'
        )


@pytest.fixture
def scripts(connected: CommandLine, server: Server) -> Scripts:
    scripts = Scripts(connected, server)
    scripts.run("""
shot = Query(Shot).by_name("sh010").by_name(Project, "salt_and_ember").get_first(
    projections=["children.name"])
asset = shot.Asset.create(name="bc0040_comp", type="Comp")
task = shot.children[Task].filter(lambda each: each.name[0] == "compositing")
asset.AssetVersion.create(task=task)
SESSION.commit()
""")
    server.requests.clear()
    return scripts


def check_published(scripts: Scripts) -> None:
    first, second = scripts.versions()
    assert (first["version"], second["version"]) == (1, 2)
    assert second["is_published"]
    assert second["task"]["name"] == "compositing"
    (component,) = second["components"]
    assert component["name"] == "main"
    (location,) = component["component_locations"]
    assert location["resource_identifier"] == "/path/to/final/file"


def test_operations_deferred_in_one_process_are_committed_in_another(
    scripts: Scripts, tmp_path: Path
) -> None:
    batch = str(tmp_path / "recorded_operations.dbm")
    scripts.run(f"with SESSION.deferred_operations({batch!r}):{PUBLISH}")
    assert scripts.server.writes == []
    assert len(scripts.versions()) == 1
    scripts.run(f"SESSION.reconnect_and_commit({batch!r})")
    check_published(scripts)


def test_the_same_script_can_be_recorded(scripts: Scripts) -> None:
    script = scripts.command.script(f"{IMPORTS}if True:{PUBLISH}SESSION.commit()\n", "publish.py")
    recorded = scripts.command("record", script)
    assert recorded.returncode == 0, recorded.stderr
    assert scripts.server.writes == []
    assert scripts.command("commit").returncode == 0
    check_published(scripts)


def test_the_same_query_gives_the_same_collection_while_results_are_reused(
    scripts: Scripts,
) -> None:
    said = scripts.run("""
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
with SESSION.reusing_query_results():
    first = Query(AssetVersion).get_all()
    second = Query(AssetVersion).get_all()
    print(first == second, first is second)
    third = Query(AssetVersion).by_version("%").get_all()
    print(first == third, first is third)
""")
    assert said.count("Performing query") == 2
    assert "True True\n" in said
    assert "True False\n" in said


def test_a_second_session_is_passed_to_a_query(scripts: Scripts) -> None:
    said = scripts.run("""
session = Session()
ours = Query(AssetVersion, session=SESSION, schema=SCHEMA.default).get_first()
theirs = Query(AssetVersion, session=session).get_first()
print(ours == theirs, ours.session is SESSION, theirs.session is session)
try:
    ours.union(theirs)
except Exception as error:
    print(type(error).__name__)
""")
    assert said == "True True True\nEntityCollectionOperationError\n"


def test_items_are_reached_by_position_id_and_type(scripts: Scripts) -> None:
    said = scripts.run("""
versions = Query(AssetVersion).get_all(limit=10)
print(versions, versions[0], versions[-1], versions[2:5], versions[versions[-1].id[0]])
contexts = Query(TypedContext).get_all(limit=100)
print(contexts[Shot])
print(Query(Asset).by_name("DOESNT_EXIST").get_all())
print(not Query(Asset).by_name("DOESNT_EXIST").get_all().name)
""")
    assert said.splitlines() == [
        "EntityCollection[AssetVersion]{10} EntityCollection[AssetVersion]{1} "
        "EntityCollection[AssetVersion]{1} EntityCollection[AssetVersion]{3} "
        "EntityCollection[AssetVersion]{1}",
        said.splitlines()[1],
        "EmptyCollection[Asset]",
        "True",
    ]
    assert said.splitlines()[1].startswith("EntityCollection[Shot]{")


def test_attributes_are_fetched_filtered_and_fall_back(scripts: Scripts) -> None:
    said = scripts.run("""
assets = Query(Asset).by_name(Task, "%").get_all(limit=10)
fetched = assets.fetch_attributes(Task.State.name, "versions").filter(
    lambda each: each.versions and "Done" in each.Task.State.name
)
print(set(fetched.Task.State.name) >= {"Done"})
published = Query(Asset).get_first(
    projections=["versions.is_published", "versions.user.username"]
).versions.filter(lambda each: each.is_published[0] == "never").user.username or []
print(published)
found = Query(TypedContext).get_all(
    limit=10, projections=[Component.name, ComponentLocation.resource_identifier]
)[Shot].filter(lambda shot: shot.Component.name[0] == "none")
print(found.ComponentLocation.resource_identifier[0] or "Not existing")
""")
    assert said.splitlines() == ["True", "[]", "Not existing"]


def test_values_are_set_one_for_one_and_one_for_each(scripts: Scripts) -> None:
    said = scripts.run("""
def located():
    return Query(AssetVersion).by_name("animation").get_all(
        limit=2, projections=[ComponentLocation.resource_identifier]
    )
versions = located()
versions.ComponentLocation[0].resource_identifier = "new value"
print(versions.ComponentLocation.resource_identifier[0])
count = len(versions.ComponentLocation)
versions.ComponentLocation.resource_identifier = ["newer value"] * count
versions.commit()
SESSION.reconnect()
print(set(located().ComponentLocation.resource_identifier), count > 0)
""")
    assert said.splitlines() == ["new value", "{'newer value'} True"]


def test_builds_are_linked_and_links_are_extended(scripts: Scripts) -> None:
    said = scripts.run("""
def told(build):
    build = Query(AssetBuild).by_id(*build.id).get_one(
        projections=["incoming_links.from.name", "outgoing_links.to.name"]
    )
    inputs = getattr(build.incoming_links, "from").name or "nothing linked as input yet"
    outputs = getattr(build.outgoing_links, "to").name or "nothing linked as output yet"
    print(inputs, outputs)
builds = Query(AssetBuild).by_name(Project, "salt_and_ember")
some = builds.get_all(limit=3, order_by="name")
print(some.name)
told(some[1])
some[1].link_inputs(some[0]).link_outputs(some[2]).commit()
SESSION.reconnect()
told(some[1])
some[1].link_inputs(builds.get_all(limit=1, offset=3, order_by="name")).commit()
SESSION.reconnect()
told(some[1])
""")
    assert said.splitlines() == [
        "['keeper', 'lantern', 'lighthouse']",
        "nothing linked as input yet nothing linked as output yet",
        "['keeper'] ['lighthouse']",
        "['keeper', 'rowboat'] ['lighthouse']",
    ]


def test_a_note_joins_the_others(scripts: Scripts) -> None:
    said = scripts.run("""
user = Query(User).by_name("ada.lindqvist").get_all(projections=["username"])
category = Query(NoteCategory).by_name("Internal").get_all(projections=["name"])
version = Query(AssetVersion).by_name("bc0040_comp").get_one(
    projections=[Note, Note.content, Note.NoteCategory.name]
)
note = version.Note.create(author=user, content="Thanks!", is_todo=False, category=category)
version.Note = version.Note.union(note)
print(version.Note.group_and_map(
    lambda each: each.NoteCategory.name[0], lambda notes: notes.content))
version.commit()
""")
    assert said == "{'Internal': ['Thanks!']}\n"
    notes = scripts.server.query(
        'select content, author.username from Note where content is "Thanks!"'
    )
    assert [note["author"]["username"] for note in notes] == ["ada.lindqvist"]


def test_types_are_coerced_and_filtered(scripts: Scripts) -> None:
    said = scripts.run("""
builds, shots = Query(AssetBuild).get_all(), Query(Shot).get_all()
print(builds, shots, TypedContext(builds).union(TypedContext(shots)))
contexts = Query(TypedContext).get_all(projections=["parent"])
print(contexts.parent[Project])
print("Shot" in contexts.parent.fetch_attributes(ObjectType.name).ObjectType.name)
in_project = Query(TypedContext).by_name(Project, "salt_and_ember").get_all()
print(in_project[AssetBuild], in_project[Folder])
""")
    assert said.splitlines() == [
        "EntityCollection[AssetBuild]{6} EntityCollection[Shot]{20} "
        "EntityCollection[TypedContext]{26}",
        "EntityCollection[Project]{2}",
        "True",
        "EntityCollection[AssetBuild]{4} EntityCollection[Folder]{1}",
    ]


def test_statuses_are_applied_to_tasks(scripts: Scripts) -> None:
    said = scripts.run("""
versions = Query(AssetVersion).get_all(limit=5, projections=[Task, Task.Status, Task.Status.name])
status = Query(Status).by_name("In Progress").get_first(projections=["name"])
versions.Task.Status.apply(lambda each: status)
print(versions.Task.Status.name == status.name)
versions.apply(lambda each: f"v{each.version[0]} (edited)", attribute_name="comment")
print(versions.comment == [f"v{number} (edited)" for number in versions.version])
""")
    assert said.splitlines() == ["True", "True"]


def test_what_was_deleted_is_not_found(scripts: Scripts) -> None:
    said = scripts.run("""
import ftrack_api
gone = Query(AssetVersion).by_name("bc0040_comp").get_one()
Query(AssetVersion).by_id(*gone.id).get_one().delete().commit()
SESSION.reconnect()
try:
    Query(AssetVersion).by_id(*gone.id).get_one()
except ftrack_api.exception.NoResultFoundError as error:
    print("gone")
""")
    assert said == "gone\n"
