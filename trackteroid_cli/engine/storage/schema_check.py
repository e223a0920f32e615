"""Checks of entity schemas that come from outside, before a store is made for them.

The names in them become tables and columns, and much of the engine counts on certain types.

Source: the JSON form of ftrack's ``query_schemas``, as ``ftrack_api/entity/factory.py`` reads it.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import cast

from trackteroid_cli.engine.schema import facts
from trackteroid_cli.engine.schema.documents import SchemaDocument
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.dense import owner_of
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.layout import statements

#: The names of types and attributes become names of tables and columns.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")

#: What SQLite calls the number of a row.
_ROW_NUMBERS = frozenset({"rowid", "oid", "_rowid_"})

_LISTS = ("primary_key", "required", "immutable", "default_projections")
_MORE_LISTS = ("system_projections", "computed")

_TYPED_CONTEXT = (
    "id name parent_id project_id context_type object_type_id status_id type_id parent "
    "project status type custom_attributes metadata notes"
)

#: Types, with the attributes and references of each, that the engine itself reads and writes: a
#: server without one of them is none that a client could work with.
NEEDED = {
    "Asset": "id name context_id type_id parent",
    "AssetType": "id name short",
    "AssetVersion": "id version asset_id status_id is_published asset",
    "Component": "id name",
    "Context": "id name parent_id context_type parent",
    "ContextCustomAttributeValue": "configuration_id entity_id key value",
    "CustomAttributeConfiguration": "id key entity_type object_type_id project_id config default "
    "is_hierarchical type_id",
    "CustomAttributeLink": "id configuration_id from_id to_id",
    "CustomAttributeLinkFrom": "id configuration_id from_id to_id",
    "CustomAttributeType": "id name",
    "CustomAttributeValue": "configuration_id entity_id value",
    "CustomConfigurationBase": "id key entity_type object_type_id project_id config",
    "Group": "id name",
    "List": "id name project_id",
    "Location": "id name",
    "Metadata": "parent_id key value parent_type",
    "Note": "id parent_id parent_type user_id",
    "ObjectType": "id name is_typeable is_statusable",
    "Priority": "id name",
    "Project": "id name full_name project_schema_id project_schema status context_type",
    "ProjectSchema": "id name task_type_schema_id task_workflow_schema_id "
    "asset_version_workflow_schema_id",
    "ProjectSchemaOverride": "id project_schema_id type_id workflow_schema_id",
    "Recipient": "note_id resource_id",
    "Resource": "id resource_type",
    "Schema": "id project_schema_id object_type_id type_id",
    "SchemaStatus": "schema_id status_id",
    "SchemaType": "schema_id type_id",
    "Setting": "name group value",
    "State": "id name short",
    "Status": "id name sort state",
    "TaskTypeSchemaType": "task_type_schema_id type_id",
    "Timelog": "id context_id duration",
    "Type": "id name sort",
    "Task": _TYPED_CONTEXT,
    "TypedContext": _TYPED_CONTEXT,
    "User": "id username is_active first_name last_name email user_type_id",
    "UserType": "id name",
    "WorkflowSchemaStatus": "workflow_schema_id status_id",
}


class UnusableSchemas(ValueError):
    """Entity schemas that no store can be made for, and why."""


def checked_schemas(sent: object) -> list[SchemaDocument]:
    """Return *sent*, any JSON, if it is a list of the entity schemas of a whole server.

    Raises:
        UnusableSchemas: it is anything else.
    """
    # The answer of a server is a list of the results of its operations.
    if isinstance(sent, list) and len(sent) == 1 and isinstance(sent[0], list):
        (sent,) = sent
    if not isinstance(sent, list) or not sent:
        raise UnusableSchemas("they are a JSON list of objects, one for each entity type")
    for place, document in enumerate(sent):
        _check_document(place, document)
    documents = [cast(SchemaDocument, document) for document in sent]
    _refuse_repeated("entity type", [document["id"] for document in documents])
    _check_needed(documents)
    try:
        schema = Schema(documents)
    except (LookupError, ValueError) as error:
        raise UnusableSchemas(f"they do not fit together: {error}") from error
    _check_object_types(schema)
    for name in facts.DENSE_TYPES.intersection(schema.types):
        if owner_of(name) not in schema.types:
            raise UnusableSchemas(f"{name} has values of {owner_of(name)}, which is missing")
    _check_defaults(schema)
    _check_tables(schema)
    return documents


def _check_document(place: int, document: object) -> None:
    if not isinstance(document, dict):
        raise UnusableSchemas(f"number {place + 1} is no object")
    name = document.get("id")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith("_"):
        raise UnusableSchemas(f"number {place + 1} has no name of an entity type as its id")
    properties = document.get("properties")
    if not isinstance(properties, dict) or not properties:
        raise UnusableSchemas(f"{name} has no properties")
    for attribute, fragment in properties.items():
        _check_property(name, attribute, fragment)
    for key in (*_LISTS, *_MORE_LISTS):
        if key in document or key in _LISTS:
            _check_names(name, key, document.get(key))
    _check_storage(name, document.get("alias_for"))
    primary_key = document["primary_key"]
    if not primary_key or len(set(primary_key)) < len(primary_key):
        raise UnusableSchemas(f"{name} has no primary key, or a part of it twice")
    for attribute in primary_key:
        fragment = properties.get(attribute, {})
        if "items" in fragment or fragment.get("type") in (None, "object", "variable"):
            raise UnusableSchemas(f"{name} has the key '{attribute}', which is none of its values")


def _check_property(type_name: str, name: str, fragment: object) -> None:
    where = f"{type_name} has a property '{name[:100]!s}'"
    if not _NAME.fullmatch(name) or name.lower() in _ROW_NUMBERS:
        raise UnusableSchemas(f"{where}: a name has letters, digits and '_', at most 100")
    if not isinstance(fragment, dict):
        raise UnusableSchemas(f"{where} that is no object")
    for key in ("type", "format", "alias_for", "$ref"):
        if not isinstance(fragment.get(key, ""), str):
            raise UnusableSchemas(f"{where} whose {key} is no text")
    items = fragment.get("items", {})
    if not isinstance(items, dict) or not isinstance(items.get("$ref", ""), str):
        raise UnusableSchemas(f"{where} whose items name no entity type")
    if not isinstance(fragment.get("default"), (str, int, float, type(None))):
        raise UnusableSchemas(f"{where} whose default is no value")
    if "enum" in fragment:
        _check_names(type_name, "enum", fragment["enum"])


def _check_names(type_name: str, key: str, names: object) -> None:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UnusableSchemas(f"{type_name} has no list of names as its {key}")


def _check_storage(type_name: str, storage: object) -> None:
    if storage is None or isinstance(storage, str):
        return
    classifiers = storage.get("classifiers", {}) if isinstance(storage, Mapping) else None
    if (
        not isinstance(storage, Mapping)
        or not isinstance(storage.get("id"), str)
        or not isinstance(classifiers, Mapping)
        or not all(_NAME.fullmatch(name) for name in classifiers)
        or not all(
            isinstance(value, str) and values.is_text(value) for value in classifiers.values()
        )
    ):
        raise UnusableSchemas(f"{type_name} names no storage in alias_for")


def _check_needed(documents: list[SchemaDocument]) -> None:
    properties = {document["id"]: document["properties"] for document in documents}
    missing = [name for name in NEEDED if name not in properties]
    if missing:
        raise UnusableSchemas(
            f"they are not those of a whole server: {', '.join(missing[:5])}"
            f"{' and others' if len(missing) > 5 else ''} missing"
        )
    for type_name, attributes in NEEDED.items():
        _check_has(attributes, type_name, properties[type_name])


def _check_has(attributes: str, type_name: str, properties: Mapping[str, object]) -> None:
    for attribute in attributes.split():
        if attribute not in properties:
            raise UnusableSchemas(f"{type_name} has no '{attribute}'")


def _check_object_types(schema: Schema) -> None:
    object_types = [each for each in schema.types.values() if "object_type_id" in each.classifiers]
    _refuse_repeated(
        "object type with the id", [each.classifiers["object_type_id"] for each in object_types]
    )
    for each in object_types:
        if not schema.is_kind_of(each.name, "TypedContext"):
            raise UnusableSchemas(f"{each.name} has an object type, but is no kind of TypedContext")
        _check_has(_TYPED_CONTEXT, each.name, {**each.scalars, **each.relations})


def _check_defaults(schema: Schema) -> None:
    for entity_type in schema.types.values():
        for attribute in entity_type.scalars.values():
            if attribute.computed or attribute.kind == "variable" or attribute.default is None:
                continue
            try:
                values.to_stored(attribute, attribute.default)
            except ValidationError as error:
                raise UnusableSchemas(
                    f"{entity_type.name} has a wrong default: {error.content}"
                ) from error


def _check_tables(schema: Schema) -> None:
    """Check that SQLite can make the tables: their columns differ, and are not too many."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            for statement in statements(schema):
                connection.execute(statement)
        except sqlite3.Error as error:
            raise UnusableSchemas(f"no database can be made for them: {error}") from error


def _refuse_repeated(what: str, names: list[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise UnusableSchemas(f"there are {times} of the {what} {name[:100]!r}")
