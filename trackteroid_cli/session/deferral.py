"""Deferral: what a session commits joins a recording instead of going to the server.

A `Deferral` connects one session to one `Recording`. It takes what the session commits, and can
undo what a block left in the session.
"""

from __future__ import annotations

import datetime
import gc
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import arrow
import ftrack_api
import ftrack_api.collection
import ftrack_api.entity.base
import ftrack_api.operation
import ftrack_api.symbol

from trackteroid_cli.batches.operations import Identity
from trackteroid_cli.batches.placements import Placement
from trackteroid_cli.batches.recording import Recording
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.session.folding import documents

_NOT_SET = ftrack_api.symbol.NOT_SET
_Create = ftrack_api.operation.CreateEntityOperation
_Update = ftrack_api.operation.UpdateEntityOperation
_Delete = ftrack_api.operation.DeleteEntityOperation

#: Types of which every value has a JSON form.
_PLAIN = frozenset({str, int, bool, type(None), arrow.Arrow, datetime.datetime, datetime.date})

#: Types of ftrack's own that are kept as references.
_REFERABLE = (
    ftrack_api.entity.base.Entity,
    ftrack_api.collection.Collection,
    ftrack_api.collection.MappedCollectionProxy,
)

_WHAT_CAN_BE_KEPT = "use texts, finite numbers, booleans, dates, entities, or lists of them"

