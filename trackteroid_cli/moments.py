"""Ages: how long ago something was, in words.

Moments are texts in UTC, ISO 8601, as headers and journals have them.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone


def ago(moment: str) -> str:
    """Return how long ago *moment* was: ``3 hours ago``."""
    return f"{lasting(age(moment))} ago"


def before(earlier: str, later: str) -> str:
    """Return how long before *later* the moment *earlier* was: ``3 hours before``."""
    return f"{lasting((read(later) - read(earlier)).total_seconds())} before"


def age(moment: str) -> float:
    """Return how many seconds ago *moment* was."""
    return (datetime.now(timezone.utc) - read(moment)).total_seconds()


def read(moment: str) -> datetime:
    """Return *moment* as a date with its offset.

    Raises:
        ValueError: it is none.
    """
    return datetime.fromisoformat(moment.replace("Z", "+00:00"))


def length(text: str) -> float:
    """Return the seconds in a length of time that a person typed: ``90s``, ``10m``, ``2h``, ``1d``.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is no length of time")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def lasting(seconds: float) -> str:
    """Return a length of time in the largest unit of which there are some: ``3 hours``."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * length:
            return f"{round(seconds / length)} {unit}s"
    number = max(0, round(seconds))
    return f"{number} second{'' if number == 1 else 's'}"
