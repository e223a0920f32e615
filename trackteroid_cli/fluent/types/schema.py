"""What the server of a session says of its entity types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from trackteroid_cli.engine.schema.schema import Schema

if TYPE_CHECKING:
    from trackteroid_cli.session.session import Session

#: Session -> the schemas it has, and what was made of them.
_schemas: WeakKeyDictionary[Session, tuple[Any, Schema]] = WeakKeyDictionary()


def schema_of(session: Session) -> Schema:
    """Return the schema of the server that *session* is connected to.

    It is made once; after a reconnection that read the schemas again, once more.
    """
    documents = session.schemas
    known = _schemas.get(session)
    if known is None or known[0] is not documents:
        known = _schemas[session] = documents, Schema(documents)
    return known[1]
