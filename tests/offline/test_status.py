"""`trackteroid replica` on the command line: what it prints, and its exit statuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.batches import everything_below
from tests.support.command_line import CommandLine, refused
from tests.support.servers import Server

PROJECT = "salt_and_ember"


def test_status_without_a_replica_says_what_to_run(connected: CommandLine) -> None:
    finished = connected("replica", "status")
    refused(
        finished, 4, what="there is no replica of", hint="trackteroid replica pull --project NAME"
    )
    assert connected.json("replica", "status", "--json")["error"]["exit"] == 4


def test_a_first_pull_without_projects_says_how_to_name_them(connected: CommandLine) -> None:
    finished = connected("replica", "pull")
    assert finished.returncode == 0, finished.stderr
    assert "no project is held yet" in finished.stderr
    assert "--all-projects" in finished.stderr
    assert finished.stdout.startswith("pulled\t")


def test_a_pull_prints_what_is_held_now(connected: CommandLine, server: Server) -> None:
    finished = connected("replica", "pull", "--project", PROJECT, "Job")
    lines = [line.split("\t") for line in finished.stdout.splitlines()]
    assert finished.stderr == ""
    assert re.fullmatch(r"\d+ new, 0 changed, 0 gone", lines[0][1])
    assert [line[:2] for line in lines[1:]] == [
        ["server", server.url],
        ["project", PROJECT],
        ["expression", "Job"],
    ]


def test_status_asks_no_server_and_needs_no_key(connected: CommandLine, server: Server) -> None:
    connected("replica", "pull", "--all-projects")
    del server.requests[:]
    connected.environment = {"FTRACK_SERVER": server.url}
    finished = connected("replica", "status")
    assert finished.returncode == 0, finished.stderr
    assert server.requests == []
    lines = [line.split("\t") for line in finished.stdout.splitlines()]
    told = dict(line[:2] for line in lines)
    assert told["server"] == server.url
    assert told["projects"] == "all 2"
    assert told["size"].endswith(" MB")
    assert told["Shot"] == str(len(server.query("Shot")))


def test_json_has_what_is_held(connected: CommandLine, server: Server) -> None:
    pulled = connected.json("replica", "pull", "--project", PROJECT, "Job", "--json")
    status = connected.json("replica", "status", "--json")
    assert {name: pulled.pop(name) for name in ("changed", "gone")} == {"changed": 0, "gone": 0}
    assert pulled.pop("refused") == []
    assert pulled.pop("new") == sum(status["rows"].values())
    del pulled["age_seconds"], status["age_seconds"]
    assert pulled == status
    assert set(status) == {
        "server",
        "pulled",
        "size",
        "path",
        "projects",
        "expressions",
        "every_project",
        "rows",
    }
    assert [each["name"] for each in status["projects"]] == [PROJECT]
    assert [each["expression"] for each in status["expressions"]] == ["Job"]
    numbers = list(status["rows"].values())
    assert numbers == sorted(numbers, reverse=True)
    assert status["rows"]["Project"] == 2


def test_a_terminal_shows_progress_and_a_table(connected: CommandLine) -> None:
    assert PROJECT in connected.on_terminal("replica", "pull", "--project", PROJECT)
    assert "TYPE" in connected.on_terminal("replica", "status")


def test_an_unknown_project_is_an_error(connected: CommandLine) -> None:
    refused(
        connected("replica", "pull", "--project", "salt_and_amber"),
        4,
        what="no project 'salt_and_amber'",
        hint=f"did you mean {PROJECT}?",
    )


def test_an_invalid_expression_is_wrong_usage(connected: CommandLine) -> None:
    refused(connected("replica", "pull", "Shot where nme is x"), 2, what="the query", why="'nme'")
    refused(connected("replica", "pull", "Metadata"), 2, what="Metadata cannot be pulled")


def test_all_projects_and_a_project_are_wrong_usage_together(connected: CommandLine) -> None:
    finished = connected("replica", "pull", "--all-projects", "--project", PROJECT)
    refused(finished, 2, what="--all-projects goes without --project")


def test_an_unreachable_server_has_the_status_for_a_later_try(trackteroid: CommandLine) -> None:
    trackteroid.environment = {
        "FTRACK_SERVER": "http://127.0.0.1:9",
        "FTRACK_API_KEY": "k",
        "FTRACK_API_USER": "u",
    }
    refused(trackteroid("replica", "pull"), 75, what="cannot reach", hint="run the same command")


def test_a_damaged_replica_is_an_error(connected: CommandLine) -> None:
    status = connected.json("replica", "pull", "--json")
    with open(status["path"], "wb") as file:  # noqa: PTH123
        file.write(b"no database" * 1000)
    refused(connected("replica", "status"), 1, what="cannot read the replica", hint="pull again")
    assert json.loads(connected("replica", "status", "--json").stdout)["error"]["exit"] == 1


def test_a_suggested_pull_works_where_the_environment_is_offline(
    connected: CommandLine, server: Server
) -> None:
    refusal = connected("query", "Shot", TRACKTEROID_OFFLINE="1")
    suggested = "TRACKTEROID_OFFLINE= trackteroid replica pull --project NAME"
    refused(refusal, 4, what="there is no replica of", hint=suggested)
    assert "TRACKTEROID_OFFLINE=" not in connected("query", "--offline", "Shot").stderr
    pull = ("replica", "pull", "--project", "salt_and_ember")
    forbidden = connected(*pull, TRACKTEROID_OFFLINE="1")
    refused(forbidden, 75, what="cannot ask the server", hint="with TRACKTEROID_OFFLINE= before it")
    assert connected(*pull, TRACKTEROID_OFFLINE="").returncode == 0
    unknown = connected("query", "Shot", TRACKTEROID_OFFLINE="1", FTRACK_API_USER="nobody")
    refused(unknown, 4, what="has no active user", hint="TRACKTEROID_OFFLINE= trackteroid replica")


def test_what_needs_the_server_is_named_with_the_way_to_record_it(
    offline: CommandLine, connected: CommandLine
) -> None:
    ask = "session.get_widget_url('info')"
    script = offline.script(f"import ftrack_api\nsession = ftrack_api.Session()\n{ask}\n")
    refused(
        offline("record", script),
        75,
        what="cannot get the address of a widget offline",
        why=f"asked for in {script}, line 3",
        hint="TRACKTEROID_OFFLINE= trackteroid record SCRIPT",
    )


def test_a_disk_without_room_for_what_is_laid_over_the_replica_is_told(
    pulled: CommandLine, home: Path
) -> None:
    change = (
        "import ftrack_api; session = ftrack_api.Session(); "
        "session.query('Shot').first()['description'] = 'x'; session.commit(); "
        "session.query('Shot').all()"
    )
    assert pulled("record", "--offline", "-c", change).returncode == 0
    before = everything_below(home / "replicas")
    lay = ["query", "--offline", "Shot"]
    record = ["record", "--offline", "--without-pending", "-c", change]
    for arguments, what in ((lay, "the batches that wait"), (record, "what is recorded")):
        shutil.rmtree(home / "overlays", ignore_errors=True)
        limited = (
            "import resource, runpy, sys; "
            "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000,) * 2); "
            f"sys.argv[1:] = {arguments!r}; "
            "runpy.run_module('trackteroid_cli', run_name='__main__')"
        )
        ran = subprocess.run(
            [sys.executable, "-c", limited],
            cwd=pulled.folder,
            env={**os.environ, **pulled.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        refused(ran, 1, what=f"cannot lay {what} over the replica", hint="make room")
    assert everything_below(home / "replicas") == before
