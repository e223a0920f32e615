"""What the server tells of each request that changed something: one event ``ftrack.update``.

Entities, types and attributes have the names of the server's storage in it, which the schemas give
as ``alias_for``; attributes without one have their own.

Source: ftrack's API documentation, "Events" and "Event list"; ``@ftrack/api``, ``source/types.ts``,
for the tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.schema.schema import EntityType
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.custom_attribute_values import Configuration
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing.transaction import Change, Key, Row, Transaction

#: The topic of the event.
UPDATE: Final = "ftrack.update"

#: Columns that hold the key of what an entity belongs to, the nearest first.
_PARENT_COLUMNS: Final = (
    "parent_id",
    "context_id",
    "asset_id",
    "review_session_id",
    "review_session_object_id",
    "version_id",
    "container_id",
    "component_id",
    "note_id",
    "list_id",
    "from_id",
    "project_id",
)

#: Root types of what has notes, metadata, custom attributes and the like, the most likely first.
_OWNERS: Final = (
    "Context",
    "AssetVersion",
    "Asset",
    "Component",
    "Resource",
    "List",
    "ListObject",
    "Note",
    "ReviewSession",
    "ReviewSessionObject",
    "Job",
)

#: Columns that change where an entity is moved.
_MOVED: Final = frozenset({"parent_id", "project_id"})

#: An entity, by its root type and its key.
_Reference: TypeAlias = "tuple[str, Key]"


class Author(Protocol):
    """The user of a request."""

    @property
    def id(self) -> str:
        """Their id."""

    @property
    def username(self) -> str:
        """Their username."""

    @property
    def first_name(self) -> str | None:
        """Their first name."""

    @property
    def last_name(self) -> str | None:
        """Their last name."""


class Hub(Protocol):
    """The event hub."""

    @property
    def id(self) -> str:
        """The id of the server among those who publish."""

    @property
    def is_listening(self) -> bool:
        """Whether anybody may want to be told of changes."""

    def tell(self, event: dict[str, Any]) -> None:
        """Publish an event of the server."""


class Tokens(NamedTuple):
    """What a client said of itself, for its own use in what it hears of its requests."""

    client: str | None = None
    push: str | None = None


#: Of a client that said nothing of itself.
NO_TOKENS: Final = Tokens()

#: Prepares to tell of what a transaction changed.
Prepare: TypeAlias = Callable[[Transaction, Author, Tokens], None]


class Updates:
    """Tells the listeners of *hub* of changes, in the order of the transactions."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._in_order = threading.Lock()

    @contextmanager
    def telling(self) -> Iterator[Prepare]:
        """Yield what is to be called at the end of a transaction, inside of it.

        If the block around the transaction ends well, what it changed is told. That is found out
        inside of the transaction, since it is about rows that may be gone or different right after
        it; and only if anybody listens.
        """
        event: dict[str, Any] | None = None

        def prepare(transaction: Transaction, author: Author, tokens: Tokens) -> None:
            nonlocal event
            if transaction.changes and self._hub.is_listening:
                event = update_event(transaction, author, tokens, source_id=self._hub.id)
                # Before the database lets go: the next transaction is not told before this one.
                until_told.enter_context(self._in_order)
                if not event["data"]["entities"]:
                    event = None  # what was made is gone again

        with ExitStack() as until_told:
            yield prepare
            if event is not None:
                self._hub.tell(event)


def update_event(
    transaction: Transaction, author: Author, tokens: Tokens, *, source_id: str
) -> dict[str, Any]:
    """Return the event that tells what *transaction*, which is still open, has changed.

    Args:
        source_id: the id of who tells it, unless the client gave a token.
    """
    entities = list(_Telling(transaction).entities())
    parents = [parent["entityId"] for entity in entities for parent in entity["parents"]]
    names = [name for name in (author.first_name, author.last_name) if name]
    return {
        "topic": UPDATE,
        "id": values.new_id(),
        "data": {
            "clientToken": tokens.client,
            "pushToken": tokens.push,
            "parents": list(dict.fromkeys(parents)),
            "user": {"userid": author.id, "name": " ".join(names) or author.username},
            "entities": entities,
        },
        "sent": None,
        "source": {
            "id": tokens.client or source_id,
            "applicationId": "ftrack.server",
            "user": {"id": author.id, "username": author.username},
        },
        "target": "",
        "inReplyToEvent": None,
    }


