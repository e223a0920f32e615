"""Preimages: what a commit is about to delete, saved so that `revert` can restore it.

The preimage of an entity is a list of operations that create it again with the same id: a create
with the attributes that a client may set, creates of the rows that depend on it, such as metadata,
and updates of its custom attributes. Whatever else the server deletes along with the entity is
counted, so that a revert can say what it does not restore.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trackteroid_cli.batches.batch import Batch, append_preimages
from trackteroid_cli.batches.labels import NAMES, Label, label_of
from trackteroid_cli.batches.operations import (
    Create,
    Delete,
    Identity,
    Operation,
    Update,
    from_json,
    identity,
    to_json,
)
from trackteroid_cli.errors import (
    BatchUnreadable,
    InvalidExpression,
    InvalidOperation,
    ServerRefused,
)
from trackteroid_cli.server.expressions import PAGE, can_be_asked_for, condition, query

if TYPE_CHECKING:
    from trackteroid_cli.server.connection import Connection
    from trackteroid_cli.server.schemas import ServerSchema

#: Collections of rows that go with their owner and are simple to create again, with the column of
#: the row that names the owner.
_PARTS = {
    "metadata": "parent_id",
    "recipients": "note_id",
    "note_label_links": "note_id",
    "note_components": "note_id",
    "appointments": "context_id",
    "managers": "context_id",
    "incoming_links": "to_id",
    "outgoing_links": "from_id",
}

#: The key of a custom attribute's value.
_VALUE_KEY = ("configuration_id", "entity_id")

#: Collections that are set as an attribute of their owner.
_SET_ON_OWNER = frozenset({"scopes"})

#: Collections that show what other ones hold, from another side.
_DERIVED = frozenset(
    {"ancestors", "descendants", "allocations", "assignments", "uses_versions", "used_in_versions"}
)

#: Attributes that the server alone sets, though the schemas do not call them computed.
_SET_BY_SERVER = frozenset({"link", "_link", "is_latest_version"})


@dataclass(frozen=True, slots=True)
class Preimage:
    """The state of an entity before a batch deleted it.

    Attributes:
        operations: they create it again, the entity itself first.
        labels: those of the entities that the operations refer to.
        lost: how many entities the server deleted along with it, or took from it, that *operations*
            do not restore; by the name of the collection that they were in.
    """

    operations: list[Operation]
    labels: dict[Identity, Label] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the preimage as a batch holds it."""
        return {
            "operations": [to_json(operation) for operation in self.operations],
            "labels": [[*entity, *label] for entity, label in self.labels.items()],
            "lost": self.lost,
        }


def save_preimages(batch: Batch, operations: Iterable[Operation], connection: Connection) -> None:
    """Add the preimages of the entities that *operations* delete to *batch*.

    Preimages that are there already stay: an earlier attempt may have deleted the entity since. On
    return they are on the disk. Without deletes nothing is asked and nothing is written; what the
    server refuses to tell is not saved.

    Args:
        operations: what is about to be sent, of the batch.

    Raises:
        ServerError: the server is out of reach.
        StorageError: the disk refuses; the caller must send nothing then.
    """
    deleted = [each for each in operations if isinstance(each, Delete)]
    if not deleted:
        return
    with Batch(batch.path) as current:
        known = current.preimages()
    missing = {identity(each): each for each in deleted if identity(each) not in known}
    if missing:
        gone = {identity(each) for each in batch.operations() if isinstance(each, Delete)}
        found = _Server(connection, gone).entities(list(missing.values()))
        append_preimages(batch.path, {entity: each.as_json() for entity, each in found.items()})


def preimages_of(batch: Batch) -> dict[Identity, Preimage]:
    """Return the preimages of the entities that a commit of *batch* deleted.

    Raises:
        BatchUnreadable: the file is damaged.
    """
    try:
        return {entity: _read(document) for entity, document in batch.preimages().items()}
    except (InvalidOperation, KeyError, TypeError, ValueError) as error:
        raise BatchUnreadable(
            f"cannot read {batch.path}",
            why=f"what it keeps of deleted entities is damaged: {error}",
            hint="the file is left as it is; what the batch deleted cannot be brought back from it",
        ) from error


def _read(document: Mapping[str, Any]) -> Preimage:
    return Preimage(
        [from_json(each) for each in document["operations"]],
        {
            Identity(entity_type, tuple(key)): Label(label, tuple(link))
            for entity_type, key, label, link in document["labels"]
        },
        dict(document["lost"]),
    )


# -- asking ----------------------------------------------------------------------------------------


