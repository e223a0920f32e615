"""What the security roles of a user allow them to write, and the action that tells it.

* With the role Administrator on all open projects: everything.
* With any role on a project: what belongs to the project; to create and delete projects, the role
  Project Manager on all open projects.
* What belongs to the studio rather than to a project, such as users, statuses and custom
  attributes: administrators only. Users may change themselves.
* The values of a custom attribute that names roles in ``write_security_roles``: who has one of
  them.
* What belongs to nothing of these, such as jobs and dashboards: everybody.

Everybody may read everything. The database of an earlier version has no such rules, nor has a copy
of another server: there everybody may write everything.

Source: ftrack's API documentation, "Working with user security roles".
"""

from __future__ import annotations

from dataclasses import dataclass

from trackteroid_cli.engine.actions.request import Action, Answer, Caller, Operation, Request
from trackteroid_cli.engine.schema.schema import EntityType, is_dense
from trackteroid_cli.engine.storage.errors import PermissionDenied
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing.transaction import Key, Row, StoredEntity, Transaction, read_key

#: The role that may do everything, and the one that may also create and delete projects.
ADMINISTRATOR, PROJECT_MANAGER = "Administrator", "Project Manager"

#: The type of roles that users have on projects.
PROJECT = "PROJECT"

#: The setting of a database whose roles restrict what their users may write.
SETTING = "security_roles"

#: Types without which nobody has a role.
_NEEDED = frozenset({"SecurityRole", "UserSecurityRole", "UserSecurityRoleProject"})

_IS_ADMINISTRATOR = (
    "SELECT 1 FROM user_security_role held JOIN security_role role "
    "ON role.id = held.security_role_id "
    "WHERE held.user_id = ? AND role.name = ? AND held.is_all_open_projects LIMIT 1"
)

#: Root types of what belongs to the studio.
_STUDIO = frozenset(
    {
        "AssetType",
        "CustomAttributeGroup",
        "CustomAttributeType",
        "CustomConfigurationBase",
        "Disk",
        "ListCategory",
        "ManagerType",
        "Membership",
        "NoteCategory",
        "NoteLabel",
        "ObjectType",
        "Priority",
        "ProjectSchema",
        "ProjectSchemaObjectType",
        "ProjectSchemaOverride",
        "Resource",
        "Schema",
        "SchemaStatus",
        "SchemaType",
        "SecurityRole",
        "Setting",
        "SettingComponent",
        "State",
        "Status",
        "TaskTemplate",
        "TaskTemplateItem",
        "TaskTypeSchema",
        "TaskTypeSchemaType",
        "Type",
        "UserSecurityRole",
        "UserSecurityRoleProject",
        "UserType",
        "WorkflowSchema",
        "WorkflowSchemaStatus",
    }
)

#: What entities with a ``parent_id`` and the like may belong to.
_ANY = (
    "Context",
    "AssetVersion",
    "Asset",
    "Component",
    "List",
    "ReviewSessionObject",
    "Note",
    "Resource",
)

#: What users may change of themselves.
_OWN = frozenset(
    {"__entity_type__", "email", "first_name", "last_name", "metadata", "thumbnail", "thumbnail_id"}
)

#: How rows lead to their project, by root type: a column, and the root types that it may refer to.
_OWNERS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "Appointment": (("context_id", ("Context",)),),
    "Asset": (("context_id", ("Context",)),),
    "AssetVersion": (("asset_id", ("Asset",)),),
    "AssetVersionLink": (("from_id", ("AssetVersion",)),),
    "CalendarEvent": (("project_id", ("Context",)),),
    "Component": (("version_id", ("AssetVersion",)), ("container_id", ("Component",))),
    "ComponentLocation": (("component_id", ("Component",)),),
    "CustomAttributeLink": (("from_id", _ANY),),
    "CustomAttributeLinkFrom": (("from_id", _ANY),),
    "CustomAttributeValue": (("entity_id", _ANY),),
    "EntitySetting": (("parent_id", ("ReviewSession", *_ANY)),),
    "List": (("project_id", ("Context",)),),
    "ListObject": (("list_id", ("List",)),),
    "Manager": (("context_id", ("Context",)),),
    "Metadata": (("parent_id", _ANY),),
    "Note": (("parent_id", _ANY),),
    "NoteComponent": (("note_id", ("Note",)),),
    "NoteLabelLink": (("note_id", ("Note",)),),
    "Recipient": (("note_id", ("Note",)),),
    "ReviewSession": (("project_id", ("Context",)),),
    "ReviewSessionInvitee": (("review_session_id", ("ReviewSession",)),),
    "ReviewSessionObject": (("review_session_id", ("ReviewSession",)),),
    "ReviewSessionObjectStatus": (("review_session_object_id", ("ReviewSessionObject",)),),
    "Timelog": (("context_id", ("Context",)),),
    "Timer": (("context_id", ("Context",)),),
    "TypedContextLink": (("from_id", ("Context",)),),
}


