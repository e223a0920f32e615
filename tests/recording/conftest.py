"""Fixtures for the tests of recordings."""

from __future__ import annotations

from tests.fluent.conftest import default_session, no_relationships

__all__ = ["default_session", "no_relationships"]
