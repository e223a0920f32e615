"""Ways: which rows belong to which, so that everything that belongs to a project can be asked for.

The schemas name the references, not which of them mean that one row is a part of another. Keys and
owners are root types, or types of a family where only some of its types own anything.

Source: ftrack's API documentation; the entity schemas.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from trackteroid_cli.engine.schema.schema import Schema

#: How rows belong to their owner. A *part* tells about it, and is pulled wherever the owner is; a
#: *child* stands for itself, and is pulled with a whole project.
Sort = Literal["part", "child"]


class Ownership(NamedTuple):
    """Rows belong to an owner if their attribute *by* is the owner's attribute *column*."""

    by: str
    owner: str
    sort: Sort = "child"
    column: str = "id"


#: The ways to each type's owners. Types without any do not belong to anything, and are held whole.
OWNERSHIP: dict[str, tuple[Ownership, ...]] = {
    # What a project has.
    "Context": (Ownership("project_id", "Project"),),
    "CalendarEvent": (Ownership("project_id", "Project"),),
    "CalendarEventResource": (Ownership("calendar_event_id", "CalendarEvent"),),
    "Event": (Ownership("project_id", "Project"),),
    "Feed": (Ownership("social_id", "Event"),),
    "List": (Ownership("project_id", "Project"),),
    "ListObject": (Ownership("list_id", "List"),),
    "ReviewSession": (Ownership("project_id", "Project"),),
    "ReviewSessionInvitee": (Ownership("review_session_id", "ReviewSession"),),
    "ReviewSessionObject": (Ownership("review_session_id", "ReviewSession"),),
    "ReviewSessionObjectStatus": (Ownership("review_session_object_id", "ReviewSessionObject"),),
    # What a context has.
    "Appointment": (Ownership("context_id", "Context", "part"),),
    "Manager": (Ownership("context_id", "Context", "part"),),
    "Timelog": (Ownership("context_id", "Context", "part"),),
    "Timer": (Ownership("context_id", "Context", "part"),),
    "TypedContextLink": (
        Ownership("from_id", "TypedContext", "part"),
        Ownership("to_id", "TypedContext", "part"),
    ),
    "Asset": (Ownership("context_id", "Context"),),
    # What is published.
    "AssetVersion": (Ownership("asset_id", "Asset"),),
    "AssetVersionLink": (
        Ownership("from_id", "AssetVersion", "part"),
        Ownership("to_id", "AssetVersion", "part"),
    ),
    "Component": (
        Ownership("version_id", "AssetVersion"),
        Ownership("container_id", "ContainerComponent", "part"),
        Ownership("container_id", "SequenceComponent", "part"),
        Ownership("id", "Context", "part", "thumbnail_id"),
        Ownership("id", "AssetVersion", "part", "thumbnail_id"),
        Ownership("id", "User", "part", "thumbnail_id"),
        Ownership("id", "NoteComponent", "part", "component_id"),
        Ownership("id", "JobComponent", "part", "component_id"),
        Ownership("id", "SettingComponent", "part", "component_id"),
    ),
    "ComponentLocation": (Ownership("component_id", "Component", "part"),),
    # What tells about any of them; owners with a collection of these are found from the schema.
    "CustomAttributeValue": (),
    "EntitySetting": (Ownership("parent_id", "Context", "part"),),
    "Metadata": (),
    "Note": (Ownership("in_reply_to_id", "Note", "part"),),
    "NoteComponent": (Ownership("note_id", "Note", "part"),),
    "NoteLabelLink": (Ownership("note_id", "Note", "part"),),
    "Recipient": (Ownership("note_id", "Note", "part"),),
    "StatusChange": (),
    # Small tables with keys of several parts, which come with what they belong to.
    "DashboardResource": (Ownership("dashboard_id", "Dashboard", "part"),),
    "JobComponent": (Ownership("job_id", "Job", "part"),),
    "ProjectSchemaObjectType": (Ownership("project_schema_id", "ProjectSchema", "part"),),
    "SchemaStatus": (Ownership("schema_id", "Schema", "part"),),
    "SchemaType": (Ownership("schema_id", "Schema", "part"),),
    "TaskTypeSchemaType": (Ownership("task_type_schema_id", "TaskTypeSchema", "part"),),
    "UserApplicationState": (Ownership("user_id", "User", "part"),),
    "WorkflowSchemaStatus": (Ownership("workflow_schema_id", "WorkflowSchema", "part"),),
}

#: Further references that lead up: what an expression selects is held with what is above it.
ABOVE: dict[str, tuple[Ownership, ...]] = {
    "Context": (Ownership("parent_id", "Context"),),
    "AssetVersion": (Ownership("task_id", "TypedContext"),),
    "ReviewSessionObject": (Ownership("version_id", "AssetVersion"),),
}

#: Collections that lead to rows which tell about their owner, whatever its type.
_TELLING = ("metadata", "notes", "settings", "status_changes")


def owned_rows(schema: Schema, type_name: str) -> Iterator[tuple[str, Ownership]]:
    """Yield the root types whose rows belong to those of *type_name*, and how."""
    for root in schema.families:
        for way in owners_of(schema, root):
            if way.owner in schema.types and schema.is_kind_of(type_name, way.owner):
                yield root, way
    entity_type = schema.types[type_name]
    told = [entity_type.relations.get(name) for name in _TELLING]
    for relation in told:
        if relation is not None and relation.kind == "many":
            root = schema.types[relation.target].root
            yield root, Ownership(relation.column, type_name, "part")
    if any(relation.kind == "dense" for relation in entity_type.relations.values()):
        yield "CustomAttributeValue", Ownership("entity_id", type_name, "part")


def owners_of(schema: Schema, root: str) -> tuple[Ownership, ...]:
    """Return the ways of a root type; where the table has none, those that its references tell."""
    if root in OWNERSHIP or root in _WHOLE:
        return OWNERSHIP.get(root, ())
    return tuple(
        Ownership(relation.column, relation.target)
        for relation in schema.types[root].relations.values()
        if relation.kind == "reference" and schema.types[relation.target].root in OWNERSHIP
    )


#: Types whose owners are found from the schema.
_TOLD = frozenset({"CustomAttributeValue", "Metadata", "Note", "StatusChange"})

#: Types that refer to such as belong to a project, and are held whole all the same.
_WHOLE = frozenset(
    {
        "CustomAttributeLink",
        "CustomAttributeLinkFrom",
        "Resource",
        "SettingComponent",
        "UserSecurityRoleProject",
    }
)


def is_scoped(schema: Schema, root: str, seen: frozenset[str] = frozenset()) -> bool:
    """Return whether only those rows of a root type are held that belong to something pulled."""
    if root == "Context" or root in _TOLD:
        return True
    return any(
        is_scoped(schema, schema.types[way.owner].root, seen | {root})
        for way in owners_of(schema, root)
        if way.owner in schema.types and schema.types[way.owner].root not in seen | {root}
    )
