"""Deferral: the commits of a session join a recording instead of going to the server.

A `Deferral` connects one session to one `Recording`. It moves each commit of the session into the
recording, and can undo in the session what a block has changed.
"""

from __future__ import annotations

import datetime
import gc
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import cast

import arrow
import ftrack_api.collection
import ftrack_api.entity.base
import ftrack_api.operation
import ftrack_api.symbol

from trackteroid_cli.batches.documents import check_integer, check_operation
from trackteroid_cli.batches.labels import label_of, references
from trackteroid_cli.batches.operations import (
    UNSET,
    Create,
    Delete,
    Identity,
    Update,
    from_json,
    identity,
    texts,
    to_json,
    values_set,
)
from trackteroid_cli.batches.operations import Operation as RawOperation
from trackteroid_cli.batches.placements import Placement
from trackteroid_cli.batches.recordings.recording import Fact, Recording, fact_of
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.session.api.folding import (
    OperationDocument,
    fold_operations,
    is_create,
    is_update,
)
from trackteroid_cli.session.api.protocols import (
    Attribute,
    Entity,
    EntitySession,
    Operation,
    UpdateOperation,
    is_entity,
)
from trackteroid_cli.session.backfill import name_in_memory
from trackteroid_cli.session.calls.refusals import Refusals
from trackteroid_cli.session.calls.script_lines import current_script_line

_NOT_SET = ftrack_api.symbol.NOT_SET

#: Types whose values all have a JSON form that a batch can hold; but for a text of many MiB, which
#: is noticed when the operation is written.
_SCALAR_TYPES = frozenset({str, bool, type(None), arrow.Arrow, datetime.datetime, datetime.date})

#: Types of ``ftrack_api`` that are recorded as references.
_REFERENCE_TYPES = (
    ftrack_api.entity.base.Entity,
    ftrack_api.collection.Collection,
    ftrack_api.collection.MappedCollectionProxy,
)

_RECORDABLE_VALUES = "use texts, finite numbers, booleans, dates, entities, or lists of them"

#: Actions of a raw ``session.call`` that change nothing on the server.
READ_ONLY_ACTIONS = frozenset(
    {
        "compute_rollups",
        "generate_signed_url",
        "get_widget_url",
        "permissions",
        "query",
        "query_schemas",
        "query_server_information",
        "search",
    }
)


class UncommittedOperations(ftrack_api.operation.Operations):  # type: ignore[misc]
    """The operations that a session has recorded since its last commit.

    It also holds the value that each updated attribute had before: ``ftrack_api`` keeps the old
    value only of attributes that were changed before.

    Another thread may add operations at any time.
    """

    def __init__(self, session: EntitySession, refusals: Refusals) -> None:
        super().__init__()
        self._session = session
        self._refusals = refusals
        #: The value on the server, as last seen, of each attribute that was not changed before.
        self.remote_values: dict[UpdateOperation, object] = {}
        #: What the session had in memory of each entity that was deleted.
        self.seen_values: dict[Operation, dict[str, object]] = {}

    def push(self, operation: Operation) -> None:
        """Add *operation*.

        Raises:
            CannotDefer: a value has no JSON form; the attribute has its former value again.
        """
        if is_update(operation):
            try:
                _check_value(operation.new_value)
            except (TypeError, ValueError, RecursionError) as error:
                name = name_in_memory(self._session, identity(operation))
                _restore_value(self._session, operation)
                raise self._refused(operation, operation.attribute_name, name, error) from error
            if operation.old_value is _NOT_SET and not self._follows_its_create(operation):
                self.remote_values[operation] = _remote_value(self._session, operation)
        elif is_create(operation):
            for name, value in operation.entity_data.items():
                if type(value) not in _SCALAR_TYPES:
                    try:
                        _check_value(value)
                    except (TypeError, ValueError, RecursionError) as error:
                        named = str(label_of(operation.entity_data) or "")
                        raise self._refused(operation, name, named, error) from error
        else:
            self.seen_values[operation] = _values_in_memory(self._session, operation)
        self._stack.append(operation)

    def _refused(
        self, operation: Operation, attribute: str, name: str, reason: Exception
    ) -> CannotDefer:
        """Return and note the error for a value of *attribute* of the entity called *name*."""
        error = _value_refused(operation.entity_type, attribute, name, reason)
        self._refusals.note(error, current_script_line())
        return error

    def _follows_its_create(self, operation: UpdateOperation) -> bool:
        """Return whether *operation* comes right after the create of its entity."""
        return any(
            is_create(last) and last.entity_key == operation.entity_key for last in self._stack[-1:]
        )

    def extend(self, others: UncommittedOperations) -> None:
        """Add operations that were checked when *others* got them."""
        self._stack.extend(others)
        self.remote_values.update(others.remote_values)
        self.seen_values.update(others.seen_values)

    def remove(self, operations: list[Operation]) -> None:
        """Remove *operations*, the first ones, and keep those that were added since."""
        del self._stack[: len(operations)]
        for operation in operations:
            if is_update(operation):
                self.remote_values.pop(operation, None)
            else:
                self.seen_values.pop(operation, None)

    def clear(self) -> None:
        """Remove all operations."""
        super().clear()
        self.remote_values.clear()
        self.seen_values.clear()


