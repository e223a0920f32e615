"""Conversion between values as ftrack sends them and as the store keeps them.

Dates travel as ``{"__type__": "datetime", "value": "2024-05-01T10:00:00"}`` in UTC and are kept
as ``2024-05-01 10:00:00``; fractions of a second are dropped, as ftrack does.

Source: ``ftrack_api/session.py``, ``_encode`` and ``_decode``.
"""

from __future__ import annotations

import json
import math
import os
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.schema.schema import Attribute
from trackteroid_cli.engine.storage.errors import ValidationError

#: A value in a column of the store.
Stored = str | int | float | None

_DATE_FORMAT = "%Y-%m-%d %H:%M:%S"


def new_id() -> str:
    """Return a random id for a new row.

    Not by `uuid.uuid4`, which a script in the same process may have replaced.
    """
    return str(uuid.UUID(bytes=os.urandom(16), version=4))


def now() -> str:
    """Return the current time as the store keeps dates."""
    return datetime.now(timezone.utc).strftime(_DATE_FORMAT)


def read_date(text: str) -> str | None:
    """Return an ISO 8601 date or date-time as the store keeps it (UTC), or None if it is neither.

    A value without an offset is UTC; a date alone means its midnight.
    """
    text = text.strip()
    if text.endswith(("Z", "z")):
        text = text[:-1] + "+00:00"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(timezone.utc)
        except OverflowError:
            return None
    return moment.strftime(_DATE_FORMAT) if moment.year > 999 else None


def write_date(stored: str) -> dict[str, str]:
    """Return a stored date as ftrack sends it."""
    return {"__type__": "datetime", "value": stored.replace(" ", "T")}


def is_text(text: str) -> bool:
    """Return whether the store can keep *text*, which JSON allows to have half a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def to_stored(attribute: Attribute, value: object) -> Stored:
    """Return *value*, as a client sends it, as the store keeps it.

    Raises:
        ValidationError: the value is not of the attribute's kind.
    """
    if value is None:
        return None
    if isinstance(value, Mapping) and "__type__" in value:
        value = value.get("value")
        date = read_date(value) if isinstance(value, str) else None
        if date is None:
            raise _not_a(attribute, "date", value)
        return date
    convert = _CONVERTERS[attribute.kind]
    return convert(attribute, value)


def to_wire(attribute: Attribute, stored: Stored) -> JSON:
    """Return a stored value as ftrack sends it."""
    if stored is None:
        return None
    if attribute.kind == "date":
        return write_date(str(stored))
    if attribute.kind == "boolean":
        return bool(stored)
    return stored


def _text(attribute: Attribute, value: object) -> Stored:
    if isinstance(value, (Mapping, list)):
        if attribute.key:
            raise _not_a(attribute, "text", value)
        return json.dumps(value)
    text = str(value)
    if not is_text(text):
        raise ValidationError(f'Value for "{attribute.name}" is not text: {value!a}')
    return text


def _integer(attribute: Attribute, value: object) -> Stored:
    # Not by way of a float, which would change the digits of a large number.
    number = value if isinstance(value, int) else int(_number(attribute, value))
    if not -(2**63) <= number < 2**63:
        raise _not_a(attribute, "integer", value)
    return int(number)


def _number(attribute: Attribute, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _not_a(attribute, attribute.kind, value) from None
    if not math.isfinite(number):
        raise _not_a(attribute, attribute.kind, value)
    return number


def _boolean(attribute: Attribute, value: object) -> Stored:
    if isinstance(value, (bool, int, float)):
        return int(bool(value))
    words = {"true": 1, "1": 1, "false": 0, "0": 0}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise _not_a(attribute, "boolean", value)


def _date(attribute: Attribute, value: object) -> Stored:
    date = read_date(value) if isinstance(value, str) else None
    if date is None:
        raise _not_a(attribute, "date", value)
    return date


def _variable(attribute: Attribute, value: object) -> Stored:  # noqa: ARG001
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float, str)):
        return value
    return json.dumps(value)


_CONVERTERS = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "variable": _variable,
}


def _not_a(attribute: Attribute, kind: str, value: object) -> ValidationError:
    return ValidationError(
        f'Value for "{attribute.name}" must be of type {kind}. '
        f'Got "{value}" of type {type(value).__name__}'
    )
