"""Default values that the server sets when an entity is created.

Constants come first, from the entity schemas and from `CONSTANTS`. Values that depend on other rows
(the project of a context, a status of its workflow, the next number of a version) are set by rules.
A rule is tried again at the end of the request where it needs a row that a later operation creates.

Source: ftrack's API documentation; ``ftrack_api/entity/project_schema.py`` for which statuses and
types a project schema allows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from trackteroid_cli.engine.schema.schema import EntityType, Schema
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing import checks, consequences, custom_attributes, hierarchy
from trackteroid_cli.engine.writing.transaction import (
    Default,
    Defaults,
    Placeholder,
    Row,
    Transaction,
)

#: Object type of tasks. Only their types and statuses come from a workflow with overrides.
TASK = "11c137c0-ee7e-4f9c-91c5-8c77cec22b2c"

# Constants, since looking up the members of an enumeration takes longer, once for each default.
NOW: Final = Placeholder.NOW
CALLER: Final = Placeholder.CALLER

#: Defaults of columns by type; they apply to its subtypes, too.
CONSTANTS: dict[str, dict[str, Default]] = {
    "Appointment": {"type": "assignment"},
    "Asset": {"name": ""},
    "AssetVersion": {"date": NOW, "user_id": CALLER},
    "CalendarEvent": {"created_at": NOW, "created_by_id": CALLER},
    "CalendarEventResource": {"created_at": NOW, "created_by_id": CALLER},
    "Component": {"system_type": "component", "file_type": ""},
    "ContainerComponent": {"system_type": "container"},
    "Context": {"context_type": "task", "created_at": NOW, "created_by_id": CALLER},
    "Conversation": {"created_at": NOW, "created_by_id": CALLER},
    "CustomConfigurationBase": {"config": "{}", "label": ""},
    "Dashboard": {"created_by_id": CALLER},
    "Event": {"created_at": NOW, "user_id": CALLER},
    "Feed": {"created_at": NOW},
    "FileComponent": {"system_type": "file"},
    "Group": {"local": 1},
    "Job": {"created_at": NOW, "user_id": CALLER},
    "List": {"date": NOW},
    "Message": {"created_at": NOW, "created_by_id": CALLER},
    "Note": {"date": NOW, "thread_activity": NOW, "user_id": CALLER},
    "Project": {"context_type": "show", "status": "active", "root": ""},
    "ReviewSession": {"created_at": NOW, "created_by_id": CALLER, "start_date": NOW},
    "ReviewSessionInvitee": {"created_at": NOW, "created_by_id": CALLER},
    "ReviewSessionObject": {"created_at": NOW, "sort_order": 0},
    "ReviewSessionObjectStatus": {"created_at": NOW},
    "SequenceComponent": {"system_type": "sequence"},
    "Status": {"is_active": 1},
    "StatusChange": {"date": NOW},
    "Timelog": {"start": NOW, "duration": 0, "user_id": CALLER},
    "Timer": {"start": NOW, "user_id": CALLER},
    "TypedContext": {"bid": 0.0, "sort": 0, "description": ""},
    "User": {
        "is_active": 0,
        "is_otp_enabled": 0,
        "is_totp_enabled": 0,
        "require_details_update": 0,
    },
}

#: Columns by type whose default depends on other rows, and may be another one later.
_DEPENDENT: dict[str, frozenset[str]] = {
    "Asset": frozenset({"type_id"}),
    "AssetVersion": frozenset({"version", "status_id"}),
    "Project": frozenset({"project_schema_id"}),
    "TypedContext": frozenset({"type_id", "status_id"}),
    "User": frozenset({"user_type_id"}),
}

#: Pairs of columns with the same value, by root type.
_SYNONYMS: dict[str, tuple[tuple[str, str], ...]] = {
    "Schema": (("type_id", "object_type_id"),),
    "UserSecurityRole": (("is_all_open_projects", "is_all_projects"),),
}


def apply_defaults(transaction: Transaction, entity_type: EntityType, row: Row) -> None:
    """Set the columns of a new entity that the client did not give.

    Raises:
        ValidationError: a part of a primary key is missing that the server cannot make up.
    """
    if entity_type.name not in transaction.defaults:
        transaction.defaults[entity_type.name] = _defaults_of(transaction, entity_type)
    constants, rules = transaction.defaults[entity_type.name]
    for column, default in constants:
        if column not in row:
            row[column] = _resolve(transaction, default)
    copy_synonyms(entity_type, row)
    _fill_key(transaction, entity_type, row)
    for rule in rules:
        rule(transaction, row)


def dependent_columns(schema: Schema, type_name: str) -> frozenset[str]:
    """Return the columns of a type whose default depends on other rows, or on who creates it."""
    columns: set[str] = set()
    for name in (*CONSTANTS, *_DEPENDENT):
        if name in schema.types and schema.is_kind_of(type_name, name):
            columns |= _DEPENDENT.get(name, frozenset())
            constants = CONSTANTS.get(name, {})
            columns |= {column for column, default in constants.items() if default is CALLER}
    return frozenset(columns)


def copy_synonyms(entity_type: EntityType, row: Row) -> None:
    """Where *row* has one of two synonymous columns, set the other."""
    for pair in _SYNONYMS.get(entity_type.root, ()):
        for column, other in (pair, pair[::-1]):
            if other in row:
                row.setdefault(column, row[other])


def _defaults_of(transaction: Transaction, entity_type: EntityType) -> Defaults:
    """Return the columns with constant defaults, and the rules, that apply to a type."""
    kinds = [
        name
        for name in (*CONSTANTS, *_RULES)
        if name in transaction.schema.types
        and transaction.schema.is_kind_of(entity_type.name, name)
    ]
    kinds.sort(key=lambda name: len(transaction.schema.concrete_types(name)))
    constants: dict[str, Default] = dict(entity_type.classifiers)
    for name in kinds:
        constants = {**CONSTANTS.get(name, {}), **constants}
    for attribute in entity_type.scalars.values():
        if attribute.computed or attribute.kind == "variable":
            continue
        if attribute.default is not None and attribute.default != "{uid}":
            constants.setdefault(attribute.name, values.to_stored(attribute, attribute.default))
    rules = [_RULES[name] for name in dict.fromkeys(kinds) if name in _RULES]
    return Defaults(list(constants.items()), rules)


def _resolve(transaction: Transaction, default: Default) -> Stored:
    if default is NOW:
        return transaction.moment
    if default is CALLER:
        return transaction.user_id
    return default


def _fill_key(transaction: Transaction, entity_type: EntityType, row: Row) -> None:
    for part in entity_type.primary_key:
        if row.get(part) is not None and row[part] != "":
            continue
        if len(entity_type.primary_key) > 1:
            raise ValidationError(f"A {entity_type.name} needs a value for '{part}'.")
        if entity_type.scalars[part].kind == "integer":
            table = transaction.family(entity_type).table
            row[part] = (transaction.fetch_value(f'SELECT max("{part}") FROM "{table}"') or 0) + 1
        else:
            row[part] = values.new_id()


# Contexts.


def _fill_project(transaction: Transaction, row: Row) -> None:
    row["project_id"] = row["id"]
    row["parent_id"] = None
    if not row.get("full_name"):
        row["full_name"] = row.get("name")
    if row.get("project_schema_id") is None:
        row["project_schema_id"] = transaction.fetch_value(
            "SELECT id FROM project_schema ORDER BY name, id LIMIT 1"
        )


def _fill_typed_context(transaction: Transaction, row: Row) -> None:
    row["project_id"] = hierarchy.project_for_children(transaction, row.get("parent_id"))
    given = frozenset({"type_id", "status_id"} & row.keys())
    if row["project_id"] is not None:
        _fill_workflow(transaction, row, given)
    else:
        key = (row["id"],)
        transaction.postponed.append(lambda: _finish_typed_context(transaction, key, given))


def _fill_workflow(transaction: Transaction, row: Row, given: frozenset[str]) -> None:
    """Set the first type and status of the project's schema, unless *given*."""
    if "type_id" not in given:
        row["type_id"] = first_type(transaction, row["project_id"], row.get("object_type_id"))
    if "status_id" not in given:
        row["status_id"] = first_status(
            transaction, row["project_id"], row.get("object_type_id"), row.get("type_id")
        )


