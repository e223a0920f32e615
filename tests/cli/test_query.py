"""`trackteroid query`: answers on a terminal, in a pipe, and for programs."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from tests.support.command_line import CommandLine, refused
from tests.support.servers import Server

NESTED = (
    "select name, parent.name, type.name, assignments.resource.username from Task "
    'where parent.name is "sh010" and project.name is "salt_and_ember" order by parent_id, name'
)


def shots(server: Server) -> list[dict[str, object]]:
    return server.query("select id, name from Shot")


def test_every_format_shows_the_same_entities(connected: CommandLine, server: Server) -> None:
    expected = server.query(NESTED)
    assert expected
    as_json = connected.json("query", NESTED, "--format", "json")
    assert as_json == expected
    assert all(set(each) >= {"__entity_type__", "id", "name", "parent"} for each in as_json)
    lines = connected("query", NESTED, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == expected
    ids = connected("query", NESTED, "--format", "ids").stdout.split()
    assert ids == [each["id"] for each in expected]
    rows = list(csv.reader(io.StringIO(connected("query", NESTED, "--format", "csv").stdout)))
    assert rows[0] == ["name", "parent.name", "type.name", "assignments.resource.username"]
    people = [
        ", ".join(one["resource"]["username"] for one in each["assignments"]) for each in expected
    ]
    flat = [
        [each["name"], each["parent"]["name"], each["type"]["name"], username]
        for each, username in zip(expected, people, strict=True)
    ]
    assert rows[1:] == flat
    table = connected("query", *NESTED.split(" "))  # an unquoted expression is joined
    assert table.stdout == "".join("\t".join(row) + "\n" for row in flat)
    assert table.stderr == ""


def test_a_terminal_gets_a_table_with_a_head_and_a_count(connected: CommandLine) -> None:
    shown = connected.on_terminal("query", NESTED, "--limit", "1", NO_COLOR="1")
    head = shown.split()[:4]
    assert head == ["name", "parent.name", "type.name", "assignments.resource.username"]
    assert "\x1b" not in shown
    assert "\x1b[1m" in connected.on_terminal("query", "Shot")


def test_a_type_alone_shows_its_default_attributes_and_keeps_the_schemas(
    connected: CommandLine, server: Server
) -> None:
    shown = connected("query", "Shot", "--format", "csv")
    assert shown.stdout.splitlines()[0] == "id,name,context_type"
    assert len(shown.stdout.splitlines()) == 1 + len(shots(server))
    before = len(server.requests)
    connected("query", "Shot")
    assert server.requests[before:] == [["query_server_information"], ["query"]]


def test_schemas_are_asked_for_where_none_can_be_kept(connected: CommandLine) -> None:
    (connected.folder / "file").write_text("not a folder")
    shown = connected("query", "Shot", TRACKTEROID_HOME=str(connected.folder / "file" / "home"))
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""


def test_large_answers_are_fetched_in_pages_and_limits_are_kept(
    connected: CommandLine, server: Server
) -> None:
    server.call(
        *(
            {
                "action": "create",
                "entity_type": "Scope",
                "entity_data": {"__entity_type__": "Scope", "name": f"scope {number:04d}"},
            }
            for number in range(1100)
        )
    )
    expression = 'select name from Scope where name like "scope %" order by name'

    def names(*arguments: str) -> tuple[list[str], int]:
        before = len(server.requests)
        found = connected("query", *arguments).stdout.splitlines()
        return found, len(server.requests) - before

    every = [f"scope {number:04d}" for number in range(1100)]
    assert names(expression) == (every, 3)
    assert names(expression, "--limit", "501") == (every[:501], 2)
    assert names(expression, "--limit", "0") == ([], 0)
    assert names(f"{expression} offset 10 limit 7") == (every[10:17], 1)
    assert names(f"{expression} limit 7", "--limit", "3") == (every[:3], 1)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ('select name from Shot where name is is "x"', "line 1, column 40"),
        ("Task where name is", "line 1, column 19"),
        ("select name from Shto", "'Shto' exists. Did you mean 'Shot'?"),
        ("Shto", "no entity type 'Shto'; did you mean Shot"),
        ("select nme from Shot", "No attribute 'nme' exists for schema 'Shot'"),
        ('Shot where nme is "x"', "No attribute 'nme' exists for schema 'Shot'"),
        ('select name from Shot where name is "x', "line 1, column"),
        ("  ", "the expression is empty"),
    ],
)
def test_a_query_that_cannot_be_read_says_where_and_what_is_near(
    connected: CommandLine, expression: str, why: str
) -> None:
    ran = connected("query", expression, "--format", "json")
    refused(ran, 2, what="the query cannot be read", why=why, hint="an example: trackteroid query")
    assert ran.stdout


def test_what_a_query_lacks_is_said(trackteroid: CommandLine) -> None:
    refused(trackteroid("query", "Shot"), 78, what="no ftrack server", why="FTRACK_SERVER and")
    refused(trackteroid("query"), 2, what="Missing argument 'EXPRESSION'")
    refused(trackteroid("query", "Shot", "--format", "xml"), 2, what="xml")
    refused(trackteroid("query", "Shot", "--limit", "-1"), 2, what="--limit")


def test_a_reader_that_has_enough_ends_it_quietly(connected: CommandLine) -> None:
    expression = "select id, name, link, parent.name, custom_attributes.value from Task"
    with subprocess.Popen(
        [sys.executable, "-m", "trackteroid_cli", "query", expression, "--format", "jsonl"],
        env={**os.environ, **connected.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"{")
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, b"")


def test_a_full_disk_behind_standard_output_is_named(connected: CommandLine) -> None:
    try:
        full = open("/dev/full", "w")  # noqa: SIM115, PTH123
    except OSError:
        pytest.skip("there is no /dev/full here")
    with full:
        ran = subprocess.run(
            [sys.executable, "-m", "trackteroid_cli", "query", "Shot", "--format", "json"],
            env={**os.environ, **connected.environment},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    refused(ran, 1, what="cannot write the results", why="the disk is full", hint="make room")
