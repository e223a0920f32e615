"""What several commands share: where the spool is, and which batch an argument means."""

from __future__ import annotations

from pathlib import Path

from trackteroid_cli import settings
from trackteroid_cli.errors import NotFound
from trackteroid_cli.spool import Entry, Spool


def spool() -> Spool:
    """Return the spool of this user."""
    return Spool(settings.home() / "spool")


def batch_or_file(text: str) -> Entry | Path:
    """Return the batch in the spool, or else the file, that *text* means.

    Raises:
        NotFound: neither exists.
        AmbiguousBatch: several batches are meant.
    """
    path = Path(text)
    if "/" in text or "\\" in text or path.suffix or path.exists():
        if _is_there(path):
            return path
        if "/" in text or "\\" in text:
            raise NotFound(
                f"cannot read {text}", why="there is no such file", hint="check the path"
            )
    return spool().find(text)


def _is_there(path: Path) -> bool:
    """Return whether there is a dbm file of that name, which may be in several files."""
    return any(
        path.with_name(path.name + end).exists() for end in ("", ".dat", ".dir", ".db", ".pag")
    )
