"""Summaries: what a list of batches tells of each, without reading its operations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackteroid_cli.batches.batch import Attempt, Batch, Header
from trackteroid_cli.batches.spool import Entry, State
from trackteroid_cli.errors import BatchError, NotFound


@dataclass(frozen=True, slots=True)
class Summary:
    """A batch at a glance; ``reason`` says why it is held back, waits or failed."""

    header: Header
    state: State
    path: Path
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the summary as ``inspect --json`` shows it."""
        header = self.header
        return {
            "id": header.id,
            "name": header.name,
            "state": self.state.value,
            "created": header.created,
            "user": header.user,
            "host": header.host,
            "server": header.server,
            "path": str(self.path),
            "counts": {"create": 0, "update": 0, "delete": 0, **header.counts},
            "reason": self.reason,
            "replica": header.replica or None,
            "built_on": header.built_on,
        }


def summarise(batch: Batch, state: State | None = None) -> Summary:
    """Return the summary of an open batch; its journal tells the state of one outside the spool."""
    journal = batch.journal()
    if state is None:
        landed = bool(journal) and journal[-1].outcome == "landed"
        state = State.COMMITTED if landed else State.PENDING
    return Summary(batch.header, state, batch.path, _reason(journal, state))


def summarise_entry(entry: Entry) -> Summary | None:
    """Return the summary of a batch in the spool, or None if it has just left its place.

    A batch that cannot be read is in the list all the same, with the reason.
    """
    try:
        with Batch(entry.path) as batch:
            return summarise(batch, entry.state)
    except NotFound:
        return None
    except BatchError as error:
        return Summary(Header(entry.id, entry.name, ""), entry.state, entry.path, error.why)


def _reason(journal: list[Attempt], state: State) -> str | None:
    if state is State.DISCARDED:
        return _discarded(journal)
    journal = [each for each in journal if each.outcome not in ("discarded", "restored")]
    if not journal or journal[-1].outcome == "landed":
        return None
    last = journal[-1]
    return last.reason or "a commit of it did not end; the next one finds out what the server has"


def _discarded(journal: list[Attempt]) -> str:
    for attempt in reversed(journal):
        if attempt.outcome == "discarded":
            return f"{attempt.user}@{attempt.host} discarded it at {attempt.when}"
    return "it was discarded"
