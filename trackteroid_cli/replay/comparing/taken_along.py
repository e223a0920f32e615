"""What a delete takes along: the rows that a server deletes with an entity.

They are found level by level: one request asks for all that refers to the rows of the level above,
however many there are, so that there are no more requests than levels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from trackteroid_cli.batches.labels import NAMES, Label, is_custom_attribute_value, label_of
from trackteroid_cli.batches.operations import (
    LISTS_OF_PARTS,
    Delete,
    Identity,
    Operation,
    TakenAlong,
    Update,
)
from trackteroid_cli.errors import InvalidExpression, NotPulled, ServerRefused
from trackteroid_cli.replay.comparing.equality import digest, key_of
from trackteroid_cli.server.expressions import PAGE, can_write, listed, query

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.schema import Schema
    from trackteroid_cli.engine.writing.delete import Column
    from trackteroid_cli.server.connection import Connection
    from trackteroid_cli.server.schemas import EntitySchema, ServerSchema

#: The parts of a primary key; no two entities share one, whatever their types are.
Key: TypeAlias = tuple[str, ...]

#: Types of rows that a server, or an application, keeps for itself: nobody's work is in them.
_BOOKKEEPING = frozenset({"Feed", "Recipient", "StatusChange", "UserApplicationState"})

#: Types that have more attributes than their supertype, which is what refers to the owner.
_ASKED_AS = {"Context": "TypedContext"}

#: Attributes that change although nobody has changed the entity itself.
_UNSTEADY = frozenset(
    {
        "_link",
        "is_latest_version",
        "last_sent_at",
        "last_visit",
        "link",
        "project_id",
        "thread_activity",
        "thumbnail_url",
        "url",
    }
)


class Row(NamedTuple):
    """A row that goes with a deleted entity, and what a person calls it.

    One that is *moved* is there because the batch itself puts it there.
    """

    taken: TakenAlong
    label: Label | None
    moved: bool = False


@dataclass(slots=True)
class Takings:
    """What goes with some deleted entities.

    Attributes:
        rows: those that go, by their keys; what is deleted by itself is none of them.
        owners: what each row, or entity that is deleted by itself, goes with.
        refused: types that the server did not tell of.
    """

    rows: dict[Key, Row] = field(default_factory=dict)
    owners: dict[Key, list[Key]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def above(self, key: Key) -> list[Key]:
        """Return the keys of all that takes the row with *key* along, the nearest first."""
        found = dict.fromkeys(self.owners.get(key, ()))
        waiting = list(found)
        for owner in waiting:
            new = [each for each in self.owners.get(owner, ()) if each not in found]
            found.update(dict.fromkeys(new))
            waiting.extend(new)
        found.pop(key, None)
        return list(found)


def find_taken_along(
    deleted: Collection[Identity],
    connection: Connection,
    operations: Iterable[Operation],
    *,
    without: Collection[str] = (),
    tolerant: bool = True,
) -> Takings:
    """Return what goes with the *deleted* entities.

    Args:
        operations: of the batch that deletes them. What it moves away is not taken along, what it
            moves there is; what it deletes by itself is taken along by that.
        without: types not to ask for; what would go with those is not asked for either.
        tolerant: whether to do without types that the server does not tell of.

    Raises:
        ServerError: the server cannot be asked.
    """
    from trackteroid_cli.engine.schema.schema import Schema

    if not any(len(entity.key) == 1 for entity in deleted):
        return Takings()
    schema = Schema(connection.schema.documents)
    takings = Takings(refused=set(without))
    known = {entity.key for entity in deleted}
    moves = _Moves(schema)
    for operation in operations:
        if isinstance(operation, Delete):
            known.add(key_of(operation.entity_key))
        elif isinstance(operation, Update):
            moves.note(operation)
    wave: dict[str, list[str]] = {}
    for entity_type, key in deleted:
        if entity_type in schema.types and len(key) == 1 and can_write(key[0]):
            wave.setdefault(schema.types[entity_type].root, []).append(key[0])
    while wave:
        following: dict[str, list[str]] = {}
        questions = list(_questions(wave, schema, connection.schema, takings.refused))
        asked = [each.asked for each in questions]
        answers = ask_tolerantly(connection, asked) if tolerant else _ask(connection, asked)
        rows = list(moves.into(wave))
        for question, answer in zip(questions, answers, strict=True):
            if answer is None:
                takings.refused.add(question.root)
                continue
            for data in answer["data"]:
                row, owner = question.row(data), str(data[question.column])
                if not moves.elsewhere(key_of(row.taken.entity_key), question.column):
                    rows.append((question.root, owner, row))
        for root, owner, row in rows:
            key = key_of(row.taken.entity_key)
            takings.owners.setdefault(key, []).append((owner,))
            if key in known:
                continue
            known.add(key)
            takings.rows[key] = row
            if len(key) == 1:
                following.setdefault(root, []).append(key[0])
        wave = following
    _forget(takings, schema)
    return takings


class _Moves:
    """What a batch puts below something else."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        #: The id of the new owner, by the key of what is moved and the column that says so.
        self._owners: dict[tuple[Key, str], str] = {}
        self._entities: dict[Key, tuple[str, dict[str, str]]] = {}

    def note(self, update: Update) -> None:
        """Take note of an update that moves something."""
        entity_type = self._schema.types.get(update.entity_type)
        if entity_type is None or update.attribute_name in LISTS_OF_PARTS:
            return  # the parts have operations of their own
        name, new = update.attribute_name, update.new_value
        relation = entity_type.relations.get(name)
        if relation is not None and relation.kind == "many" and isinstance(new, list):
            (owner, *_) = update.entity_key.values()
            former = update.old_value if isinstance(update.old_value, list) else []
            for member in former:
                self._note(*_referenced(member), relation.column, "")
            for member in new:
                self._note(*_referenced(member), relation.column, owner)
        elif name.endswith("_id") or (relation is not None and relation.kind == "reference"):
            column = relation.column if relation is not None else name
            owner = _referenced(new)[1].get("id", "") if isinstance(new, Mapping) else str(new)
            self._note(update.entity_type, update.entity_key, column, owner)

    def _note(self, entity_type: str, key: dict[str, str], column: str, owner: str) -> None:
        self._owners[key_of(key), column] = owner
        self._entities[key_of(key)] = entity_type, key

    def elsewhere(self, key: Key, column: str) -> bool:
        """Return whether the batch says itself what the entity with *key* is below."""
        return (key, column) in self._owners

    def into(self, wave: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str, Row]]:
        """Yield the family and the owner of what is moved below entities of *wave*, and itself."""
        ids = {id_ for each in wave.values() for id_ in each} if self._owners else set()
        cascading = {each.name for root in wave for each in self._cascading(root)} if ids else set()
        for (key, column), owner in self._owners.items():
            entity_type, entity_key = self._entities[key]
            if owner in ids and column in cascading and entity_type in self._schema.types:
                row = Row(TakenAlong(entity_type, entity_key), None, moved=True)
                yield self._schema.types[entity_type].root, owner, row

    def _cascading(self, root: str) -> Iterable[Column]:
        from trackteroid_cli.engine.writing.delete import cascading_columns

        return cascading_columns(self._schema, root)


