"""The actions about users: their keys, invitations and security roles.

Source: ``ftrack_api/session.py``, `reset_remote` and `send_user_invites`; ftrack's API
documentation, "Working with user security roles".
"""

from __future__ import annotations

import secrets

from trackteroid_cli.engine.actions import permissions
from trackteroid_cli.engine.actions.request import Action, Answer, Operation, Request, text
from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.storage.errors import DuplicateEntryError, ValidationError
from trackteroid_cli.engine.writing import create, delete, results
from trackteroid_cli.engine.writing.transaction import (
    StoredEntity,
    Transaction,
    read_key,
)


def _reset_remote(request: Request, operation: Operation) -> Answer:
    """Replace the personal API key of a user."""
    transaction = request.transaction
    what, type_name = operation.get("reset_type"), operation.get("entity_type")
    if (what, type_name) != ("api_key", "User"):
        raise ValidationError(
            f'The "api_key" of a User can be reset, and nothing else. '
            f'Got the "{what}" of a {type_name}'
        )
    user_type = transaction.entity_type("User")
    user = transaction.get(user_type, read_key(user_type, operation.get("entity_key")))
    (id_,) = user.key
    if id_ != request.caller.id:
        permissions.need_administrator(request, "reset the key of another user")
    key = secrets.token_urlsafe(32)
    transaction.connection.execute("DELETE FROM _api_key WHERE user_id = ?", [id_])
    transaction.connection.execute("INSERT INTO _api_key VALUES (?, ?)", [key, id_])
    return lambda: {"action": "reset_remote", "data": {"api_key": key}}


def _send_user_invite(request: Request, operation: Operation) -> Answer:
    """Accept an invitation; the sandbox sends no mail to anybody."""
    user = _entity(request.transaction, "User", operation, "user_id")
    if user.key[0] != request.caller.id:
        permissions.need_administrator(request, "invite users")
    if not user.row["email"]:
        raise ValidationError(
            f"User '{user.row['username']}' has no email address to send an invitation to. "
            "Set their 'email' first."
        )
    return lambda: {"action": "send_user_invite", "sent": True}


def _configure_totp(request: Request, operation: Operation) -> Answer:
    """Turn off one-time passwords of a user; turning them on needs an authenticator."""
    user = _entity(request.transaction, "User", operation, "user_id")
    if user.key[0] != request.caller.id:
        permissions.need_administrator(request, "configure one-time passwords of another user")
    if operation.get("is_totp_enabled"):
        if not operation.get("code"):
            raise ValidationError("Code must be provided to enable totp.")
        raise ValidationError("The code is not valid: this server has no authenticator to ask.")
    request.transaction.change(user, {"is_totp_enabled": 0})
    return lambda: {"action": "configure_totp", "data": {"is_totp_enabled": False}}


# Security roles.


def _add_role(request: Request, operation: Operation) -> Answer:
    transaction, user, role = _user_and_role(request, operation)
    if _assignment(transaction, user, role) is not None:
        raise DuplicateEntryError(f"{_named(user)} has the security role {_named(role)} already.")
    if role.row.get("type") not in (None, permissions.PROJECT):
        raise ValidationError(
            f"The security role {_named(role)} is of the type '{role.row['type']}': only roles of "
            f"the type '{permissions.PROJECT}' can be added to a user."
        )
    row: dict[str, JSON] = {
        "user_id": str(user.key[0]),
        "security_role_id": str(role.key[0]),
        "is_all_open_projects": False,
    }
    entity_type = transaction.entity_type("UserSecurityRole")
    made = create.create(transaction, entity_type, row)
    return lambda: _done(operation, results.created(transaction, made))


def _remove_role(request: Request, operation: Operation) -> Answer:
    transaction, user, role = _user_and_role(request, operation)
    held = _held(transaction, user, role)
    delete.delete(transaction, held.entity_type, list(held.key))
    return lambda: _done(operation, True)


def _update_role(request: Request, operation: Operation) -> Answer:
    transaction, user, role = _user_and_role(request, operation)
    held = _held(transaction, user, role)
    other = _entity(transaction, "SecurityRole", operation, "new_role_id")
    if other.key != role.key and _assignment(transaction, user, other) is not None:
        raise DuplicateEntryError(f"{_named(user)} has the security role {_named(other)} already.")
    transaction.change(held, {"security_role_id": other.key[0]})
    return lambda: _done(operation, results.reference(held.entity_type, held.key))


