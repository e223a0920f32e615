"""What ftrack's entity schemas do not say of themselves.

A schema names its relations but seldom the column behind one, nor which types are kinds of another.
Most of it follows from names and from the inverse relation (see `schema`); this is the rest.
Keys name the root type of a family, so that a studio's own object types are covered as well.

Source: ftrack's API documentation; the relations that ``ftrack_api`` itself reads.
"""

from __future__ import annotations

from typing import NamedTuple

#: Types whose rows are those of other types. Types that share storage by classifiers
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

#: Supertypes of every schema whose name ends like theirs: ``UserCustomAttributeLink``…
SUPERTYPE_SUFFIXES = ("CustomAttributeLinkFrom", "CustomAttributeLink")

#: The same rows seen from the other end: one table, told apart by another column.
SHARED_TABLES = {"CustomAttributeLinkFrom": "CustomAttributeLink"}

#: Foreign key columns of references that have no ``<name>_id`` beside them.
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

#: In these families every reference but ``configuration`` is the linked entity.
LINK_ENDS = {"CustomAttributeLink": "to_id", "CustomAttributeLinkFrom": "from_id"}

#: Columns on the target of collections that the target's references do not settle.
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

#: Relations whose schemas name one type where ftrack keeps others as well: by root, name and that
#: type. A sequence contains components, and a list any context.
WIDER_TARGETS: dict[tuple[str, str, str], str] = {
    ("Component", "container", "ContainerComponent"): "Component",
    ("List", "items", "Task"): "TypedContext",
}

#: Collections that hold a part of the targets: column and value.
COLLECTION_FILTERS: dict[str, tuple[str, str]] = {
    "allocations": ("type", "allocation"),
    "assignments": ("type", "assignment"),
}


class Through(NamedTuple):
    """A many-to-many collection: the type (or hidden table) between, and its two columns."""

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
