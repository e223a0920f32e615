"""The actions of ftrack's API.

Source: ``ftrack_api/session.py``; ftrack's API documentation, "Understanding operations".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypedDict

from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.schema.schema import EntityType
from trackteroid_cli.engine.storage.errors import UnknownAction, ValidationError
from trackteroid_cli.engine.writing import checks, create, delete, results, update
from trackteroid_cli.engine.writing.transaction import Transaction

#: The version of ftrack that the engine behaves as.
VERSION = "4.13.8"

_AUTOMATIC_STORAGE: JSON = {"scenario": "ftrack.automatic", "data": {}}


class Caller(NamedTuple):
    """The user of a request; *has_global_key* means that their key works for every user."""

    id: str
    username: str
    first_name: str | None
    last_name: str | None
    has_global_key: bool


@dataclass(frozen=True, slots=True)
class Request:
    """The context that all operations of one request share."""

    transaction: Transaction
    caller: Caller
    server_url: str
    strict: bool


class _WithAction(TypedDict):
    """What every operation has."""

    action: str


class Operation(_WithAction, total=False):
    """An operation as a client sends it. Only its action is checked by `read_operations`."""

    entity_type: object
    entity_key: object
    entity_data: object
    expression: object
    values: object
    terms: object
    context_id: object
    object_type_ids: object


#: Returns the result of an operation, once all operations of the request are done.
Answer: TypeAlias = Callable[[], object]


def execute(request: Request, operations: list[Operation]) -> list[object]:
    """Execute *operations* in order; return one result for each.

    An operation sees the effects of those before it. Results of creates and updates show their
    entities as they are after the last operation.

    Raises:
        EngineError: an operation is refused, or a check at the end fails.
    """
    answers = [_ACTIONS[operation["action"]](request, operation) for operation in operations]
    if request.transaction.changes or request.transaction.paired or request.transaction.awaited:
        _finish(request.transaction)
    return [answer() for answer in answers]


def read_operations(sent: object) -> list[Operation]:
    """Return the operations of a request.

    Raises:
        ValidationError: *sent* is not a list of objects.
        UnknownAction: one of them has an action that the engine does not have.
    """
    if not isinstance(sent, list):
        raise ValidationError("A request is a list of operations, each an object with an 'action'.")
    for operation in sent:
        if not isinstance(operation, dict):
            raise ValidationError(f'An operation is an object with an "action". Got "{operation}"')
        action = operation.get("action")
        if not isinstance(action, str) or action not in _ACTIONS:
            raise UnknownAction(action)
    return sent


def writes(operations: list[Operation]) -> bool:
    """Return whether any of *operations* is a write."""
    return any(operation["action"] in _WRITING for operation in operations)


def _finish(transaction: Transaction) -> None:
    """Run the postponed steps until none makes progress; then check the changes."""
    progress = True
    while transaction.postponed and progress:
        steps, transaction.postponed = transaction.postponed, []
        waiting = [step for step in steps if not step()]
        progress = len(waiting) < len(steps)
        transaction.postponed += waiting
    checks.check(transaction)


# Information about the server.


def _query_server_information(request: Request, operation: Operation) -> Answer:
    information: dict[str, JSON] = {
        "version": VERSION,
        "is_timezone_support_enabled": True,
        "storage_scenario": _storage_scenario(request.transaction),
        "is_nested_subqueries_enabled": True,
        "workday_length": 28800,
        "week_startday": 1,
        # In a replica: the information of the server that the rows are from.
        **_stored_server_information(request.transaction),
        "schema_hash": request.transaction.schema.hash,
        "user_information": {
            "id": request.caller.id,
            "username": request.caller.username,
            "first_name": request.caller.first_name,
            "last_name": request.caller.last_name,
            "is_global_access_key": request.caller.has_global_key,
            "restricted_user": False,
        },
    }
    wanted = operation.get("values")
    if isinstance(wanted, list):
        information = {name: value for name, value in information.items() if name in wanted}
    return lambda: information


def _stored_server_information(transaction: Transaction) -> dict[str, JSON]:
    text = transaction.fetch_value("SELECT value FROM _setting WHERE name = 'server_information'")
    information: dict[str, JSON] = json.loads(text) if text else {}
    return information


def _storage_scenario(transaction: Transaction) -> JSON:
    text = transaction.fetch_value(
        "SELECT value FROM setting WHERE name = 'storage_scenario' AND \"group\" = 'STORAGE'"
    )
    try:
        scenario: JSON = json.loads(text) if text else _AUTOMATIC_STORAGE
    except ValueError:
        raise ValidationError(
            "The setting 'storage_scenario' of the group 'STORAGE' is not JSON. Correct its value."
        ) from None
    return scenario


def _query_schemas(request: Request, operation: Operation) -> Answer:  # noqa: ARG001
    return lambda: request.transaction.schema.documents


# Queries.


def _query(request: Request, operation: Operation) -> Answer:
    from trackteroid_cli.engine.query.query import run_query

    result = run_query(
        request.transaction.connection,
        request.transaction.schema,
        _expression(operation),
        server_url=request.server_url,
        strict=request.strict,
    )
    return lambda: result


def _search(request: Request, operation: Operation) -> Answer:
    from trackteroid_cli.engine.query import search

    result = search.run_search(
        request.transaction.connection,
        request.transaction.schema,
        _expression(operation),
        search.read_terms(operation),
        server_url=request.server_url,
    )
    return lambda: {"action": "search", **result}


def _expression(operation: Operation) -> str:
    expression = operation.get("expression")
    if not isinstance(expression, str):
        raise ValidationError(f'An "expression" is text. Got "{expression}"')
    return expression


# Writes.


def _create(request: Request, operation: Operation) -> Answer:
    transaction = request.transaction
    entity_type = _entity_type(transaction, operation)
    result = create.create(
        transaction, entity_type, _entity_data(operation), operation.get("entity_key")
    )
    return lambda: {"action": "create", "data": results.created(transaction, result)}


def _update(request: Request, operation: Operation) -> Answer:
    transaction = request.transaction
    result = update.update(
        transaction,
        _entity_type(transaction, operation),
        operation.get("entity_key"),
        _entity_data(operation),
    )
    return lambda: {"action": "update", "data": results.updated(transaction, result)}


def _delete(request: Request, operation: Operation) -> Answer:
    transaction = request.transaction
    delete.delete(transaction, _entity_type(transaction, operation), operation.get("entity_key"))
    return lambda: {"action": "delete", "data": True}


def _entity_type(transaction: Transaction, operation: Operation) -> EntityType:
    return transaction.entity_type(operation.get("entity_type"))


def _entity_data(operation: Operation) -> Mapping[str, object]:
    data = operation.get("entity_data")
    if not isinstance(data, dict):
        raise ValidationError(f'The "entity_data" of an operation is an object. Got "{data}"')
    return data


_ACTIONS: dict[str, Callable[[Request, Operation], Answer]] = {
    "query_server_information": _query_server_information,
    "query_schemas": _query_schemas,
    "query": _query,
    "search": _search,
    "create": _create,
    "update": _update,
    "delete": _delete,
}
_WRITING = frozenset({"create", "update", "delete"})