def _finish_typed_context(
    transaction: Transaction, key: tuple[Stored, ...], given: frozenset[str]
) -> bool:
    """Set the defaults of a context that was created before its parent, if that exists now."""
    context = transaction.schema.types["Context"]
    found = transaction.find(context, key)
    if found is None:
        return True
    if found.row["project_id"] is None and not hierarchy.inherit_project(transaction, found):
        return False
    found = transaction.get(context, key)
    # A later operation may have set them since.
    given |= {name for name in ("type_id", "status_id") if found.row[name] is not None}
    row = dict(found.row)
    _fill_workflow(transaction, row, given)
    consequences.change(transaction, found, {name: row[name] for name in ("type_id", "status_id")})
    return True


# Workflow.


def first_type(transaction: Transaction, project_id: Stored, object_type_id: Stored) -> str | None:
    """Return the id of the first type that a project allows for an object type, or None."""
    if object_type_id == TASK:
        sql = (
            "SELECT type.id FROM context JOIN project_schema s ON s.id = context.project_schema_id "
            "JOIN task_type_schema_type t ON t.task_type_schema_id = s.task_type_schema_id "
            "JOIN type ON type.id = t.type_id WHERE context.id = ?1 AND ?2 IS NOT NULL "
        )
    else:
        sql = (
            "SELECT type.id FROM context JOIN schema s USING (project_schema_id) "
            "JOIN schema_type t ON t.schema_id = s.id JOIN type ON type.id = t.type_id "
            "JOIN object_type o ON o.id = s.object_type_id AND o.is_typeable "
            "WHERE context.id = ?1 AND s.object_type_id = ?2 "
        )
    sql += "ORDER BY type.sort, type.name, type.id LIMIT 1"
    # '' rather than None, which is not cached.
    known = transaction.cached(
        ("type", project_id, object_type_id),
        lambda: str(transaction.fetch_value(sql, project_id, object_type_id) or ""),
    )
    return known or None


