"""Deleting one entity with the rows that depend on it.

For every reference to a deleted entity one of three rules holds, as in SQL's ``ON DELETE``:

* cascade: the referring row is deleted too. `CASCADES` lists these columns. Metadata, custom
  attribute values and links go with their entity, a row between two entities with either of them,
  and a row whose primary key contains the reference with what it refers to.
* restrict: the entity is in use and cannot be deleted. `RESTRICTS` lists these columns.
* set null: every other reference becomes null.

Source: ``ftrack_api/session.py``, `commit`, for what a delete operation holds; ftrack's API
documentation, "Deleting entities".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from trackteroid_cli.engine.schema import facts
from trackteroid_cli.engine.schema.schema import EntityType, Relation, Schema, is_dense
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing.transaction import Key, StoredEntity, Transaction, read_key


class Column(NamedTuple):
    """A column that holds the key of another entity."""

    root: str
    name: str


#: Columns whose row is deleted with the entity that they refer to, by root type of that entity.
CASCADES: dict[str, tuple[Column, ...]] = {
    "Asset": (Column("AssetVersion", "asset_id"),),
    "AssetVersion": (
        Column("Component", "version_id"),
        Column("Note", "parent_id"),
        Column("ReviewSessionObject", "version_id"),
        Column("StatusChange", "parent_id"),
    ),
    "CalendarEvent": (Column("CalendarEventResource", "calendar_event_id"),),
    "Component": (Column("Component", "container_id"), Column("ComponentLocation", "component_id")),
    "Context": (
        Column("Appointment", "context_id"),
        Column("Asset", "context_id"),
        Column("CalendarEvent", "project_id"),
        Column("Context", "parent_id"),
        Column("CustomConfigurationBase", "project_id"),
        Column("List", "project_id"),
        Column("Manager", "context_id"),
        Column("Note", "parent_id"),
        Column("ReviewSession", "project_id"),
        Column("StatusChange", "parent_id"),
        Column("Timelog", "context_id"),
        Column("TypedContextLink", "from_id"),
        Column("TypedContextLink", "to_id"),
        Column("UserSecurityRoleProject", "project_id"),
    ),
    "Conversation": (
        Column("Message", "conversation_id"),
        Column("Participant", "conversation_id"),
    ),
    "CustomConfigurationBase": (Column("CustomAttributeLink", "configuration_id"),),
    "Dashboard": (Column("DashboardWidget", "dashboard_id"),),
    "Event": (Column("Feed", "social_id"),),
    "Note": (Column("Note", "in_reply_to_id"),),
    "ProjectSchema": (
        Column("ProjectSchemaOverride", "project_schema_id"),
        Column("Schema", "project_schema_id"),
        Column("TaskTemplate", "project_schema_id"),
    ),
    "Resource": (
        Column("Appointment", "resource_id"),
        Column("CalendarEventResource", "resource_id"),
        Column("Manager", "user_id"),
        Column("Membership", "group_id"),
        Column("Membership", "user_id"),
        Column("Participant", "resource_id"),
        Column("Timer", "user_id"),
        Column("UserApplicationState", "user_id"),
        Column("UserSecurityRole", "user_id"),
    ),
    "ReviewSession": (
        Column("EntitySetting", "parent_id"),
        Column("ReviewSessionInvitee", "review_session_id"),
        Column("ReviewSessionObject", "review_session_id"),
    ),
    "ReviewSessionInvitee": (Column("ReviewSessionObjectStatus", "review_session_invitee_id"),),
    "ReviewSessionObject": (
        Column("Note", "parent_id"),
        Column("ReviewSessionObjectStatus", "review_session_object_id"),
    ),
    "Schema": (Column("SchemaStatus", "schema_id"), Column("SchemaType", "schema_id")),
    "SecurityRole": (Column("UserSecurityRole", "security_role_id"),),
    "TaskTemplate": (Column("TaskTemplateItem", "template_id"),),
    "UserSecurityRole": (Column("UserSecurityRoleProject", "user_security_role_id"),),
}

#: Columns that keep the entity that they refer to from being deleted, by its root type.
RESTRICTS: dict[str, tuple[Column, ...]] = {
    "CustomAttributeType": (Column("CustomConfigurationBase", "type_id"),),
    "ListCategory": (Column("List", "category_id"),),
    "Location": (Column("ComponentLocation", "location_id"),),
    "ObjectType": (Column("Context", "object_type_id"),),
    "Priority": (Column("Context", "priority_id"),),
    "ProjectSchema": (Column("Context", "project_schema_id"),),
    "Status": (Column("AssetVersion", "status_id"), Column("Context", "status_id")),
    "TaskTypeSchema": (Column("ProjectSchema", "task_type_schema_id"),),
    "Type": (Column("CalendarEvent", "type_id"), Column("Context", "type_id")),
    "WorkflowSchema": (
        Column("ProjectSchema", "asset_version_workflow_schema_id"),
        Column("ProjectSchema", "task_workflow_schema_id"),
    ),
}


class Rules(NamedTuple):
    """The columns that refer to entities of one root type, by what happens to their rows."""

    cascade: tuple[Column, ...]
    set_null: tuple[Column, ...]
    #: Tables without an entity type, and the column in each: their rows are deleted.
    hidden: tuple[tuple[str, str], ...]


def delete(transaction: Transaction, entity_type: EntityType, sent_key: object) -> None:
    """Delete the entity with a key.

    Args:
        transaction: the request's transaction.
        entity_type: the entity's type or a supertype.
        sent_key: the operation's ``entity_key``.

    Raises:
        ValidationError: there is no such entity, or it is in use.
    """
    if is_dense(entity_type.name):
        raise ValidationError(
            f"A {entity_type.name} cannot be deleted. Delete the CustomAttributeValue of the same "
            f"key to return to the default."
        )
    cascade(transaction, transaction.get(entity_type, read_key(entity_type, sent_key)))


def cascade(transaction: Transaction, found: StoredEntity) -> None:
    """Delete an entity with everything that depends on it.

    Raises:
        ValidationError: it is in use.
    """
    doomed: dict[str, dict[Key, StoredEntity]] = {}
    wave = {found.entity_type.root: {found.key: found}}
    while wave:
        for root, rows in wave.items():
            doomed.setdefault(root, {}).update(rows)
        wave = _next_wave(transaction, wave, doomed)
    for root, rows in doomed.items():
        _refuse_in_use(transaction, root, rows, doomed)
    for root, rows in doomed.items():
        _clear_references(transaction, root, rows, doomed)
        transaction.remove(transaction.schema.families[root], rows.values())


def _next_wave(
    transaction: Transaction,
    wave: dict[str, dict[Key, StoredEntity]],
    doomed: dict[str, dict[Key, StoredEntity]],
) -> dict[str, dict[Key, StoredEntity]]:
    """Return the rows that depend on those of *wave* and are not doomed yet."""
    following: dict[str, dict[Key, StoredEntity]] = {}
    for root, rows in wave.items():
        ids = _ids(rows)
        for column in _rules(transaction.schema, root).cascade if ids else ():
            family = transaction.schema.families[column.root]
            for found in transaction.select(family, column.name, ids):
                if found.key not in doomed.get(column.root, ()):
                    following.setdefault(column.root, {})[found.key] = found
    return following


def _ids(rows: dict[Key, StoredEntity]) -> list[Stored]:
    """Return the keys of *rows*; nothing refers to entities with a key of several parts."""
    return [key[0] for key in rows if len(key) == 1]


def _refuse_in_use(
    transaction: Transaction,
    root: str,
    rows: dict[Key, StoredEntity],
    doomed: dict[str, dict[Key, StoredEntity]],
) -> None:
    for column in _existing(transaction.schema, RESTRICTS.get(root, ())):
        for user in transaction.select(
            transaction.schema.families[column.root], column.name, _ids(rows)
        ):
            if user.key not in doomed.get(column.root, ()):
                used = rows[(user.row[column.name],)]
                raise ValidationError(
                    f"{used.entity_type.name} '{used.row.get('name')}' cannot be deleted: "
                    f"{user.entity_type.name} '{user.key[0]}' uses it."
                )


def _clear_references(
    transaction: Transaction,
    root: str,
    rows: dict[Key, StoredEntity],
    doomed: dict[str, dict[Key, StoredEntity]],
) -> None:
    """Set the references to *rows* to null in the rows that stay."""
    ids = _ids(rows)
    rules = _rules(transaction.schema, root)
    for column in rules.set_null if ids else ():
        for found in transaction.select(transaction.schema.families[column.root], column.name, ids):
            if found.key not in doomed.get(column.root, ()):
                transaction.change(found, {column.name: None})
    for table, name in rules.hidden:
        transaction.connection.executemany(
            f'DELETE FROM "{table}" WHERE "{name}" = ?', [(id_,) for id_ in ids]
        )


# The rules that follow from the schemas.


def cascading_columns(schema: Schema, root: str) -> tuple[Column, ...]:
    """Return the columns whose rows are deleted with the entities of *root* that they refer to."""
    return _rules(schema, root).cascade


@lru_cache(maxsize=512)
def _rules(schema: Schema, root: str) -> Rules:
    cascading = dict.fromkeys(
        (*_existing(schema, CASCADES.get(root, ())), *_cascading(schema, root))
    )
    set_null = []
    for column in _referring_columns(schema, root):
        if column.name in schema.families[column.root].primary_key:
            cascading[column] = None
        elif column not in cascading and column not in RESTRICTS.get(root, ()):
            set_null.append(column)
    hidden = [
        (through.between, column)
        for through in facts.THROUGH.values()
        for end, column in _ends(schema, through.between)
        if end == root and through.between not in schema.types
    ]
    if root == "Resource":
        hidden.append(("_api_key", "user_id"))
    return Rules(tuple(cascading), tuple(dict.fromkeys(set_null)), tuple(dict.fromkeys(hidden)))


def _existing(schema: Schema, columns: Iterable[Column]) -> list[Column]:
    """Return those of *columns* that the schema, of an older or newer ftrack, has."""
    return [
        column
        for column in columns
        if column.root in schema.families and column.name in schema.families[column.root].columns
    ]


def _relations(schema: Schema) -> Iterator[tuple[str, Relation]]:
    """Yield each relation of each type with the root of its owner."""
    for entity_type in schema.types.values():
        for relation in entity_type.relations.values():
            yield entity_type.root, relation


def _cascading(schema: Schema, root: str) -> Iterator[Column]:
    """Yield columns that always cascade.

    These are the owners of metadata, custom attribute values and links, and both ends of rows
    between two entities.
    """
    for owner, relation in _relations(schema):
        if relation.kind == "through" and relation.between in schema.types:
            for end, column in _ends(schema, relation.between):
                if end == root:
                    yield Column(schema.types[relation.between].root, column)
        elif owner == root and relation.kind == "dense":
            yield Column("CustomAttributeValue", "entity_id")
        elif owner == root and relation.name in _WITH_THEIR_OWNER:
            yield Column(_WITH_THEIR_OWNER[relation.name], relation.column)


_WITH_THEIR_OWNER = {
    "custom_attribute_links": "CustomAttributeLink",
    "custom_attribute_links_from": "CustomAttributeLink",
    "metadata": "Metadata",
}


def _ends(schema: Schema, between: str) -> Iterator[tuple[str, str]]:
    """Yield the root types that rows of *between* connect, with the column for each."""
    for owner, relation in _relations(schema):
        if relation.kind == "through" and relation.between == between:
            yield owner, relation.column
            yield schema.types[relation.target].root, relation.target_column


def _referring_columns(schema: Schema, root: str) -> Iterator[Column]:
    """Yield the columns that refer to entities of *root*."""
    for owner, relation in _relations(schema):
        if relation.kind != "reference" or schema.types[relation.target].root != root:
            continue
        column = Column(facts.SHARED_TABLES.get(owner, owner), relation.column)
        if not schema.families[owner].dense and column.name in schema.families[owner].columns:
            yield column
