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
import ftrack_api.operation

from trackteroid_cli.server.expressions import quoted
from trackteroid_cli.session.api.folding import is_create, is_update
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
    for operation in timers:
        key = operation.entity_key["id"]
        if isinstance(operation, ftrack_api.operation.DeleteEntityOperation):
            deleted.add(key)
            created.pop(key, None)
        elif is_create(operation):
            created[key] = ""
            for name, value in operation.entity_data.items():
                created[key] = _user_id(name, value) or created[key]
        elif is_update(operation) and key in created:
            name, value = operation.attribute_name, operation.new_value
            created[key] = _user_id(name, value) or created[key]
    for user, new in Counter(filter(None, created.values())).items():
        running = session.query(f"select id from Timer where user_id is {quoted(user)}").all()
        if new + sum(timer["id"] not in deleted for timer in running) > 1:
            raise ftrack_api.exception.ServerError(
                f"Server reported error: DuplicateEntryError(Another Timer has user_id '{user}' "
                "already.)"
            )


def _user_id(name: str, value: object) -> str:
    """Return the id of a timer's user, if that is what the attribute *name* holds; else ''."""
    if name == "user" and is_entity(value):
        return str(value["id"])
    return str(value) if name == "user_id" and value else ""