def first_status(
    transaction: Transaction, project_id: Stored, object_type_id: Stored, type_id: Stored
) -> str | None:
    """Return the id of the first status of a project's workflow for an object type, or None."""

    def look_up() -> str:
        if object_type_id == TASK:
            workflow = transaction.fetch_value(_TASK_WORKFLOW, project_id, type_id)
            return _first_of_workflow(transaction, workflow) or ""
        return str(transaction.fetch_value(_OBJECT_TYPE_STATUS, project_id, object_type_id) or "")

    return transaction.cached(("status", project_id, object_type_id, type_id), look_up) or None


_TASK_WORKFLOW = """
    SELECT coalesce(o.workflow_schema_id, s.task_workflow_schema_id)
    FROM context JOIN project_schema s ON s.id = context.project_schema_id
    LEFT JOIN project_schema_override o ON o.project_schema_id = s.id AND o.type_id = ?2
    WHERE context.id = ?1
"""

_OBJECT_TYPE_STATUS = """
    SELECT status.id FROM context JOIN schema s USING (project_schema_id)
    JOIN object_type o ON o.id = s.object_type_id AND o.is_statusable
    JOIN schema_status t ON t.schema_id = s.id JOIN status ON status.id = t.status_id
    WHERE context.id = ?1 AND s.object_type_id = ?2
    ORDER BY status.sort, status.name, status.id LIMIT 1
"""


def _first_of_workflow(transaction: Transaction, workflow_id: Stored) -> str | None:
    status: str | None = transaction.fetch_value(
        "SELECT status.id FROM workflow_schema_status w JOIN status ON status.id = w.status_id "
        "WHERE w.workflow_schema_id = ? ORDER BY status.sort, status.name, status.id LIMIT 1",
        workflow_id,
    )
    return status


# Versions.


def _fill_asset(transaction: Transaction, row: Row) -> None:
    if "type_id" not in row:
        row["type_id"] = transaction.cached(
            "asset type",
            lambda: transaction.fetch_value("SELECT id FROM asset_type ORDER BY name, id LIMIT 1"),
        )


