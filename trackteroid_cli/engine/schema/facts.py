"""Facts about ftrack's data model that its entity schemas leave out.

A schema names its relations, but rarely their columns or its supertype. `schema` infers most of
these from names and from the inverse relation; the tables here hold the rest. Their keys are root
types of families, so that they apply to a studio's own object types as well.

Source: ftrack's API documentation; the relations that ``ftrack_api`` itself reads.
"""

from __future__ import annotations

from typing import NamedTuple

#: Subtypes by supertype. Types that share a storage and differ in their classifiers
#: (``TypedContext`` and every object type, the two lists) are found from the schemas.
SUPERTYPES: dict[str, tuple[str, ...]] = {
    "Context": ("Project", "TypedContext"),
    "Component": ("FileComponent", "SequenceComponent", "ContainerComponent"),
    "Resource": ("User", "Group"),
    "StatusChange": ("TypedContextStatusChange", "AssetVersionStatusChange"),
    "CustomConfigurationBase": (
        "CustomAttributeConfiguration",
        "CustomAttributeLinkConfiguration",
    ),
    "NoteCategory": ("NoteLabel",),
}

#: Types without rows of their own: each row is of a subtype.
ABSTRACT = frozenset({"Context", "Resource", "CustomConfigurationBase"})

#: Supertypes of every type whose name ends with theirs: ``UserCustomAttributeLink``…
SUPERTYPE_SUFFIXES = ("CustomAttributeLinkFrom", "CustomAttributeLink")

#: Root types whose rows are those of another root type, seen from the other end of a link.
SHARED_TABLES = {"CustomAttributeLinkFrom": "CustomAttributeLink"}

#: Types with a row for each custom attribute that applies to an entity of the type they begin with.
DENSE_TYPES = frozenset(
    f"{owner}CustomAttributeValue"
    for owner in ("Asset", "AssetVersion", "Context", "List", "ListObject", "User")
)

#: Foreign key columns of references that are not called ``<name>_id``.
REFERENCE_COLUMNS: dict[tuple[str, str], str] = {
    ("Asset", "parent"): "context_id",
    ("CustomConfigurationBase", "object_type_to"): "object_type_id_to",
    ("Feed", "event"): "social_id",
    ("List", "owner"): "user_id",
    ("Note", "author"): "user_id",
    ("ProjectSchema", "_task_type_schema"): "task_type_schema_id",
    ("ProjectSchema", "_task_workflow"): "task_workflow_schema_id",
    ("ProjectSchema", "_version_workflow"): "asset_version_workflow_schema_id",
    ("Recipient", "recipient"): "resource_id",
    ("Recipient", "user"): "resource_id",
    ("ReviewSessionObject", "asset_version"): "version_id",
    ("ReviewSessionObjectStatus", "invitee"): "review_session_invitee_id",
    ("SchemaStatus", "task_status"): "status_id",
    ("SchemaType", "task_type"): "type_id",
}

#: Foreign key columns of every reference in these families but ``configuration``.
LINK_ENDS = {"CustomAttributeLink": "to_id", "CustomAttributeLinkFrom": "from_id"}

#: Columns of the targets of collections, where the target's references do not tell them.
COLLECTION_COLUMNS: dict[str, str] = {
    "custom_attribute_links": "from_id",
    "custom_attribute_links_from": "to_id",
    "incoming_links": "to_id",
    "members": "container_id",
    "metadata": "parent_id",
    "notes": "parent_id",
    "outgoing_links": "from_id",
    "settings": "parent_id",
    "status_changes": "parent_id",
    "values": "configuration_id",
}

#: Supertypes to use as the target of a relation, where ftrack allows more than the schema says, by
#: root, name and the schema's target. Every component can be in a container, and every context in a
#: list.
WIDER_TARGETS: dict[tuple[str, str, str], str] = {
    ("Component", "container", "ContainerComponent"): "Component",
    ("List", "items", "Task"): "TypedContext",
}

#: Collections of only those targets that have a value in a column: column and value.
COLLECTION_FILTERS: dict[str, tuple[str, str]] = {
    "allocations": ("type", "allocation"),
    "assignments": ("type", "assignment"),
}


class Through(NamedTuple):
    """The type, or hidden table, between the two ends of a many-to-many relation."""

    between: str
    owner_column: str
    target_column: str


#: Many-to-many collections. A name in lower case is a table without an entity type.
THROUGH: dict[tuple[str, str], Through] = {
    ("AssetVersion", "lists"): Through("ListObject", "entity_id", "list_id"),
    ("AssetVersion", "used_in_versions"): Through("AssetVersionLink", "from_id", "to_id"),
    ("AssetVersion", "uses_versions"): Through("AssetVersionLink", "to_id", "from_id"),
    ("Context", "lists"): Through("ListObject", "entity_id", "list_id"),
    ("Context", "scopes"): Through("context_scope", "context_id", "scope_id"),
    ("CustomConfigurationBase", "read_security_roles"): Through(
        "configuration_read_role", "configuration_id", "security_role_id"
    ),
    ("CustomConfigurationBase", "write_security_roles"): Through(
        "configuration_write_role", "configuration_id", "security_role_id"
    ),
    ("List", "items"): Through("ListObject", "list_id", "entity_id"),
    ("ObjectType", "project_schemas"): Through(
        "ProjectSchemaObjectType", "object_type_id", "project_schema_id"
    ),
    ("ProjectSchema", "object_types"): Through(
        "ProjectSchemaObjectType", "project_schema_id", "object_type_id"
    ),
    ("TaskTypeSchema", "types"): Through("TaskTypeSchemaType", "task_type_schema_id", "type_id"),
    ("Type", "task_type_schemas"): Through("TaskTypeSchemaType", "type_id", "task_type_schema_id"),
    ("WorkflowSchema", "statuses"): Through(
        "WorkflowSchemaStatus", "workflow_schema_id", "status_id"
    ),
}

#: Read-only attributes that the schemas' ``computed`` lists leave out.
COMPUTED = frozenset({"link", "_link", "is_latest_version"})

#: Classifier columns by the storage name that the schemas use for them.
CLASSIFIER_COLUMNS = {"object_typeid": "object_type_id", "entity": "system_type"}

#: System projections by storage name, where no attribute carries that alias.
SYSTEM_PROJECTIONS = {"showid": "project_id", "assetid": "asset_id", "topid": "project_id"}
