"""What the tests of the session share: a batch, and entities to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.sessions import find
from trackteroid_cli.session.session import Session


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
