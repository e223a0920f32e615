"""Answers that are kept on disk are reused by later sessions, and never outlive a commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine
from tests.support.servers import Server
from tests.support.sessions import Connect, find
from trackteroid_cli.errors import StorageError
from trackteroid_cli.session.session import Session


def queries(server: Server) -> int:
    return sum(actions.count("query") for actions in server.requests)


def answers(session: Session, expression: str) -> list[Any]:
    return [
        (task["id"], task["name"], task["status"]["name"], task["created_at"])
        for task in session.query(expression)
    ]


def test_a_later_session_reuses_what_an_earlier_one_was_answered(
    server: Server, connect: Connect, tmp_path: Path
) -> None:
    path = tmp_path / "kept" / "answers.sqlite"
    expression = "select name, status.name, created_at from Task"
    first, asked = answers(connect(reuse_query_results=path), expression), queries(server)
    again = answers(connect(reuse_query_results=path), expression)
    assert queries(server) == asked
    assert again == first
    connect(reuse_query_results=path).query(f"{expression} limit 1").all()
    assert queries(server) == asked + 1


def test_a_commit_makes_later_sessions_ask_again(
    server: Server, connect: Connect, tmp_path: Path
) -> None:
    path = tmp_path / "answers.sqlite"
    session = connect(reuse_query_results=path)
    shot = find(session, "Shot", "sh010")
    shot["description"] = "new"
    session.commit()
    asked = queries(server)
    again = find(connect(reuse_query_results=path), "Shot", "sh010")
    assert queries(server) == asked + 1
    assert again["description"] == "new"


def test_another_user_or_server_is_not_answered_with_what_one_was(
    server: Server, connect: Connect, make_server: object, tmp_path: Path
) -> None:
    path = tmp_path / "answers.sqlite"
    connect(reuse_query_results=path).query("Scope").all()
    asked = queries(server)
    connect(reuse_query_results=path, api_user="hanna.vidal").query("Scope").all()
    assert queries(server) == asked + 1
    other = make_server()  # type: ignore[operator]
    connect(other, reuse_query_results=path).query("Scope").all()
    assert queries(other) == 1


def test_a_refused_query_is_not_kept(server: Server, connect: Connect, tmp_path: Path) -> None:
    session = connect(reuse_query_results=tmp_path / "answers.sqlite")
    for _ in range(2):
        with pytest.raises(Exception, match="No attribute 'nmae'"):
            session.query("select nmae from Shot").all()
    assert queries(server) == 2


def test_a_file_that_holds_something_else_is_refused(connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_text("something else, and quite long enough to be no database\n" * 100)
    with pytest.raises(StorageError, match="cannot keep answers in") as refusal:
        connect(reuse_query_results=path)
    assert path.read_text().startswith("something else")
    assert "nothing but copies" not in refusal.value.hint
    with pytest.raises(StorageError, match="cannot keep answers in") as refusal:
        connect(reuse_query_results=path / "below a file")
    assert "remove" not in refusal.value.hint


def test_the_query_command_reuses_a_young_answer_and_says_how_old_it_is(
    server: Server, connected: CommandLine
) -> None:
    first = connected("query", "--reuse", "Shot", "--limit", "3")
    asked = queries(server)
    again = connected("query", "--reuse", "Shot", "--limit", "3")
    assert again.stdout == first.stdout != ""
    assert queries(server) == asked
    assert "reused: this was answered" in again.stderr
    assert "reused" not in connected("query", "--reuse", "--max-age", "0s", "Shot").stderr
    assert queries(server) == asked + 1
    wrong = connected("query", "--reuse", "--max-age", "soon", "Shot")
    assert wrong.returncode == 2
    assert "'soon' is no length of time" in wrong.stderr


def test_a_kept_answer_needs_the_credentials_that_it_was_given_for(
    server: Server, connected: CommandLine
) -> None:
    server.engine.admit("demo", "key-of-less")  # a key may show its user less than another one
    asked = ("query", "--reuse", "Scope", "--format", "ids")
    assert connected(*asked).returncode == 0
    before = queries(server)
    assert connected(*asked, FTRACK_API_KEY="key-of-less").returncode == 0
    assert queries(server) == before + 1
    assert connected(*asked).returncode == 0
    assert queries(server) == before + 1


def test_a_commit_makes_the_query_command_ask_again(server: Server, connected: CommandLine) -> None:
    assert connected("query", "--reuse", "select name from Scope").stdout == ""
    code = "import ftrack_api as f; s = f.Session(); s.create('Scope', {'name': 'x'}); s.commit()"
    assert connected("record", "-c", code).returncode == 0
    assert connected("commit").returncode == 0
    assert connected("query", "--reuse", "select name from Scope").stdout.split()[-1] == "x"


def test_what_a_replica_tells_is_not_kept_for_the_server(
    server: Server, connected: CommandLine
) -> None:
    assert connected("replica", "pull").returncode == 0
    refused = connected("query", "--offline", "--reuse", "select name from Scope")
    assert refused.returncode == 2
    assert connected("query", "--max-age", "5m", "Scope").returncode == 2
    server.call({"action": "create", "entity_type": "Scope", "entity_data": {"name": "x"}})
    assert connected("query", "--reuse", "select name from Scope").stdout.split()[-1] == "x"
