"""Literals of ftrack's query language, written from Python values.

Source: ftrack's API documentation, "Querying".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timezone

import arrow

from trackteroid_cli.engine.schema.schema import Kind
from trackteroid_cli.errors import InvalidCriterion
from trackteroid_cli.server.expressions import can_write, quoted

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_BOOLEANS = frozenset({"true", "false", "0", "1"})


def comparison(path: str, values: Iterable[object], kind: Kind) -> str:
    """Return the expression that the attribute at *path* has one of *values*.

    Args:
        values: the values, without None; a text with ``%`` is a pattern.

    Raises:
        InvalidCriterion: an attribute of *kind* cannot have one of the values.
    """
    same, parts = [], []
    for value in values:
        if isinstance(value, str) and "%" in value:
            parts.append(f"{path} like {text_literal(value)}")
        else:
            same.append(literal(value, kind))
    if len(same) == 1:
        parts.insert(0, f"{path} is {same[0]}")
    elif same:
        parts.insert(0, f"{path} in ({', '.join(same)})")
    return " or ".join(parts)


def text_literal(text: str) -> str:
    """Return *text* as a literal.

    Raises:
        InvalidCriterion: it has a backslash where the language cannot write one.
    """
    if not can_write(text):
        raise InvalidCriterion(
            f"cannot compare with {text!r}",
            why="ftrack's query language cannot write a backslash before a quote or at the end",
            hint="put the pattern '_' or '%' in its place",
        )
    return quoted(text)


def literal(value: object, kind: Kind) -> str:
    """Return *value* as a literal.

    Args:
        value: a text, a number, a boolean, a date or a datetime; without a time zone, it is in UTC.

    Raises:
        InvalidCriterion: it is something else, or an attribute of *kind* cannot have it.
    """
    moment = utc_moment(value)
    if moment is not None:
        precision = "microseconds" if moment.microsecond else "seconds"
        return quoted(moment.isoformat(timespec=precision))
    if isinstance(value, date):
        return quoted(value.isoformat())
    if not isinstance(value, (str, bool, int, float)):
        raise InvalidCriterion(
            f"cannot compare with {value!r}",
            why="a criterion takes texts, numbers, truths and dates, and nothing of type "
            f"{type(value).__name__}",
            hint="give several values one by one: by_name(*names)",
        )
    text = str(value)
    if kind in ("integer", "number") and not _NUMBER.fullmatch(text):
        raise _wrong_kind(value, "a number")
    if kind == "boolean" and text.casefold() not in _BOOLEANS:
        raise _wrong_kind(value, "true or false")
    return text_literal(text) if isinstance(value, str) or kind == "text" else text


def utc_moment(value: object) -> datetime | None:
    """Return the datetime *value* in UTC, without its time zone; None for any other value.

    Raises:
        InvalidCriterion: in UTC it lies outside of the years 1 to 9999.
    """
    if isinstance(value, arrow.Arrow):  # the type of dates in ftrack_api
        value = value.datetime
    if not isinstance(value, datetime):
        return None
    try:
        return value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
    except OverflowError as error:
        raise InvalidCriterion(
            f"cannot compare with {value!r}",
            why="in UTC it lies beyond the years 1 to 9999",
            hint="leave out an end of a range that is not meant",
        ) from error


def _wrong_kind(value: object, wanted: str) -> InvalidCriterion:
    return InvalidCriterion(
        f"cannot compare with {value!r}",
        why=f"the attribute holds {wanted}",
        hint="correct the value",
    )
