"""Refusals: what was asked for during a recording and cannot be recorded.

A script may catch the error and go on. The recording remembers it, so that it is not saved as if it
were whole.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from trackteroid_cli.errors import CannotDefer

if TYPE_CHECKING:
    from trackteroid_cli.batches.recordings.recording_file import RecordingFile

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
    """The refusals of a run or of a block, in all of its processes; they are noted in *file*."""

    def __init__(self, file: RecordingFile) -> None:
        self._file = file

    def note(self, error: CannotDefer, line: str) -> None:
        """Note *error*, which *line* of the script caused, unless it was noted before."""
        if error.line:
            return
        error.line = line or "the script"
        with suppress(CannotDefer):  # the recording has ended: nothing will be saved
            self._file.note_refusal(error.what, line)

    @property
    def noted(self) -> list[Refusal]:
        """The refusals so far."""
        return [Refusal(*each) for each in self._file.refusals()]

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
