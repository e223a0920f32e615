"""Targets: which batch or file an argument means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from trackteroid_cli.batches.dbm import existing_file
from trackteroid_cli.batches.spool import Entry, Spool
from trackteroid_cli.errors import AmbiguousBatch, NotFound
from trackteroid_cli.recording.recordings import OpenRecording, Recordings

_Found = TypeVar("_Found")


def batch_or_file(text: str) -> Entry | Path:
    """Return the batch in the spool, or else the file, that *text* means.

    Raises:
        NotFound: neither exists.
        AmbiguousBatch: several batches are meant.
    """
    path = Path(text)
    is_path = "/" in text or "\\" in text
    # A folder that has a batch's name is not what is meant.
    if existing_file(path) and (is_path or not path.is_dir()):
        return path
    if is_path:
        raise NotFound(f"cannot read {text}", why="there is no such file", hint="check the path")
    return Spool.default().find(text)


def or_interrupted(text: str, find: Callable[[str], _Found]) -> _Found | OpenRecording:
    """Return what *find* finds as *text*, or else the interrupted recording of that id.

    Raises:
        NotFound: neither exists; as *find* says it.
        AmbiguousBatch: several are meant.
    """
    try:
        return find(text)
    except AmbiguousBatch:
        raise
    except NotFound as error:
        try:
            return Recordings.default().find(text)
        except AmbiguousBatch:
            raise
        except NotFound:
            raise error from None
