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


class Way(NamedTuple):
    """Rows belong to an owner if their attribute *by* is the owner's attribute *column*."""

    by: str
    owner: str
    sort: Sort = "child"
    column: str = "id"


#: The ways to each type's owners. Types without any do not belong to anything, and are held whole.
WAYS: dict[str, tuple[Way, ...]] = {
    # What a project has.
    "Context": (Way("project_id", "Project"),),
    "CalendarEvent": (Way("project_id", "Project"),),
    "CalendarEventResource": (Way("calendar_event_id", "CalendarEvent"),),
    "Event": (Way("project_id", "Project"),),
    "Feed": (Way("social_id", "Event"),),
    "List": (Way("project_id", "Project"),),
    "ListObject": (Way("list_id", "List"),),
    "ReviewSession": (Way("project_id", "Project"),),
    "ReviewSessionInvitee": (Way("review_session_id", "ReviewSession"),),
    "ReviewSessionObject": (Way("review_session_id", "ReviewSession"),),
    "ReviewSessionObjectStatus": (Way("review_session_object_id", "ReviewSessionObject"),),
    # What a context has.
    "Appointment": (Way("context_id", "Context", "part"),),
    "Manager": (Way("context_id", "Context", "part"),),
    "Timelog": (Way("context_id", "Context", "part"),),
    "Timer": (Way("context_id", "Context", "part"),),
    "TypedContextLink": (
        Way("from_id", "TypedContext", "part"),
        Way("to_id", "TypedContext", "part"),
    ),
    "Asset": (Way("context_id", "Context"),),
    # What is published.
    "AssetVersion": (Way("asset_id", "Asset"),),
    "AssetVersionLink": (
        Way("from_id", "AssetVersion", "part"),
        Way("to_id", "AssetVersion", "part"),
    ),
    "Component": (
        Way("version_id", "AssetVersion"),
        Way("container_id", "ContainerComponent", "part"),
        Way("container_id", "SequenceComponent", "part"),
        Way("id", "Context", "part", "thumbnail_id"),
        Way("id", "AssetVersion", "part", "thumbnail_id"),
        Way("id", "User", "part", "thumbnail_id"),
        Way("id", "NoteComponent", "part", "component_id"),
        Way("id", "JobComponent", "part", "component_id"),
        Way("id", "SettingComponent", "part", "component_id"),
    ),
    "ComponentLocation": (Way("component_id", "Component", "part"),),
    # What tells about any of them; owners with a collection of these are found from the schema.
    "CustomAttributeValue": (),
    "EntitySetting": (Way("parent_id", "Context", "part"),),
    "Metadata": (),
    "Note": (Way("in_reply_to_id", "Note", "part"),),
    "NoteComponent": (Way("note_id", "Note", "part"),),
    "NoteLabelLink": (Way("note_id", "Note", "part"),),
    "Recipient": (Way("note_id", "Note", "part"),),
    "StatusChange": (),
    # Small tables with keys of several parts, which come with what they belong to.
    "DashboardResource": (Way("dashboard_id", "Dashboard", "part"),),
    "JobComponent": (Way("job_id", "Job", "part"),),
    "ProjectSchemaObjectType": (Way("project_schema_id", "ProjectSchema", "part"),),
    "SchemaStatus": (Way("schema_id", "Schema", "part"),),
    "SchemaType": (Way("schema_id", "Schema", "part"),),
    "TaskTypeSchemaType": (Way("task_type_schema_id", "TaskTypeSchema", "part"),),
    "UserApplicationState": (Way("user_id", "User", "part"),),
    "WorkflowSchemaStatus": (Way("workflow_schema_id", "WorkflowSchema", "part"),),
}

#: Further references that lead up: what an expression selects is held with what is above it.
ABOVE: dict[str, tuple[Way, ...]] = {
    "Context": (Way("parent_id", "Context"),),
    "AssetVersion": (Way("task_id", "TypedContext"),),
    "ReviewSessionObject": (Way("version_id", "AssetVersion"),),
}

#: Collections that lead to rows which tell about their owner, whatever its type.
_TELLING = ("metadata", "notes", "settings", "status_changes")


def ways_from(schema: Schema, type_name: str) -> Iterator[tuple[str, Way]]:
    """Yield the root types whose rows belong to those of *type_name*, and how."""
    for root in schema.families:
        for way in ways_to(schema, root):
            if way.owner in schema.types and schema.is_kind_of(type_name, way.owner):
                yield root, way
    entity_type = schema.types[type_name]
    told = [entity_type.relations.get(name) for name in _TELLING]
    for relation in told:
        if relation is not None and relation.kind == "many":
            root = schema.types[relation.target].root
            yield root, Way(relation.column, type_name, "part")
    if any(relation.kind == "dense" for relation in entity_type.relations.values()):
        yield "CustomAttributeValue", Way("entity_id", type_name, "part")


def ways_to(schema: Schema, root: str) -> tuple[Way, ...]:
    """Return the ways of a root type; where the table has none, those that its references tell."""
    if root in WAYS or root in _WHOLE:
        return WAYS.get(root, ())
    return tuple(
        Way(relation.column, relation.target)
        for relation in schema.types[root].relations.values()
        if relation.kind == "reference" and schema.types[relation.target].root in WAYS
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
        for way in ways_to(schema, root)
        if way.owner in schema.types and schema.types[way.owner].root not in seen | {root}
    )
