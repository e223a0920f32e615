"""The files of the older Trackteroid package, read into the form of today's batches.

Such a file is the content of an ftrack cache. The key `__operations__` holds a list of operations,
as a JSON string of JSON; keys such as `('Shot', ['<id>'])` hold the entities that the session knew,
as `ftrack_api.Session.encode` writes them. The text "NOT SET" stands for a value that was never
set, and the text of a key for a reference to that entity.

Source: trackteroid/session.py, `deferred_operations` and `reconnect_and_commit`;
ftrack_api/inspection.py, `identity`; ftrack_api/operation.py.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from trackteroid_cli.batches.dbm import DbmCorrupt, Reader, existing_file
from trackteroid_cli.batches.documents import read_json
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.labels import Label
from trackteroid_cli.batches.operations import Identity, counts, from_json

_OPERATIONS_KEY = b"__operations__"
_NOT_SET = "NOT SET"

_KINDS = {
    "create": "create",
    "createentityoperation": "create",
    "update": "update",
    "updateentityoperation": "update",
    "delete": "delete",
    "deleteentityoperation": "delete",
}

# A tuple of a text and a flat list of texts, as Python writes it. Nothing that nests comes
# through, so that what does is safe to take apart as a literal.
_ESCAPE = r"""\\(?:['"\\nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})"""
_TEXT = rf"""u?(?:'(?:[^'\\\x00-\x1f]|{_ESCAPE})*'|"(?:[^"\\\x00-\x1f]|{_ESCAPE})*")"""
_IDENTITY = re.compile(rf"\({_TEXT}, \[{_TEXT}(?:, {_TEXT})*\]\)")


@dataclass(frozen=True)
class LegacyBatch:
    """What a file of the older package holds.

    Attributes:
        operations: in the order in which they were recorded, in the JSON form of a batch.
        entities: the known entities, by type and key (parts of a key joined by commas), in
            ftrack's JSON form.

    """

    operations: list[dict[str, Any]]
    entities: dict[tuple[str, str], dict[str, Any]]

    def header(self, path: Path) -> Header:
        """Return a header for the file *path*, which has none: the same at every call."""
        text = json.dumps(self.operations, sort_keys=True).encode()
        written = (existing_file(path) or path).stat().st_mtime
        return Header(
            id=f"legacy-{hashlib.sha256(text).hexdigest()[:16]}",
            name=path.stem,
            created=datetime.fromtimestamp(written, timezone.utc).isoformat(timespec="seconds"),
            counts=counts(from_json(document) for document in self.operations),
        )

    def labels(self) -> Iterator[tuple[Identity, Label]]:
        """Yield the labels of the known entities."""
        for (entity_type, key), data in self.entities.items():
            for name in ("full_name", "name", "username", "label", "key"):
                if isinstance(data.get(name), str) and data[name]:
                    yield Identity(entity_type, (key,)), Label(data[name])
                    break


def is_legacy(reader: Mapping[bytes, bytes]) -> bool:
    """Return whether the dbm file behind *reader* was written by the older package."""
    return _OPERATIONS_KEY in reader


def read_legacy(reader: Reader) -> LegacyBatch:
    """Return what the older package left in the dbm file behind *reader*.

    What the older package replays is kept, apart from what replaying does not send: values that
    were never set, and updates to such a value. As there, a user's own text "NOT SET" cannot be
    told apart from the marker.

    Raises:
        DbmCorrupt: an entry is missing or malformed; the message names it.

    """
    documents = _Entries(reader)
    return LegacyBatch(documents.operations(), documents.entities())


class _MalformedError(ValueError):
    """An operation cannot be understood; the message says why."""


class _Entries:
    """The entries of one file, with errors that name it and them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def operations(self) -> list[dict[str, Any]]:
        name = _OPERATIONS_KEY.decode()
        raw = self._reader.get(_OPERATIONS_KEY)
        if raw is None:
            raise self._corrupt(f"it has no entry {name}")
        text = self._decode(name, raw)
        documents = self._decode(name, text) if isinstance(text, str) else text
        if not isinstance(text, str) or not isinstance(documents, list):
            raise self._corrupt(f"the entry {name} is not a JSON text of a list of operations")
        operations = []
        for number, document in enumerate(documents, start=1):
            try:
                operation = _operation(document)
            except _MalformedError as error:
                raise self._corrupt(f"operation {number} in {name} {error}") from error
            if operation is not None:
                operations.append(operation)
        return operations

    def entities(self) -> dict[tuple[str, str], dict[str, Any]]:
        entities = {}
        for key, value in self._reader.items_with_prefix(b""):
            identity = _identity(key.decode("utf-8", "replace"))
            if identity is None:
                continue  # of a cache's other contents nothing is needed
            name = key.decode()
            document = self._decode(name, value)
            if not isinstance(document, dict):
                raise self._corrupt(f"the entry {name} is not an entity")
            entity_type, parts = identity
            entities[entity_type, ",".join(parts)] = _without_unset(document)
        return entities

    def _decode(self, name: str, text: str | bytes) -> Any:
        try:
            return read_json(text)
        except ValueError as error:
            raise self._corrupt(f"the entry {name} is not JSON ({error})") from error

    def _corrupt(self, why: str) -> DbmCorrupt:
        return DbmCorrupt(self._reader.path, why, "record the work again: this file is not whole")


def _operation(document: Any) -> dict[str, Any] | None:
    """Return the operation in the JSON form of a batch; None where it sends nothing."""
    if not isinstance(document, dict):
        raise _MalformedError("is not a JSON object")
    operation = {
        "operation": _kind(document),
        "entity_type": _text(document, "entity_type"),
        "entity_key": _entity_key(document.get("entity_key")),
    }
    if operation["operation"] == "create":
        data = document.get("entity_data", {})
        if not isinstance(data, dict):
            raise _MalformedError('has an "entity_data" that is not an object')
        return {**operation, "entity_data": _without_unset(data)}
    if operation["operation"] == "update":
        return _update(operation, document)
    return operation


def _update(operation: dict[str, Any], document: dict[str, Any]) -> dict[str, Any] | None:
    operation["attribute_name"] = _text(document, "attribute_name")
    if "new_value" not in document:
        raise _MalformedError('has no "new_value"')
    if document["new_value"] == _NOT_SET:
        return None  # ftrack_api sends nothing for it. Source: ftrack_api/session.py, `commit`
    if document.get("old_value", _NOT_SET) != _NOT_SET:
        operation["old_value"] = _value(document["old_value"])
    operation["new_value"] = _value(document["new_value"])
    return operation


def _kind(document: dict[str, Any]) -> str:
    given = document.get("operation", document.get("action"))
    kind = _KINDS.get(given.lower()) if isinstance(given, str) else None
    if kind is None:
        raise _MalformedError(f"is of an unknown kind: {given!r:.60}")
    return kind


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise _MalformedError(f'has no "{name}"')
    return value


def _entity_key(given: Any) -> dict[str, str]:
    """Return the key as names and texts.

    Args:
        given: a mapping, a list of [name, value] pairs, or a list of the one value of an id.

    """
    if isinstance(given, dict):
        pairs = list(given.items())
    elif isinstance(given, list) and all(_is_pair(item) for item in given):
        pairs = [(name, value) for name, value in given]
    elif isinstance(given, list) and len(given) == 1:
        pairs = [("id", given[0])]
    else:
        raise _MalformedError('has no "entity_key" with the names of its parts')
    if not pairs or not all(_is_key_part(value) for _, value in pairs):
        raise _MalformedError('has an "entity_key" that is empty, or not of texts')
    return {name: str(value) for name, value in pairs}


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)


def _is_key_part(value: Any) -> bool:
    """Return whether *value* can be part of a key; ftrack_api makes a text of a number."""
    return (isinstance(value, str) and value != "") or type(value) is int


def _without_unset(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value != _NOT_SET}


def _value(value: Any) -> Any:
    """Return a reference for the text of an entity's identity, everything else as it is."""
    identity = _identity(value) if isinstance(value, str) else None
    if identity is None or len(identity[1]) != 1:
        return value
    entity_type, (entity_id,) = identity
    return {"__entity_type__": entity_type, "id": entity_id}


def _identity(text: str) -> tuple[str, list[str]] | None:
    """Return the type and the key that a text such as `('Shot', ['<id>'])` names."""
    if _IDENTITY.fullmatch(text) is None:
        return None
    entity_type, key = ast.literal_eval(text)
    return entity_type, key
