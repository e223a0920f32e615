"""What a client leaves to the server: delayed jobs, roll-ups and the pages of widgets.

Source: ``ftrack_api/session.py``, `get_widget_url`; ftrack's API documentation, "Sync users with
LDAP"; the operations of ftrack's JavaScript client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from trackteroid_cli.engine.actions.request import Action, Answer, Operation, Request, text
from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.storage import addresses
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing import create, results
from trackteroid_cli.engine.writing.transaction import Transaction, read_key

#: What each type of job does on a server, and why it fails here.
_JOBS = {"SYNC_USERS_LDAP": "Sync users with LDAP: this server knows no directory of users"}

#: Whether each widget is about an entity.
_WIDGETS = {"info": True, "tasks": False, "tasks_browser": False}

#: The SQL of what can be rolled up, over the contexts ``below``: an entity and all below it.
_ROLLUPS = {
    "bid": "SELECT coalesce(sum(bid), 0) FROM context JOIN below USING (id)",
    "time_logged": (
        "SELECT coalesce(sum(duration), 0) FROM timelog JOIN below ON below.id = timelog.context_id"
    ),
}


def _delayed_job(request: Request, operation: Operation) -> Answer:
    """Start a job, and end it at once."""
    job_type = operation.get("job_type")
    if job_type not in _JOBS:
        raise ValidationError(f'The "job_type" is one of: {", ".join(_JOBS)}. Got "{job_type}"')
    transaction = request.transaction
    row: dict[str, JSON] = {
        "status": "failed",
        "data": json.dumps({"description": _JOBS[str(job_type)]}),
        "user_id": request.caller.id,
        "finished_at": transaction.moment,
    }
    made = create.create(transaction, transaction.entity_type("Job"), row)
    return lambda: {"action": "delayed_job", "data": results.created(transaction, made)}


def _compute_rollups(request: Request, operation: Operation) -> Answer:
    """Add up an attribute of entities and of all below them.

    ``rollups`` has a description for each sum: ``entity_type``, ``entity_key`` and ``attribute``.
    """
    asked = operation.get("rollups")
    if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
        raise ValidationError('The "rollups" are a list of descriptions, each an object.')
    data = [{**each, "value": _rolled_up(request.transaction, each)} for each in asked]
    return lambda: {"action": "compute_rollups", "data": data}


def _rolled_up(transaction: Transaction, description: Mapping[str, object]) -> Stored:
    attribute = description.get("attribute")
    if attribute not in _ROLLUPS:
        raise ValidationError(
            f'The "attribute" of a roll-up is one of: {", ".join(_ROLLUPS)}. Got "{attribute}"'
        )
    entity_type = transaction.entity_type(description.get("entity_type"))
    if entity_type.root != "Context":
        raise ValidationError(f"Nothing is below a {entity_type.name}: roll up projects and tasks.")
    found = transaction.get(entity_type, read_key(entity_type, description.get("entity_key")))
    value: Stored = transaction.fetch_value(
        "WITH RECURSIVE below(id) AS (SELECT ? UNION SELECT context.id FROM context "
        f"JOIN below ON context.parent_id = below.id) {_ROLLUPS[str(attribute)]}",
        *found.key,
    )
    return value


def _get_widget_url(request: Request, operation: Operation) -> Answer:
    name = text(operation, "name")
    if name not in _WIDGETS:
        raise ValidationError(f'The "name" is one of: {", ".join(_WIDGETS)}. Got "{name}"')
    query = {"username": request.caller.username, "theme": str(operation.get("theme") or "dark")}
    if operation.get("entity_type") is not None:
        entity_type = request.transaction.entity_type(operation["entity_type"])
        key = read_key(entity_type, operation.get("entity_key"))
        found = request.transaction.get(entity_type, key)
        query["entity_type"] = found.entity_type.name
        query["entity_key"] = ", ".join(map(str, found.key))
    elif _WIDGETS[name]:
        raise ValidationError(f'The widget "{name}" is about an entity: give its type and key.')
    url = addresses.widget_address(request.server_url, name, query, request.files().secret)
    return lambda: {"action": "get_widget_url", "widget_url": url}


ACTIONS = {
    "delayed_job": Action(_delayed_job, writes=True),
    "compute_rollups": Action(_compute_rollups),
    "get_widget_url": Action(_get_widget_url, about_files=True),
}
