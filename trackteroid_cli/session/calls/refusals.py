"""Refusals: what was asked for during a recording and cannot be recorded.

A script may catch the error and go on. The recording remembers it, so that it is not saved as if it
were whole.
"""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from trackteroid_cli.errors import CannotDefer

#: How many refusals a message names.
_NAMED = 5


class Refusal(NamedTuple):
    """One refusal: what the error says, and the line that asked for it."""

    what: str
    line: str

    def __str__(self) -> str:
        """Return the line and what the error says."""
        return f"{self.line}: {self.what}" if self.line else self.what


class Refusals:
    """The refusals of a run or of a block, also those in its other processes."""

    def __init__(self) -> None:
        #: The process that will write the batch.
        self.process = os.getpid()
        self._noted: list[Refusal] = []
        #: Where other processes note theirs, a JSON list a line; the first one makes the file.
        self.path = Path(tempfile.gettempdir(), f"trackteroid-{os.urandom(16).hex()}.refusals")
        # Not at exit: a run calls exit functions while it still records.
        weakref.finalize(self, _remove, self.path, self.process).atexit = False

    def close(self) -> None:
        """Remove the file in which other processes note theirs."""
        self._noted = self.noted
        _remove(self.path, self.process)

    def note(self, error: CannotDefer, line: str) -> None:
        """Note *error*, which *line* of the script caused, unless it was noted before."""
        if error.line:
            return
        error.line = line or "the script"
        refusal = Refusal(error.what, line)
        if os.getpid() == self.process:
            self._noted.append(refusal)
            return
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, json.dumps([error.what, line]).encode("ascii") + b"\n")
        finally:
            os.close(file)

    @property
    def noted(self) -> list[Refusal]:
        """The refusals so far."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            lines = []
        return [*self._noted, *(Refusal(*json.loads(line)) for line in lines)]

    def error(self, unless: str) -> CannotDefer | None:
        """Return an error that names the refusals, or None if there are none.

        Args:
            unless: what lets a recording leave out what is refused.
        """
        noted = self.noted
        if not noted:
            return None
        times = "once" if len(noted) == 1 else f"{len(noted)} times"
        return CannotDefer(
            f"nothing was recorded: the script was refused {times}, and went on",
            why="; ".join(summary(noted)),
            hint=f"take it out of what is recorded and do it after the batch is committed; or "
            f"{unless}, which leaves out what is refused",
        )


def _remove(path: Path, process: int) -> None:
    """Remove the file, unless this is a copy of the process."""
    if os.getpid() == process:
        path.unlink(missing_ok=True)


def summary(refusals: list[Refusal]) -> list[str]:
    """Return *refusals* as texts, equal ones as one, and the number of those not named."""
    counted = Counter(refusals)
    texts = [
        f"{refusal} ({times} times)" if times > 1 else str(refusal)
        for refusal, times in counted.items()
    ]
    if len(texts) > _NAMED:
        texts[_NAMED:] = [f"and {len(texts) - _NAMED} more"]
    return texts
