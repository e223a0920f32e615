"""Record what a script changes on ftrack, review it, and commit it later, exactly once.

This is the public Python API. Importing it connects to nothing and loads nothing heavy: sessions,
queries and collections import ``ftrack_api`` when they are first used, and ``SESSION`` connects on
first use. Every entity type of the server can be imported by its name; types that not every server
has are looked up in the schema of ``SESSION``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackteroid_cli.errors import EntityCollectionOperationError, TrackteroidError
from trackteroid_cli.version import __version__

if TYPE_CHECKING:
    from trackteroid_cli.fluent.collections.collection import EmptyCollection, EntityCollection
    from trackteroid_cli.fluent.query import Query
    from trackteroid_cli.fluent.types.relations import SCHEMA
    from trackteroid_cli.fluent.types.standard_types import *  # noqa: F403
    from trackteroid_cli.session.session import Session

    SESSION: Session

__all__ = [
    "SCHEMA",
    "SESSION",
    "EmptyCollection",
    "EntityCollection",
    "EntityCollectionOperationError",
    "Query",
    "Session",
    "TrackteroidError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Load and return a part of the API, or return an entity type."""
    if name == "Session":
        from trackteroid_cli.session.session import Session

        return Session
    if name == "SESSION":
        from trackteroid_cli.session.default_session import default_session

        return default_session()
    if name == "Query":
        from trackteroid_cli.fluent.query import Query

        return Query
    if name == "SCHEMA":
        from trackteroid_cli.fluent.types.relations import SCHEMA

        return SCHEMA
    if name in ("EntityCollection", "EmptyCollection"):
        from trackteroid_cli.fluent.collections import collection

        return getattr(collection, name)
    if name[:1].isupper():
        from trackteroid_cli.fluent.types.type_lookup import entity_type

        return entity_type(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names that can be imported without a connection."""
    from trackteroid_cli.fluent.types.type_lookup import standard_names

    return sorted({*globals(), *__all__, *standard_names()})
