"""`trackteroid inspect`: show what waits, as a review."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackteroid_cli import settings
from trackteroid_cli.batches.spool import KEPT_STATES, Spool, State
from trackteroid_cli.batches.summary import Summary, summarise, summarise_entry
from trackteroid_cli.cli.render.documents import conflict_document, summary_document
from trackteroid_cli.cli.render.output import Output, counted, plural
from trackteroid_cli.cli.targets import batch_or_file, or_interrupted
from trackteroid_cli.errors import ExitCode, MediaChanged, UsageError
from trackteroid_cli.files import TemporaryFolder
from trackteroid_cli.moments import before, local
from trackteroid_cli.recording.recordings import OpenRecording, Recordings

if TYPE_CHECKING:
    from trackteroid_cli.batches.batch import Batch
    from trackteroid_cli.batches.labels import Names
    from trackteroid_cli.batches.operations import Operation
    from trackteroid_cli.replay.comparing.comparison import Comparison
    from trackteroid_cli.replay.comparing.conflicts import Conflict
    from trackteroid_cli.server.connection import Connection

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_INTERRUPTED = "interrupted: `record --keep ID` makes a batch of it, `discard ID` forgets it"

#: How much of a digest a person is shown: enough that nobody finds other operations for it.
DIGEST_SHOWN = 32

#: How many committed batches the table shows.
LATEST = 20


@app.command(
    epilog="Examples: `trackteroid inspect`; `trackteroid inspect --state failed --json`; "
    "`trackteroid inspect publish`; `trackteroid inspect publish --check`"
)
def inspect(
    ctx: typer.Context,
    batch: Annotated[
        str | None,
        typer.Argument(
            metavar="BATCH|FILE",
            help="An id, a unique beginning of one, a name, or a file. All batches if left out.",
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        State | None, typer.Option(help="List only the batches in this state.")
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Summaries, or one summary with its operations, as JSON."),
    ] = False,
    as_lines: Annotated[
        bool,
        typer.Option(
            "--jsonl", help="The operations of a batch, one a line: `record --jsonl` takes them."
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Compare a batch with the server now: what was recorded, what is there, and what "
            "the batch wants, wherever these conflict. Exit status 3 if they do.",
        ),
    ] = False,
) -> None:
    """List the recorded batches, or show what one of them will do.

    Asks no server, unless `--check` is given. Discarded batches are listed by `--state discarded`.
    """
    output: Output = ctx.obj
    output.as_json = as_json
    if batch is None:
        if as_lines:
            raise UsageError("--jsonl shows the operations of one batch", hint="name the batch")
        if check:
            raise UsageError("--check compares one batch with the server", hint="name the batch")
        _list(state, output)
        return
    if state is not None:
        raise UsageError("--state lists batches", hint="leave it out, or the batch")
    if check and as_lines:
        raise UsageError("--check and --jsonl exclude each other", hint="use --check --json")
    _show(batch, as_lines, check, output)


def _list(state: State | None, output: Output) -> None:
    entries = Spool.default().entries((state,) if state else KEPT_STATES)
    hidden = 0
    if not output.as_json:
        committed = [entry for entry in entries if entry.state is State.COMMITTED]
        hidden = max(0, len(committed) - LATEST)
        if hidden:
            left_out = set(committed[:hidden])
            entries = [entry for entry in entries if entry not in left_out]
    summaries = [summary for entry in entries if (summary := summarise_entry(entry))]
    if state in (None, State.INTERRUPTED):
        summaries += [each.summary() for each in Recordings.default().interrupted()]
    if output.as_json:
        output.document([summary_document(summary) for summary in summaries])
        return
    if not summaries:
        output.note("no batches are recorded" if state is None else f"no batch is {state.value}")
        return
    output.table(
        ("ID", "NAME", "STATE", "RECORDED", "BY", "SERVER", "OPERATIONS", "REASON"),
        [_row(summary, output) for summary in summaries],
        whole="ID",
    )
    if hidden:
        output.note(f"{plural(hidden, 'older committed batch')} left out; --json lists all")
    if any(summary.state is State.INTERRUPTED for summary in summaries):
        output.note(_INTERRUPTED)
    if output.terminal:
        from trackteroid_cli.cli.render.graph import graph

        for tree in graph(summaries):
            output.tree(tree)


def _row(summary: Summary, output: Output) -> tuple[str, ...]:
    header = summary.header
    return (
        header.id,
        header.name,
        summary.state.value,
        local(header.created) if output.terminal else header.created,
        f"{header.user}@{header.host}" if header.user else "",
        header.server.removeprefix("https://") if output.terminal else header.server,
        counted(header.totals),
        summary.reason or "",
    )


def _show(text: str, as_lines: bool, check: bool, output: Output) -> None:
    target = or_interrupted(text, batch_or_file)
    if isinstance(target, OpenRecording):
        _show_interrupted(target, as_lines, check, output)
    elif isinstance(target, Path):
        _show_batch(target, None, as_lines, check, output)
    else:
        _show_batch(target.path, target.state, as_lines, check, output)


def _show_interrupted(
    recording: OpenRecording, as_lines: bool, check: bool, output: Output
) -> None:
    """Show what an interrupted recording would become."""
    folder = TemporaryFolder()
    with recording.keeping():
        for path in recording.review(folder.path):
            _show_batch(path, State.INTERRUPTED, as_lines, check, output)
    folder.remove()


def _show_batch(
    path: Path, state: State | None, as_lines: bool, check: bool, output: Output
) -> None:
    from trackteroid_cli.batches.batch import Batch
    from trackteroid_cli.recording.lines import write_line

    with Batch(path) as batch:
        operations = list(batch.operations())  # before anything is printed: it may be damaged
        if as_lines:
            for part in (*operations, *batch.uploads(), *batch.follow_ups()):
                output.json_line(write_line(part))
            return
        summary = summarise(batch, state)
        if check:
            _check(batch, summary, operations, output)
            return
        if output.as_json:
            output.document({**summary_document(summary), **_contents(batch, operations)})
            return
        _review(summary, batch, operations, output)


def _contents(batch: Batch, operations: list[Operation]) -> dict[str, object]:
    from trackteroid_cli.batches.operations import to_json
    from trackteroid_cli.cli.render.enclosures import follow_up_documents, upload_documents

    return {
        "operations": [to_json(operation) for operation in operations],
        "uploads": upload_documents(batch),
        "follow_ups": follow_up_documents(batch),
        "left_out": batch.journal().left_out,
    }


def _check(batch: Batch, summary: Summary, operations: list[Operation], output: Output) -> None:
    """Compare with the server, and show every conflict."""
    from trackteroid_cli.batches.operations import to_json
    from trackteroid_cli.replay.comparing.conflicts import named
    from trackteroid_cli.server.connection import Connection

    with Connection(settings.server()) as connection:
        comparison = _compare(batch, operations, connection)
        found, labels = comparison.conflicts, comparison.labels
        conflicts, names = named(found, labels, batch, operations, connection)
        spoilt = _spoilt(batch, summary, connection)
    if output.as_json:
        output.document(
            {
                **summary_document(summary),
                "operations": [to_json(operation) for operation in operations],
                "conflicts": [conflict_document(each) for each in conflicts],
                "uploads_not_as_recorded": spoilt,
            }
        )
    else:
        if conflicts:
            output.table(
                ("ENTITY", "ATTRIBUTE", "RECORDED", "NOW", "WANTED"),
                [_conflict_row(conflict, names) for conflict in conflicts],
            )
        for problem in spoilt:
            output.line(problem)
        output.line(_verdict(comparison))
        if summary.state is not State.COMMITTED and any(map(_is_not_known, operations)):
            output.line("not all that goes with deleted entities was recorded, nor is compared")
    if conflicts or spoilt:
        raise typer.Exit(int(ExitCode.CONFLICT))


def _spoilt(batch: Batch, summary: Summary, connection: Connection) -> Sequence[str]:
    """Return what is wrong with the files that *batch* is to upload."""
    from trackteroid_cli.replay.delivery.upload_policy import UploadPolicy
    from trackteroid_cli.replay.delivery.uploads import Uploads
    from trackteroid_cli.server.retry import RetryPolicy

    if summary.state in (State.COMMITTED, State.INTERRUPTED):
        return []
    folder = Spool.default().media_of(batch.path, batch.header.id)
    try:
        Uploads(batch, folder, connection, UploadPolicy(), RetryPolicy()).check()
    except MediaChanged as error:
        return error.lines
    return []


def _compare(batch: Batch, operations: list[Operation], connection: Connection) -> Comparison:
    from trackteroid_cli.replay.attempt import check_server, compare_batch
    from trackteroid_cli.replay.comparing.predecessors import Predecessors

    check_server(batch.header, connection)
    return compare_batch(batch, operations, connection, Predecessors(Spool.default(), batch.header))


def _conflict_row(conflict: Conflict, names: Names) -> tuple[str, ...]:
    from trackteroid_cli.replay.comparing.conflicts import Problem, other_in_words

    values = (conflict.recorded, conflict.now, conflict.wanted)
    recorded, now, wanted = (names.value(value) for value in values)
    other = other_in_words(conflict, names)
    deleted = f"(deleted with {other})"
    told = {
        Problem.CHANGED: (recorded, now, wanted),
        Problem.GONE: (recorded, "(the entity is gone)", wanted),
        Problem.EXISTS: ("(not there)", now, wanted),
        Problem.CHANGED_AND_DELETED: (recorded, now, "(deleted)"),
        Problem.CHANGED_BELOW: ("", "(changed)", deleted),
        Problem.ADDED_BELOW: ("(not there)", "(added)", deleted),
        Problem.HELD_BELOW: ("", f"({other} is in conflict)", "(deleted)"),
    }
    return (*names.subject(conflict, conflict.attribute), *told[conflict.problem])


def _is_not_known(operation: Operation) -> bool:
    """Return whether nobody knows all that goes with what *operation* deletes."""
    from trackteroid_cli.batches.operations import Delete

    if not isinstance(operation, Delete) or len(operation.entity_key) > 1:
        return False
    return operation.takes_along is None or bool(operation.not_known)


def _verdict(comparison: Comparison) -> str:
    from trackteroid_cli.replay.comparing.comparison import Status

    conflicts = plural(len(comparison.conflicts), "conflict") if comparison.conflicts else None
    there = sum(status is Status.THERE for status in comparison.statuses)
    number = len(comparison.statuses)
    verb = "is" if 1 in (there, number) else "are"
    return (
        f"{conflicts or 'no conflicts'}; {there} of {plural(number, 'operation')} {verb} on the "
        "server already"
    )


def _review(summary: Summary, batch: Batch, operations: list[Operation], output: Output) -> None:
    from rich.text import Text

    from trackteroid_cli.batches.labels import Names
    from trackteroid_cli.cli.render.diff import Diff
    from trackteroid_cli.cli.render.enclosures import enclosed_lines

    header = summary.header
    title = Text(header.name, style="bold")
    title.append(f"  {header.id}  {summary.state.value}", style="not bold")
    output.styled(title)
    for label, value in _provenance(summary):
        output.styled(Text(f"  {label:<9} {value}", style="dim"))
    output.line()
    labels = batch.labels()
    for line in Diff(operations, labels, batch.journal().left_out).lines():
        output.styled(line)
    if header.uploads or header.follow_ups:
        for line in enclosed_lines(batch, Names(operations, labels)):
            output.styled(line)
        output.line()
    commits = len({operation.commit for operation in operations})
    together = f" in {plural(commits, 'commit')} of the script" if commits > 1 else ""
    before = f"{plural(header.uploads, 'upload')}, then " if header.uploads else ""
    after = f"; then {plural(header.follow_ups, 'follow-up')}" if header.follow_ups else ""
    request = f"{counted(header.counts)}{together}; one request"
    output.styled(Text(f"{before}{request}{after}", style="bold"))


def _provenance(summary: Summary) -> list[tuple[str, str]]:
    header = summary.header
    by = f" by {header.user} on {header.host}" if header.user else ""
    rows = [
        ("recorded", f"{local(header.created)}{by}"),
        ("for", f"{header.server} as {header.api_user}" if header.server else "any server"),
    ]
    if header.argv:
        import shlex

        from trackteroid_cli.masking import masked

        # A file of anybody may hold what ours would not.
        rows.append(("from", shlex.join(masked(header.argv))))
    if header.digest:
        rows.append(("digest", header.digest[:DIGEST_SHOWN]))
    if header.replica:
        seen = f"a replica that was pulled {before(header.replica, header.created)}"
        rows.append(("offline", f"what the author saw was {seen}"))
    if header.built_on:
        rows.append(("built on", ", ".join(_entry_names(header.built_on))))
    if summary.reason:
        rows.append(("reason", " ".join(summary.reason.split())))
    if summary.landed:
        rows.append(("landed", summary.landed))
    return rows


def _entry_names(ids: Iterable[str]) -> Iterator[str]:
    """Yield the ids of batches, with name and state where they are in the spool."""
    entries = {entry.id: entry for entry in Spool.default().entries()}
    for id_ in ids:
        entry = entries.get(id_)
        yield f"{id_} ({entry.name}, {entry.state.value})" if entry else id_
