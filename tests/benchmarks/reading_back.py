"""What queries cost while a session records, beside the same queries of a direct session."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from trackteroid_cli.session.session import Session

#: Queries that read nothing of what the recording has changed, and such that do.
UNTOUCHED = 'select first_name, username from User where username like "%a%"'
TOUCHED = {
    "a new entity by name": 'select name from Shot where name is "sh_new"',
    "entities of a parent": 'select name, status.name from Shot where parent.name is "sq010"',
    "entities by status": 'select name from Task where status.name is "In progress" limit 50',
}

ROUNDS = 40


@contextmanager
def measured(
    folder: Path, environment: Mapping[str, str]
) -> Iterator[dict[str, tuple[Callable[[], float], Callable[[], float], Callable[[], int]]]]:
    """Give, by query, its seconds while recording and directly, and the requests it takes."""
    sessions = [
        Session(
            server_url=environment["FTRACK_SERVER"],
            api_key=environment["FTRACK_API_KEY"],
            api_user=environment["FTRACK_API_USER"],
            schema_cache_path=str(folder),
        )
        for _ in range(2)
    ]
    direct, recorded = sessions
    with recorded.deferred_operations(folder / "batch.dbm"):
        sequence = recorded.query('Sequence where name is "sq010"').first()
        recorded.create("Shot", {"name": "sh_new", "parent": sequence})
        task = recorded.query("Task").first()
        task["status"] = recorded.query('Status where name is "In progress"').first()
        recorded.commit()
        ask(recorded, TOUCHED["a new entity by name"])  # what every recording brings once
        yield {
            what: (
                lambda expression=expression: seconds(recorded, expression),  # type: ignore[misc]
                lambda expression=expression: seconds(direct, expression),  # type: ignore[misc]
                lambda expression=expression: requests(recorded, expression),  # type: ignore[misc]
            )
            for what, expression in {"nothing that was changed": UNTOUCHED, **TOUCHED}.items()
        }
    for session in sessions:
        session.close()


def ask(session: Session, expression: str) -> None:
    """Send one query."""
    body = json.dumps([{"action": "query", "expression": expression}])
    answer = session._request.post(f"{session.server_url}/api", data=body).json()
    assert isinstance(answer, list), answer


def seconds(session: Session, expression: str) -> float:
    """Return the seconds of a number of such queries."""
    started = time.perf_counter()
    for _ in range(ROUNDS):
        ask(session, expression)
    return time.perf_counter() - started


def requests(session: Session, expression: str) -> int:
    """Return the number of requests that reach the server for one query."""
    adapter = session._request.get_adapter(str(session.server_url))
    inner = adapter._inner
    sent = 0
    send = inner.send

    def counting(*args: object, **kwargs: object) -> object:
        nonlocal sent
        sent += 1
        return send(*args, **kwargs)

    inner.send = counting
    try:
        ask(session, expression)
    finally:
        inner.send = send
    return sent
