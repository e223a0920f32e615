"""Sessions on a real server, for the tests: what they find, and what a batch holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from tests.support.servers import Server
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.operations import to_json
from trackteroid_cli.session.session import Session

Connect: TypeAlias = Callable[..., Session]


def close(session: Session) -> None:
    """Close *session*, and forget what it has not committed."""
    session.recorded_operations.clear()
    session.close()


def find(session: Session, entity_type: str, name: str, **more: str) -> Any:
    """Return the entity of that name; where a project holds it, that of salt_and_ember."""
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
    """Return what each operation of the batch at *path* does, and to which type."""
    return [f"{each['operation']} {each['entity_type']}" for each in recorded(path)]


def updates(path: Path, attribute: str) -> list[dict[str, Any]]:
    """Return the updates of *attribute* in the batch at *path*."""
    return [each for each in recorded(path) if each.get("attribute_name") == attribute]


def on_server(server: Server, entity: Any, attributes: str) -> dict[str, Any]:
    """Return what the server holds of *entity*, whose id was drawn by the client."""
    return by_id(server, entity.entity_type, entity["id"], attributes)


def by_id(server: Server, entity_type: str, key: str, attributes: str) -> dict[str, Any]:
    """Return what the server holds of the entity with the id *key*."""
    found = server.query(f'select {attributes} from {entity_type} where id is "{key}"')
    assert len(found) == 1
    return found[0]


def exists(server: Server, entity_type: str, key: str) -> bool:
    """Return whether the server has an entity with the id *key*."""
    return bool(server.query(f'select id from {entity_type} where id is "{key}"'))
