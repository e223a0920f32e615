"""The forms of queries in Trackteroid's documentation, in one recorded script."""

from __future__ import annotations

from tests.support.command_line import CommandLine
from tests.support.servers import Server

SCRIPT = """
import logging, sys

from trackteroid import (
    Asset, AssetVersion, Component, ComponentLocation, Project, Query, SCHEMA, SESSION, Shot,
    Task, TypedContext,
)
from trackteroid.session import Session

logging.getLogger("trackteroid").setLevel(logging.INFO)
logging.getLogger("trackteroid.query").addHandler(logging.StreamHandler(sys.stderr))

print(Query(AssetVersion))
print(Query(AssetVersion).get_first())
print(Query(AssetVersion).get_first().comment[0])
print(len(Query(AssetVersion).get_first(projections=["comment"]).comment[0]) > 0)
first = Query(AssetVersion).get_first(projections=["asset.parent.project.name", Project.name])
print(first.asset.parent.project.name[0], first.task.project.name[0], first.Project.name[0])
one, two = Query(AssetVersion).get_all(limit=2).id
print(Query(AssetVersion).by_id(one, two).get_all())
print(Query(AssetVersion).by_id(one).by_id(two).get())
print(set(Query(Asset).by_name("an%ation").get_all().name))
print(Query(Asset).by_name("animation").by_name(Project, "salt_and_ember", "beta").get_all())
print(Query(AssetVersion).not_by_name("animation").by_version(1, 2).get_all())
print(list(Query(AssetVersion).get_all(limit=3, order="descending", order_by="version").version))
print(str(Query(AssetVersion, session=SESSION, schema=SCHEMA.default)) == str(Query(AssetVersion)))
session = Session()
print(Query(AssetVersion, session=session).get_first().session is session)
print(Query(TypedContext).get_all(
    limit=5, projections=[Component.name, ComponentLocation.resource_identifier]
)[Shot].filter(lambda shot: shot.Component.name[0] == "nothing")
    .ComponentLocation.resource_identifier or "not there")
print(Query(Asset).by_name(Task, "%").get_all(limit=4))
"""


def test_documented_queries_run_as_they_are(connected: CommandLine, server: Server) -> None:
    versions = server.query("select version, asset.name from AssetVersion")
    numbers = sorted((each["version"] for each in versions), reverse=True)
    animations = server.query(
        'Asset where name is "animation" and parent[Shot].project.name is "salt_and_ember"'
    )
    low = [
        each
        for each in versions
        if each["asset"]["name"] != "animation" and each["version"] in (1, 2)
    ]
    finished = connected("record", connected.script(SCRIPT))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines() == [
        "select id, asset.name, version from AssetVersion",
        "EntityCollection[AssetVersion]{1}",
        "NOT_SET",
        "True",
        "salt_and_ember salt_and_ember salt_and_ember",
        "EntityCollection[AssetVersion]{2}",
        "EntityCollection[AssetVersion]{2}",
        "{'animation'}",
        f"EntityCollection[Asset]{{{len(animations)}}}",
        f"EntityCollection[AssetVersion]{{{len(low)}}}",
        str(numbers[:3]),
        "True",
        "True",
        "not there",
        "EntityCollection[Asset]{4}",
    ]
    assert (
        'Performing query: "select id, asset.name, version, asset.parent[TypedContext].project.name'
        ', task.project.name from AssetVersion order by id limit 1"'
    ) in finished.stderr
