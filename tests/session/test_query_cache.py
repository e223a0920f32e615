"""`reusing_query_results` answers a query that was asked before from memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.servers import Server
from trackteroid_cli.session.session import Session


class Mishap(Exception):
    pass


EXPRESSION = 'select name from Shot where name is "sh010" and project.name is "brightwater"'


def ask_all(session: Session) -> Any:
    return session.query(EXPRESSION).all()


def ask_one(session: Session) -> Any:
    return session.query(EXPRESSION).one()


def ask_first(session: Session) -> Any:
    return session.query(EXPRESSION).first()


def ask_for_what_is_not_there(session: Session) -> Any:
    return session.get("Shot", "no-such-id")


ASKING = pytest.mark.parametrize("ask", [ask_all, ask_one, ask_first, ask_for_what_is_not_there])


@ASKING
def test_the_same_query_is_asked_once(
    session: Session, server: Server, ask: Callable[[Session], Any]
) -> None:
    plain = ask(session)
    server.requests.clear()
    with session.reusing_query_results():
        assert ask(session) == plain
        assert ask(session) == plain
        assert server.requests == [["query"]]
    ask(session)
    assert server.requests == [["query"]] * 2


def test_all_pages_are_answered_from_memory(session: Session, server: Server) -> None:
    with session.reusing_query_results():
        first = session.query("Shot", page_size=6).all()
        asked = len(server.requests)
        assert session.query("Shot", page_size=6).all() == first
        assert len(first) == 20
        assert len(server.requests) == asked


def test_a_result_can_be_changed_without_changing_the_next(session: Session) -> None:
    with session.reusing_query_results():
        ask_all(session).clear()
        assert len(ask_all(session)) == 1


def test_an_inner_block_uses_and_extends_the_answers_of_the_outer_one(
    session: Session, server: Server
) -> None:
    server.requests.clear()
    with session.reusing_query_results():
        ask_all(session)
        with session.reusing_query_results():
            ask_all(session)
            ask_first(session)
        ask_first(session)
    assert server.requests == [["query"]] * 2


def test_the_previous_setting_is_restored_after_an_exception(
    session: Session, server: Server
) -> None:
    def ask_and_raise() -> None:
        with session.reusing_query_results():
            ask_all(session)
            raise Mishap

    server.requests.clear()
    with session.reusing_query_results():
        with pytest.raises(Mishap):
            ask_and_raise()
        ask_all(session)
        assert len(server.requests) == 1
    with pytest.raises(Mishap):
        ask_and_raise()
    ask_all(session)
    assert len(server.requests) == 3


def test_a_commit_clears_the_answers(session: Session, shot: Any, server: Server) -> None:
    expression = 'Shot where description is "changed"'
    with session.reusing_query_results():
        assert session.query(expression).all() == []
        shot["description"] = "changed"
        session.commit()
        assert session.query(expression).all() == [shot]


def test_a_reset_clears_the_answers(session: Session) -> None:
    with session.reusing_query_results():
        former = ask_one(session)
        session.reset()
        assert ask_one(session) is not former
        assert session.get("Shot", former["id"]) is ask_one(session)
