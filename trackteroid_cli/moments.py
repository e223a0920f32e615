"""Moments and lengths of time: the one place that reads and writes them.

A moment is a text in UTC, ISO 8601 with a final Z, as headers and journals hold it.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone


def now() -> str:
    """Return the present moment, to the millisecond: ``2026-01-31T13:45:01.417Z``."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(moment: str) -> datetime:
    """Return *moment* as a date; it has an offset if the text has one.

    Raises:
        ValueError: the text is not a date.
    """
    return datetime.fromisoformat(moment.replace("Z", "+00:00"))


def local(moment: str) -> str:
    """Return *moment* in this machine's time zone, for a person; any other text as it is."""
    try:
        return f"{parse(moment).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return moment


def age(moment: str) -> float:
    """Return how many seconds ago *moment* was."""
    return (datetime.now(timezone.utc) - parse(moment)).total_seconds()


def ago(moment: str) -> str:
    """Return how long ago *moment* was: ``3 hours ago``."""
    return f"{_in_words(age(moment))} ago"


def before(earlier: str, later: str) -> str:
    """Return how long before *later* the moment *earlier* was: ``3 hours before``."""
    return f"{_in_words((parse(later) - parse(earlier)).total_seconds())} before"


def parse_duration(text: str) -> float:
    """Return the seconds in a duration that a person typed: ``90s``, ``10m``, ``2h``, ``1d``.

    Raises:
        ValueError: the text is not a duration.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is no length of time")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def _in_words(seconds: float) -> str:
    """Return a duration in the largest unit that fits: ``3 hours``."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * length:
            return f"{round(seconds / length)} {unit}s"
    number = max(0, round(seconds))
    return f"{number} second{'' if number == 1 else 's'}"