@dataclass(slots=True)
class _Entity:
    """All that a request did to one entity; ``before`` and ``after`` have columns of its row."""

    action: Literal["add", "update", "remove"]
    entity_type: EntityType
    key: Key
    before: Row
    after: Row
    #: The former and the new value of custom attributes, by their keys, as texts.
    custom: dict[str, tuple[str | None, str | None]]


class _Telling:
    """Puts the changes of a transaction into the form of the event."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._schema = transaction.schema
        self._changed: dict[_Reference, _Entity] = {}
        for change in transaction.changes:
            self._add(change)
        self._rows: dict[_Reference, tuple[EntityType, Row] | None] = {}
        self._owners: dict[Stored, _Reference | None] = {}
        self._links: dict[_Reference, tuple[dict[str, JSON], _Reference | None]] = {}

    def entities(self) -> Iterator[dict[str, Any]]:
        """Yield what was done to each entity."""
        self._give_values_to_owners()
        for reference, entity in self._changed.items():
            changes = dict(self._differences(entity))
            if changes or entity.action != "update":
                yield self._told(reference, entity, changes)

    def _told(
        self, reference: _Reference, entity: _Entity, changes: dict[str, dict[str, JSON]]
    ) -> dict[str, Any]:
        parents = list(self._parents(reference))
        is_moved = "parent_id" in changes and entity.after.keys() <= _MOVED and not entity.custom
        told: dict[str, Any] = {
            **parents[0],
            "action": "move" if is_moved and entity.action == "update" else entity.action,
            "keys": list(changes),
            "changes": changes,
            "parents": parents,
        }
        object_type = self._object_type(reference, entity.entity_type)
        if object_type is not None:
            told["objectTypeId"] = object_type
        return told

    def _add(self, change: Change) -> None:
        """Take a change; those of one entity become one."""
        entity_type = self._schema.types[change.entity_type]
        reference = entity_type.root, change.key
        known = self._changed.get(reference)
        before, after = dict(change.before), dict(change.after)
        if known is None:
            entity = _Entity(change.action, entity_type, change.key, before, after, {})
            self._changed[reference] = entity
        elif change.action == "update":
            if known.action == "update":
                known.before = {**before, **known.before}
            known.after.update(after)
        elif change.action == "add":  # again, after it was removed
            known.action, known.entity_type, known.after = "update", entity_type, after
        elif known.action == "add":
            del self._changed[reference]
        else:
            known.action, known.before, known.after = "remove", {**before, **known.before}, {}

    def _differences(self, entity: _Entity) -> Iterator[tuple[str, dict[str, JSON]]]:
        """Yield the former and the new value of what differs, by its name in the storage."""
        columns = self._schema.families[entity.entity_type.root].columns
        for name in entity.after if entity.action != "remove" else entity.before:
            old, new = entity.before.get(name), entity.after.get(name)
            if name in columns and old != new:
                alias = self._schema.column_in_storage(entity.entity_type.name, name)
                plain = [_plain(values.to_wire(columns[name], value)) for value in (old, new)]
                yield alias, {"old": plain[0], "new": plain[1]}
        for key, (old_text, new_text) in entity.custom.items():
            if old_text != new_text:
                yield key, {"old": old_text, "new": new_text}

    # -- custom attributes -------------------------------------------------------------------------

    def _give_values_to_owners(self) -> None:
        """Tell of values of custom attributes as parts of the entities that have them."""
        root = "CustomAttributeValue"
        for reference in [each for each in self._changed if each[0] == root]:
            configuration_id, entity_id = reference[1]
            configuration = self._configuration(configuration_id)
            owner = self._owner(entity_id)
            if configuration is None or owner is None:
                continue
            value = self._changed.pop(reference)
            if owner not in self._changed:
                found = self._row(owner)
                assert found is not None  # it was found a moment ago
                self._changed[owner] = _Entity("update", found[0], owner[1], {}, {}, {})
            action = self._changed[owner].action
            self._changed[owner].custom[configuration.key] = (
                None if action == "add" else _raw(configuration, value.before.get("value")),
                None if action == "remove" else _raw(configuration, value.after.get("value")),
            )

    def _configuration(self, configuration_id: Stored) -> Configuration | None:
        found = self._row(("CustomConfigurationBase", (configuration_id,)))
        kind = found and self._row(("CustomAttributeType", (found[1].get("type_id"),)))
        if not found or not kind:
            return None
        return Configuration(str(kind[1]["name"]), None, str(found[1]["key"]))

    def _owner(self, id_: Stored) -> _Reference | None:
        """Return the entity with *id_* among those that others can belong to."""
        if id_ not in self._owners:
            self._owners[id_] = next(
                (
                    (root, (id_,))
                    for root in _OWNERS
                    if root in self._schema.families and self._row((root, (id_,)))
                ),
                None,
            )
        return self._owners[id_]

    # -- parents -----------------------------------------------------------------------------------

    def _parents(self, reference: _Reference) -> Iterator[dict[str, JSON]]:
        """Yield links to the entity itself and to each that it is in, up to its project."""
        known: set[_Reference] = set()
        following: _Reference | None = reference
        while following is not None and following not in known:
            known.add(following)
            link, following = self._link(following)
            yield link

    def _link(self, reference: _Reference) -> tuple[dict[str, JSON], _Reference | None]:
        """Return a link to an entity, and what it is in."""
        if reference not in self._links:
            found = self._row(reference)
            entity_type = found[0] if found else self._schema.types[reference[0]]
            parent = self._parent(reference, *found) if found else None
            link: dict[str, JSON] = {
                "entityId": _id(reference),
                "entityType": self._schema.storage_of(entity_type.name).lower(),
                "entity_type": entity_type.name,
                "parentId": _id(parent) if parent else None,
            }
            self._links[reference] = link, parent
        return self._links[reference]

    def _parent(self, child: _Reference, entity_type: EntityType, row: Row) -> _Reference | None:
        targets = {
            relation.column: self._schema.types[relation.target].root
            for relation in entity_type.relations.values()
            if relation.kind == "reference"
        }
        for column in _PARENT_COLUMNS:
            id_ = row.get(column)
            if id_ is None:
                continue
            root = targets.get(column)
            parent = (root, (id_,)) if root else self._owner(id_)
            if parent is not None and parent != child and self._row(parent):
                return parent
        return None

    def _object_type(self, reference: _Reference, entity_type: EntityType) -> JSON:
        if entity_type.name == "Timer":
            return "timer"
        found = self._row(reference)
        if found and self._schema.is_kind_of(entity_type.name, "TypedContext"):
            return found[1].get("object_type_id")
        return None

    def _row(self, reference: _Reference) -> tuple[EntityType, Row] | None:
        """Return an entity's type and row; those that the transaction removed have their last."""
        if reference not in self._rows:
            self._rows[reference] = self._find_row(reference)
        return self._rows[reference]

    def _find_row(self, reference: _Reference) -> tuple[EntityType, Row] | None:
        changed = self._changed.get(reference)
        if changed is not None and changed.action != "update":
            row = changed.before if changed.action == "remove" else changed.after
            return changed.entity_type, row
        found = self._transaction.find(self._schema.types[reference[0]], reference[1])
        return (found.entity_type, found.row) if found else None


def _id(reference: _Reference) -> str:
    """Return the key of an entity as one text."""
    return ",".join(map(str, reference[1]))


def _plain(value: JSON) -> JSON:
    """Return a value as ftrack sends it, a date as text."""
    if isinstance(value, Mapping) and "__type__" in value:
        return value["value"]
    return value


def _raw(configuration: Configuration, stored: Stored) -> str:
    """Return the value of a custom attribute as the storage has it: text, whatever its type."""
    value = _plain(configuration.to_wire(stored))
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
