"""A replica answers from the data it holds, and names the pull for what it does not hold."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.offline.conftest import NOT_PULLED, PULLED
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.errors import InvalidExpression, NotPulled
from trackteroid_cli.offline.answering.server import OfflineServer
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.sandboxes import making
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER, Server

URL = "sandbox://demo"

SHOT = f'Shot where project.name is "{PULLED}"'
HELD_SHOT = f'Shot where project.name is "{NOT_PULLED}" and name is "sh010"'
OTHER_SHOT = f'Shot where project.name is "{NOT_PULLED}" and name is_not "sh010"'
OTHER_PROJECT = f'Project where name is "{NOT_PULLED}"'

#: Pulled besides the project: shots of the other one, with their assets.
EXPRESSIONS = (
    f"select assets from {HELD_SHOT}",
    'Job where status is "killed"',
)


@pytest.fixture(scope="module")
def pulled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local state with a sandbox, and a replica of a part of it."""
    folder = tmp_path_factory.mktemp("replica")
    environment = {**os.environ, "TRACKTEROID_HOME": str(folder), "FTRACK_SERVER": URL}
    command = [sys.executable, "-m", "trackteroid_cli", "replica", "pull", "--project", PULLED]
    subprocess.run([*command, *EXPRESSIONS], env=environment, check=True, capture_output=True)
    return folder


@pytest.fixture
def home(home: Path, pulled_home: Path) -> Path:
    shutil.copytree(pulled_home, home)
    return home


@pytest.fixture
def server(home: Path) -> Iterator[Engine]:
    with closing(making.open_engine("demo")) as engine:
        yield engine


@pytest.fixture
def replica(home: Path) -> Iterator[Connection]:
    with (
        closing(OfflineServer(URL)) as offline,
        Connection(Server(URL, SANDBOX_USER, SANDBOX_KEY), adapter=offline.adapter()) as connection,
    ):
        yield connection


def ask(source: Any, expression: str) -> list[dict[str, Any]]:
    operations = [{"action": "query", "expression": expression}]
    if isinstance(source, Connection):
        answer = source.call(operations)
    else:
        answer = source.call(operations, user=SANDBOX_USER, key=SANDBOX_KEY)
    data: list[dict[str, Any]] = answer[0]["data"]
    return data


def one(server: Engine, expression: str) -> str:
    return str(ask(server, f"select id from {expression} order by id limit 1")[0]["id"])


@pytest.mark.parametrize(
    "expression",
    [
        f"select name, parent.name, custom_attributes.value from {SHOT}",
        'Status where name is "no such status"',
        "User where username like 'nobody%'",
        f'Shot where project.name is "{PULLED}" and name is "no such shot"',
        'Shot where name is "no such shot" and project_id is "{project}"',
        'Task where parent_id is "{shot}" and name is "no such task"',
        'Task where parent.id in ("{shot}") and name is "no such task"',
        'Task where parent has (id is "{shot}") and name is "no such task"',
        'Task where ancestors any (id is "{sequence}") and name is "no such task"',
        'Shot where id is "{shot}" and name is "no such shot"',
        'ComponentLocation where component.version.asset.parent.id is "{shot}" and id is_not none',
        'Note where parent_id is "{shot}" and content is "never said"',
        'select children, assets.versions from Shot where id is "{shot}"',
        'User where assignments any (context.id is "{shot}" and context.name is "no")',
        OTHER_PROJECT,
        HELD_SHOT,
        f"select assets, metadata from {HELD_SHOT}",
        'Job where status is "killed"',
        'Shot where id is "{held_shot}" and name is "no such shot"',
        'Shot where id is "{held_shot}" and status.name is "no such status"',
        'select assignments.resource.username, notes, timelogs from Shot where id is "{held_shot}"',
        'Note where parent_id is "{held_shot}"',
        'Shot where name is "sh010" limit 0',
    ],
)
def test_a_query_about_held_data_gets_the_answer_of_the_server(
    server: Engine, replica: Connection, expression: str
) -> None:
    expression = f"{_filled(server, expression)} order by id"
    assert _sorted(ask(replica, expression)) == _sorted(ask(server, expression))


