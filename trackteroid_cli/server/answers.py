"""Answers: checked against what was asked, before anything reads them.

Source: the forms of answers as ``ftrack_api/session.py`` reads them, ``call``, ``_query``,
``_fetch_server_information`` and ``_load_schemas``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackteroid_cli.server.schemas import ServerSchema

#: Actions whose results are objects.
_OBJECTS = frozenset({"create", "update", "delete", "query", "query_server_information", "search"})

#: What the rows of an aggregate are selected by: they are no entities.
_AGGREGATE = re.compile(r"\s*select\s((?!\sfrom\s)[^(])*\(", re.I)

#: The lists of texts that a schema has, and those that it may have.
_LISTS = ("primary_key", "default_projections")
_FURTHER_LISTS = ("immutable", "required", "system_projections", "computed")

#: What texts a property of a schema may have.
_TEXTS = ("type", "format", "alias_for", "$ref")


def fault(
    asked: Sequence[Mapping[str, object]], results: object, schema: ServerSchema | None = None
) -> str:
    """Return what is wrong with the form of an answer; '' where it has the one to be expected.

    Args:
        asked: the operations of the request.
        results: the answer, which should have a result for each of them.
        schema: the server's, with which entities are seen to have their keys.
    """
    if not isinstance(results, list):
        return f"it is {_kind(results)} in place of a list of results"
    if len(results) != len(asked):
        return f"it has {len(results)} results for {len(asked)} operations"
    keys = _Keys(schema) if schema is not None else None
    for operation, result in zip(asked, results, strict=True):
        wrong = _fault_of(operation, result, keys)
        if wrong:
            return f"the result of {operation.get('action')!r}: {wrong}"
    return ""


class _Keys(dict[str, tuple[str, ...]]):
    """The names of the parts of a type's key; none of a type that *schema* does not have."""

    def __init__(self, schema: ServerSchema) -> None:
        super().__init__()
        self._schema = schema

    def __missing__(self, name: str) -> tuple[str, ...]:
        self[name] = self._schema.primary_key(name) if name in self._schema else ()
        return self[name]


def _fault_of(operation: Mapping[str, object], result: object, keys: _Keys | None) -> str:
    action = operation.get("action")
    if action == "query_schemas":
        return _fault_of_schemas(result)
    if action not in _OBJECTS:
        return ""
    if not isinstance(result, Mapping):
        return f"{_kind(result)} in place of an object"
    if action == "query_server_information":
        return _fault_of_information(result)
    if action in ("query", "search"):
        is_aggregate = _AGGREGATE.match(str(operation.get("expression", ""))) is not None
        rows = result.get("data")
        if not isinstance(rows, list):
            return f"its data is {_kind(rows)} in place of a list"
        return _fault_of_metadata(result) or _fault_of_rows(rows, keys, is_aggregate)
    return ""


def _fault_of_metadata(result: Mapping[str, object]) -> str:
    metadata = result.get("metadata")
    following = metadata.get("next") if isinstance(metadata, Mapping) else None
    offset = following.get("offset") if isinstance(following, Mapping) else None
    for found, kind in ((metadata, Mapping), (following, Mapping), (offset, int)):
        if found is not None and (not isinstance(found, kind) or isinstance(found, bool)):
            return f"what follows the page is told by {_kind(found)}"
    return ""


def _fault_of_rows(rows: Sequence[object], keys: _Keys | None, is_aggregate: bool) -> str:
    for row in rows:
        # Entities that ftrack_api has made are no dicts; they know their type.
        if not isinstance(row, dict):
            if not isinstance(row, Mapping):
                return f"it has {_kind(row)} in place of an entity"
        elif "__entity_type__" in row or not is_aggregate:
            wrong = _fault_of_entity(row, keys)
            if wrong:
                return wrong
            if keys is not None:
                for value in row.values():
                    if isinstance(value, (dict, list)):
                        wrong = _fault_within(value, keys)
                        if wrong:
                            return wrong
    return ""


def _fault_within(value: dict[str, object] | list[object], keys: _Keys) -> str:
    """Return what is wrong with the entities that a value refers to."""
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, dict) and "__entity_type__" in each:
            wrong = _fault_of_entity(each, keys)
            if wrong:
                return wrong
    return ""


def _fault_of_entity(entity: Mapping[str, object], keys: _Keys | None) -> str:
    name = entity.get("__entity_type__")
    if not isinstance(name, str):
        return "it has an entity without a type"
    if keys is not None:
        for part in keys[name]:
            if not isinstance(entity.get(part), (str, int)):
                return f"it has a {name} without its {part}"
    return ""


def _fault_of_information(result: Mapping[str, object]) -> str:
    for name, kind in (("schema_hash", str), ("version", str), ("user_information", Mapping)):
        value = result.get(name)
        if value is not None and not isinstance(value, kind):
            return f"its {name} is {_kind(value)}"
    return ""


# -- schemas ---------------------------------------------------------------------------------------


def _fault_of_schemas(result: object) -> str:
    if not isinstance(result, list):
        return f"{_kind(result)} in place of a list of schemas"
    for document in result:
        if not isinstance(document, Mapping) or not isinstance(document.get("id"), str):
            return "it has a schema without an id"
        wrong = _fault_of_schema(document)
        if wrong:
            return f"the schema of {document['id']}: {wrong}"
    return ""


def _fault_of_schema(document: Mapping[str, object]) -> str:
    for name in (*_LISTS, *(each for each in _FURTHER_LISTS if each in document)):
        if not _is_list_of_texts(document.get(name)):
            return f"its {name} is no list of texts"
    alias = document.get("alias_for", "")
    if isinstance(alias, Mapping):
        if not isinstance(alias.get("id"), str) or not _is_texts(alias.get("classifiers", {})):
            return "its alias_for is no storage"
    elif not isinstance(alias, str):
        return f"its alias_for is {_kind(alias)}"
    properties = document.get("properties")
    if not isinstance(properties, Mapping):
        return f"its properties are {_kind(properties)}"
    for name, fragment in properties.items():
        wrong = _fault_of_property(fragment)
        if wrong:
            return f"its property {name}: {wrong}"
    return ""


def _fault_of_property(fragment: object) -> str:
    if not isinstance(fragment, Mapping):
        return f"it is {_kind(fragment)}"
    for name in _TEXTS:
        if name in fragment and not isinstance(fragment[name], str):
            return f"its {name} is {_kind(fragment[name])}"
    for name in ("items", "transform"):
        if name in fragment and not isinstance(fragment[name], Mapping):
            return f"its {name} is {_kind(fragment[name])}"
    if not _is_texts(fragment.get("key_value_attributes", {})):
        return "its key_value_attributes are no texts"
    if not isinstance(fragment.get("items", {}).get("$ref", ""), str):
        return "its items are of no type"
    return "" if _is_list_of_texts(fragment.get("enum", [])) else "its enum is no list of texts"


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(each, str) for each in value.values())


def _kind(value: object) -> str:
    """Return the kind of a JSON value, for a message."""
    if value is None:
        return "nothing"
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a text"),
        (list, "a list"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "an object")