@dataclass(slots=True)
class _Roles:
    """The roles of a user: of each its id, its name, and where the user has it."""

    names: dict[str, str]
    projects: dict[str, set[str]]
    everywhere: set[str]

    def has_everywhere(self, *names: str) -> bool:
        """Return whether the user has a role of one of these names on all open projects."""
        return any(self.names[id_] in names for id_ in self.everywhere)


class Guard:
    """Refuses what the user of a request may not write.

    Args:
        request: of a user who is no administrator.
        roles: of that user.
    """

    def __init__(self, request: Request, roles: _Roles) -> None:
        self._transaction = request.transaction
        self._caller = request.caller
        self._roles = roles
        self._writable: dict[Stored, bool] = {}

    def before(self, operation: Operation) -> None:
        """Check what can be known before *operation* is done.

        Raises:
            PermissionDenied: the user may not do it.
            ValidationError: it is not a proper operation.
        """
        action = operation["action"]
        name = operation.get("entity_type")
        entity_type = self._transaction.schema.types.get(name) if isinstance(name, str) else None
        if entity_type is None or action not in ("create", "update", "delete"):
            return
        sent_key = operation.get("entity_key")
        key = read_key(entity_type, sent_key) if sent_key else ()
        if entity_type.root in _STUDIO and not self._is_about_caller(operation, key):
            raise _denied(self._caller, f"{action} a {entity_type.name}", ADMINISTRATOR)
        makes_projects = self._roles.has_everywhere(PROJECT_MANAGER)
        if entity_type.name == "Project" and action != "update" and not makes_projects:
            raise _denied(self._caller, f"{action} a project", PROJECT_MANAGER)
        if not key:
            return
        if is_dense(entity_type.name):
            self._check_value(*key)
        elif action != "create":
            found = self._transaction.find(entity_type, key)
            if found is not None:
                self._check_row(entity_type, found.row)

    def after(self) -> None:
        """Check the rows that were added or changed, as they are at the end of the request.

        Raises:
            PermissionDenied: the user may not write where they are.
        """
        for change in self._transaction.changes:
            entity_type = self._transaction.schema.types[change.entity_type]
            if change.action == "remove":
                continue
            # Collections of other entities lead there too. Users are changed with what they own.
            if entity_type.root in _STUDIO and entity_type.root != "Resource":
                raise _denied(self._caller, f"change a {entity_type.name}", ADMINISTRATOR)
            if change.action == "add":
                self._check_row(entity_type, change.after)
            elif entity_type.root in ("Context", *_OWNERS):
                found = self._transaction.find(entity_type, change.key)
                if found is not None:
                    self._check_row(entity_type, found.row)

    def _is_about_caller(self, operation: Operation, key: Key) -> bool:
        """Return whether *operation* changes no more than what users may of themselves."""
        data = operation.get("entity_data")
        return (
            operation["action"] == "update"
            and key == (self._caller.id,)
            and isinstance(data, dict)
            and _OWN.issuperset(data)
        )

    def _check_row(self, entity_type: EntityType, row: Row) -> None:
        """Refuse to write a row that the user has no role for."""
        if entity_type.root == "CustomAttributeValue":
            self._check_value(row["configuration_id"], row["entity_id"])
        else:
            self._check_place(entity_type.root, row)

    def _check_value(self, configuration_id: Stored, entity_id: Stored) -> None:
        """Refuse to write the value of a custom attribute that other roles may write."""
        writers = self._transaction.connection.execute(
            "SELECT security_role_id FROM configuration_write_role WHERE configuration_id = ?",
            [configuration_id],
        ).fetchall()
        if writers and not any(role in self._roles.names for (role,) in writers):
            key = self._transaction.fetch_value(
                "SELECT key FROM custom_configuration_base WHERE id = ?", configuration_id
            )
            raise PermissionDenied(
                f"'{self._caller.username}' may not write the custom attribute '{key}': they have "
                "none of the security roles that it names. Ask an administrator."
            )
        self._check_place("CustomAttributeValue", {"entity_id": entity_id})

    def _check_place(self, root: str, row: Row) -> None:
        """Refuse to write what belongs to a project without a role for it, or to another user."""
        top, found = _top(self._transaction, root, row)
        if top == "Context":
            self._check_project(found["project_id"])
        elif top == "Resource" and root != top and found["id"] != self._caller.id:
            raise _denied(self._caller, "change another user", ADMINISTRATOR)

    def _check_project(self, project_id: Stored) -> None:
        if project_id is None:
            return
        if project_id not in self._writable:
            self._writable[project_id] = self._may_write(project_id)
        if not self._writable[project_id]:
            name = self._transaction.fetch_value(
                "SELECT name FROM context WHERE id = ?", project_id
            )
            raise PermissionDenied(
                f"'{self._caller.username}' may not write in the project '{name}': they have no "
                "security role on it. Ask an administrator to grant one."
            )

    def _may_write(self, project_id: Stored) -> bool:
        if any(project_id in projects for projects in self._roles.projects.values()):
            return True
        status = self._transaction.fetch_value(
            "SELECT status FROM context WHERE id = ?", project_id
        )
        return bool(self._roles.everywhere) and status == "active"


