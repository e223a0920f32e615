"""Fixtures for the tests of the scripting API: sessions on a sandbox in this process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sessions import Connect, close
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.session.session import Session


@pytest.fixture(autouse=True)
def _no_relationships(no_relationships: None) -> None:
    """Load relationships anew in every test here."""


@pytest.fixture(scope="session")
def schema() -> Schema:
    """The standard schema."""
    return Schema(standard_schemas())


@pytest.fixture
def connect(home: Path, demo_database: Path, schemas: Path) -> Iterator[Connect]:
    """Return a function that makes a session on a sandbox with the demo data, by its name."""
    opened: list[Session] = []

    def make(name: str = "demo", **arguments: Any) -> Session:
        file = home / "sandboxes" / f"{name}.sqlite"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(demo_database, file)
        defaults = {"server_url": f"sandbox://{name}", "schema_cache_path": str(schemas)}
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
