"""Lookup of entity types by name, for scripts that import them."""

from __future__ import annotations

from trackteroid_cli.fluent.types import standard_types
from trackteroid_cli.fluent.types.entity_types import EntityType


def standard_names() -> list[str]:
    """Return the names of the types that every server has."""
    return [name for name, each in vars(standard_types).items() if isinstance(each, EntityType)]


def entity_type(name: str) -> EntityType:
    """Return the entity type *name*, looked up in the default session if it is not standard.

    Raises:
        AttributeError: the server has no such type; the message proposes close names.
        NotConfigured, ServerError: the session cannot connect.
    """
    if name in standard_names():
        return EntityType(name)
    from trackteroid_cli.fluent.types.paths import did_you_mean
    from trackteroid_cli.fluent.types.schema import schema_of
    from trackteroid_cli.session.default_session import default_session

    session = default_session()
    types = schema_of(session).types
    if name in types:
        return EntityType(name)
    message = f"the server {session.server_url} has no entity type {name!r}"
    raise AttributeError(f"{message}; {did_you_mean(name, types)}".rstrip("; "))
