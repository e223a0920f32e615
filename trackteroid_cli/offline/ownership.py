"""Ownership: which rows belong to which, so that a pull can follow from a project to all its rows.

The schemas name the references, but do not say which of them mean that one row belongs to another.
Keys and owners here are root types, or types of a family of which only some own anything.

Source: ftrack's API documentation; the entity schemas.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from trackteroid_cli.engine.schema.schema import Schema

#: How rows belong to their owner. A *part* describes its owner and is pulled together with it; a
#: *child* is an entity of its own and is pulled with a whole project.
Kind = Literal["part", "child"]


class Ownership(NamedTuple):
    """Rows belong to an *owner* if their *column* equals the owner's *owner_column*."""

    column: str
    owner: str
    kind: Kind = "child"
    owner_column: str = "id"


#: The owners of each type. A type without owners belongs to nothing, and is held whole.
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
    # What describes any of them; owners with a collection of these are found from the schema.
    "CustomAttributeValue": (),
    "EntitySetting": (Ownership("parent_id", "Context", "part"),),
    "Metadata": (),
    "Note": (Ownership("in_reply_to_id", "Note", "part"),),
    "NoteComponent": (Ownership("note_id", "Note", "part"),),
    "NoteLabelLink": (Ownership("note_id", "Note", "part"),),
    "Recipient": (Ownership("note_id", "Note", "part"),),
    "StatusChange": (),
    # Small tables with a composite key, pulled together with their owners.
    "DashboardResource": (Ownership("dashboard_id", "Dashboard", "part"),),
    "JobComponent": (Ownership("job_id", "Job", "part"),),
    "ProjectSchemaObjectType": (Ownership("project_schema_id", "ProjectSchema", "part"),),
    "SchemaStatus": (Ownership("schema_id", "Schema", "part"),),
    "SchemaType": (Ownership("schema_id", "Schema", "part"),),
    "TaskTypeSchemaType": (Ownership("task_type_schema_id", "TaskTypeSchema", "part"),),
    "UserApplicationState": (Ownership("user_id", "User", "part"),),
    "WorkflowSchemaStatus": (Ownership("workflow_schema_id", "WorkflowSchema", "part"),),
}

#: References upwards besides `OWNERSHIP`: a pull of an expression includes their targets.
UPWARD_REFERENCES: dict[str, tuple[Ownership, ...]] = {
    "Context": (Ownership("parent_id", "Context"),),
    "AssetVersion": (Ownership("task_id", "TypedContext"),),
    "ReviewSessionObject": (Ownership("version_id", "AssetVersion"),),
}

#: Collections of parts, on types of any family.
_PART_COLLECTIONS = ("metadata", "notes", "settings", "status_changes")


def owned_rows(schema: Schema, type_name: str) -> Iterator[tuple[str, Ownership]]:
    """Yield the root types whose rows belong to rows of *type_name*, each with its ownership."""
    for root in schema.families:
        for ownership in owners_of(schema, root):
            owner = ownership.owner
            if owner in schema.types and schema.is_kind_of(type_name, owner):
                yield root, ownership
    yield from _collected_parts(schema, type_name)


def _collected_parts(schema: Schema, type_name: str) -> Iterator[tuple[str, Ownership]]:
    """Yield the root types whose rows are in a collection of parts that a type has."""
    entity_type = schema.types[type_name]
    for relation in map(entity_type.relations.get, _PART_COLLECTIONS):
        if relation is not None and relation.kind == "many":
            root = schema.types[relation.target].root
            yield root, Ownership(relation.column, type_name, "part")
    if any(relation.kind == "dense" for relation in entity_type.relations.values()):
        yield "CustomAttributeValue", Ownership("entity_id", type_name, "part")


def every_owner_of(schema: Schema, root: str) -> Iterator[Ownership]:
    """Yield every owner of a root type, also those that have a collection of its rows as parts."""
    yield from (owned for owned in owners_of(schema, root) if owned.owner in schema.types)
    for name in schema.types:
        yield from (owned for each, owned in _collected_parts(schema, name) if each == root)


def owners_of(schema: Schema, root: str) -> tuple[Ownership, ...]:
    """Return the owners of a root type; for a type unknown here, the targets of its references."""
    if root in OWNERSHIP or root in _ALWAYS_WHOLE:
        return OWNERSHIP.get(root, ())
    return tuple(
        Ownership(relation.column, relation.target)
        for relation in schema.types[root].relations.values()
        if relation.kind == "reference" and schema.types[relation.target].root in OWNERSHIP
    )


#: Parts that owners of many types share; the owners are found from the schema.
_SHARED_PARTS = frozenset({"CustomAttributeValue", "Metadata", "Note", "StatusChange"})

#: Types that refer to rows of a project, and are held whole nevertheless.
_ALWAYS_WHOLE = frozenset(
    {
        "CustomAttributeLink",
        "CustomAttributeLinkFrom",
        "Resource",
        "SettingComponent",
        "UserSecurityRoleProject",
    }
)


def is_scoped(schema: Schema, root: str, seen: frozenset[str] = frozenset()) -> bool:
    """Return whether a replica holds only those rows of a root type whose owners were pulled."""
    if root == "Context" or root in _SHARED_PARTS:
        return True
    return any(
        is_scoped(schema, schema.types[each.owner].root, seen | {root})
        for each in owners_of(schema, root)
        if each.owner in schema.types and schema.types[each.owner].root not in seen | {root}
    )
