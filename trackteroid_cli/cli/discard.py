"""`trackteroid discard`: throw away batches that are not to be sent, or bring them back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from trackteroid_cli.batches.journal import Attempt, Outcome
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.cli.render.output import Output
from trackteroid_cli.cli.targets import or_interrupted
from trackteroid_cli.errors import (
    AmbiguousBatch,
    BatchInState,
    BatchUnreadable,
    NotFound,
    UsageError,
)
from trackteroid_cli.recording.recordings import OpenRecording, Recordings

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(
    epilog="Examples: `trackteroid discard publish`; `trackteroid inspect --state discarded`; "
    "`trackteroid discard --restore publish`"
)
def discard(
    ctx: typer.Context,
    batches: Annotated[
        list[str],
        typer.Argument(
            metavar="BATCH",
            help="Ids, unique beginnings of ids, or names.",
            show_default=False,
        ),
    ],
    restore: Annotated[
        bool,
        typer.Option("--restore", help="Bring discarded batches back: they are pending again."),
    ] = False,
    purge: Annotated[
        bool,
        typer.Option(
            "--purge",
            help="Delete for good; only batches that are discarded already. This cannot be undone.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One object with where every batch is now.")
    ] = False,
) -> None:
    """Throw away batches that wait or that the server refused: no commit takes them any more.

    They are kept, and can be brought back, until they are purged. A batch that is committed, or
    that a commit works on, cannot be discarded; of one that has landed, what it still asks for is
    given up. A recording that was interrupted is forgotten at once.
    """
    output: Output = ctx.obj
    output.as_json = as_json
    if restore and purge:
        raise UsageError("--restore and --purge exclude each other", hint="give one of them")
    place = Spool.default()
    Recordings.default().clean()
    act: Callable[[Spool, Entry, Output], str] = _discard
    if restore or purge:
        act = _restore if restore else _purge
    # All are looked up before the first one is moved: a mistyped name changes nothing.
    find = _find_discarded if restore or purge else _find_waiting
    found = {each.id: each for each in (find(place, text) for text in batches)}.values()
    done = [
        _forget(each)
        if isinstance(each, OpenRecording)
        else (each.id, each.name, act(place, each, output))
        for each in found
    ]
    if as_json:
        keys = ("id", "name", "state")
        output.document(
            {"batches": [dict(zip(keys, each, strict=True)) for each in done], "exit": 0}
        )
        return
    for batch_id, name, state in done:
        output.row((_WORDS[state], batch_id, name))


#: What was done, by the state that a batch has now.
_WORDS = {
    "discarded": "discarded",
    "pending": "restored",
    "purged": "purged",
    "forgotten": "forgotten",
    "committed": "left without follow-ups",
}


def _forget(recording: OpenRecording) -> tuple[str, str, str]:
    """Remove an interrupted recording for good; return its id, its name, and what it is now."""
    with recording.keeping():
        name = recording.summary().header.name
        place = Spool.default()
        for batch_id in recording.batch_ids():
            if place.current(batch_id) is None:
                place.finish(batch_id)
        recording.remove()
    return recording.id, name, "forgotten"


def _find_waiting(place: Spool, text: str) -> Entry | OpenRecording:
    entry = or_interrupted(text, place.find)
    if isinstance(entry, OpenRecording) or entry.state in (State.PENDING, State.FAILED):
        return entry
    if entry.state is State.COMMITTED and place.is_unfinished(entry.id):
        return entry
    why, hint = {
        State.COMMITTED: (
            "the server has it",
            f"`trackteroid revert {entry.id}` records what takes it back",
        ),
        State.COMMITTING: (
            "a commit works on it, or died while it did, so the server may have it",
            "run `trackteroid commit` to settle it, then see `trackteroid inspect`",
        ),
        State.DISCARDED: (
            "it is thrown away already",
            "--restore brings it back, --purge deletes it for good",
        ),
    }[entry.state]
    raise BatchInState(
        f"batch {entry.id} ({entry.name}) is {entry.state.value}", why=why, hint=hint
    )


def _find_discarded(place: Spool, text: str) -> Entry:
    try:
        return place.find(text, (State.DISCARDED,))
    except AmbiguousBatch:
        raise
    except NotFound:
        entry = place.find(text)
    raise BatchInState(
        f"batch {entry.id} ({entry.name}) is not discarded",
        why=f"it is {entry.state.value}",
        hint="`trackteroid inspect --state discarded` lists what can be restored or purged",
    )


def _discard(place: Spool, entry: Entry, output: Output) -> str:
    with place.holding(entry):
        if entry.state is State.COMMITTED:
            place.finish(entry.id)
            return State.COMMITTED.value
        uncertain = _may_have_landed(entry)
        _note(entry, Outcome.DISCARDED)
        place.settle(entry, State.DISCARDED)
    if uncertain:
        output.warn(
            f"note: the server may have {entry.id} ({entry.name}): the answer to an earlier commit "
            f"was lost; `trackteroid inspect {entry.id} --check` tells"
        )
    return State.DISCARDED.value


def _restore(place: Spool, entry: Entry, _: Output) -> str:
    with place.holding(entry):
        _note(entry, Outcome.RESTORED)
        place.settle(entry, State.PENDING)
    return State.PENDING.value


def _purge(place: Spool, entry: Entry, _: Output) -> str:
    with place.holding(entry):
        place.purge(entry)
    return "purged"


def _may_have_landed(entry: Entry) -> bool:
    """Return whether a request with operations of the batch was sent, and its answer was lost."""
    from trackteroid_cli.batches.batch import Batch

    with suppress(BatchUnreadable), Batch(entry.path) as batch:
        return batch.journal().sent_before(sum(batch.header.counts.values())) > 0
    return False


def _note(entry: Entry, outcome: Outcome) -> None:
    """Write what is about to be done into the batch's journal; a damaged file goes without."""
    from trackteroid_cli.batches.batch import append_attempt

    with suppress(BatchUnreadable):
        append_attempt(entry.path, Attempt.now(outcome))
