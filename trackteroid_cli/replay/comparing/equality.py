"""Equality of values as ftrack means it, however they are written.

Dates are compared to the second in UTC, references by their keys, collections as sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timezone

from trackteroid_cli import moments


def equal(one: object, other: object) -> bool:
    """Return whether two values in ftrack's JSON form mean the same."""
    return bool(_comparable(one) == _comparable(other))


def digest(values: Mapping[str, object]) -> str:
    """Return a text that is the same for two sets of values that mean the same."""
    import hashlib

    parts = sorted((name, _steady(_comparable(value))) for name, value in values.items())
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _steady(value: object) -> str:
    """Return a comparable form as text, members of a collection in one order."""
    if isinstance(value, frozenset):
        return repr(sorted(map(_steady, value)))
    if isinstance(value, tuple):
        return repr([_steady(part) for part in value])
    return repr(value)


def keys_of(references: Iterable[object]) -> frozenset[tuple[str, ...]]:
    """Return the keys of the members of a collection."""
    return frozenset(map(key_of, references))


def key_of(reference: object) -> tuple[str, ...]:
    """Return the key of a reference; its type may be named by a supertype, and does not count."""
    if not isinstance(reference, Mapping):
        return (str(reference),)
    return tuple(str(reference[name]) for name in sorted(reference) if not name.startswith("__"))


def _comparable(value: object) -> object:
    """Return a form that two equal values share."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, list):
        return frozenset(map(_comparable, value))
    if isinstance(value, Mapping):
        if "__type__" in value:
            return _to_the_second(str(value.get("value")))
        if "__entity_type__" in value:
            return key_of(value)
        return tuple(sorted((name, _comparable(part)) for name, part in value.items()))
    return value


def _to_the_second(text: str) -> str:
    """Return a date in UTC, to the second; any other text as it is."""
    try:
        moment = moments.parse(text)
    except ValueError:
        return text
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
