"""Timers: the one refusal of a commit that ftrack's own methods wait for.

A server takes one timer of a user. ``User.start_timer`` commits another one and turns the error of
the server into one of its own.

Source: ``ftrack_api/entity/user.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Protocol

import ftrack_api.exception

from trackteroid_cli.server.expressions import quoted
from trackteroid_cli.session.api.folding import fold_operations
from trackteroid_cli.session.api.protocols import Operation, is_entity


class QuerySession(Protocol):
    """A session that can be asked."""

    def query(self, expression: str, /) -> Any:
        """Return the result of a query."""


def refuse_second_timers(session: QuerySession, operations: Iterable[Operation]) -> None:
    """Refuse *operations*, of one commit, that give a user a second timer, as a server would.

    Raises:
        ftrack_api.exception.ServerError: they do.
    """
    timers = [operation for operation in operations if operation.entity_type == "Timer"]
    created: dict[str, str] = {}
    deleted: set[str] = set()
    for document in fold_operations(timers, {}, {}, 0):
        key = document["entity_key"]["id"]
        if document["operation"] == "create":
            user = document["entity_data"].get("user")
            if is_entity(user) or isinstance(user, dict):  # the latter in a raw call
                user_id = user["id"]
            else:
                user_id = document["entity_data"].get("user_id")
            created[key] = str(user_id or "")
        elif document["operation"] == "delete":
            deleted.add(key)
            created.pop(key, None)
    for user, new in Counter(filter(None, created.values())).items():
        running = session.query(f"select id from Timer where user_id is {quoted(user)}").all()
        if new + sum(timer["id"] not in deleted for timer in running) > 1:
            raise ftrack_api.exception.ServerError(
                f"Server reported error: DuplicateEntryError(Another Timer has user_id '{user}' "
                "already.)"
            )
