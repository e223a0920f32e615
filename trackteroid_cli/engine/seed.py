"""The rows that every ftrack server has: object types, statuses, workflows, locations.

Ids are the same in every store: those that ftrack fixes, and otherwise ids made from the type and
the name.

Source: ``ftrack_api/symbol.py`` for the locations; ``ftrack_api/entity/project_schema.py`` for how
clients read a project schema; the defaults in the entity schemas for object types and the priority.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from trackteroid_cli.engine.actions.permissions import ADMINISTRATOR, PROJECT, PROJECT_MANAGER
from trackteroid_cli.engine.actions.permissions import SETTING as ROLES_RESTRICT
from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.schema.schema import EntityType, Schema
from trackteroid_cli.engine.storage.custom_attribute_values import TYPE_NAMES
from trackteroid_cli.engine.writing import create
from trackteroid_cli.engine.writing.defaults import TASK
from trackteroid_cli.engine.writing.transaction import Transaction

#: The ``entity_data`` of a row.
SeedRow: TypeAlias = dict[str, JSON]

#: The date of the rows, as the store keeps dates.
MOMENT = "2024-01-01 00:00:00"

PROJECT_SCHEMA = "VFX"

#: The priority that the entity schemas name as the default.
_DEFAULT_PRIORITY = "9661b320-3a0c-11e2-81c1-0800200c9a66"

_NAMESPACE = uuid.UUID("6f1d3c52-8a0e-5c3b-9b1f-2f4f6e0f7a11")

_LOCATIONS = {
    "ftrack.origin": "ce9b348f-8809-11e3-821c-20c9d081909b",
    "ftrack.unmanaged": "cb268ecc-8809-11e3-a7e2-20c9d081909b",
    "ftrack.review": "cd41be70-8809-11e3-b98a-20c9d081909b",
    "ftrack.connect": "07b82a97-8cf9-11e3-9383-20c9d081909b",
    "ftrack.server": "3a372bde-05bc-11e4-8908-20c9d081909b",
}

#: Names of states by short name.
_STATES = {
    "NOT_STARTED": "Not started",
    "IN_PROGRESS": "In progress",
    "BLOCKED": "Blocked",
    "DONE": "Done",
}

#: Name, state and colour, in the order of a workflow.
_STATUSES = (
    ("Not started", "NOT_STARTED", "#FFFFFF"),
    ("Ready to start", "NOT_STARTED", "#FFDD57"),
    ("In progress", "IN_PROGRESS", "#3498DB"),
    ("Pending review", "IN_PROGRESS", "#A569BD"),
    ("Changes requested", "IN_PROGRESS", "#E67E22"),
    ("On Hold", "BLOCKED", "#BA4A00"),
    ("Approved", "DONE", "#27AE60"),
    ("Completed", "DONE", "#1CBC90"),
    ("Omitted", "DONE", "#7F8C8D"),
)
_TASK_STATUSES = (
    "Not started",
    "Ready to start",
    "In progress",
    "Pending review",
    "Changes requested",
    "On Hold",
    "Completed",
    "Omitted",
)
_VERSION_STATUSES = ("Pending review", "Changes requested", "Approved", "Omitted")
_OBJECT_STATUSES = ("Not started", "In progress", "On Hold", "Completed", "Omitted")

_TASK_TYPES = (
    "Generic",
    "Concept",
    "Modeling",
    "Texture",
    "Rigging",
    "Lookdev",
    "Layout",
    "Matchmove",
    "Animation",
    "FX",
    "Lighting",
    "Rotoscoping",
    "Compositing",
    "Editorial",
    "Production",
    "Previz",
    "Tracking",
    "Matte Painting",
    "Conform",
    "Deliverable",
)
_OBJECT_TYPES_OF_TYPES = {"Asset Build": ("Character", "Environment", "Prop", "Vehicle")}

#: Types of security roles by name.
_ROLES = {ADMINISTRATOR: PROJECT, PROJECT_MANAGER: PROJECT, "User": PROJECT, "API": "API"}

_ASSET_TYPES = {
    "Animation": "anim",
    "Camera": "cam",
    "Comp": "comp",
    "Geometry": "geo",
    "Image sequence": "img",
    "Light rig": "lgt",
    "Render": "render",
    "Rig": "rig",
    "Texture": "tex",
    "Upload": "upload",
}


def identify(type_name: str, name: str) -> str:
    """Return the id, the same in every store, of the row of a type called *name*."""
    return str(uuid.uuid5(_NAMESPACE, f"{type_name}/{name}"))


def identify_status(name: str) -> str:
    """Return the id of a status, in any case: earlier versions wrote some names in another one."""
    return identify("Status", name.capitalize())


def create_rows(transaction: Transaction) -> None:
    """Create the rows of all types that the schema has."""
    for type_name, rows in _rows(transaction.schema):
        if type_name in transaction.schema.types:
            entity_type = transaction.schema.types[type_name]
            for row in rows:
                create.create(transaction, entity_type, _supported_attributes(entity_type, row))
    transaction.connection.execute("INSERT INTO _setting VALUES (?, '1')", [ROLES_RESTRICT])


def admit(transaction: Transaction, username: str, key: str) -> None:
    """Accept *key* for every user, with *username* among them as an active administrator."""
    types = transaction.schema.types
    user_id = transaction.fetch_value(
        "SELECT id FROM resource WHERE _type = 'User' AND username = ?", username
    )
    if user_id is None:
        user_id = identify("User", username)
        row: SeedRow = {"id": user_id, "username": username, "is_active": True}
        create.create(transaction, types["User"], row)
    else:
        transaction.connection.execute("UPDATE resource SET is_active = 1 WHERE id = ?", [user_id])
    if "SecurityRole" in types and "UserSecurityRole" in types:
        _make_administrator(transaction, username, str(user_id))
    transaction.connection.execute("INSERT OR REPLACE INTO _api_key VALUES (?, NULL)", [key])


def _make_administrator(transaction: Transaction, username: str, user_id: str) -> None:
    """Give a user the role of administrators, which is created where the server has none."""
    types = transaction.schema.types
    role_id = transaction.fetch_value("SELECT id FROM security_role WHERE name = ?", ADMINISTRATOR)
    if role_id is None:
        role = _named("SecurityRole", ADMINISTRATOR)
        role_id = role["id"]
        create.create(transaction, types["SecurityRole"], role)
    has_role = transaction.fetch_value(
        "SELECT 1 FROM user_security_role WHERE user_id = ? AND security_role_id = ?",
        user_id,
        role_id,
    )
    if not has_role:
        row = {
            "id": identify("UserSecurityRole", username),
            "user_id": user_id,
            "security_role_id": role_id,
            "is_all_open_projects": True,
        }
        create.create(transaction, types["UserSecurityRole"], row)


def _supported_attributes(entity_type: EntityType, row: SeedRow) -> SeedRow:
    """Return *row* without attributes that the schema, of an older or newer ftrack, lacks."""
    return {name: value for name, value in row.items() if name in entity_type}


def _rows(schema: Schema) -> Iterator[tuple[str, Iterable[SeedRow]]]:
    object_types = list(_object_types(schema))
    yield "ObjectType", object_types
    yield "Priority", _priorities()
    yield (
        "State",
        [
            {"id": identify("State", short), "short": short, "name": name}
            for short, name in _STATES.items()
        ],
    )
    yield "Status", _statuses()
    yield "Type", _types()
    yield "TaskTypeSchema", [_named("TaskTypeSchema", PROJECT_SCHEMA)]
    yield (
        "TaskTypeSchemaType",
        [
            {
                "task_type_schema_id": identify("TaskTypeSchema", PROJECT_SCHEMA),
                "type_id": identify("Type", name),
            }
            for name in _TASK_TYPES
        ],
    )
    yield from _workflow("Tasks", _TASK_STATUSES)
    yield from _workflow("Versions", _VERSION_STATUSES)
    yield "ProjectSchema", [_project_schema()]
    for object_type in object_types:
        yield from _object_type_schema(object_type)
    yield (
        "AssetType",
        [{**_named("AssetType", name), "short": short} for name, short in _ASSET_TYPES.items()],
    )
    for type_name, names in _NAMED.items():
        yield type_name, [_named(type_name, name) for name in names]
    yield (
        "SecurityRole",
        [{**_named("SecurityRole", name), "type": kind} for name, kind in _ROLES.items()],
    )
    yield (
        "CustomAttributeType",
        [{**_named("CustomAttributeType", name), "core": True} for name in TYPE_NAMES],
    )
    yield (
        "Location",
        [
            {"id": id_, "name": name, "label": name, "description": ""}
            for name, id_ in _LOCATIONS.items()
        ],
    )
    yield (
        "Setting",
        [
            {
                "group": "STORAGE",
                "name": "storage_scenario",
                "value": json.dumps({"scenario": "ftrack.automatic", "data": {}}),
            }
        ],
    )


#: Rows that have only a name.
_NAMED = {
    "CustomAttributeGroup": ("Default",),
    "ListCategory": ("Dailies", "Deliveries", "General"),
    "ManagerType": ("Coordinator", "Producer", "Supervisor"),
    "NoteLabel": ("Client", "Dailies", "Internal", "External Note"),
    "UserType": ("Default",),
}


def _named(type_name: str, name: str) -> SeedRow:
    return {"id": identify(type_name, name), "name": name}


def _object_types(schema: Schema) -> Iterator[SeedRow]:
    """Yield the object types of *schema*; for example, one with an immutable status has none."""
    kinds = [kind for kind in schema.types.values() if "object_type_id" in kind.classifiers]
    for sort, kind in enumerate(sorted(kinds, key=lambda kind: kind.name)):
        yield {
            "id": kind.classifiers["object_type_id"],
            "name": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.name),
            "sort": sort,
            "is_leaf": kind.name in ("Task", "Milestone"),
            "is_time_reportable": kind.name == "Task",
            "is_schedulable": "end_date" not in kind.immutable,
            "is_statusable": "status_id" not in kind.immutable,
            "is_typeable": "type_id" not in kind.immutable,
            "is_taskable": kind.name not in ("Task", "Milestone"),
        }


def _priorities() -> Iterator[SeedRow]:
    levels = (("Urgent", "#E74C3C"), ("High", "#E67E22"), ("Medium", "#F1C40F"), ("Low", "#3498DB"))
    for sort, (name, color) in enumerate(levels):
        value = len(levels) - sort
        yield {**_named("Priority", name), "sort": sort, "value": value, "color": color}
    none: SeedRow = {"name": "None", "sort": len(levels), "value": 0, "color": "#BDC3C7"}
    yield {"id": _DEFAULT_PRIORITY, **none}


def _statuses() -> Iterator[SeedRow]:
    for sort, (name, state, color) in enumerate(_STATUSES):
        state_reference = {"__entity_type__": "State", "id": identify("State", state)}
        yield {
            "id": identify_status(name),
            "name": name,
            "sort": sort,
            "color": color,
            "state": state_reference,
        }


def _types() -> Iterator[SeedRow]:
    names = [*_TASK_TYPES, *(name for names in _OBJECT_TYPES_OF_TYPES.values() for name in names)]
    for sort, name in enumerate(names):
        yield {**_named("Type", name), "sort": sort}


def _workflow(name: str, statuses: Iterable[str]) -> Iterator[tuple[str, Iterable[SeedRow]]]:
    workflow = _named("WorkflowSchema", name)
    yield "WorkflowSchema", [workflow]
    yield (
        "WorkflowSchemaStatus",
        [
            {"workflow_schema_id": workflow["id"], "status_id": identify_status(status)}
            for status in statuses
        ],
    )


def _project_schema() -> SeedRow:
    return {
        **_named("ProjectSchema", PROJECT_SCHEMA),
        "task_type_schema_id": identify("TaskTypeSchema", PROJECT_SCHEMA),
        "task_workflow_schema_id": identify("WorkflowSchema", "Tasks"),
        "asset_version_workflow_schema_id": identify("WorkflowSchema", "Versions"),
    }


def _object_type_schema(
    object_type: SeedRow,
) -> Iterator[tuple[str, Iterable[SeedRow]]]:
    """Yield the rows that define one object type in the project schema."""
    project_schema_id = identify("ProjectSchema", PROJECT_SCHEMA)
    schema_id = identify("Schema", f"{PROJECT_SCHEMA}/{object_type['name']}")
    is_task = object_type["id"] == TASK
    statuses = _TASK_STATUSES if is_task else _OBJECT_STATUSES
    types = _TASK_TYPES if is_task else _OBJECT_TYPES_OF_TYPES.get(str(object_type["name"]), ())
    yield (
        "ProjectSchemaObjectType",
        [{"project_schema_id": project_schema_id, "object_type_id": object_type["id"]}],
    )
    yield (
        "Schema",
        [{"id": schema_id, "project_schema_id": project_schema_id, "type_id": object_type["id"]}],
    )
    yield (
        "SchemaStatus",
        [
            {"schema_id": schema_id, "status_id": identify_status(name), "sort": sort}
            for sort, name in enumerate(statuses if object_type["is_statusable"] else ())
        ],
    )
    yield (
        "SchemaType",
        [
            {"schema_id": schema_id, "type_id": identify("Type", name), "sort": sort}
            for sort, name in enumerate(types)
        ],
    )
