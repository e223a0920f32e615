"""`trackteroid revert`: take back what a committed batch did, by another batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.batches.summary import Summary
from trackteroid_cli.cli.render.documents import summary_document
from trackteroid_cli.cli.render.output import Output, counted
from trackteroid_cli.cli.targets import batch_or_file

if TYPE_CHECKING:
    from trackteroid_cli.replay.revert import Inverse, Reverted

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(
    epilog="Examples: `trackteroid revert publish`, then `trackteroid inspect --check 'revert "
    "publish'` and `trackteroid commit 'revert publish'`"
)
def revert(
    ctx: typer.Context,
    batch: Annotated[
        str,
        typer.Argument(
            metavar="BATCH|FILE",
            help="The committed batch: an id, a unique beginning of one, a name, or a file.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="What to call the new batch. Default: revert and the old name."
        ),
    ] = "",
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Leave out what cannot be taken back, instead of doing nothing."
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One object: the new batch, and what it does not bring back."),
    ] = False,
) -> None:
    """Record what takes back a committed batch as a new batch, to be reviewed and committed.

    Nothing is sent. What the batch created is deleted, what it changed gets its former value, and
    what it deleted is created anew, with the same id, as it was when the batch was committed. What
    the server deleted along with that, such as the children of a shot, cannot be brought back, and
    is told. What was in conflict then, and was left out, is not touched.
    """
    from trackteroid_cli.batches.batch import Batch
    from trackteroid_cli.replay import revert as reverting

    output: Output = ctx.obj
    output.as_json = as_json
    target = batch_or_file(batch)
    with Batch(target if isinstance(target, Path) else target.path) as original:
        made = reverting.revert(original, Spool.default(), name=name, partial=partial)
        inverse = made.inverse if made else reverting.invert(original)
    for text in _not_restored(inverse):
        output.warn(f"not brought back: {text}")
    if as_json:
        output.document(_as_json(made, inverse))
    elif made is None:
        output.note("nothing to take back")
    else:
        output.note(f"recorded {made.header.name}: {counted(made.header.counts)}; nothing was sent")
        output.note(f"  review: trackteroid inspect {made.header.id} --check")
        output.note(f"  send:   trackteroid commit {made.header.id}")


def _not_restored(inverse: Inverse) -> list[str]:
    done = (f"{text}: that is done, and nothing takes it back" for text in inverse.followed)
    return [*inverse.unknown, *(f"what went with {text}" for text in inverse.lost), *done]


def _as_json(made: Reverted | None, inverse: Inverse) -> dict[str, object]:
    summary = Summary(made.header, State.PENDING, made.path) if made else None
    batch = summary_document(summary) if summary else None
    return {"batch": batch, "not_restored": _not_restored(inverse)}
