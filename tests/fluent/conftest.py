"""Fixtures for the tests of the scripting API: sessions on a sandbox in this process."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.conftest import close
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.fluent.types import relations
from trackteroid_cli.session import default_session as sessions
from trackteroid_cli.session.default_session import DefaultSession
from trackteroid_cli.session.session import Session

Connect: TypeAlias = Callable[..., Session]


@pytest.fixture(autouse=True)
def no_relationships(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the relationships that another test has loaded."""
    monkeypatch.setattr(relations.SCHEMA, "_tables", None)


@pytest.fixture(scope="session")
def schema() -> Schema:
    """The standard schema."""
    return Schema(standard_schemas())


@pytest.fixture(scope="session")
def schema_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which sessions cache the schemas; every sandbox here has the same."""
    return tmp_path_factory.mktemp("schemas")


@pytest.fixture
def connect(home: Path, demo_database: Path, schema_cache: Path) -> Iterator[Connect]:
    """Return a function that connects a session to a named sandbox with the demo data."""
    opened: list[Session] = []

    def make(name: str = "demo", **arguments: Any) -> Session:
        file = home / "sandboxes" / f"{name}.sqlite"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(demo_database, file)
        defaults = {"server_url": f"sandbox://{name}", "schema_cache_path": str(schema_cache)}
        session = Session(**{**defaults, **arguments})
        opened.append(session)
        return session

    yield make
    for session in opened:
        close(session)


@pytest.fixture
def session(connect: Connect) -> Session:
    """A session on the demo data."""
    return connect()


@pytest.fixture
def quiet(connect: Connect) -> Session:
    """A session on the demo data that does not populate automatically."""
    return connect(auto_populate=False)


@pytest.fixture
def default_session(
    home: Path, demo_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DefaultSession]:
    """The default session, on the demo data and not connected yet."""
    (home / "sandboxes").mkdir(parents=True, exist_ok=True)
    shutil.copy(demo_database, home / "sandboxes" / "demo.sqlite")
    monkeypatch.setenv("FTRACK_SERVER", "sandbox://demo")
    sessions.default_session.cache_clear()
    session = sessions.default_session()
    yield session
    sessions.default_session.cache_clear()
    if "_arguments" in vars(session):
        close(session)