def guard(request: Request) -> Guard | None:
    """Return what refuses writes of the user of a request; None if they may write everything."""
    transaction = request.transaction
    if not request.caller.id or not _NEEDED.issubset(transaction.schema.types):
        return None
    # Each request that writes comes here, most of them of an administrator.
    if transaction.fetch_value(_IS_ADMINISTRATOR, request.caller.id, ADMINISTRATOR):
        return None
    if not transaction.fetch_value("SELECT value FROM _setting WHERE name = ?", SETTING):
        return None
    return Guard(request, _roles(request))


def need_administrator(request: Request, what: str) -> None:
    """Refuse an action that only administrators may do.

    Args:
        request: of the user.
        what: the action, in the words of "may not …".

    Raises:
        PermissionDenied: the user is no administrator.
    """
    if guard(request) is not None:
        raise _denied(request.caller, what, ADMINISTRATOR)


def need_component(request: Request, component_id: str) -> None:
    """Refuse what changes the file of a component whose project the user may not write.

    Args:
        request: of the user.
        component_id: of the component, which need not be there yet.

    Raises:
        PermissionDenied: the user may not write the component.
    """
    found = guard(request)
    if found is not None:
        named: Operation = {"entity_type": "Component", "entity_key": [component_id]}
        found.before({"action": "update", **named})


def _denied(caller: Caller, what: str, role: str) -> PermissionDenied:
    return PermissionDenied(
        f"'{caller.username}' may not {what}: that needs the security role '{role}' on all open "
        "projects. Ask an administrator."
    )


def _roles(request: Request) -> _Roles:
    """Return the roles of the user of a request."""
    rows = request.transaction.connection.execute(
        "SELECT role.id, role.name, held.is_all_open_projects, granted.project_id "
        "FROM user_security_role held JOIN security_role role ON role.id = held.security_role_id "
        "LEFT JOIN user_security_role_project granted ON granted.user_security_role_id = held.id "
        "WHERE held.user_id = ?",
        [request.caller.id],
    )
    roles = _Roles({}, {}, set())
    for id_, name, is_everywhere, project_id in rows:
        roles.names[id_] = name
        if is_everywhere:
            roles.everywhere.add(id_)
        if project_id is not None:
            roles.projects.setdefault(id_, set()).add(project_id)
    return roles


def _top(transaction: Transaction, root: str, row: Row) -> tuple[str, Row]:
    """Return the last of what a row belongs to, with its root type: most often a context."""
    passed: set[tuple[str, Stored]] = set()
    while (owner := _owner_of(transaction, root, row)) is not None:
        root, row = owner.entity_type.root, owner.row
        if (root, owner.key[0]) in passed:
            break
        passed.add((root, owner.key[0]))
    return root, row


def _owner_of(transaction: Transaction, root: str, row: Row) -> StoredEntity | None:
    """Return what a row belongs to, if anything."""
    for column, roots in _OWNERS.get(root, ()):
        id_ = row.get(column)
        for owner in roots if id_ is not None else ():
            if owner in transaction.schema.types:
                found = transaction.find(transaction.schema.types[owner], (id_,))
                if found is not None:
                    return found
    return None


def _permissions(request: Request, operation: Operation) -> Answer:  # noqa: ARG001
    knows_roles = _NEEDED.issubset(request.transaction.schema.types)
    roles = _roles(request) if knows_roles else _Roles({}, {}, set())
    data = {
        "is_administrator": guard(request) is None,
        "security_roles": [
            {
                "id": id_,
                "name": name,
                "is_all_open_projects": id_ in roles.everywhere,
                "project_ids": sorted(roles.projects.get(id_, ())),
            }
            for id_, name in roles.names.items()
        ],
    }
    return lambda: {"action": "permissions", "data": data}


ACTIONS = {"permissions": Action(_permissions)}
