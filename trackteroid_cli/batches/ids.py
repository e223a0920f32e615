"""Ids of batches: the time of recording, in a form that sorts by it and is safe in a file name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from trackteroid_cli.errors import StorageError

_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{3}[0-9a-z]{3}|legacy-[0-9a-f]{16}")
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(earlier: Iterable[str] = ()) -> str:
    """Return an id for a batch recorded now: ``20260131-134501-417k2f``.

    Date and time are UTC, then three digits of milliseconds, two characters of microseconds, and a
    random one.

    Args:
        earlier: ids, or '', that the new one has to come after, whatever the clock says.

    Raises:
        StorageError: there is no time after that of the last of *earlier*.
    """
    import secrets

    moment = datetime.now(timezone.utc)
    dated = (each for each in earlier if each[:1].isdigit())
    last = max(dated, default="")
    if last >= _at(moment):
        try:
            # Two processes that do this at once get different ids.
            after = timedelta(milliseconds=1, microseconds=secrets.randbelow(1000))
            moment = _moment(last) + after
        except (ValueError, OverflowError):
            raise StorageError(
                "cannot give the batch an id",
                why=f"{last} is there, and no time comes after that",
                hint=f"move the file of {last} out of the spool",
            ) from None
    return _at(moment) + secrets.choice(_DIGITS)


def is_id(text: str) -> bool:
    """Return whether *text* has the form of an id."""
    return _ID.fullmatch(text) is not None


def id_in(file_name: str) -> str:
    """Return the id that *file_name* begins with, up to its first full stop; '' if with none."""
    beginning, found, _ = file_name.partition(".")
    return beginning if found and is_id(beginning) else ""


def _at(moment: datetime) -> str:
    milliseconds, microseconds = divmod(moment.microsecond, 1000)
    high, low = divmod(microseconds, len(_DIGITS))
    return f"{moment:%Y%m%d-%H%M%S}-{milliseconds:03d}{_DIGITS[high]}{_DIGITS[low]}"


def _moment(batch_id: str) -> datetime:
    """Return when *batch_id* says that it was made, to the millisecond.

    Raises:
        ValueError: there is no such time.
    """
    read = datetime.strptime(f"{batch_id[:19]}+0000", "%Y%m%d-%H%M%S-%f%z")
    return read.astimezone(timezone.utc)