@pytest.mark.parametrize(
    ("expression", "what", "command"),
    [
        (
            'Shot where name is "no such shot"',
            "every Shot that the query may mean",
            "--project NAME",
        ),
        ('Shot where project.name is "{other}"', "the project '{other}'", "--project {other}"),
        ('Task where project.id is "{other_id}"', "the project '{other}'", "--project {other}"),
        ('Task where project_id is "{other_id}"', "the project '{other}'", "--project {other}"),
        (
            'Task where project.name in ("salt_and_ember", "{other}")',
            "the project '{other}'",
            "--project {other}",
        ),
        ('Shot where project.name is "unheard of"', "'unheard of'", "--project 'unheard of'"),
        (
            'Shot where id is "{other_shot}"',
            "the Shot {other_shot}",
            "'Shot where id is {other_shot}'",
        ),
        (
            'Shot where id in ("{shot}", "{other_shot}")',
            "the Shot {other_shot}",
            "'Shot where id is {other_shot}'",
        ),
        (
            'Task where parent.id is "{other_shot}"',
            "the Context {other_shot}",
            "'Context where id is {other_shot}'",
        ),
        (
            'select assets from Project where name is "{other}"',
            "the assets of Project {other_id}",
            "select assets from Project where id is {other_id}",
        ),
        ('Task where assignments any (resource.username is "nobody")', "every Task", "--project"),
        ('Task where parent has (id is "{held_shot}")', "every Task", "--project NAME"),
        (
            'Task where parent_id in (select id from Shot where id is "{held_shot}")',
            "every Task",
            "",
        ),
        ('Shot where id is "{held_shot}" and children any ()', "every Shot", "--project NAME"),
        ("Project where not children any ()", "every Project", "--project NAME"),
        ("User where not assignments any ()", "every User", "--project NAME"),
        ('Shot where name is "sh010" limit 5 offset 100', "every Shot", "--project NAME"),
        ('Shot where id is "{held_shot}" and not children any (name is "x")', "every Shot", ""),
        (
            'Note where parent_id is "{other_shot}"',
            "the entity {other_shot}",
            "TypedContext where id",
        ),
        ("AssetVersion where is_latest_version is true", "every AssetVersion", "--project NAME"),
        ('Task where not project.name is "salt_and_ember"', "every Task", "--project NAME"),
    ],
)
def test_a_query_about_data_that_was_not_pulled_is_refused_with_the_pull_to_run(
    server: Engine, replica: Connection, expression: str, what: str, command: str
) -> None:
    with pytest.raises(NotPulled) as refused:
        ask(replica, _filled(server, expression))
    assert _filled(server, what) in refused.value.what
    assert _filled(server, command) in refused.value.hint
    assert f"it holds {PULLED}, what 'select assets from Shot" in refused.value.why


