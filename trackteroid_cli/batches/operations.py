"""Operations: one create, update or delete of one entity, and its JSON form.

An operation has ftrack's own terms. Values are in ftrack's JSON forms: dates as
``{"__type__": "datetime", "value"}``, references as ``{"__entity_type__", <primary key>}``,
collections as lists of references. A value that was never set is absent.

Source: ``ftrack_api/operation.py``; ``ftrack_api/session.py``, ``commit``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import NamedTuple, Protocol, TypeAlias

from trackteroid_cli.errors import InvalidOperation


class Identity(NamedTuple):
    """An entity's type, and the values of its primary key in order."""

    entity_type: str
    key: tuple[str, ...]


#: Collections of rows that have operations of their own.
LISTS_OF_PARTS = frozenset({"metadata", "custom_attributes"})


class Unset(Enum):
    """A value that is not known, as opposed to ``None``."""

    UNSET = "unset"

    def __bool__(self) -> bool:
        """Return False, as an unset value reads as nothing."""
        return False


UNSET = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Create:
    """A new entity: *entity_data* holds the attributes that were set.

    *provisional* holds attributes that the server sets when it creates the entity, as they would
    have been when the author read them.
    """

    entity_type: str
    entity_key: dict[str, str]
    entity_data: dict[str, object] = field(default_factory=dict)
    commit: int = 0
    provisional: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Update:
    """A new value of one attribute; *old_value* is what the author saw, if that is known."""

    entity_type: str
    entity_key: dict[str, str]
    attribute_name: str
    new_value: object
    old_value: object = UNSET
    commit: int = 0


@dataclass(frozen=True, slots=True)
class TakenAlong:
    """An entity that the server deletes along with another one.

    Attributes:
        label: what a person calls it; '' if it has no name.
        digest: of its values, to see whether they change; '' if they do not matter.
    """

    entity_type: str
    entity_key: dict[str, str]
    label: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """An entity that is deleted.

    Attributes:
        seen: its values, as far as the author can have seen them.
        takes_along: what the server deletes along with it; None if that is not known.
        not_known: the types of which *takes_along* says nothing, as the server did not tell.
    """

    entity_type: str
    entity_key: dict[str, str]
    commit: int = 0
    seen: dict[str, object] = field(default_factory=dict)
    takes_along: list[TakenAlong] | None = None
    not_known: list[str] = field(default_factory=list)


Operation: TypeAlias = Create | Update | Delete

#: The word for each kind of operation, in the order in which counts are shown.
KINDS: dict[type[Operation], str] = {Create: "create", Update: "update", Delete: "delete"}


class Keyed(Protocol):
    """An operation of this module, or of ``ftrack_api``."""

    @property
    def entity_type(self) -> str:
        """The name of the entity's type."""

    @property
    def entity_key(self) -> dict[str, str]:
        """The entity's primary key."""


def identity(operation: Keyed) -> Identity:
    """Return the type and key of the entity that *operation* changes."""
    return Identity(operation.entity_type, tuple(operation.entity_key.values()))


def values_set(operation: Operation) -> dict[str, object]:
    """Return the attributes that *operation* sets, with their values in JSON form."""
    if isinstance(operation, Create):
        return operation.entity_data
    if isinstance(operation, Update):
        return {operation.attribute_name: operation.new_value}
    return {}


def counts(operations: Iterable[Operation]) -> dict[str, int]:
    """Return how many operations there are of each kind; every kind is present."""
    result = dict.fromkeys(KINDS.values(), 0)
    for operation in operations:
        result[KINDS[type(operation)]] += 1
    return result


def to_json(operation: Operation) -> dict[str, object]:
    """Return *operation* as a batch holds it, and as ``inspect --jsonl`` prints it.

    ``commit`` numbers the script's commits from 1, where it is known: operations of one commit were
    meant to reach the server together.
    """
    document: dict[str, object] = {
        "operation": KINDS[type(operation)],
        "entity_type": operation.entity_type,
        "entity_key": operation.entity_key,
    }
    if isinstance(operation, Create):
        document["entity_data"] = operation.entity_data
        if operation.provisional:
            document["provisional"] = operation.provisional
    elif isinstance(operation, Update):
        document["attribute_name"] = operation.attribute_name
        if operation.old_value is not UNSET:
            document["old_value"] = operation.old_value
        document["new_value"] = operation.new_value
    else:
        document.update(deletion_document(operation))
    if operation.commit:
        document["commit"] = operation.commit
    return document


