"""Summaries: what a list shows of each batch, without reading its operations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.enclosures.follow_ups import in_words
from trackteroid_cli.batches.enclosures.steps import Stage, ended, followed
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.journal import Journal
from trackteroid_cli.batches.spool import Entry, State
from trackteroid_cli.errors import BatchError, NotFound


@dataclass(frozen=True, slots=True)
class Summary:
    """A batch at a glance.

    Attributes:
        reason: why it is held back, waits or failed.
        landed: what is to be said of it since it landed.
    """

    header: Header
    state: State
    path: Path
    reason: str | None = None
    landed: str = ""


def summarise(batch: Batch, state: State | None = None) -> Summary:
    """Return the summary of an open batch.

    Args:
        state: where the batch is in the spool; for a file outside of it, its journal says.
    """
    journal = batch.journal()
    if state is None:
        state = State.COMMITTED if journal.landed else State.PENDING
    last = journal.commits.last
    landed = last.reason if last is not None and journal.commits.landed else ""
    reason = _reason(journal, state)
    if batch.header.follow_ups:
        left, failed = _follow_ups(batch)
        reason = reason or (left if journal.commits.landed else None)
        landed = "; ".join(filter(None, (landed, failed)))
    return Summary(batch.header, state, batch.path, reason, landed)


def _follow_ups(batch: Batch) -> tuple[str | None, str]:
    """Return what of the follow-ups of *batch* is still to be done, and what went wrong."""
    steps = batch.steps()
    done = ended(steps)
    failed = [
        f"{in_words(each)}: {done[position].reason}"
        for position, each in enumerate(batch.follow_ups())
        if position in done and done[position].reason
    ]
    left = batch.header.follow_ups - len(done)
    waits = (each.reason for each in followed(steps).values() if each.stage is Stage.WAITING)
    told = f"it has landed; {left} of {batch.header.follow_ups} follow-ups wait"
    return (": ".join(filter(None, (told, next(waits, "")))) if left else None), "; ".join(failed)


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


def _reason(journal: Journal, state: State) -> str | None:
    """Return why the batch is in its state; None where there is nothing to explain."""
    if state is State.DISCARDED:
        attempt = journal.discarded
        if attempt is None:
            return "it was discarded"
        return f"{attempt.user}@{attempt.host} discarded it at {attempt.when}"
    commits = journal.commits
    if commits.last is None or commits.landed:
        return None
    return (
        commits.last.reason
        or "a commit of it did not end; the next one finds out what the server has"
    )
