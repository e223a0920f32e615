"""Fixtures for the tests of the server room."""

from __future__ import annotations

from tests.session.conftest import connect, schemas, session

__all__ = ["connect", "schemas", "session"]
