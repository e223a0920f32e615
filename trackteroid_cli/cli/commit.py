"""`trackteroid commit`: send recorded batches to the server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackteroid_cli import settings
from trackteroid_cli.cli.common import batch_or_file, spool
from trackteroid_cli.cli.output import Output, counted
from trackteroid_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trackteroid_cli.replay import Result
    from trackteroid_cli.spool import Entry

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(
    epilog="Examples: `trackteroid commit`; `trackteroid commit publish --dry-run`; in a crontab: "
    "`*/5 * * * * trackteroid commit --quiet`"
)
def commit(
    ctx: typer.Context,
    batches: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BATCH|FILE",
            help="Ids, unique beginnings of ids, names, or files. All pending batches if left out.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be sent, and send nothing.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for an answer.", min=0.1)
    ] = 60.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="One object with what became of every batch.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only what needs a person.")
    ] = False,
) -> None:
    """Send recorded batches to the server, the oldest first, each in a single request.

    Safe to run again at any time: a batch that the server has is recognised, and not sent twice.
    """
    output: Output = ctx.obj
    output.as_json, output.quiet = as_json, quiet
    results = list(_results(batches or [], dry_run, timeout, output))
    status = max((_status(result) for result in results), default=ExitCode.OK)
    if as_json:
        output.document({"batches": [result.as_json() for result in results], "exit": int(status)})
    elif not results:
        output.note("nothing to commit")
    raise typer.Exit(int(status))


def _results(batches: list[str], dry_run: bool, timeout: float, output: Output) -> Iterator[Result]:
    from trackteroid_cli import replay

    targets: Sequence[Entry | Path] = (
        [batch_or_file(text) for text in batches] if batches else replay.waiting(spool())
    )
    if not targets:
        return
    if dry_run:
        for result in replay.foretell(targets):
            _tell(result, "would send", output)
            yield result
        return
    server = settings.server()
    from trackteroid_cli.connection import Connection

    with Connection(server, timeout=timeout) as connection:
        for result in replay.commit(spool(), targets, connection):
            _tell(result, "committed", output)
            yield result


def _tell(result: Result, done: str, output: Output) -> None:
    if result.error is not None:
        output.report(result.error)
    elif not output.as_json and not output.quiet:
        what = result.reason or counted(result.counts)
        output.row((done, result.id, result.name, what))


def _status(result: Result) -> ExitCode:
    return result.error.exit_code if result.error else ExitCode.OK
