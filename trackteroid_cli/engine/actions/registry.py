"""Requests, as lists of operations: which actions there are, and their order.

Source: ``ftrack_api/session.py``; ftrack's API documentation, "Understanding operations".
"""

from __future__ import annotations

from trackteroid_cli.engine.actions import (
    information,
    media,
    permissions,
    queries,
    reviews,
    services,
    users,
    writes,
)
from trackteroid_cli.engine.actions.request import Action, Operation, Request
from trackteroid_cli.engine.storage.errors import UnknownAction, ValidationError
from trackteroid_cli.engine.storage.occurrences import Entity, complete_all
from trackteroid_cli.engine.writing import checks
from trackteroid_cli.engine.writing.transaction import Transaction

_ACTIONS = (
    information.ACTIONS
    | media.ACTIONS
    | permissions.ACTIONS
    | queries.ACTIONS
    | reviews.ACTIONS
    | services.ACTIONS
    | users.ACTIONS
    | writes.ACTIONS
)


def execute(request: Request, operations: list[Operation]) -> list[object]:
    """Execute *operations* in order; return one result for each.

    An operation sees the effects of those before it. Results of creates and updates show their
    entities as they are after the last operation. The first occurrence of an entity in all of the
    results has what any of them tells of it.

    Raises:
        EngineError: an operation is refused, or a check at the end fails.
    """
    guard = permissions.guard(request) if any_writes(operations) else None
    answers = []
    for operation in operations:
        if guard is not None:
            guard.before(operation)
        answers.append(_action(operation).run(request, operation))
    if request.transaction.changes or request.transaction.paired or request.transaction.awaited:
        _finish(request.transaction)
    if guard is not None:
        guard.after()
    return _whole(request, [answer() for answer in answers])


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


def any_writes(operations: list[Operation]) -> bool:
    """Return whether any of *operations* is a write."""
    return any(_action(operation).writes for operation in operations)


def any_about_files(operations: list[Operation]) -> bool:
    """Return whether any of *operations* needs `Request.media`."""
    return any(_action(operation).about_files for operation in operations)


def _whole(request: Request, results: list[object]) -> list[object]:
    """Return *results* with all that any of them tells of an entity at its first occurrence."""
    if len(results) < 2:
        return results  # a query has seen to this within its answer
    answers = [_entities(result) for result in results]
    completed = complete_all(request.transaction.schema, answers)
    return [
        {**result, "data": entities if isinstance(result["data"], list) else entities[0]}
        if isinstance(result, dict) and entities
        else result
        for result, entities in zip(results, completed, strict=True)
    ]


def _entities(result: object) -> list[Entity]:
    """Return the entities of a result; there are none in the groups of an aggregate query."""
    data = result.get("data") if isinstance(result, dict) else None
    entities = data if isinstance(data, list) else [data]
    return [one for one in entities if isinstance(one, dict) and "__entity_type__" in one]


def _action(operation: Operation) -> Action:
    return _ACTIONS[str(operation["action"])]


def _finish(transaction: Transaction) -> None:
    """Run the postponed steps until none makes progress; then check the changes."""
    progress = True
    while transaction.postponed and progress:
        steps, transaction.postponed = transaction.postponed, []
        waiting = [step for step in steps if not step()]
        progress = len(waiting) < len(steps)
        transaction.postponed += waiting
    checks.check(transaction)