def _grant_project(request: Request, operation: Operation) -> Answer:
    transaction, user, role = _user_and_role(request, operation)
    held = _held(transaction, user, role)
    if _is_about_all_projects(operation):
        _set_all_open_projects(transaction, held, True)
    else:
        project = _entity(transaction, "Project", operation, "project_id")
        if not _granted(transaction, held, project):
            entity_type = transaction.entity_type("UserSecurityRoleProject")
            row: dict[str, JSON] = {
                "user_security_role_id": str(held.key[0]),
                "project_id": str(project.key[0]),
            }
            create.create(transaction, entity_type, row)
    return lambda: _done(operation, results.reference(held.entity_type, held.key))


def _revoke_project(request: Request, operation: Operation) -> Answer:
    transaction, user, role = _user_and_role(request, operation)
    held = _held(transaction, user, role)
    if _is_about_all_projects(operation):
        _set_all_open_projects(transaction, held, False)
    else:
        project = _entity(transaction, "Project", operation, "project_id")
        granted = _granted(transaction, held, project)
        if not granted:
            raise ValidationError(
                f"{_named(user)} does not have the security role {_named(role)} for the project "
                f"{_named(project)}."
            )
        for found in granted:
            delete.delete(transaction, found.entity_type, list(found.key))
    return lambda: _done(operation, results.reference(held.entity_type, held.key))


def _user_and_role(
    request: Request, operation: Operation
) -> tuple[Transaction, StoredEntity, StoredEntity]:
    """Return the user and the role that *operation* names, for a caller who may change roles."""
    permissions.need_administrator(request, "change the security roles of users")
    transaction = request.transaction
    user = _entity(transaction, "User", operation, "user_id")
    return transaction, user, _entity(transaction, "SecurityRole", operation, "role_id")


def _entity(
    transaction: Transaction, type_name: str, operation: Operation, name: str
) -> StoredEntity:
    """Return the entity of a type whose id *operation* has as *name*."""
    return transaction.get(transaction.entity_type(type_name), (text(operation, name),))


def _assignment(
    transaction: Transaction, user: StoredEntity, role: StoredEntity
) -> StoredEntity | None:
    """Return what gives *role* to *user*, if anything does."""
    family = transaction.schema.families["UserSecurityRole"]
    for found in transaction.select(family, "user_id", [user.key[0]]):
        if found.row["security_role_id"] == role.key[0]:
            return found
    return None


def _held(transaction: Transaction, user: StoredEntity, role: StoredEntity) -> StoredEntity:
    found = _assignment(transaction, user, role)
    if found is None:
        raise ValidationError(f"{_named(user)} does not have the security role {_named(role)}.")
    return found


def _granted(
    transaction: Transaction, held: StoredEntity, project: StoredEntity
) -> list[StoredEntity]:
    family = transaction.schema.families["UserSecurityRoleProject"]
    granted = transaction.select(family, "user_security_role_id", held.key)
    return [found for found in granted if found.row["project_id"] == project.key[0]]


def _is_about_all_projects(operation: Operation) -> bool:
    return operation.get("all_open_projects") is True


def _set_all_open_projects(transaction: Transaction, held: StoredEntity, value: bool) -> None:
    transaction.change(
        held, {name: int(value) for name in ("is_all_open_projects", "is_all_projects")}
    )


def _named(found: StoredEntity) -> str:
    return f"'{found.row.get('username') or found.row.get('name')}'"


def _done(operation: Operation, data: object) -> dict[str, object]:
    return {"action": operation["action"], "data": data}


ACTIONS = {
    "reset_remote": Action(_reset_remote, writes=True),
    "send_user_invite": Action(_send_user_invite),
    "configure_totp": Action(_configure_totp, writes=True),
    "add_user_security_role": Action(_add_role, writes=True),
    "remove_user_security_role": Action(_remove_role, writes=True),
    "update_user_security_role": Action(_update_role, writes=True),
    "grant_user_security_role_project": Action(_grant_project, writes=True),
    "revoke_user_security_role_project": Action(_revoke_project, writes=True),
}