def test_an_answer_that_may_be_incomplete_has_a_warning_with_what_is_held(
    server: Engine, replica: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    seen = ask(replica, "Shot")
    assert 0 < len(seen) < len(ask(server, "Shot"))
    ask(replica, f'Shot where project.name is "{PULLED}"')
    ask(replica, "Status")
    (record,) = caplog.records
    assert record.getMessage().startswith(f"of Shot, only what was pulled is seen: {PULLED}, ")


def test_a_link_from_another_project_is_refused_or_warned_about(
    server: Engine, home: Path, trackteroid: Any
) -> None:
    ours, theirs = one(server, SHOT), one(server, OTHER_SHOT)
    link = {"__entity_type__": "TypedContextLink", "from_id": theirs, "to_id": ours}
    operation = {"action": "create", "entity_type": "TypedContextLink", "entity_data": link}
    server.call([operation], user=SANDBOX_USER, key=SANDBOX_KEY)
    trackteroid.environment = {"FTRACK_SERVER": URL}
    assert trackteroid("replica", "pull").returncode == 0
    address = Server(URL, SANDBOX_USER, SANDBOX_KEY)
    name = ask(server, f'select name from Shot where id is "{theirs}"')[0]["name"]
    with (
        closing(OfflineServer(URL)) as offline,
        Connection(address, adapter=offline.adapter()) as replica,
    ):
        for expression in (
            f'Shot where id is "{ours}" and incoming_links any (from.name is "{name}x")',
            f'select incoming_links.from.name from Shot where id is "{ours}"',
        ):
            with pytest.raises(NotPulled):
                ask(replica, expression)


def test_a_replica_of_every_project_refuses_only_unknown_names(
    server: Engine, home: Path, trackteroid: Any
) -> None:
    trackteroid.environment = {"FTRACK_SERVER": URL}
    assert trackteroid("replica", "pull", "--all-projects").returncode == 0
    assert trackteroid("query", "--offline", 'Shot where name is "nope"').returncode == 0
    assert trackteroid("query", "--offline", "Project where not children any ()").returncode == 0
    refused = trackteroid("query", "--offline", 'Shot where project.name is "fresh"')
    assert refused.returncode == 4
    assert "it holds every project" in refused.stderr


def test_a_count_of_zero_is_refused_if_the_server_may_have_more(home: Path) -> None:
    strict = {"ftrack-api-options": "strict:1"}
    address = Server(URL, SANDBOX_USER, SANDBOX_KEY)
    with (
        closing(OfflineServer(URL)) as offline,
        Connection(address, adapter=offline.adapter(), headers=strict) as replica,
    ):
        counted = 'select count(id) from Shot where name is "no such shot"'
        with pytest.raises(NotPulled):
            ask(replica, counted)
        assert ask(replica, f'{counted} and project.name is "{PULLED}"') == [{"count_id": 0}]


def test_the_pull_that_a_refusal_names_makes_the_replica_answer(
    server: Engine, home: Path, trackteroid: Any
) -> None:
    trackteroid.environment = {"FTRACK_SERVER": URL}
    expression = f'Shot where id is "{one(server, OTHER_SHOT)}"'
    refused = trackteroid("query", "--offline", expression)
    assert refused.returncode == 4
    command = refused.stderr.partition("run: trackteroid ")[2].strip()
    assert trackteroid(*shlex.split(command)).returncode == 0
    answered = trackteroid("query", "--offline", expression, "--format", "ids")
    assert answered.returncode == 0
    assert answered.stdout.strip() == one(server, OTHER_SHOT)


def test_an_invalid_expression_gets_the_error_of_the_server(replica: Connection) -> None:
    for expression in ("Shot where (", "Shoot", "Shot where nmae is x"):
        with pytest.raises(InvalidExpression):
            ask(replica, expression)


def test_an_error_without_a_replica_names_the_pull_to_run(trackteroid: Any) -> None:
    trackteroid.environment = {"FTRACK_SERVER": "https://studio.example"}
    refused = trackteroid("query", "--offline", "Shot")
    assert refused.returncode == 4
    assert "there is no replica of https://studio.example" in refused.stderr
    assert "trackteroid replica pull --project NAME" in refused.stderr


def _sorted(value: Any) -> Any:
    """Return *value* with its collections, which have no order of their own, sorted."""
    if isinstance(value, dict):
        return {name: _sorted(part) for name, part in value.items()}
    if isinstance(value, list):
        return sorted(map(_sorted, value), key=str)
    return value


def _filled(server: Engine, text: str) -> str:
    values = {"other": NOT_PULLED}
    for name, expression in {
        "shot": SHOT,
        "sequence": f'Sequence where project.name is "{PULLED}"',
        "project": f'Project where name is "{PULLED}"',
        "other_shot": OTHER_SHOT,
        "held_shot": HELD_SHOT,
        "other_id": OTHER_PROJECT,
    }.items():
        if "{" + name + "}" in text:
            values[name] = one(server, expression)
    return text.format(**values)