#: Actions of a raw ``session.call`` that change nothing on the server.
READING_ACTIONS = frozenset(
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


class Operations(ftrack_api.operation.Operations):  # type: ignore[misc]
    """The operations that a session has recorded since its last commit.

    Besides, remembers what each updated attribute was when the author changed it: ``ftrack_api``
    keeps the old value only of attributes that were changed before.

    Another thread may add operations at any time.
    """

    def __init__(self, session: ftrack_api.Session) -> None:
        super().__init__()
        self._session = session
        #: Update -> the value on the server, as last seen.
        self.seen: dict[Any, Any] = {}

    def push(self, operation: Any) -> None:
        """Add *operation*.

        Raises:
            CannotDefer: a value has no JSON form; the attribute has its former value again.
        """
        if type(operation) is _Update:
            try:
                _check(operation, operation.attribute_name, operation.new_value)
            except CannotDefer:
                _restore(self._session, operation)
                raise
            if operation.old_value is _NOT_SET and not self._follows_its_create(operation):
                self.seen[operation] = _last_seen(self._session, operation)
        elif type(operation) is _Create:
            for name, value in operation.entity_data.items():
                if type(value) not in _PLAIN:
                    _check(operation, name, value)
        self._stack.append(operation)

    def _follows_its_create(self, operation: Any) -> bool:
        """Return whether *operation* is the first update of a new entity: nobody saw a value."""
        return any(
            type(last) is _Create and last.entity_key == operation.entity_key
            for last in self._stack[-1:]
        )

    def drop(self, operations: list[Any]) -> None:
        """Forget *operations*, the first ones, and keep what was added since."""
        del self._stack[: len(operations)]
        for operation in operations:
            self.seen.pop(operation, None)

    def clear(self) -> None:
        """Forget all operations."""
        super().clear()
        self.seen.clear()


class Deferral:
    """Connects *session* to *recording* for as long as it defers.

    *outer* is what the session was deferring already, when one block is inside of another.
    """

    def __init__(
        self, session: ftrack_api.Session, recording: Recording, outer: Deferral | None = None
    ) -> None:
        self.recording = recording
        self.outer = outer
        self.pending = Operations(session)
        #: Entities of which the script asked for the custom attributes since the last commit.
        self.asked: set[Identity] = set()
        self._session = session
        self._taken: list[Any] = []
        self._encode = json.JSONEncoder(
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            default=self._encode_value,
        ).encode

    def commit(self) -> list[Any]:
        """Move what the session recorded since its last commit into the recording.

        Like ``ftrack_api``'s own commit, of several updates of an attribute it keeps the last, with
        the first one's old value; updates right after the create of their entity become part of it.

        Returns:
            The operations that were moved, as the session recorded them.

        Raises:
            CannotDefer: a value has no JSON form; nothing was moved.
        """
        operations = list(self.pending)
        if operations:
            with self.recording.lock, _collecting_nothing():
                self._move(operations)
            self._taken.extend(operations)
            self.pending.drop(operations)
        return operations

    def _move(self, operations: list[Any]) -> None:
        recording = self.recording
        texts: list[bytes] = []
        kinds: list[str] = []
        made: list[Identity] = []
        touched: list[Identity] = []
        unseen: list[tuple[Identity, str, int]] = []
        placed: list[dict[str, Any]] = []
        for document in documents(operations, self.pending.seen, recording.commits + 1):
            kind = document["operation"]
            entity = Identity(document["entity_type"], tuple(document["entity_key"].values()))
            (made if kind == "create" else touched).append(entity)
            if kind == "update" and "old_value" not in document:
                unseen.append((entity, document["attribute_name"], len(texts)))
            if document["entity_type"] == "ComponentLocation":
                placed.append(document)
            kinds.append(kind)
            texts.append(self._text(document))
        # From here on nothing can fail.
        recording.commits += 1
        recording.created.update(made)
        for entity in touched:
            if entity not in recording.created:
                recording.mentioned.setdefault(entity, None)
        for entity, attribute, position in unseen:
            if entity not in recording.created:
                recording.unseen.setdefault((entity, attribute), len(recording) + position)
        recording.operations.extend(texts)
        for kind, number in Counter(kinds).items():
            recording.counts[kind] += number
        for document in placed:
            recording.placements.note(document)

    def rollback(self) -> None:
        """Undo what the session recorded since its last commit."""
        session = self._session
        with session.auto_populating(False), session.operation_recording(False):
            for operation in reversed(list(self.pending)):
                if type(operation) is _Update:
                    _restore(session, operation)
                elif type(operation) is _Create:
                    _forget(session, operation)
        self.pending.clear()
        self.asked.clear()

    def undo(self) -> None:
        """Undo all that was recorded here: leave the session as the block found it.

        Entities that were created here leave the session, and keep their values.
        """
        self.rollback()
        session, created = self._session, self.recording.created
        owners = {key[0] for _, key in created}
        with session.auto_populating(False), session.operation_recording(False):
            for operation in reversed(self._taken):
                if type(operation) is _Create:
                    _forget(session, operation)
                elif type(operation) is _Update and _changed(operation) not in created:
                    if operation.entity_key.get("entity_id") in owners:
                        _forget(session, operation)  # a custom attribute of a created entity
                    else:
                        _restore(session, operation)
        self._taken.clear()

    @property
    def taken(self) -> list[Any]:
        """The operations that the session has committed here and in outer deferrals, in order."""
        outer = self.outer.taken if self.outer is not None else []
        return [*outer, *self._taken]

    def knows(self, entity: Identity) -> bool:
        """Return whether *entity* exists only in this recording or in an outer one."""
        if entity in self.recording.created:
            return True
        return self.outer is not None and self.outer.knows(entity)

    def identity(self, entity: Any) -> Identity:
        """Return the identity of *entity*, without asking the server for it."""
        with self._session.auto_populating(False):
            return _identity(entity)

    def placements_of(self, component_id: str) -> dict[str, Placement]:
        """Return where the component is, by location, as far as recordings have changed it."""
        outer = self.outer.placements_of(component_id) if self.outer is not None else {}
        return {**outer, **self.recording.placements.of(component_id)}

    def _text(self, document: dict[str, Any]) -> bytes:
        try:
            return self._encode(document).encode("utf-8", "surrogatepass")
        except (TypeError, ValueError, RecursionError) as error:
            raise CannotDefer(
                f"cannot record the {document['operation']} of {document['entity_type']} "
                f"{', '.join(document['entity_key'].values())}",
                why=str(error),
                hint=_WHAT_CAN_BE_KEPT,
            ) from error

    def _encode_value(self, value: Any) -> Any:
        """Return what JSON lacks in ftrack's form (`ftrack_api/session.py`, ``_encode``)."""
        if isinstance(value, ftrack_api.entity.base.Entity):
            return self._reference(value)
        if isinstance(value, ftrack_api.collection.MappedCollectionProxy):
            value = value.collection
        if isinstance(value, ftrack_api.collection.Collection):
            return [self._reference(entity) for entity in value]
        if isinstance(value, (arrow.Arrow, datetime.datetime, datetime.date)):
            return {"__type__": "datetime", "value": value.isoformat()}
        raise _formless(value)

    def _reference(self, entity: Any) -> dict[str, str]:
        entity_type, key = found = _identity(entity)
        if found not in self.recording.created:
            self.recording.mentioned.setdefault(found, None)
        names = entity.primary_key_attributes
        return {"__entity_type__": entity_type, **dict(zip(names, key, strict=True))}


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Keep the garbage collector from going through all entities of the script, for the block.

    What a commit makes is kept, so that there is nothing to collect; and a script may have many
    entities.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _changed(operation: Any) -> Identity:
    """Return the identity of the entity that *operation* changes."""
    return Identity(operation.entity_type, tuple(operation.entity_key.values()))


def _identity(entity: Any) -> Identity:
    """Return the identity of *entity*, whose session does not populate for now."""
    key = [str(entity[name]) for name in entity.primary_key_attributes]
    return Identity(entity.entity_type, tuple(key))


def _check(operation: Any, name: str, value: Any) -> None:
    """Refuse a *value* of the attribute *name* that no batch can hold.

    Raises:
        CannotDefer: it has no JSON form.
    """
    if type(value) in _PLAIN or value is _NOT_SET or isinstance(value, _REFERABLE):
        return
    try:
        json.dumps(value, allow_nan=False, default=_nothing_if_known)
    except (TypeError, ValueError, RecursionError) as error:
        raise CannotDefer(
            f"cannot record {operation.entity_type}.{name}",
            why=str(error),
            hint=_WHAT_CAN_BE_KEPT,
        ) from error


def _nothing_if_known(value: Any) -> None:
    if type(value) not in _PLAIN and not isinstance(value, _REFERABLE):
        raise _formless(value)


def _formless(value: Any) -> TypeError:
    return TypeError(f"{value!r} of type {type(value).__name__} has no JSON form")


def _restore(session: ftrack_api.Session, operation: Any) -> None:
    """Give the attribute that *operation* changed its former value, without recording that."""
    entity = _cached(session, operation)
    if entity is not None:
        attribute = entity.attributes.get(operation.attribute_name)
        with session.operation_recording(False):
            attribute.set_local_value(entity, operation.old_value)


def _last_seen(session: ftrack_api.Session, operation: Any) -> Any:
    entity = _cached(session, operation)
    if entity is None:
        return _NOT_SET
    return entity.attributes.get(operation.attribute_name).get_remote_value(entity)


def _cached(session: ftrack_api.Session, operation: Any) -> Any:
    try:
        return session.cache.get(_cache_key(session, operation))
    except KeyError:
        return None


def _forget(session: ftrack_api.Session, operation: Any) -> None:
    with suppress(KeyError):  # never merged, or forgotten already
        session.cache.remove(_cache_key(session, operation))


def _cache_key(session: ftrack_api.Session, operation: Any) -> Any:
    key = list(operation.entity_key.values())
    return session.cache_key_maker.key((str(operation.entity_type), key))
