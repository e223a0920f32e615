"""Messages name the line of the script, and not that of a library that it uses."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.session.session import Session


def here(function: Callable[..., Any], offset: int) -> str:
    return f"{__file__}, line {function.__code__.co_firstlineno + offset}"


def directly(session: Session, shot: Any) -> None:
    shot["description"] = object()


def in_a_thread(session: Session, shot: Any) -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(shot.__setitem__, "description", object()).result()


def in_a_function_for_a_thread(session: Session, shot: Any) -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(directly, session, shot).result()


def in_a_context_manager(session: Session, shot: Any) -> None:
    @contextlib.contextmanager
    def saved() -> Iterator[None]:
        yield
        shot["description"] = object()

    with saved():
        pass


def by_the_standard_library(session: Session, shot: Any) -> None:
    with contextlib.ExitStack() as stack:
        stack.callback(session.call, [{"action": "delayed_job"}])


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (directly, here(directly, 1)),
        (in_a_thread, ""),
        (in_a_function_for_a_thread, here(directly, 1)),
        (in_a_context_manager, here(in_a_context_manager, 4)),
        (by_the_standard_library, here(by_the_standard_library, 1)),
    ],
)
def test_a_refusal_knows_the_line_of_the_script(
    session: Session,
    shot: Any,
    batch: Path,
    ask: Callable[[Session, Any], None],
    line: str,
) -> None:
    with session.deferred_operations(batch, allow_refused=True):
        with pytest.raises(CannotDefer) as caught:
            ask(session, shot)
        assert caught.value.line == (line or "the script")
