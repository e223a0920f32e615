"""What a disk that refuses says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trackteroid_cli.errors import StorageError, TrackteroidError, cause


@contextmanager
def storing(
    what: str,
    *,
    hint: str,
    also: tuple[type[Exception], ...] = (),
    error_type: type[TrackteroidError] = StorageError,
    damaged: str = "",
) -> Iterator[None]:
    """Raise one clear error where the system refuses what the block does on the disk.

    Args:
        what: what could not be done: ``cannot write to PATH``.
        hint: what to do next.
        also: errors to treat like `OSError`, such as those of a database.
        error_type: what to raise.
        damaged: what to do next where a file is at fault, and not what the system allows; it may
            cost what is in the file. '' for the same *hint*.

    Raises:
        StorageError: or *error_type*, from the system's own error.
    """
    foreseen: tuple[type[Exception], ...] = (OSError, *also)
    try:
        yield
    except foreseen as error:
        at_fault = damaged and not _is_refusal(error)
        raise error_type(what, why=cause(error), hint=damaged if at_fault else hint) from error


def _is_refusal(error: Exception) -> bool:
    """Return whether the system refuses, as on a full disk, and nothing is wrong with a file."""
    import sqlite3

    if isinstance(error, sqlite3.OperationalError):
        return not str(error).startswith("no such")  # table or column
    return isinstance(error, OSError)
