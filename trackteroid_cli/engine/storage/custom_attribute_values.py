"""Custom attribute values as ftrack sends them and as the store keeps them.

A value that was set is a row of ``custom_attribute_value``. The form of its column ``value``
depends on the configuration's type: text as text, numbers as numbers, booleans 0 and 1, dates as
``YYYY-MM-DD HH:MM:SS``, enumerators as a JSON list of strings. A configuration's ``default`` has
the same form; it is the value of entities without such a row.

Source: ftrack's API documentation, "Custom attributes"; ``ftrack_api/entity/factory.py``,
``_get_entity_configurations``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.values import Stored

#: Names of the rows of `CustomAttributeType`.
TYPE_NAMES = (
    "text",
    "boolean",
    "date",
    "enumerator",
    "dynamic enumerator",
    "number",
    "expression",
    "url",
)

_ENUMERATORS = frozenset({"enumerator", "dynamic enumerator"})

#: The default where a configuration states none, by type; null for the other types.
_EMPTY: dict[str, Stored] = {
    "text": "",
    "expression": "",
    "url": "",
    "boolean": 0,
    "enumerator": "[]",
    "dynamic enumerator": "[]",
}


def variable_to_wire(type_name: str, stored: Stored) -> JSON:
    """Return a stored custom attribute value as ftrack sends it.

    Args:
        type_name: the name of the configuration's type, one of `TYPE_NAMES`.
        stored: the value as the store keeps it.
    """
    if stored is None:
        return None
    if type_name == "boolean":
        return bool(stored)
    if type_name == "date":
        return values.write_date(str(stored))
    if type_name in _ENUMERATORS:
        options: list[str] = json.loads(str(stored))
        return options
    return stored


def variable_to_stored(type_name: str, config: str | None, key: str, value: object) -> Stored:
    """Return a custom attribute value, as a client sends it, as the store keeps it.

    Args:
        type_name: the name of the configuration's type, one of `TYPE_NAMES`.
        config: the configuration's ``config``: JSON text.
        key: the configuration's key, for the error.
        value: what the client sent.

    Raises:
        ValidationError: the value is not of that type.
    """
    if value is None:
        return None
    if type_name == "boolean":
        stored = _boolean(value)
    elif type_name == "date":
        stored = _date(value)
    elif type_name == "number":
        stored = _number(value, decimal=_is_decimal(config))
    elif type_name in _ENUMERATORS:
        stored = _options(value)
    else:
        stored = value if isinstance(value, str) and values.is_text(value) else None
    if stored is None:
        raise ValidationError(
            f'Custom attribute value for "{key}" must be of type {type_name}. '
            f'Got "{value}" of type {type(value)}'
        )
    return stored


def default_to_stored(type_name: str, config: str | None, key: str, value: object) -> Stored:
    """Return a configuration's ``default`` as the store keeps it; '' means no default."""
    if value is None or value == "":
        return _EMPTY.get(type_name)
    return variable_to_stored(type_name, config, key, value)


class Configuration(NamedTuple):
    """The parts of a configuration that its values depend on."""

    type_name: str
    config: str | None
    key: str

    def to_stored(self, value: object) -> Stored:
        """Return a value, as a client sends it, as the store keeps it."""
        return variable_to_stored(self.type_name, self.config, self.key, value)

    def to_wire(self, stored: Stored) -> JSON:
        """Return a stored value as ftrack sends it."""
        return variable_to_wire(self.type_name, stored)


def _boolean(value: object) -> Stored:
    return int(value) if isinstance(value, (int, float)) and value in (0, 1) else None


def _date(value: object) -> Stored:
    if isinstance(value, Mapping):
        value = value.get("value")
    return values.read_date(value) if isinstance(value, str) else None


def _number(value: object, *, decimal: bool) -> Stored:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # Neither infinite nor too large for the store; NaN fails the comparison, too.
    if not abs(value) < 2**63:
        return None
    return value if decimal else int(value)


def _is_decimal(config: str | None) -> bool:
    try:
        settings = json.loads(config or "{}")
    except ValueError:
        return False
    return isinstance(settings, dict) and bool(settings.get("isdecimal"))


def _options(value: object) -> Stored:
    chosen = [value] if isinstance(value, str) else value
    if isinstance(chosen, list) and all(isinstance(option, str) for option in chosen):
        return json.dumps(chosen)
    return None
