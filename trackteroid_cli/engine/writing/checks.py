"""Constraints that must hold at the end of a request, whatever the order of its operations.

Required attributes are set, references lead to rows that exist, unique values are unique. Each
check looks at all changes of the request in a few statements.

Source: ftrack's API documentation, "Creating entities"; the errors that ``ftrack_api`` expects.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from trackteroid_cli.engine.schema.schema import EntityType, Schema
from trackteroid_cli.engine.storage import dense
from trackteroid_cli.engine.storage.errors import DuplicateEntryError, ValidationError
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing.transaction import Key, Transaction, display

#: Required columns of a type and its subtypes. The schemas' own lists have defaults in them, too.
REQUIRED: dict[str, tuple[str, ...]] = {
    "Appointment": ("context_id", "resource_id"),
    "AssetType": ("name",),
    "AssetVersionLink": ("from_id", "to_id"),
    "CustomAttributeConfiguration": ("key", "entity_type", "type_id"),
    "CustomAttributeLinkConfiguration": ("key", "entity_type", "entity_type_to"),
    "CustomAttributeLink": ("configuration_id", "from_id", "to_id"),
    "CustomAttributeLinkFrom": ("configuration_id", "from_id", "to_id"),
    "Disk": ("name",),
    "List": ("category_id", "project_id"),
    "ListObject": ("list_id", "entity_id"),
    "Location": ("name",),
    "Membership": ("group_id", "user_id"),
    "ObjectType": ("name",),
    "Project": ("project_schema_id",),
    "ReviewSession": ("project_id",),
    "ReviewSessionObject": ("review_session_id", "version_id"),
    "Scope": ("name",),
    "TaskTemplate": ("name", "project_schema_id"),
    "TypedContext": ("parent_id", "object_type_id", "project_id"),
    "TypedContextLink": ("from_id", "to_id"),
}


class Unique(NamedTuple):
    """Columns in which no two rows of a type and its subtypes may be equal.

    The first of ``columns``, which have an index, may be null or empty in many rows. In the columns
    ``also`` two nulls are equal.
    """

    entity_type: str
    columns: tuple[str, ...]
    also: tuple[str, ...] = ()


UNIQUE = (
    Unique("ComponentLocation", ("component_id",), ("location_id",)),
    Unique(
        "CustomAttributeConfiguration",
        ("key",),
        ("entity_type", "object_type_id", "project_id", "is_hierarchical"),
    ),
    Unique("CustomAttributeLink", ("from_id",), ("configuration_id", "to_id")),
    Unique(
        "CustomAttributeLinkConfiguration",
        ("key",),
        ("entity_type", "object_type_id", "project_id"),
    ),
    Unique("Location", ("name",)),
    Unique("Project", ("name",)),
    Unique("Timer", ("user_id",)),
    Unique("TypedContext", ("parent_id", "name"), ("object_type_id", "type_id")),
    Unique("User", ("email",)),
    Unique("User", ("username",)),
)

#: The root types of custom attribute links, which share a table.
_LINKS = ("CustomAttributeLink", "CustomAttributeLinkFrom")

#: The kinds of configurations of custom attributes.
_CONFIGURATIONS = ("CustomAttributeConfiguration", "CustomAttributeLinkConfiguration")

#: Columns with the key of an entity although no reference uses them, by root type.
_OWNER_COLUMNS = {
    "CustomAttributeLink": ("from_id",),
    "CustomAttributeValue": ("entity_id",),
    "ListObject": ("entity_id",),
    "Metadata": ("parent_id",),
    "Note": ("parent_id",),
}


def check(transaction: Transaction) -> None:
    """Check all changes of a transaction.

    Raises:
        ValidationError: something required is missing, or a reference leads nowhere.
        DuplicateEntryError: a value that must be unique is taken.
    """
    _check_awaited(transaction)
    _check_references(transaction)
    _check_required(transaction)
    _check_unique(transaction)
    _check_dense_values(transaction)
    _check_configurations(transaction)
    _check_links(transaction)


def _check_awaited(transaction: Transaction) -> None:
    for (root, key), _ in transaction.awaited.items():
        raise ValidationError(f"No {root} with key {display(key)} exists, but a collection has it.")


def _check_required(transaction: Transaction) -> None:
    required: dict[str, tuple[str, ...]] = {}
    for action, type_name, key, _, after in transaction.changes:
        if type_name not in required:
            required[type_name] = _required(transaction.schema, type_name)
        if action == "remove" or not required[type_name]:
            continue
        suspects = [
            name
            for name in required[type_name]
            if after.get(name) is None and (action == "add" or name in after)
        ]
        if suspects:
            _refuse_missing(transaction, transaction.schema.types[type_name], key, suspects)


def _required(schema: Schema, type_name: str) -> tuple[str, ...]:
    has = schema.family_of(type_name).columns  # not every server has every attribute
    return tuple(
        column
        for name, columns in REQUIRED.items()
        if name in schema.types and schema.is_kind_of(type_name, name)
        for column in columns
        if column in has
    )


def _refuse_missing(
    transaction: Transaction, entity_type: EntityType, key: Key, suspects: Iterable[str]
) -> None:
    """Refuse a row where one of *suspects* is still null after all operations."""
    found = transaction.find(entity_type, key)
    for name in suspects:
        if found is None or found.row[name] is not None:
            continue
        if name == "project_id" and found.row.get("parent_id") is not None:
            raise ValidationError(
                f"{entity_type.name} {display(key)} is not below a project: "
                f"its parents form a ring."
            )
        raise ValidationError(
            f"Attribute '{name}' of {entity_type.name} {display(key)} is required. "
            f"Give it when creating the entity, or with a reference."
        )


# References.


@lru_cache(maxsize=64)
def owners(schema: Schema, root: str, column: str) -> tuple[str, ...]:
    """Return the root types whose entities own rows of *root* by *column*."""
    found: dict[str, None] = {}
    for entity_type in schema.types.values():
        for relation in entity_type.relations.values():
            if relation.kind == "dense" and (root, column) == ("CustomAttributeValue", "entity_id"):
                found[entity_type.root] = None
            elif relation.kind == "many" and relation.column == column:
                if schema.types[relation.target].root == root:
                    found[entity_type.root] = None
            elif (relation.between, relation.column) == (root, column):
                found[entity_type.root] = None
    return tuple(found)


def _targets(schema: Schema, entity_type: EntityType) -> dict[str, tuple[str, ...]]:
    """Return the columns of a type that hold keys, with the root types that they may refer to."""
    targets: dict[str, tuple[str, ...]] = {
        relation.column: (schema.types[relation.target].root,)
        for relation in entity_type.relations.values()
        if relation.kind == "reference" and len(schema.types[relation.target].primary_key) == 1
    }
    for column in _OWNER_COLUMNS.get(entity_type.root, ()):
        targets[column] = owners(schema, entity_type.root, column)
    return targets


def _check_references(transaction: Transaction) -> None:
    columns: dict[str, dict[str, tuple[str, ...]]] = {}
    wanted: dict[tuple[str, str, tuple[str, ...]], dict[Stored, None]] = defaultdict(dict)
    for action, type_name, _, _, after in transaction.changes:
        if action == "remove":
            continue
        if type_name not in columns:
            entity_type = transaction.schema.types[type_name]
            columns[type_name] = _targets(transaction.schema, entity_type)
        for column, roots in columns[type_name].items():
            key = after.get(column)
            if key is not None:
                wanted[type_name, column, roots][key] = None
    for (type_name, column, roots), keys in wanted.items():
        missing = list(keys)
        for root in roots:
            if missing:
                missing = _missing(transaction, root, missing)
        if missing:
            _refuse_dangling(
                transaction, transaction.schema.types[type_name], column, roots, missing
            )
    for root, paired in transaction.paired.items():
        for key in _missing(transaction, root, list(paired)):
            raise ValidationError(f"No {root} '{key}' exists, but a collection has it.")


def _missing(transaction: Transaction, root: str, keys: list[Stored]) -> list[Stored]:
    """Return those of *keys* that no entity of *root* has."""
    family = transaction.schema.families[root]
    (part,) = family.primary_key
    rows = transaction.connection.execute(
        f"SELECT key.value FROM json_each(?) key WHERE NOT EXISTS "
        f'(SELECT 1 FROM "{family.table}" t WHERE t."{part}" = key.value)',
        [json.dumps(keys)],
    )
    return [key for (key,) in rows]


def _refuse_dangling(
    transaction: Transaction,
    entity_type: EntityType,
    column: str,
    roots: tuple[str, ...],
    missing: list[Stored],
) -> None:
    """Refuse references that lead nowhere and are still there after all operations."""
    for found in transaction.select(transaction.family(entity_type), column, missing):
        raise ValidationError(
            f"Attribute '{column}' of {found.entity_type.name} {display(found.key)} refers to "
            f"'{found.row[column]}', but no such {' or '.join(roots)} exists."
        )


# Uniqueness.


def _check_unique(transaction: Transaction) -> None:
    touched: dict[Unique, dict[Stored, None]] = defaultdict(dict)
    rules: dict[str, list[Unique]] = {}
    for action, type_name, key, _, after in transaction.changes:
        if type_name not in rules:
            rules[type_name] = [
                rule
                for rule in UNIQUE
                if rule.entity_type in transaction.schema.types
                and transaction.schema.is_kind_of(type_name, rule.entity_type)
            ]
        for rule in rules[type_name]:
            if action != "remove" and not after.keys().isdisjoint(rule.columns + rule.also):
                touched[rule][key[0]] = None
    for rule, keys in touched.items():
        _refuse_duplicate(transaction, rule, list(keys))


def _refuse_duplicate(transaction: Transaction, rule: Unique, keys: list[Stored]) -> None:
    entity_type = transaction.schema.types[rule.entity_type]
    family = transaction.family(entity_type)
    conditions = [f'other."{column}" = mine."{column}"' for column in rule.columns]
    # The plus keeps SQLite from searching by these columns: many rows have equal values in them.
    conditions += [f'+other."{column}" IS mine."{column}"' for column in rule.also]
    if family.polymorphic:
        names = ", ".join(
            f"'{name}'" for name in transaction.schema.concrete_types(rule.entity_type)
        )
        conditions.append(f'+other."{family.discriminator}" IN ({names})')
    columns = (*rule.columns, *rule.also)
    taken = transaction.connection.execute(
        f"""
        SELECT {", ".join(f'mine."{column}"' for column in columns)} FROM json_each(?) key
        JOIN "{family.table}" mine ON mine.id = key.value
        JOIN "{family.table}" other ON other.id <> mine.id AND {" AND ".join(conditions)}
        WHERE mine."{columns[0]}" <> '' LIMIT 1
        """,
        [json.dumps(keys)],
    ).fetchone()
    if taken is not None:
        described = ", ".join(
            f"{column} '{value}'" for column, value in zip(columns, taken, strict=True) if value
        )
        raise DuplicateEntryError(f"Another {rule.entity_type} has {described} already.")


# Custom attributes.


def _check_dense_values(transaction: Transaction) -> None:
    """Refuse values of configurations that do not apply to their entity."""
    by_type: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for dense_type, configuration_id, entity_id in transaction.dense_values:
        by_type[dense_type].append((configuration_id, entity_id))
    for dense_type, pairs in by_type.items():
        root = dense.owner_of(dense_type)
        stray = transaction.connection.execute(
            f"""
            SELECT c.key, e.id FROM json_each(?) pair
            JOIN custom_configuration_base c ON c.id = json_extract(pair.value, '$[0]')
            JOIN "{transaction.schema.families[root].table}" e
            ON e.id = json_extract(pair.value, '$[1]')
            WHERE NOT coalesce({dense.applicability(root, "e", "c")}, 0) LIMIT 1
            """,
            [json.dumps(pairs)],
        ).fetchone()
        if stray is not None:
            raise ValidationError(
                f"The custom attribute '{stray[0]}' does not apply to {root} '{stray[1]}'."
            )


def _check_configurations(transaction: Transaction) -> None:
    for action, type_name, key, _, _ in transaction.changes:
        if action == "remove" or type_name not in _CONFIGURATIONS:
            continue
        found = transaction.find(transaction.schema.types[type_name], key)
        if found is None:
            continue
        name, row = found.row["key"], found.row
        if (
            type_name == "CustomAttributeConfiguration"
            and row["entity_type"] == "task"
            and not row["object_type_id"]
            and not row["is_hierarchical"]
        ):
            raise ValidationError(f"The custom attribute '{name}' needs an 'object_type'.")
        if row["entity_type"] == "user" and row["project_id"] is not None:
            raise ValidationError(f"The custom attribute '{name}' of users must be global.")
        if row.get("entity_type_to") == "task" and not row.get("object_type_id_to"):
            raise ValidationError(f"The custom attribute '{name}' needs an 'object_type_to'.")


def _check_links(transaction: Transaction) -> None:
    """Refuse a second link of an entity where its configuration allows one."""
    links = [
        key[0]
        for action, type_name, key, _, _ in transaction.changes
        if action != "remove" and transaction.schema.types[type_name].root in _LINKS
    ]
    # Not every version of ftrack has such configurations.
    if not links or "CustomAttributeLinkConfiguration" not in transaction.schema.types:
        return
    taken = transaction.connection.execute(
        """
        SELECT c.key, mine.from_id FROM json_each(?) key
        JOIN custom_attribute_link mine ON mine.id = key.value
        JOIN custom_configuration_base c ON c.id = mine.configuration_id AND c.one_to_one
        JOIN custom_attribute_link other ON other.from_id = mine.from_id
        AND other.configuration_id = c.id AND other.id <> mine.id LIMIT 1
        """,
        [json.dumps(links)],
    ).fetchone()
    if taken is not None:
        raise DuplicateEntryError(
            f"'{taken[1]}' has a link for '{taken[0]}' already, and may have one only. "
            "Delete it first."
        )
