"""The transaction of one request: access to rows, and a record of the changes so far.

`create`, `update` and `delete` reach the rows only through a `Transaction`, so that its ``changes``
are all that a request did.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from trackteroid_cli.engine.schema.schema import Attribute, EntityType, Family, Relation, Schema
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.errors import DuplicateEntryError, ValidationError
from trackteroid_cli.engine.storage.values import Stored

#: A primary key: its parts in the order of the schema's ``primary_key``.
Key = tuple[Stored, ...]
#: A row or a part of it: stored values by column.
Row = dict[str, Stored]

T = TypeVar("T")

#: Families that cached look-ups read; writing to one of them clears the cache.
_CACHED = frozenset(
    {
        "AssetType",
        "CustomAttributeType",
        "CustomConfigurationBase",
        "ObjectType",
        "ProjectSchema",
        "ProjectSchemaOverride",
        "Schema",
        "SchemaStatus",
        "SchemaType",
        "Status",
        "TaskTypeSchemaType",
        "Type",
        "UserType",
        "WorkflowSchemaStatus",
    }
)
#: Families whose changed or removed rows clear the cache, and whose new rows do not.
_CACHED_ROWS = frozenset({"AssetVersion", "Asset", "Context"})


class Change(NamedTuple):
    """A row that a request added, changed or removed, with the values that differ."""

    action: Literal["add", "update", "remove"]
    entity_type: str
    key: Key
    before: Row
    after: Row


class StoredEntity(NamedTuple):
    """A row of the store with its concrete entity type."""

    entity_type: EntityType
    key: Key
    row: Row


@dataclass(slots=True)
class Fields:
    """The ``entity_data`` of one operation.

    ``columns`` has scalars and references, in stored form (a *variable* as it was sent).
    ``members`` has collections by name, as lists of keys, ``named`` all names in the order given.
    """

    columns: Row = field(default_factory=dict)
    members: dict[str, list[Key]] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)


class WriteResult(NamedTuple):
    """The entity that an operation created or updated, and the attributes that the client gave."""

    entity_type: EntityType
    key: Key
    fields: Fields


class Placeholder(Enum):
    """A default that depends on the request."""

    #: The time of the request.
    NOW = "now"
    #: The id of its user.
    CALLER = "caller"


#: A constant default, in stored form, or a placeholder for one.
Default: TypeAlias = Stored | Placeholder


class Defaults(NamedTuple):
    """The defaults of one entity type: constants by column, and rules that set other columns."""

    constants: list[tuple[str, Default]]
    rules: list[Callable[[Transaction, Row], None]]


class _Table(NamedTuple):
    """The columns of a table, and statements for one row by its key."""

    columns: tuple[str, ...]
    select: str
    insert: str
    delete: str
    key: str


class Transaction:
    """Reads and writes of one request, inside the transaction of *connection*.

    Args:
        connection: an open transaction.
        schema: the entity types of the store.
        user_id: the user of the request; None for the server itself.
        moment: the time of the request, as the store keeps dates.
    """

    def __init__(
        self, connection: sqlite3.Connection, schema: Schema, user_id: str | None, moment: str
    ) -> None:
        self.connection = connection
        self.schema = schema
        self.user_id = user_id
        self.moment = moment
        #: All changes of the request, in order.
        self.changes: list[Change] = []
        #: Rows that this request created, by root type and key: nothing of them is immutable yet.
        self.created: set[tuple[str, Key]] = set()
        #: Columns that a collection sets in rows that a later operation must create.
        self.awaited: dict[tuple[str, Key], Row] = {}
        #: Steps that depend on rows that may not exist yet; each returns whether it is done.
        self.postponed: list[Callable[[], bool]] = []
        #: Custom attribute values set by a dense type: (dense type, configuration, entity).
        self.dense_values: list[tuple[str, str, str]] = []
        #: Keys that were put into tables without an entity type, by root type.
        self.paired: dict[str, set[Stored]] = {}
        #: Defaults by type; `defaults` computes them.
        self.defaults: dict[str, Defaults] = {}
        self._cache: dict[Hashable, Any] = {}
        self._tables: dict[str, _Table] = {}

    # Types.

    def entity_type(self, name: object) -> EntityType:
        """Return the entity type called *name*.

        Raises:
            ValidationError: there is none.
        """
        entity_type = self.schema.types.get(name) if isinstance(name, str) else None
        if entity_type is None:
            raise ValidationError(f"No entity type '{name}' exists on this server.")
        return entity_type

    def family(self, entity_type: EntityType) -> Family:
        """Return the family whose table holds rows of *entity_type*."""
        return self.schema.families[entity_type.root]

    # Reading what a client sent.

    def read_entity_data(self, entity_type: EntityType, data: Mapping[str, object]) -> Fields:
        """Parse the ``entity_data`` of an operation; computed attributes are left out.

        Raises:
            ValidationError: the type has no such attribute, or the value is not of its kind.
        """
        fields = Fields()
        for name, value in data.items():
            if name == "__entity_type__" or name in entity_type.restricted:
                continue
            attribute = entity_type.scalars.get(name)
            if attribute is not None:
                if not attribute.computed:
                    fields.named.append(name)
                    # Where both are given, a reference wins over its id.
                    fields.columns.setdefault(name, _read_scalar(attribute, value))
            elif name in entity_type.relations:
                self._read_relation(entity_type, entity_type.relations[name], value, fields)
            else:
                raise ValidationError(
                    f"No attribute '{name}' exists for entity type '{entity_type.name}'."
                )
        return fields

    def _read_relation(
        self, entity_type: EntityType, relation: Relation, value: object, fields: Fields
    ) -> None:
        target = self.schema.types[relation.target]
        if relation.kind == "reference" and entity_type.scalars[relation.column].computed:
            return
        if relation.kind in ("many", "through"):
            if not isinstance(value, list):
                raise ValidationError(
                    f'Value for "{relation.name}" must be a list of references. Got "{value}"'
                )
            fields.named.append(relation.name)
            fields.members[relation.name] = [
                read_reference(relation.name, target, item) for item in value
            ]
        elif relation.kind == "reference":
            key = None if value is None else read_reference(relation.name, target, value)
            fields.named.append(relation.name)
            if len(target.primary_key) == 1:
                fields.columns[relation.column] = key[0] if key else None
            elif key:
                # The parts of a longer key are columns of their own.
                fields.columns.update(zip(target.primary_key, key, strict=True))

    # Rows.

    def find(self, entity_type: EntityType, key: Key) -> StoredEntity | None:
        """Return the entity with *key* if it is an *entity_type* or a subtype of it."""
        family = self.family(entity_type)
        table = self._table(family)
        row = self.connection.execute(table.select, key).fetchone()
        if row is None:
            return None
        found = self.stored_entity(family, dict(zip(table.columns, row, strict=True)))
        if not self.schema.is_kind_of(found.entity_type.name, entity_type.name):
            return None
        return found

    def get(self, entity_type: EntityType, key: Key) -> StoredEntity:
        """Return the entity with *key*.

        Raises:
            ValidationError: there is none.
        """
        found = self.find(entity_type, key)
        if found is None:
            raise ValidationError(f"No {entity_type.name} with key {display(key)} exists.")
        return found

    def select(self, family: Family, column: str, keys: Iterable[Stored]) -> list[StoredEntity]:
        """Return the entities of *family* whose *column* is one of *keys*."""
        # Of a column with few distinct values, SQLite would rather read the whole table.
        table = f'"{family.table}"'
        if (column,) != family.primary_key:
            table += f' INDEXED BY "{family.table}/{column}"'
        rows = self.connection.execute(
            f'SELECT "{family.table}".* FROM json_each(?) key '
            f'CROSS JOIN {table} ON "{family.table}"."{column}" = key.value',
            [json.dumps(list(dict.fromkeys(keys)))],
        )
        columns = self._table(family).columns
        return [self.stored_entity(family, dict(zip(columns, row, strict=True))) for row in rows]

    def stored_entity(self, family: Family, row: Row) -> StoredEntity:
        """Return *row* of *family* with its concrete type."""
        name = str(row[family.discriminator]) if family.polymorphic else family.members[0]
        key = tuple(row[part] for part in family.primary_key)
        return StoredEntity(self.schema.types[name], key, row)

    def insert(self, entity_type: EntityType, row: Row) -> Key:
        """Add *row*; columns that it leaves out are null.

        Raises:
            DuplicateEntryError: a row with its key exists.
        """
        family = self.family(entity_type)
        if family.polymorphic:
            row[family.discriminator] = entity_type.name
        key = tuple(row[part] for part in family.primary_key)
        table = self._table(family)
        try:
            self.connection.execute(table.insert, list(map(row.get, table.columns)))
        except sqlite3.IntegrityError as error:
            raise DuplicateEntryError(
                f"{entity_type.name} with key {display(key)} exists already."
            ) from error
        if entity_type.root in _CACHED:
            self._cache.clear()
        self.created.add((entity_type.root, key))
        self.changes.append(Change("add", entity_type.name, key, {}, row))
        return key

    def change(self, found: StoredEntity, columns: Mapping[str, Stored]) -> Row:
        """Set *columns* of a row, also in *found*; return the former values of changed columns."""
        differing = {name: value for name, value in columns.items() if found.row[name] != value}
        if not differing:
            return {}
        family = self.family(found.entity_type)
        assignments = ", ".join(f'"{name}" = ?' for name in differing)
        self.connection.execute(
            f'UPDATE "{family.table}" SET {assignments} WHERE {self._table(family).key}',
            [*differing.values(), *found.key],
        )
        self._invalidate(found.entity_type)
        before = {name: found.row[name] for name in differing}
        found.row.update(differing)
        self.changes.append(Change("update", found.entity_type.name, found.key, before, differing))
        return before

    def remove(self, family: Family, rows: Iterable[StoredEntity]) -> None:
        """Remove *rows* of *family*, without any row that depends on them."""
        rows = list(rows)
        delete = self._table(family).delete
        self.connection.executemany(delete, [found.key for found in rows])
        for found in rows:
            self._invalidate(found.entity_type)
            self.created.discard((found.entity_type.root, found.key))
            self.changes.append(Change("remove", found.entity_type.name, found.key, found.row, {}))

    # A cache for look-ups that many operations of a request repeat.

    def cached(self, name: Hashable, look_up: Callable[[], T]) -> T:
        """Return the cached value of *name*, or call *look_up* and cache what it returns.

        None is not cached: a missing row may be created by the next operation.
        """
        known: T | None = self._cache.get(name)
        if known is None:
            known = self._cache[name] = look_up()
        return known

    def set_cached(self, name: Hashable, value: object) -> None:
        """Cache *value* as *name*."""
        self._cache[name] = value

    def _invalidate(self, entity_type: EntityType) -> None:
        if entity_type.root in _CACHED or entity_type.root in _CACHED_ROWS:
            self._cache.clear()

    def fetch_value(self, sql: str, *parameters: Stored) -> Any:
        """Return the first column of the first row of *sql*, or None."""
        row = self.connection.execute(sql, parameters).fetchone()
        return row[0] if row else None

    def _table(self, family: Family) -> _Table:
        if family.table not in self._tables:
            described = self.connection.execute(f'PRAGMA table_info("{family.table}")')
            columns = tuple(row[1] for row in described)
            names = ", ".join(f'"{name}"' for name in columns)
            key = " AND ".join(f'"{name}" = ?' for name in family.primary_key)
            self._tables[family.table] = _Table(
                columns,
                select=f'SELECT {names} FROM "{family.table}" WHERE {key}',
                insert=f'INSERT INTO "{family.table}" VALUES ({", ".join("?" * len(columns))})',
                delete=f'DELETE FROM "{family.table}" WHERE {key}',
                key=key,
            )
        return self._tables[family.table]


def read_key(entity_type: EntityType, sent: object) -> Key:
    """Return the key in an operation's ``entity_key``: a list of its parts, or one plain value.

    Raises:
        ValidationError: it is neither, or has too many or too few parts.
    """
    key = _key(entity_type, sent if isinstance(sent, list) else [sent])
    if key is None:
        names = ", ".join(entity_type.primary_key)
        raise ValidationError(
            f'The entity key of a {entity_type.name} is a list of: {names}. Got "{sent}"'
        )
    return key


def read_reference(name: str, target: EntityType, sent: object) -> Key:
    """Return the key of a reference ``{"__entity_type__": …, "id": …}``, or of an id alone.

    Raises:
        ValidationError: it is neither.
    """
    parts: list[object] = [sent]
    if isinstance(sent, Mapping):
        parts = [sent.get(part) for part in target.primary_key]
    key = _key(target, parts)
    if key is None:
        raise ValidationError(
            f'Value for "{name}" must refer to a {target.name} by {", ".join(target.primary_key)}. '
            f'Got "{sent}"'
        )
    return key


def display(key: Key) -> str:
    """Return *key* as text for a message."""
    return ", ".join(f"'{part}'" for part in key)


def _key(entity_type: EntityType, parts: list[object]) -> Key | None:
    """Return *parts* as the store keeps them, or None if they cannot be a key of the type."""
    names = entity_type.primary_key
    if len(parts) != len(names) or any(type(part) not in (str, int) for part in parts):
        return None
    return tuple(
        values.to_stored(entity_type.scalars[name], part)
        for name, part in zip(names, parts, strict=True)
    )


def _read_scalar(attribute: Attribute, value: object) -> Stored:
    if attribute.kind == "variable":
        return value  # type: ignore[return-value]  # converted later, by its configuration
    stored = values.to_stored(attribute, value)
    if attribute.enum and stored is not None and stored not in attribute.enum:
        raise ValidationError(
            f'Value for "{attribute.name}" must be one of: {", ".join(attribute.enum)}. '
            f'Got "{value}"'
        )
    return stored