class Deferral:
    """Connects *session* to *recording* while the session defers.

    Args:
        refusals: those of the run or the block.
        outer: the deferral of the enclosing block, if there is one.
        is_undone: whether `undo` will be called; what that needs is kept in memory.
    """

    def __init__(
        self,
        session: EntitySession,
        recording: Recording,
        refusals: Refusals,
        outer: Deferral | None = None,
        *,
        is_undone: bool,
    ) -> None:
        self.recording = recording
        self.refusals = refusals
        self.outer = outer
        self._is_undone = is_undone
        self.uncommitted = UncommittedOperations(session, refusals)
        #: Entities whose custom attributes the script has read since the last commit.
        self.read_custom_attributes: set[Identity] = set()
        self._session = session
        self._committed: list[Operation] = []
        self._encode = json.JSONEncoder(
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            default=self._encode_value,
        ).encode

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Commit in the block only what the block records; the rest waits as it did before.

        Operations that the block leaves uncommitted come after those that waited.
        """
        waiting = self.uncommitted
        added = self.uncommitted = UncommittedOperations(self._session, self.refusals)
        try:
            yield
        finally:
            self.uncommitted = waiting
            waiting.extend(added)

    def commit(self) -> list[Operation]:
        """Move the uncommitted operations into the recording.

        Like ``ftrack_api``'s own commit, of several updates of an attribute it keeps the last, with
        the first one's old value; updates right after the create of their entity become part of it.

        Returns:
            The operations that were moved, as the session recorded them.

        Raises:
            CannotDefer: a value has no JSON form; nothing was moved.
        """
        operations: list[Operation] = list(self.uncommitted)
        if operations:
            try:
                with _paused_garbage_collection():
                    self.recording.add_commit(lambda number: self._encoded(operations, number))
            except CannotDefer as error:
                self.note(error)
                raise
            self._note_committed(operations)
            self.uncommitted.remove(operations)
        return operations

    def check_parts(self, entity_type: str, data: Mapping[str, object]) -> None:
        """Check the mappings in the *data* of a new entity, such as its metadata.

        ``ftrack_api`` creates an entity of each item, after the entity that they belong to.

        Raises:
            CannotDefer: a value has no JSON form.
        """
        for name, value in data.items():
            if type(value) is dict:
                try:
                    _check_value(value)
                except (TypeError, ValueError, RecursionError) as error:
                    named = str(label_of(data) or "")
                    raise self.note(_value_refused(entity_type, name, named, error)) from error

    def note(self, error: CannotDefer) -> CannotDefer:
        """Note that *error* refuses what the script asks for, and return it."""
        self.refusals.note(error, current_script_line())
        return error

    @staticmethod
    def check_value(value: object) -> None:
        """Check *value* of a raw call.

        Raises:
            CannotDefer: it has no JSON form.
        """
        try:
            _check_value(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise CannotDefer(
                "cannot record a raw call", why=str(error), hint=_RECORDABLE_VALUES
            ) from error

    def record(self, operations: Sequence[RawOperation], *, process: int | None = None) -> None:
        """Add *operations* of a raw call to the recording, as one commit.

        Args:
            process: the number of the process that calls; by default this one's.
        """
        if not operations:
            return
        self.recording.catch_up()
        seen = [self._with_old_value(each) for each in operations]
        self.recording.add_commit(lambda number: self._encoded_raw(seen, number), process=process)
        self._note_committed(list(map(of_ftrack, operations)))

    def _with_old_value(self, operation: RawOperation) -> RawOperation:
        if isinstance(operation, Update):
            old_value = self._recorded_value(identity(operation), operation.attribute_name)
            return replace(operation, old_value=old_value)
        return operation

    def _encoded_raw(
        self, operations: Iterable[RawOperation], number: int
    ) -> Iterator[tuple[Fact, bytes]]:
        for operation in operations:
            for entity in references(list(values_set(operation).values())):
                self.recording.mention(entity)
            document = cast(OperationDocument, to_json(replace(operation, commit=number)))
            yield self._encoded_document(document)

    def _recorded_value(self, entity: Identity, attribute: str) -> object:
        value = self.recording.value_of(entity, attribute)
        if value is UNSET and self.outer is not None:
            return self.outer._recorded_value(entity, attribute)
        return value

    def _encoded(
        self, operations: Sequence[Operation], number: int
    ) -> Iterator[tuple[Fact, bytes]]:
        uncommitted = self.uncommitted
        for document in fold_operations(
            operations, uncommitted.remote_values, uncommitted.seen_values, number
        ):
            yield self._encoded_document(document)

    def _encoded_document(self, document: OperationDocument) -> tuple[Fact, bytes]:
        encoded = self._encode_document(document)
        fact = fact_of(document)
        if self.recording.side_effects:
            self._refuse_side_effects(fact.entity, encoded)
        return fact, encoded

    def _refuse_side_effects(self, entity: Identity, encoded: bytes) -> None:
        """Refuse an operation on *entity* that names what only the server can make.

        Raises:
            CannotDefer: it does.
        """
        document = json.loads(encoded)
        document.pop("seen", None)  # what it was, which is not sent
        self.check_ids(texts(document), f"a change of {entity.entity_type}")

    def check_ids(self, named: Iterable[object], what: str) -> None:
        """Check that none of the texts *named* is the id of what only the server can make.

        Args:
            what: names them.

        Raises:
            CannotDefer: one of them is.
        """
        for text in named:
            made = self.recording.side_effects.get(text) if isinstance(text, str) else None
            if made is not None:
                raise CannotDefer(
                    f"cannot record {what} that names a {made}",
                    why=f"the server makes this {made} when the batch is committed, and gives it "
                    "another id",
                    hint="ask for it in another recording, after the commit",
                )

    def rollback(self) -> None:
        """Undo the uncommitted operations."""
        session = self._session
        with session.auto_populating(False), session.operation_recording(False):
            for operation in reversed(list(self.uncommitted)):
                if is_update(operation):
                    _restore_value(session, operation)
                elif is_create(operation):
                    _remove_from_cache(session, operation)
        self.uncommitted.clear()
        self.read_custom_attributes.clear()

    def undo(self) -> None:
        """Undo all operations: leave the session as the block found it.

        Entities that were created here leave the session, and keep their values.
        """
        self.rollback()
        session, created = self._session, self.recording.created
        created_ids = set(created.key_parts())
        with session.auto_populating(False), session.operation_recording(False):
            for operation in reversed(self._committed):
                if is_create(operation):
                    _remove_from_cache(session, operation)
                elif isinstance(operation, _RawUpdate):
                    _expire_remote_value(session, operation)
                elif is_update(operation) and identity(operation) not in created:
                    if operation.entity_key.get("entity_id") in created_ids:
                        # a custom attribute of a created entity
                        _remove_from_cache(session, operation)
                    else:
                        _restore_value(session, operation)
        for job in self.recording.jobs:
            with suppress(KeyError):
                session.cache.remove(session.cache_key_maker.key(("Job", [job])))
        self._committed.clear()

    def _note_committed(self, operations: list[Operation]) -> None:
        if self._is_undone:
            self._committed.extend(operations)

    @property
    def committed(self) -> list[Operation]:
        """The operations that were committed here and in outer deferrals, in order."""
        outer = self.outer.committed if self.outer is not None else []
        if self._is_undone:
            return [*outer, *self._committed]
        documents = map(json.loads, self.recording.operations())
        return [*outer, *(of_ftrack(from_json(document)) for document in documents)]

    def has_created(self, entity: Identity) -> bool:
        """Return whether *entity* was created in this recording or in an outer one."""
        if entity in self.recording.created:
            return True
        return self.outer is not None and self.outer.has_created(entity)

    def identity(self, entity: Entity) -> Identity:
        """Return the identity of *entity*, without asking the server for it."""
        with self._session.auto_populating(False):
            return _identity(entity)

    def placements_of(self, component_id: str) -> dict[str, Placement]:
        """Return the placements of the component that recordings have changed, by location."""
        outer = self.outer.placements_of(component_id) if self.outer is not None else {}
        return {**outer, **self.recording.placements.of(component_id)}

    def _encode_document(self, document: OperationDocument) -> bytes:
        try:
            text = self._encode(document)
            check_operation(text)
            return text.encode("utf-8", "surrogatepass")
        except (TypeError, ValueError, RecursionError) as error:
            key = tuple(document["entity_key"].values())
            identity = Identity(document["entity_type"], key)
            name = name_in_memory(self._session, identity) or ", ".join(key)
            raise CannotDefer(
                f"cannot record the {document['operation']} of {identity.entity_type} {name}",
                why=str(error),
                hint=_RECORDABLE_VALUES,
            ) from error

    def _encode_value(self, value: object) -> object:
        """Return ftrack's JSON form of *value* (`ftrack_api/session.py`, ``_encode``)."""
        if isinstance(value, ftrack_api.entity.base.Entity):
            return self._reference(value)
        if isinstance(value, ftrack_api.collection.MappedCollectionProxy):
            value = value.collection
        if isinstance(value, ftrack_api.collection.Collection):
            return [self._reference(entity) for entity in value]
        if isinstance(value, (arrow.Arrow, datetime.datetime, datetime.date)):
            return {"__type__": "datetime", "value": value.isoformat()}
        raise _no_json_form(value)

    def _reference(self, entity: Entity) -> dict[str, str]:
        """Return ftrack's JSON form of a reference, and note that the recording mentions it."""
        entity_type, key = referenced = _identity(entity)
        self.recording.mention(referenced)
        names = entity.primary_key_attributes
        return {"__entity_type__": entity_type, **dict(zip(names, key, strict=True))}


