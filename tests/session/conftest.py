"""Fixtures for the tests of sessions: sessions on a real server, and readers of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.conftest import Server, close
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.operations import to_json
from trackteroid_cli.session.session import Session
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

Connect: TypeAlias = Callable[..., Session]


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of cached schemas, which are the same for every server here."""
    return tmp_path_factory.mktemp("schemas")


@pytest.fixture
def connect(server: Server, schemas: Path) -> Iterator[Connect]:
    """Return a function that makes a session on `server`, or on another one."""
    sessions: list[Session] = []

    def make(to: Server = server, **arguments: Any) -> Session:
        defaults: dict[str, Any] = {
            "server_url": to.url,
            "api_key": SANDBOX_KEY,
            "api_user": SANDBOX_USER,
            "schema_cache_path": str(schemas),
        }
        session = Session(**{**defaults, **arguments})
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        close(session)


@pytest.fixture
def session(connect: Connect) -> Session:
    return connect()


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """The file that a test records to."""
    return tmp_path / "batch.dbm"


@pytest.fixture
def shot(session: Session) -> Any:
    return find(session, "Shot", "sh010")


@pytest.fixture
def sequence(session: Session) -> Any:
    return find(session, "Sequence", "sq010")


def find(session: Session, entity_type: str, name: str, **more: str) -> Any:
    """Return the entity of that name; if projects have such entities, that of salt_and_ember."""
    expression = f'{entity_type} where name is "{name}"'
    if entity_type in ("Shot", "Sequence", "Task", "Episode"):
        expression += ' and project.name is "salt_and_ember"'
    for path, value in more.items():
        expression += f' and {path.replace("__", ".")} is "{value}"'
    return session.query(expression).first()


def recorded(path: Path) -> list[dict[str, Any]]:
    """Return the operations of the batch at *path*, in their JSON form."""
    with Batch(path) as found:
        return [to_json(operation) for operation in found.operations()]


def kinds(path: Path) -> list[str]:
    """Return the kind and entity type of each operation of the batch at *path*."""
    return [f"{each['operation']} {each['entity_type']}" for each in recorded(path)]


def updates(path: Path, attribute: str) -> list[dict[str, Any]]:
    """Return the updates of *attribute* in the batch at *path*."""
    return [each for each in recorded(path) if each.get("attribute_name") == attribute]


def on_server(server: Server, entity: Any, attributes: str) -> dict[str, Any]:
    """Return *attributes* of *entity* on the server."""
    return by_id(server, entity.entity_type, entity["id"], attributes)


def by_id(server: Server, entity_type: str, key: str, attributes: str) -> dict[str, Any]:
    """Return *attributes* of the entity with the id *key* on the server."""
    found = server.query(f'select {attributes} from {entity_type} where id is "{key}"')
    assert len(found) == 1
    return found[0]


def exists(server: Server, entity_type: str, key: str) -> bool:
    """Return whether the server has an entity with the id *key*."""
    return bool(server.query(f'select id from {entity_type} where id is "{key}"'))
