"""What a client asks a server about itself when a session starts."""

from __future__ import annotations

import json

from trackteroid_cli.engine.actions.request import Action, Answer, Operation, Request
from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.writing.transaction import Transaction

#: The version of ftrack that the engine behaves as.
VERSION = "4.13.8"

_AUTOMATIC_STORAGE: JSON = {"scenario": "ftrack.automatic", "data": {}}


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


ACTIONS = {
    "query_server_information": Action(_query_server_information),
    "query_schemas": Action(_query_schemas),
}