def _referenced(reference: object) -> tuple[str, dict[str, str]]:
    """Return the type and the key of a reference in ftrack's JSON form."""
    if not isinstance(reference, Mapping):
        return "", {"id": str(reference)}
    key = {name: str(part) for name, part in reference.items() if not name.startswith("__")}
    return str(reference.get("__entity_type__", "")), key


def _ask(connection: Connection, queries: Sequence[Mapping[str, object]]) -> Sequence[Any]:
    return connection.call(queries) if queries else ()


def _forget(takings: Takings, schema: Schema) -> None:
    """Forget the rows of types that one of several questions was refused for."""
    for key, row in list(takings.rows.items()):
        entity_type = schema.types.get(row.taken.entity_type)
        if entity_type is not None and entity_type.root in takings.refused:
            del takings.rows[key]


def ask_tolerantly(
    connection: Connection, queries: Sequence[Mapping[str, object]]
) -> list[Any | None]:
    """Return the answers to *queries*, None for each that is refused.

    They are one request; only if that is refused, each is asked by itself.

    Raises:
        ServerError: the server cannot be asked.
    """
    if not queries:
        return []
    try:
        return list(connection.call(queries))
    except (ServerRefused, InvalidExpression, NotPulled):
        if len(queries) == 1:
            return [None]
        return [answer for each in queries for answer in ask_tolerantly(connection, [each])]


def value_columns(schema: EntitySchema) -> list[str]:
    """Return the attributes of a type that somebody can have changed; references by their ids."""
    never = {*schema.primary_key, *schema.computed, *_UNSTEADY}
    return [
        name
        for name, attribute in schema.attributes.items()
        if name not in never
        and not attribute.is_restricted
        and attribute.kind not in ("", "array", "mapped_array", "object")
    ]


class _Question(NamedTuple):
    """A query for the rows of a family that refer to others by a column."""

    root: str
    column: str
    asked: dict[str, str]
    schema: EntitySchema
    values: list[str]

    def row(self, data: Mapping[str, Any]) -> Row:
        """Return the row that *data* of the answer is about."""
        label = label_of(data) or _label_by_references(data)
        return Row(
            TakenAlong(
                str(data.get("__entity_type__", self.schema.name)),
                {name: str(data[name]) for name in self.schema.primary_key},
                label.label if label else "",
                digest({name: data.get(name) for name in self.values}),
            ),
            label,
        )


def _questions(
    wave: Mapping[str, Sequence[str]],
    schema: Schema,
    server_schema: ServerSchema,
    without: Collection[str],
) -> Iterator[_Question]:
    """Yield what to ask to find all that refers to the ids of *wave*, by family."""
    from trackteroid_cli.engine.writing.delete import cascading_columns

    for owner, ids in wave.items():
        for root, column in cascading_columns(schema, owner):
            name = _ASKED_AS.get(root, root)
            if root in without or root in _BOOKKEEPING or name not in server_schema:
                continue
            asked = server_schema[name]
            if column not in asked.attributes:
                continue
            values = value_columns(asked)
            names = {*asked.primary_key, *values, column, *_naming(asked, server_schema, column)}
            for start in range(0, len(ids), PAGE):
                among = listed(column, ids[start : start + PAGE])
                yield _Question(root, column, query(name, sorted(names), among), asked, values)


def _naming(schema: EntitySchema, schemas: ServerSchema, column: str) -> Iterable[str]:
    """Return what names a row: its own attributes, or else those of what it refers to."""
    if is_custom_attribute_value(schema.name):
        return ["configuration.key"]  # as scripts call it
    own = schema.having(("link", *NAMES))
    if own:
        return own
    return [
        f"{name}.{each}"
        for name, attribute in schema.attributes.items()
        if attribute.target in schemas and f"{name}_id" != column
        for each in schemas[attribute.target].having(NAMES)
    ]


def _label_by_references(data: Mapping[str, Any]) -> Label | None:
    values = [label_of(value) for value in data.values() if isinstance(value, Mapping)]
    names = [label.label for label in values if label is not None]
    return Label(" \u2013 ".join(names)) if names else None
