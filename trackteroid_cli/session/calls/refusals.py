"""Refusals: what was asked for during a recording and cannot be recorded.

A script may catch the error and go on. The recording remembers it, so that it is not saved as if it
were whole.
"""

from __future__ import annotations

import json
import os
import weakref
from collections import Counter
from contextlib import suppress
from typing import NamedTuple

from trackteroid_cli.errors import CannotDefer

#: How many refusals a message names.
_NAMED = 5

#: How much of each part of a refusal a forked process sends: one write into a pipe stays whole.
_SENT = 400


class Refusal(NamedTuple):
    """One refusal: what the error says, and the line that asked for it."""

    what: str
    line: str

    def __str__(self) -> str:
        """Return the line and what the error says."""
        return f"{self.line}: {self.what}" if self.line else self.what


class Refusals:
    """The refusals of a run or of a block, also those in processes that it forked."""

    def __init__(self) -> None:
        #: The process that will write the batch.
        self.process = os.getpid()
        self._noted: list[Refusal] = []
        self._pipe: tuple[int, ...] = os.pipe() if hasattr(os, "fork") else ()
        for end in self._pipe:
            os.set_blocking(end, False)
            # At exit the system closes them; a run calls exit functions while it still records.
            weakref.finalize(self, os.close, end).atexit = False

    def note(self, error: CannotDefer, line: str) -> None:
        """Note *error*, which *line* of the script caused, unless it was noted before."""
        if error.line:
            return
        error.line = line or "the script"
        refusal = Refusal(error.what, line)
        if os.getpid() == self.process:
            self._noted.append(refusal)
            return
        sent = json.dumps([error.what[:_SENT], line[-_SENT:]], ensure_ascii=False)
        with suppress(OSError):  # full, or nobody listens any more
            os.write(self._pipe[1], f"{sent}\n".encode("utf-8", "replace"))

    @property
    def noted(self) -> list[Refusal]:
        """The refusals so far."""
        with suppress(BlockingIOError):
            while self._pipe and (text := os.read(self._pipe[0], 65536)):
                self._noted.extend(Refusal(*json.loads(line)) for line in text.splitlines())
        return list(self._noted)

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