def _fill_version(transaction: Transaction, row: Row) -> None:
    if row.get("asset_id") is not None:
        _number_version(transaction, row)
    if "status_id" not in row:
        row["status_id"] = _first_version_status(transaction, row.get("asset_id"))
    if row.get("version") is None or row["status_id"] is None:
        key = (row["id"],)
        transaction.postponed.append(lambda: _finish_version(transaction, key))


def _number_version(transaction: Transaction, row: Row) -> None:
    """Give a version the next number of its asset, unless it has one."""
    latest = int(
        transaction.cached(
            ("version", row["asset_id"]),
            lambda: transaction.fetch_value(
                "SELECT coalesce(max(version), 0) FROM asset_version WHERE asset_id IS ?",
                row["asset_id"],
            ),
        )
    )
    if row.get("version") is None:
        row["version"] = latest + 1
    transaction.set_cached(("version", row["asset_id"]), max(latest, int(row["version"] or 0)))


def _first_version_status(transaction: Transaction, asset_id: Stored) -> str | None:
    def look_up() -> str | None:
        workflow = transaction.fetch_value(
            "SELECT s.asset_version_workflow_schema_id FROM asset "
            "JOIN context c ON c.id = asset.context_id "
            "JOIN context project ON project.id = c.project_id "
            "JOIN project_schema s ON s.id = project.project_schema_id WHERE asset.id = ?",
            asset_id,
        )
        return _first_of_workflow(transaction, workflow)

    return transaction.cached(("version status", asset_id), look_up)


def _finish_version(transaction: Transaction, key: tuple[Stored, ...]) -> bool:
    """Set the defaults of a version that was created before its asset, if that exists now."""
    found = transaction.find(transaction.schema.types["AssetVersion"], key)
    if found is None:
        return True
    row = dict(found.row)
    if row["version"] is None:
        _number_version(transaction, row)
    if row["status_id"] is None:
        row["status_id"] = _first_version_status(transaction, row["asset_id"])
    consequences.change(transaction, found, {name: row[name] for name in ("version", "status_id")})
    return row["status_id"] is not None


# Users, notes and metadata.


def _fill_user(transaction: Transaction, row: Row) -> None:
    if not row.get("username"):
        row["username"] = row.get("email") or row["id"]
    if "user_type_id" not in row:
        row["user_type_id"] = transaction.cached(
            "user type",
            lambda: transaction.fetch_value("SELECT id FROM user_type ORDER BY name, id LIMIT 1"),
        )


def _fill_note(transaction: Transaction, row: Row) -> None:
    """Set the concrete type of the note's parent, which clients spell in several ways."""
    parent_type = parent_type_of(transaction, "Note", row.get("parent_id"))
    if parent_type is not None:
        row["parent_type"] = parent_type


def _fill_metadata(transaction: Transaction, row: Row) -> None:
    if row.get("parent_type") is None:
        row["parent_type"] = parent_type_of(transaction, "Metadata", row["parent_id"])


def parent_type_of(transaction: Transaction, root: str, parent_id: Stored) -> str | None:
    """Return the type of the entity with *parent_id* that may own rows of *root*, or None."""
    if parent_id is None:
        return None
    for owner in checks.owners(transaction.schema, root, "parent_id"):
        found = transaction.find(transaction.schema.types[owner], (parent_id,))
        if found is not None:
            return found.entity_type.name
    return None


def _fill_review_session(transaction: Transaction, row: Row) -> None:
    if "end_date" not in row:
        start = datetime.fromisoformat(str(row["start_date"] or transaction.moment))
        row["end_date"] = str(start + timedelta(days=30))


_RULES: dict[str, Callable[[Transaction, Row], None]] = {
    "Asset": _fill_asset,
    "AssetVersion": _fill_version,
    "CustomAttributeConfiguration": custom_attributes.fill_configuration,
    "CustomAttributeLink": custom_attributes.fill_link,
    "CustomAttributeLinkFrom": custom_attributes.fill_link,
    "CustomAttributeValue": custom_attributes.fill_value,
    "Metadata": _fill_metadata,
    "Note": _fill_note,
    "Project": _fill_project,
    "ReviewSession": _fill_review_session,
    "TypedContext": _fill_typed_context,
    "User": _fill_user,
}
