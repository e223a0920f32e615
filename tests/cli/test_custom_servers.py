"""`trackteroid sandbox create` and what goes with it: servers with other types, or a studio's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_sandbox import serving
from tests.support.command_line import CommandLine, refused
from tests.support.servers import Server
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.offline import replicas

CITY_BLOCK = "c1770000-0000-4000-8000-000000000001"


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """The entity types of a studio that has city blocks."""
    documents = json.loads(json.dumps(list(standard_schemas())))
    (shot,) = (document for document in documents if document["id"] == "Shot")
    block = {**json.loads(json.dumps(shot)), "id": "CityBlock"}
    block["alias_for"]["classifiers"]["object_typeid"] = CITY_BLOCK
    block["properties"]["object_type_id"]["default"] = CITY_BLOCK
    file = tmp_path / "schemas.json"
    file.write_text(json.dumps([*documents, block]), encoding="utf-8")
    return file


def ids(trackteroid: CommandLine, name: str, expression: str) -> list[str]:
    shown = trackteroid("query", expression, "--format", "ids", FTRACK_SERVER=f"sandbox://{name}")
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.split()


MAKE_A_BLOCK = """
import ftrack_api
session = ftrack_api.Session()
project = session.create("Project", {"name": "town"})
session.create("CityBlock", {"name": "north", "parent": project})
session.commit()
"""


def test_a_server_with_other_types_is_used_like_any_and_reset_to_itself(
    trackteroid: CommandLine, schemas: Path, home: Path
) -> None:
    made = trackteroid("sandbox", "create", "town", "--schemas", schemas, "--empty")
    assert made.returncode == 0, made.stderr
    assert "no data but the rows every server has, with entity types of its own" in made.stderr
    assert ids(trackteroid, "town", "Context") == []
    assert len(ids(trackteroid, "town", "User")) == 1

    def make_a_block() -> None:
        script = trackteroid.script(MAKE_A_BLOCK)
        recorded = trackteroid("record", script, FTRACK_SERVER="sandbox://town")
        assert recorded.returncode == 0, recorded.stderr
        committed = trackteroid("commit", FTRACK_SERVER="sandbox://town")
        assert committed.returncode == 0, committed.stderr
        block = "CityBlock where object_type.name is 'City Block' and status.name is_not none"
        assert len(ids(trackteroid, "town", block)) == 1

    make_a_block()
    (home / "sandboxes" / "town.sqlite").write_bytes(b"damaged" * 100)
    assert trackteroid("sandbox", "reset", "town").returncode == 0
    assert ids(trackteroid, "town", "Context") == []
    make_a_block()


def test_the_demo_data_fit_other_types_or_the_option_that_leaves_them_out_is_named(
    trackteroid: CommandLine, schemas: Path, home: Path
) -> None:
    assert trackteroid("sandbox", "create", "town", "--schemas", schemas).returncode == 0
    assert len(ids(trackteroid, "town", "Shot")) == 20
    documents = json.loads(schemas.read_bytes())
    schemas.write_text(json.dumps([each for each in documents if each["id"] != "AssetBuild"]))
    ran = trackteroid("sandbox", "create", "other", "--schemas", schemas)
    refused(
        ran, 2, what="the demo data do not fit", why="No entity type 'AssetBuild'", hint="--empty"
    )
    assert not list((home / "sandboxes").glob("other*[!k]"))


def test_an_existing_sandbox_is_never_overwritten(trackteroid: CommandLine) -> None:
    assert trackteroid("sandbox", "create", "mine", "--empty").returncode == 0
    ran = trackteroid("sandbox", "create", "mine")
    refused(
        ran,
        2,
        what="there is a sandbox mine already",
        why="no data but",
        hint="`trackteroid sandbox reset mine`",
    )
    assert ids(trackteroid, "mine", "Project") == []
    ran = trackteroid("sandbox", "create", "demo", "--empty")
    refused(ran, 2, what="the one with the demo data", hint="another name")


@pytest.mark.parametrize(
    ("content", "what", "why"),
    [
        (None, "cannot read entity types", "No such file"),
        (b"\xff[", "cannot read entity types", "decode"),
        (b"[" * 100_000, "cannot read entity types", "recursion"),
        (b"[{}]", "cannot be used", "number 1 has no name"),
        (b'[{"id": "x\\" (a)"}]', "cannot be used", "number 1 has no name"),
    ],
    ids=["missing", "bytes", "deep", "nameless", "hostile"],
)
def test_a_file_that_holds_no_entity_types_is_refused(
    trackteroid: CommandLine, tmp_path: Path, home: Path, content: bytes | None, what: str, why: str
) -> None:
    file = tmp_path / "schemas.json"
    if content is not None:
        file.write_bytes(content)
    ran = trackteroid("sandbox", "create", "mine", "--schemas", file)
    refused(ran, 2, what=what, why=why, hint="query_schemas")
    assert not home.exists()


def test_an_origin_that_cannot_be_read_is_told(trackteroid: CommandLine, home: Path) -> None:
    assert trackteroid("sandbox", "create", "mine", "--empty").returncode == 0
    origin = home / "sandboxes" / "mine.json"
    for text in ("[", "[]", '{"format": 2}', '{"format": 1, "colour": "red"}', '{"format": null}'):
        origin.write_text(text)
        ran = trackteroid("sandbox", "reset", "mine")
        refused(ran, 1, what="cannot tell what the sandbox mine", hint="trackteroid sandbox remove")
    assert ids(trackteroid, "mine", "Project") == []
    assert trackteroid("sandbox", "remove", "mine").returncode == 0
    assert not origin.exists()


def test_sandboxes_are_listed_with_their_origin_and_removed(
    trackteroid: CommandLine, home: Path
) -> None:
    assert trackteroid("sandbox", "list").stdout == ""
    for options in (["one"], ["two", "--empty"]):
        assert trackteroid("sandbox", "create", *options).returncode == 0
    shown = trackteroid.json("sandbox", "list", "--json")
    assert [(each["name"], each["data"]) for each in shown] == [("one", "demo"), ("two", "empty")]
    assert "the demo data" in trackteroid("sandbox", "list").stdout
    assert trackteroid("sandbox", "remove", "one").returncode == 0
    assert [each["name"] for each in trackteroid.json("sandbox", "list", "--json")] == ["two"]
    refused(trackteroid("sandbox", "remove", "one"), 4, what="no sandbox one", hint="sandbox list")


@pytest.fixture
def studio(trackteroid: CommandLine, server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that is configured, and of which one project was pulled."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    pulled = trackteroid("replica", "pull", "--project", "brightwater")
    assert pulled.returncode == 0, pulled.stderr
    server.requests.clear()
    return server


def test_what_was_pulled_is_served_for_writing_and_the_server_never_hears_of_it(
    trackteroid: CommandLine, studio: Server, home: Path
) -> None:
    replica = replicas.required(studio.url)
    before = replica.path.read_bytes()
    script = trackteroid.script(
        "import ftrack_api\n"
        "session = ftrack_api.Session()\n"
        "shot = session.query('Shot where name is sh010 and project.name is brightwater').one()\n"
        "session.create('Task', {'name': 'scratch', 'parent': shot})\n"
        "session.delete(session.query('Shot where name is sh020').one())\n"
        "session.commit()\n"
        "print(shot['children'][0]['name'], session.server_url)\n"
    )
    with serving("scratch", "--from-replica") as (process, settings):
        assert settings["FTRACK_SERVER"] != studio.url
        ran = trackteroid.python(script, **settings)
        assert ran.returncode == 0, ran.stderr
        shown = trackteroid("query", "select thumbnail_url from Shot limit 1", **settings)
        assert studio.url not in shown.stdout
        wrong = {**settings, "FTRACK_API_KEY": replicas.REPLICA_KEY}
        assert trackteroid("query", "Project", **wrong).returncode == 77
        process.terminate()
        told = process.communicate()[1]
    assert "the project brightwater. What was not pulled does not exist there" in told
    assert len(ids(trackteroid, "scratch", "Task where name is scratch")) == 1
    assert ids(trackteroid, "scratch", "Shot where project.name is salt_and_ember") == []
    assert studio.requests == []
    assert replica.path.read_bytes() == before
    assert [each.name for each in replica.path.parent.iterdir() if each.suffix == ".sqlite"] == [
        replica.path.name
    ]


def test_a_sandbox_of_a_replica_is_kept_until_it_is_reset(
    trackteroid: CommandLine, studio: Server
) -> None:
    made = trackteroid("sandbox", "create", "scratch", "--from-replica")
    assert made.returncode == 0, made.stderr
    script = trackteroid.script(
        "import ftrack_api\n"
        "session = ftrack_api.Session()\n"
        "session.query('Shot where name is sh010').one()['description'] = 'scratch'\n"
        "session.commit()\n"
    )
    described = "Shot where description is scratch"
    recorded = trackteroid("record", script, FTRACK_SERVER="sandbox://scratch")
    assert recorded.returncode == 0, recorded.stderr
    assert trackteroid("commit", FTRACK_SERVER="sandbox://scratch").returncode == 0
    (project,) = studio.query("select id from Project where name is brightwater")
    studio.create("Shot", name="later", parent_id=project["id"])
    assert trackteroid("replica", "pull").returncode == 0
    with serving("scratch", "--from-replica") as (process, settings):
        for expression, number in (("Shot where name is later", 0), (described, 1)):
            shown = trackteroid("query", expression, "--format", "ids", **settings)
            assert len(shown.stdout.split()) == number, shown.stderr
        process.terminate()
        told = process.communicate()[1]
    assert "is kept as it is" in told
    assert "`trackteroid sandbox reset scratch`" in told
    reset = trackteroid("sandbox", "reset", "scratch", FTRACK_SERVER="https://elsewhere.example")
    assert reset.returncode == 0, reset.stderr
    assert len(ids(trackteroid, "scratch", "Shot where name is later")) == 1
    assert ids(trackteroid, "scratch", described) == []


def test_a_sandbox_that_is_none_of_the_replica_is_not_passed_off_as_one(
    trackteroid: CommandLine, studio: Server
) -> None:
    assert trackteroid("sandbox", "create", "mine", "--empty").returncode == 0
    for name in ("mine", "demo"):
        ran = trackteroid("sandbox", "serve", name, "--from-replica", "--port", "0")
        refused(ran, 2, what="the sandbox", hint="another name")
    ran = trackteroid("sandbox", "create", "x", "--from-replica", "--empty")
    refused(ran, 2, what="--from-replica goes without", hint="leave")


def test_without_a_replica_the_pull_is_named_and_nothing_made(
    trackteroid: CommandLine, studio: Server, home: Path, make_server: Any
) -> None:
    elsewhere = make_server().url
    ran = trackteroid("sandbox", "create", "x", "--from-replica", FTRACK_SERVER=elsewhere)
    refused(ran, 4, what="there is no replica", hint="trackteroid replica pull")
    ran = trackteroid("sandbox", "serve", "x", "--from-replica", FTRACK_SERVER=elsewhere)
    refused(ran, 4, what="there is no replica", hint="trackteroid replica pull")
    assert not (home / "sandboxes" / "x.sqlite").exists()
    assert trackteroid("sandbox", "create", "x", "--from-replica").returncode == 0
    (home / "sandboxes" / "x.sqlite").unlink()
    ran = trackteroid("query", "Shot", FTRACK_SERVER="sandbox://x")
    refused(ran, 2, what="the sandbox x is gone", hint="`trackteroid sandbox reset x`")
