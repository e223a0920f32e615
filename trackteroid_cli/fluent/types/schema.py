"""The schema of a session's server, cached by session."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from trackteroid_cli.engine.schema.schema import Schema

if TYPE_CHECKING:
    from trackteroid_cli.session.session import Session

#: Session -> the schema documents that it holds, and the schema parsed from them.
_schemas: WeakKeyDictionary[Session, tuple[object, Schema]] = WeakKeyDictionary()


def schema_of(session: Session) -> Schema:
    """Return the schema of the server that *session* is connected to.

    It is parsed once, and again when a reconnection has read new schema documents.
    """
    documents = session.schemas
    known = _schemas.get(session)
    if known is None or known[0] is not documents:
        known = _schemas[session] = documents, Schema(documents)
    return known[1]