def deletion_document(delete: Delete) -> dict[str, object]:
    """Return the parts of a delete's JSON form that tell what it deletes, as far as is known."""
    document: dict[str, object] = {}
    if delete.seen:
        document["seen"] = delete.seen
    if delete.takes_along is not None:
        document["takes_along"] = [
            {name: part for name, part in asdict(each).items() if part}
            for each in delete.takes_along
        ]
    if delete.not_known:
        document["not_known"] = delete.not_known
    return document


def from_json(document: object) -> Operation:
    """Return the operation that *document* describes.

    Raises:
        InvalidOperation: a part is missing or has the wrong type; the message names it.
    """
    if not isinstance(document, Mapping):
        raise _invalid("an operation is a JSON object", document)
    kind = document.get("operation")
    entity_type = document.get("entity_type")
    entity_key = document.get("entity_key")
    commit = document.get("commit", 0)
    if not isinstance(entity_type, str) or not entity_type:
        raise _invalid('"entity_type" must be the name of an entity type', document)
    if not isinstance(entity_key, Mapping) or not entity_key:
        raise _invalid('"entity_key" must be an object such as {"id": "…"}', document)
    if not all(isinstance(part, str) and part for part in entity_key.values()):
        raise _invalid('"entity_key" must hold texts', document)
    if not isinstance(commit, int) or isinstance(commit, bool):
        raise _invalid('"commit" must be a whole number', document)
    key = dict(entity_key)
    if kind == "create":
        data = document.get("entity_data", {})
        if not isinstance(data, Mapping):
            raise _invalid('"entity_data" must be an object', document)
        provisional = document.get("provisional", {})
        if not isinstance(provisional, Mapping):
            raise _invalid('"provisional" must be an object', document)
        return Create(entity_type, key, dict(data), commit, dict(provisional))
    if kind == "update":
        name = document.get("attribute_name")
        if not isinstance(name, str) or not name:
            raise _invalid('"attribute_name" must be the name of an attribute', document)
        if "new_value" not in document:
            raise _invalid('"new_value" is missing', document)
        old_value = document.get("old_value", UNSET)
        return Update(entity_type, key, name, document["new_value"], old_value, commit)
    if kind == "delete":
        return _read_delete(Delete(entity_type, key, commit), document)
    raise _invalid('"operation" must be "create", "update" or "delete"', document)


def _read_delete(delete: Delete, document: Mapping[str, object]) -> Delete:
    """Return *delete* with what *document* tells of the entity.

    Raises:
        InvalidOperation: a part has the wrong type.
    """
    seen = document.get("seen", {})
    if not isinstance(seen, Mapping):
        raise _invalid('"seen" must be an object', document)
    not_known = document.get("not_known", [])
    if not isinstance(not_known, list) or not all(isinstance(each, str) for each in not_known):
        raise _invalid('"not_known" must be a list of entity types', document)
    taken = document.get("takes_along")
    if taken is not None and not isinstance(taken, list):
        raise _invalid('"takes_along" must be a list of entities', document)
    return replace(
        delete,
        seen=dict(seen),
        takes_along=None if taken is None else [_read_taken(each, document) for each in taken],
        not_known=list(not_known),
    )


def _read_taken(entity: object, document: Mapping[str, object]) -> TakenAlong:
    if isinstance(entity, Mapping):
        entity_type, key = entity.get("entity_type"), entity.get("entity_key")
        label, digest = entity.get("label", ""), entity.get("digest", "")
        if (
            all(isinstance(each, str) for each in (entity_type, label, digest))
            and isinstance(key, Mapping)
            and key
            and all(isinstance(part, str) for part in key.values())
        ):
            return TakenAlong(str(entity_type), dict(key), str(label), str(digest))
    raise _invalid('each of "takes_along" needs "entity_type" and "entity_key"', document)


def texts(value: object) -> Iterator[str]:
    """Yield every text in a JSON value; the ids of all entities that it mentions are among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def _invalid(why: str, document: object) -> InvalidOperation:
    import json

    text = json.dumps(document, ensure_ascii=False, default=repr)
    return InvalidOperation(
        "an operation cannot be read",
        why=f"{why}; got {text[:200]}{'…' if len(text) > 200 else ''}",
        hint="one operation has the form that `trackteroid inspect BATCH --jsonl` prints",
    )