class _Server:
    """Asks a server for entities as they are before they are deleted.

    Args:
        gone: all that the batch deletes by operations of its own.
    """

    def __init__(self, connection: Connection, gone: set[Identity]) -> None:
        self._connection = connection
        self._schema = connection.schema
        self._gone = gone

    def entities(self, deleted: Sequence[Delete]) -> dict[Identity, Preimage]:
        """Return the preimages of those of the entities that are there."""
        found: dict[Identity, Preimage] = {}
        for entity_type, group in _grouped(deleted, self._schema):
            try:
                found.update(self._of_type(entity_type, group))
            except (ServerRefused, InvalidExpression):
                continue  # it may be deleted, and not read: a revert says that it is not known
        return found

    def _of_type(
        self, entity_type: str, keys: Sequence[Mapping[str, str]]
    ) -> dict[Identity, Preimage]:
        found: dict[Identity, Preimage] = {}
        wanted = {frozenset(key.items()) for key in keys}
        asked = query(entity_type, self._asked(entity_type), condition(keys))
        for data in self._connection.call([asked])[0]["data"]:
            create = self._create(entity_type, data)
            if frozenset(create.entity_key.items()) in wanted:  # the question may be wider
                found[Identity(entity_type, tuple(create.entity_key.values()))] = Preimage(
                    [create], dict(self._labels(data)), self._lost(entity_type, data)
                )
        if found and "id" in keys[0]:
            self._add_parts(entity_type, [key["id"] for key in keys], found)
        return found

    def _add_parts(
        self, entity_type: str, ids: Sequence[str], found: Mapping[Identity, Preimage]
    ) -> None:
        """Add the operations that create the rows that go with the owners *ids*."""
        kinds = list(self._kinds_of_parts(entity_type))
        queries = [
            query(row_type, asked, condition([{column: id_} for id_ in ids]))
            for row_type, column, asked, _ in kinds
        ]
        answers = self._connection.call(queries) if queries else []
        for (row_type, column, _, values), answer in zip(kinds, answers, strict=True):
            for data in answer["data"]:
                preimage = found.get(Identity(entity_type, (data[column],)))
                if preimage is None:
                    continue
                if values is not None:
                    key = {name: data[name] for name in _VALUE_KEY}
                    preimage.operations.append(Update(values, key, "value", data["value"]))
                else:
                    preimage.operations.append(self._create(row_type, data))
                    preimage.labels.update(self._labels(data))

    def _kinds_of_parts(
        self, entity_type: str
    ) -> Iterator[tuple[str, str, Iterable[str], str | None]]:
        """Yield each type of such rows, the column of the owner, and what to ask for.

        For custom attributes, also the type by which a client sets them.
        """
        attributes = self._schema[entity_type].attributes
        for name, column in _PARTS.items():
            row_type = attributes[name].members if name in attributes else ""
            if row_type in self._schema and column in self._schema[row_type].attributes:
                asked = dict.fromkeys((*self._asked(row_type, parts=True), column))
                yield row_type, column, asked, None
        values = (
            attributes["custom_attributes"].members if "custom_attributes" in attributes else ""
        )
        if values:
            # Only what was set: the type of the collection has a value for every attribute.
            yield "CustomAttributeValue", "entity_id", (*_VALUE_KEY, "value"), values

    def _asked(self, entity_type: str, *, parts: bool = False) -> Iterator[str]:
        """Yield the projections to ask for; for *parts*, no collections."""
        schema = self._schema[entity_type]
        yield from schema.primary_key
        for name in self._settable(entity_type):
            yield name
            target = self._schema.get(schema.attributes[name].target)
            if target is not None:
                yield from (f"{name}.{each}" for each in target.having(NAMES))
        if not parts:
            yield from self._collections(entity_type)

    def _settable(self, entity_type: str) -> Iterator[str]:
        """Yield the attributes that a create may set; a reference without its column."""
        schema = self._schema[entity_type]
        never = {*schema.primary_key, *schema.computed, *_SET_BY_SERVER}
        for name, attribute in schema.attributes.items():
            if name in never or f"{name}_id" in never or attribute.is_restricted:
                continue
            if not attribute.target and attribute.kind in ("", "array", "mapped_array", "object"):
                continue
            reference = schema.attributes.get(name.removesuffix("_id"))
            if not name.endswith("_id") or reference is None or not reference.target:
                yield name

    def _collections(self, entity_type: str) -> Iterator[str]:
        """Yield the collections of what goes with an entity, other than its parts."""
        for name, attribute in self._schema[entity_type].attributes.items():
            if attribute.kind == "array" and name not in _PARTS and name not in _DERIVED:
                yield name

    def _create(self, entity_type: str, data: Mapping[str, Any]) -> Create:
        key = {name: str(data[name]) for name in self._schema[entity_type].primary_key}
        values = {
            name: self._schema.reference(data.get(name)) for name in self._settable(entity_type)
        }
        for name in _SET_ON_OWNER.intersection(data):
            values[name] = [self._schema.reference(each) for each in data[name]] or None
        return Create(
            str(data.get("__entity_type__", entity_type)),
            key,
            {name: value for name, value in values.items() if value is not None},
        )

    def _lost(self, entity_type: str, data: Mapping[str, Any]) -> dict[str, int]:
        lost = {}
        for name in self._collections(entity_type):
            members = [self._identity(each) for each in data.get(name) or ()]
            number = sum(each not in self._gone for each in members)
            if number and name not in _SET_ON_OWNER:
                lost[name] = number
        return lost

    def _labels(self, data: Mapping[str, object]) -> Iterator[tuple[Identity, Label]]:
        for value in data.values():
            if isinstance(value, Mapping) and "__entity_type__" in value:
                label = label_of(value)
                if label is not None:
                    yield self._identity(value), label

    def _identity(self, reference: Mapping[str, object]) -> Identity:
        entity_type = str(reference["__entity_type__"])
        names = self._schema.primary_key(entity_type)
        return Identity(entity_type, tuple(str(reference[name]) for name in names))


def _grouped(
    deleted: Iterable[Delete], schema: ServerSchema
) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield the keys of each type that a server can hold, as many at a time as one query takes."""
    by_type: dict[str, list[dict[str, str]]] = {}
    for each in deleted:
        known = schema.get(each.entity_type)
        named = known is not None and set(each.entity_key) == set(known.primary_key)
        if named and can_be_asked_for(each.entity_key):
            by_type.setdefault(each.entity_type, []).append(each.entity_key)
    for entity_type, keys in by_type.items():
        for start in range(0, len(keys), PAGE):
            yield entity_type, keys[start : start + PAGE]
