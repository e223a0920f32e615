"""Creates, updates and deletes."""

from __future__ import annotations

from collections.abc import Mapping

from trackteroid_cli.engine.actions.request import Action, Answer, Operation, Request
from trackteroid_cli.engine.schema.schema import EntityType
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.writing import create, delete, results, update
from trackteroid_cli.engine.writing.transaction import Transaction


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


ACTIONS = {
    "create": Action(_create, writes=True),
    "update": Action(_update, writes=True),
    "delete": Action(_delete, writes=True),
}
