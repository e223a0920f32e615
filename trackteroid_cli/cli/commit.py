"""`trackteroid commit`: send recorded batches to the server."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackteroid_cli import moments, settings
from trackteroid_cli.batches.spool import Entry, Spool
from trackteroid_cli.cli.render.documents import result_document
from trackteroid_cli.cli.render.output import Output, counted, json_text, plural, shortened
from trackteroid_cli.cli.signals import stopping
from trackteroid_cli.cli.targets import batch_or_file
from trackteroid_cli.errors import (
    ExitCode,
    NotConfigured,
    Offline,
    TrackteroidError,
    UsageError,
)
from trackteroid_cli.files import storing
from trackteroid_cli.replay.delivery.upload_policy import UploadPolicy
from trackteroid_cli.replay.policy import OnConflict, Policy
from trackteroid_cli.server.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trackteroid_cli.replay.schedule import Result

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
        bool,
        typer.Option(
            "--dry-run",
            help="Tell what would become of each batch, also of conflicts if the server answers. "
            "Sends and changes nothing.",
        ),
    ] = False,
    on_conflict: Annotated[
        OnConflict,
        typer.Option(
            help="Where the server shows neither what the author saw nor what the batch wants: "
            "hold the batch back, send the rest, or send all the same."
        ),
    ] = OnConflict.STOP,
    retries: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="How often to try again when the server is out of reach or its answer is lost.",
        ),
    ] = 3,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for an answer.", min=0.1)
    ] = 60.0,
    chunk_size: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Send so many operations in a request, for servers with limits; 0 for all in one.",
        ),
    ] = 0,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Also take the batches that the server refused."),
    ] = False,
    server_changed: Annotated[
        bool,
        typer.Option(
            "--server-changed",
            help="Send batches also if they were recorded against another address.",
        ),
    ] = False,
    digest: Annotated[
        str,
        typer.Option(
            metavar="DIGEST",
            help="Send the one batch only if its operations are those that `inspect` showed with "
            "this digest, or with one that begins so.",
            show_default=False,
        ),
    ] = "",
    log_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Add a line to this file for each batch."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One object with what became of every batch.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only what needs a person.")
    ] = False,
) -> None:
    """Send recorded batches to the server, the oldest first, each in a single request.

    Safe to run again at any time: a batch that the server has is recognised, and not sent twice.
    What somebody else has changed since is never overwritten, unless you say so.
    """
    output: Output = ctx.obj
    output.as_json, output.quiet = as_json, quiet
    if digest and len(batches or ()) != 1:
        raise UsageError("--digest is about one batch", hint="name the batch")
    policy = Policy(
        on_conflict=on_conflict,
        server_changed=server_changed,
        passing_over=not (batches or server_changed),
        chunk_size=chunk_size,
        digest=digest,
        retry=RetryPolicy(retries),
    )
    targets = _targets(batches or [], retry_failed)
    log = _Log(log_file)
    results: list[Result] = []
    report = _Report(output, dry_run)
    with stopping(policy.retry.stop):
        for result in (
            _foreseen(targets, timeout, policy, output)
            if dry_run
            else _committed(targets, timeout, policy, output)
        ):
            results.append(result)
            if not result.elsewhere:
                log.write(result)
            report.show(result)
    report.sum_up()
    status = max((_status(result) for result in results), default=ExitCode.OK)
    if as_json:
        output.document(
            {"batches": [result_document(result) for result in results], "exit": int(status)}
        )
    elif not results:
        output.note("nothing to commit")
    raise typer.Exit(int(status))


def _targets(batches: list[str], retry_failed: bool) -> Sequence[Entry | Path]:
    from trackteroid_cli.replay import schedule

    if batches:
        return [batch_or_file(text) for text in batches]
    return schedule.waiting(Spool.default(), failed=retry_failed)


def _foreseen(
    targets: Sequence[Entry | Path], timeout: float, policy: Policy, output: Output
) -> Iterator[Result]:
    """Yield what would become of *targets*; say so if the server could not be asked."""
    from trackteroid_cli.replay.forecast import Forecast
    from trackteroid_cli.server.connection import Connection

    unanswered: TrackteroidError | None = None
    with ExitStack() as stack:
        connection = None
        try:
            connection = stack.enter_context(Connection(settings.server(), timeout=timeout))
        except (NotConfigured, Offline) as error:
            unanswered = error
        forecast = Forecast(Spool.default(), connection, policy)
        yield from forecast.results(targets)
        unanswered = unanswered or forecast.unanswered
    if targets and unanswered is not None:
        output.note(f"not compared with the server: {unanswered}")


def _committed(
    targets: Sequence[Entry | Path], timeout: float, policy: Policy, output: Output
) -> Iterator[Result]:
    if not targets:
        return
    server = settings.server()
    from trackteroid_cli.replay import schedule
    from trackteroid_cli.server import answer_cache as answers
    from trackteroid_cli.server.connection import Connection

    with Connection(server, timeout=timeout) as connection, _showing_uploads(output) as watch:
        policy = replace(policy, uploads=UploadPolicy(watch=watch))
        for result in schedule.commit(Spool.default(), targets, connection, policy):
            if result.outcome:  # something was sent
                answers.forget(server.url)
            yield result


@contextmanager
def _showing_uploads(output: Output) -> Iterator[Callable[[int, int], None]]:
    """Show a person how far uploads are, once there are any; yield what is told of them."""
    console = output.progress_console
    if output.quiet or not console.is_terminal:
        yield lambda _sent, _total: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    progress = Progress(
        TextColumn("uploading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = progress.add_task("uploading", total=None)

    def watch(sent: int, total: int) -> None:
        progress.start()
        progress.update(task, total=total)
        progress.advance(task, sent)
        if progress.tasks[0].completed >= total:
            progress.stop()
            progress.reset(task)

    try:
        yield watch
    finally:
        progress.stop()


class _Report:
    """Says what became of batches, or what would, each thing once."""

    def __init__(self, output: Output, dry_run: bool) -> None:
        self._output = output
        self._dry_run = dry_run
        self._last_error: TrackteroidError | None = None
        self._untried = 0
        self._elsewhere: Counter[str] = Counter()

    def show(self, result: Result) -> None:
        """Say what became of one batch, unless it is a part of what `sum_up` says."""
        if result.elsewhere and not self._dry_run:
            self._elsewhere[result.elsewhere] += 1
        elif result.error is not None and result.error is self._last_error:
            self._untried += 1
        else:
            self._last_error = result.error
            self._show(result)

    def sum_up(self) -> None:
        """Say what is to be said of several batches."""
        if self._untried:
            self._output.note(f"not tried for the same reason: {plural(self._untried, 'batch')}")
        if self._elsewhere:
            number = plural(self._elsewhere.total(), "batch")
            servers = ", ".join(sorted(self._elsewhere))
            self._output.note(
                f"passed over {number} for another server: {servers} (--server-changed sends what "
                "is for a former address of the same one)"
            )

    def _show(self, result: Result) -> None:
        output, done = self._output, self._done(result)
        if result.error is not None:
            output.report(result.error)
        elif result.conflicts:
            without = plural(len(result.conflicts), "conflict")
            output.warn(
                f"{done} {result.id} ({result.name}) without what is in conflict with newer work: "
                f"{without}"
            )
            for line in shortened([each.text for each in result.conflicts]):
                output.warn(f"  {line}")
        elif not output.as_json and not output.quiet:
            what = result.reason if not result.provisional.sentence else None
            output.row((done, result.id, result.name, what or counted(result.counts)))
        if result.provisional.sentence:
            output.warn(f"{result.id} ({result.name}): {result.provisional.sentence}")

    def _done(self, result: Result) -> str:
        if not self._dry_run or result.outcome:
            return "committed"
        return "would pass over" if result.elsewhere else "would send"


def _status(result: Result) -> ExitCode:
    return result.error.exit_code if result.error else ExitCode.OK


class _Log:
    """A log file with one line for each batch; without a path it writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            self._add("")  # a file that cannot be written is an error before anything is sent

    def write(self, result: Result) -> None:
        """Add the line of *result*."""
        if self._path is not None:
            self._add(json_text({"when": moments.now(), **result_document(result)}) + "\n")

    def _add(self, text: str) -> None:
        assert self._path is not None
        with (
            storing(
                f"cannot write the log {self._path}",
                hint="make room, correct the permissions, or give another --log-file",
            ),
            # A file name may hold what is no text; this is its form in JSON.
            self._path.open("a", encoding="utf-8", errors="backslashreplace") as file,
        ):
            file.write(text)