@contextmanager
def _paused_garbage_collection() -> Iterator[None]:
    """Keep the garbage collector from going through all entities of the script, for the block.

    Everything that a commit makes is kept, so that there is nothing to collect; and a script may
    have many entities.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _RawUpdate(ftrack_api.operation.UpdateEntityOperation):  # type: ignore[misc]
    """An update of a raw call, which has set nothing in the session."""


def of_ftrack(operation: RawOperation) -> Operation:
    """Return *operation* as ``ftrack_api`` would record it."""
    target = operation.entity_type, operation.entity_key
    made: Operation
    if isinstance(operation, Create):
        made = ftrack_api.operation.CreateEntityOperation(*target, operation.entity_data)
    elif isinstance(operation, Delete):
        made = ftrack_api.operation.DeleteEntityOperation(*target)
    else:
        made = _RawUpdate(*target, operation.attribute_name, _NOT_SET, operation.new_value)
    return made


def _expire_remote_value(session: EntitySession, operation: UpdateOperation) -> None:
    """Let the session fetch the attribute of *operation* when it is next read."""
    entity = _cached_entity(session, operation)
    attribute = entity.attributes.get(operation.attribute_name) if entity is not None else None
    if entity is not None and attribute is not None:
        attribute.set_remote_value(entity, _NOT_SET)


def _identity(entity: Entity) -> Identity:
    """Return the identity of *entity*; its session must not populate meanwhile."""
    key = [str(entity[name]) for name in entity.primary_key_attributes]
    return Identity(entity.entity_type, tuple(key))


def _check_value(value: object) -> None:
    """Check that *value* can be recorded.

    Raises:
        TypeError, ValueError, RecursionError: it has no JSON form.
    """
    if type(value) is int:
        check_integer(value)
        return
    if type(value) in _SCALAR_TYPES or value is _NOT_SET or isinstance(value, _REFERENCE_TYPES):
        return
    check_operation(json.dumps(value, allow_nan=False, default=_check_part))


def _value_refused(entity_type: str, attribute: str, name: str, reason: Exception) -> CannotDefer:
    of = f" of {name}" if name else ""
    return CannotDefer(
        f"cannot record {entity_type}.{attribute}{of}",
        why=str(reason),
        hint=_RECORDABLE_VALUES,
    )


def _check_part(value: object) -> None:
    """Check a part of a value that JSON alone cannot express."""
    if type(value) not in _SCALAR_TYPES and not isinstance(value, _REFERENCE_TYPES):
        raise _no_json_form(value)


def _no_json_form(value: object) -> TypeError:
    return TypeError(f"{value!r} of type {type(value).__name__} has no JSON form")


def _restore_value(session: EntitySession, operation: UpdateOperation) -> None:
    """Restore the value before *operation*, without recording that."""
    entity = _cached_entity(session, operation)
    if entity is not None:
        with session.operation_recording(False):
            _attribute(entity, operation).set_local_value(entity, operation.old_value)


def _remote_value(session: EntitySession, operation: UpdateOperation) -> object:
    entity = _cached_entity(session, operation)
    if entity is None:
        return _NOT_SET
    return _attribute(entity, operation).get_remote_value(entity)


def _values_in_memory(session: EntitySession, operation: Operation) -> dict[str, object]:
    """Return the values of an entity as the session got them; references as the ids of columns."""
    entity = _cached_entity(session, operation)
    if entity is None:
        return {}
    values: dict[str, object] = {}
    attributes = entity.attributes
    for name, attribute in ((name, attributes.get(name)) for name in list(attributes.keys())):
        assert attribute is not None
        value = attribute.get_remote_value(entity)
        column = f"{name}_id"
        if type(value) in _SCALAR_TYPES or _is_writable_number(value):
            values[name] = value
        elif is_entity(value) and entity.attributes.get(column) is not None:
            values.setdefault(column, _identity(value).key[0])
    return {name: value for name, value in values.items() if name not in operation.entity_key}


def _is_writable_number(value: object) -> bool:
    if type(value) is int:
        return abs(value) < 1 << 63
    return type(value) is float and math.isfinite(value)


def _attribute(entity: Entity, operation: UpdateOperation) -> Attribute:
    attribute = entity.attributes.get(operation.attribute_name)
    assert attribute is not None
    return attribute


def _cached_entity(session: EntitySession, operation: Operation) -> Entity | None:
    try:
        return session.cache.get(_cache_key(session, operation))
    except KeyError:
        return None


def _remove_from_cache(session: EntitySession, operation: Operation) -> None:
    with suppress(KeyError):  # never merged, or removed already
        session.cache.remove(_cache_key(session, operation))


def _cache_key(session: EntitySession, operation: Operation) -> str:
    key = list(operation.entity_key.values())
    return session.cache_key_maker.key((str(operation.entity_type), key))
