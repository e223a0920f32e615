"""Normal values: what was set, in the form in which a server gives it back.

A server keeps the moment ``2024-04-02T10:00:00`` of a text as a date, and 900 as a number with a
fraction if the attribute is one.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import arrow

from trackteroid_cli.engine.schema.schema import Attribute, Kind, kind_of
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.errors import ValidationError

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.documents import SchemaDocument

#: The type that a value has where it needs no change.
_TYPES = {"text": str, "integer": int, "number": float, "boolean": bool}


class NormalValues:
    """The normal values of attributes of the entity types of *schemas*."""

    def __init__(self, schemas: Sequence[SchemaDocument]) -> None:
        self._documents = {document["id"]: document for document in schemas}
        self._kinds: dict[str, Mapping[str, Kind]] = {}

    def of(self, entity_type: str, name: str, value: object) -> object:
        """Return the normal form of the *value* of an attribute; *value* itself if it has it.

        A value that no server would take is returned as it is.
        """
        kind = self._kind(entity_type).get(name)
        if kind is None or type(value) is _TYPES.get(kind):  # nearly all values, of every commit
            return value
        given = self.in_json(entity_type, name, value)
        return arrow.get(str(given["value"])) if isinstance(given, dict) else given

    def in_json(self, entity_type: str, name: str, value: object) -> object:
        """Return the same in ftrack's JSON form, of a value that may be in this form."""
        kind = self._kind(entity_type).get(name)
        if kind is None or value is None or type(value) is _TYPES.get(kind):
            return value
        try:
            return _normal(Attribute(name, kind), value)
        except ValidationError:
            return value

    def _kind(self, entity_type: str) -> Mapping[str, Kind]:
        kinds = self._kinds.get(entity_type)
        if kinds is None:
            kinds = self._kinds[entity_type] = self._kinds_of(entity_type)
        return kinds

    def _kinds_of(self, entity_type: str) -> Mapping[str, Kind]:
        """Return the kinds of the attributes of a type whose values have a normal form."""
        document = self._documents.get(entity_type)
        if document is None:
            return {}
        kinds = {
            name: kind_of(part) for name, part in document["properties"].items() if "type" in part
        }
        return {name: kind for name, kind in kinds.items() if kind == "date" or kind in _TYPES}


def _normal(attribute: Attribute, value: object) -> object:
    if isinstance(value, (arrow.Arrow, datetime.date)):
        value = {"__type__": "datetime", "value": value.isoformat()}
    elif not isinstance(value, (str, int, float, dict)):
        return value
    return values.to_wire(attribute, values.to_stored(attribute, value))
