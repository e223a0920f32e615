"""What a batch brings besides its operations, as a review shows it and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.filesize import decimal
from rich.text import Text

from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, in_words
from trackteroid_cli.batches.enclosures.steps import Stage, Step, followed, uploaded
from trackteroid_cli.cli.render.output import json_text

if TYPE_CHECKING:
    from trackteroid_cli.batches.batch import Batch
    from trackteroid_cli.batches.labels import Names

#: How much of the data of an event a line shows.
_SHOWN = 160


def enclosed_lines(batch: Batch, names: Names) -> Iterator[Text]:
    """Yield a line for each upload and each follow-up of *batch*, with what was done of it.

    Args:
        names: of the entities that the batch mentions.
    """
    steps = batch.steps()
    done = uploaded(steps)
    for position, upload in enumerate(batch.uploads()):
        line = Text("^ upload", style="bold blue")
        line.append(f"  {upload.file_name}  {decimal(upload.size)}", style="not bold default")
        source = f"from {upload.path}" if upload.path else "a copy lies with the batch"
        line.append(f"  {source}", style="not bold dim")
        if position in done:
            line.append("  uploaded", style="not bold green")
        yield line
    known = followed(steps)
    for position, each in enumerate(batch.follow_ups()):
        line = Text("> then", style="bold magenta")
        entity = names.known(each.entity_id)
        words = in_words(each, names.of(entity) if entity else "")
        line.append(f"  {words}{_data(each)}", style="not bold default")
        line.append(_state_in_words(known.get(position)), style="not bold yellow")
        yield line


def upload_documents(batch: Batch) -> list[dict[str, object]]:
    """Return the uploads of *batch* as ``inspect BATCH --json`` shows them."""
    done = uploaded(batch.steps())
    return [
        {**each.to_json(), "uploaded": position in done}
        for position, each in enumerate(batch.uploads())
    ]


def follow_up_documents(batch: Batch) -> list[dict[str, object]]:
    """Return the follow-ups of *batch* as ``inspect BATCH --json`` shows them."""
    known = followed(batch.steps())
    return [
        {
            **each.to_json(),
            "stage": str(known[position].stage) if position in known else None,
            "reason": (known[position].reason or None) if position in known else None,
        }
        for position, each in enumerate(batch.follow_ups())
    ]


def _data(each: FollowUp) -> str:
    """Return the beginning of what an event says."""
    data = each.data.get("data")
    if not data:
        return ""
    text = json_text(data)
    return f"  {text[:_SHOWN]}{' …' if len(text) > _SHOWN else ''}"


def _state_in_words(step: Step | None) -> str:
    if step is None:
        return ""
    reason = f": {step.reason}" if step.reason else ""
    words = {
        Stage.FOLLOWED: "not done" if reason else "done",
        Stage.FOLLOWING: "a commit was stopped while it did this",
        Stage.WAITING: "waits",
    }
    return f"  {words.get(step.stage, step.stage)}{reason}"
