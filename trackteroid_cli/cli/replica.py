"""`trackteroid replica`: a copy of what a server holds, for work without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from trackteroid_cli import settings
from trackteroid_cli.cli.render.output import Output
from trackteroid_cli.errors import UsageError

if TYPE_CHECKING:
    from trackteroid_cli.offline.pull.draft import State
    from trackteroid_cli.offline.pull.pull import PullResult, Watch
    from trackteroid_cli.offline.replicas import Replica

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Pull a replica of what the server holds, for work without a network.",
    epilog="A replica is asked with the option --offline of `record` and `query`. Nothing on the "
    "server is ever changed by a pull.",
)


@app.command(
    epilog="Examples: `trackteroid replica pull --project salt_and_ember`; `trackteroid replica "
    "pull 'select assets.versions from Shot where name is \"sh010\"'`; from cron: "
    "`trackteroid replica pull`"
)
def pull(
    ctx: typer.Context,
    expressions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EXPRESSION",
            help="Queries: what they select is pulled, with what is above it and what tells about "
            "it; so is what their projections lead to.",
            show_default=False,
        ),
    ] = None,
    projects: Annotated[
        list[str] | None,
        typer.Option(
            "--project",
            metavar="NAME",
            help="A project to pull, with all that belongs to it; may be given several times.",
        ),
    ] = None,
    all_projects: Annotated[
        bool, typer.Option("--all-projects", help="Pull every project.")
    ] = False,
    retries: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="How often to try again when the server is out of reach or an answer is lost.",
            min=0,
        ),
    ] = 3,
    as_json: Annotated[
        bool, typer.Option("--json", help="One object with what is held now.")
    ] = False,
) -> None:
    """Bring what the server holds here; with nothing named, all that was pulled before, anew.

    Safe to stop at any time: the former replica stays in use until the new one is whole, and the
    same command goes on where it was stopped. What is gone from the server is dropped.
    """
    output: Output = ctx.obj
    output.as_json = as_json
    if all_projects and projects:
        raise UsageError(
            "--all-projects goes without --project",
            hint="leave one of them out",
        )
    server = settings.server()
    from trackteroid_cli.cli.signals import stopping
    from trackteroid_cli.offline.pull.pull import pull as pull_replica
    from trackteroid_cli.offline.pull.scope import RequestedScope
    from trackteroid_cli.server.retry import RetryPolicy

    requested = RequestedScope(tuple(projects or ()), all_projects, tuple(expressions or ()))
    policy = RetryPolicy(retries)
    with stopping(policy.stop), _progress(output) as watch:
        pulled = pull_replica(server, requested, policy, watch)
    _report(pulled, output)


@app.command()
def status(
    ctx: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="One object, with the number of rows by type.")
    ] = False,
) -> None:
    """Show what is held of the server, since when, and how much it is. Asks no server."""
    output: Output = ctx.obj
    output.as_json = as_json
    # No key is needed for what is on this machine.
    server = settings.as_server(settings.lookup(offline=True))
    from trackteroid_cli.offline import replicas

    replica = replicas.required(server.url)
    if as_json:
        output.document(_document(replica))
        return
    from trackteroid_cli.moments import ago

    output.row(("pulled", f"{replica.holdings.pulled}, {ago(replica.holdings.pulled)}"))
    _show_holdings(replica, output)
    output.row(("size", f"{replica.size / 1e6:.1f} MB"))
    output.row(("path", str(replica.path)))
    output.table(
        ("TYPE", "ROWS"),
        [(name, str(number)) for name, number in replicas.count_rows(replica).items()],
    )


def _report(pulled: PullResult, output: Output) -> None:
    if pulled.resumed:
        output.note("went on where the last pull was stopped")
    if pulled.refused:
        output.warn(
            "not held, because the server does not show it to this user: "
            + ", ".join(pulled.refused)
        )
    if output.as_json:
        changes = {
            "new": pulled.new,
            "changed": pulled.changed,
            "gone": pulled.gone,
            "refused": list(pulled.refused),
        }
        output.document({**_document(pulled.replica), **changes})
        return
    output.row(("pulled", _changes(pulled)))
    _show_holdings(pulled.replica, output)
    if not (pulled.replica.holdings.projects or pulled.replica.holdings.expressions):
        output.note(
            "no project is held yet; name one: trackteroid replica pull --project NAME, or pull "
            "them all: trackteroid replica pull --all-projects"
        )


def _changes(pulled: PullResult) -> str:
    return f"{pulled.new} new, {pulled.changed} changed, {pulled.gone} gone"


def _show_holdings(replica: Replica, output: Output) -> None:
    from trackteroid_cli.moments import ago

    holdings = replica.holdings
    output.row(("server", holdings.server))
    if holdings.every_project:
        output.row(("projects", f"all {len(holdings.projects)}"))
    for project in holdings.projects:
        output.row(("project", project.name, ago(project.pulled)))
    for each in holdings.expressions:
        output.row(("expression", each.expression, ago(each.pulled)))


def _document(replica: Replica) -> dict[str, object]:
    """Return what is held as ``--json`` shows it: ages in seconds, sizes in bytes."""
    from dataclasses import asdict

    from trackteroid_cli.moments import age
    from trackteroid_cli.offline.replicas import count_rows

    holdings = replica.holdings
    return {
        "server": holdings.server,
        "pulled": holdings.pulled,
        "age_seconds": round(age(holdings.pulled)),
        "size": replica.size,
        "path": str(replica.path),
        "projects": [asdict(each) for each in holdings.projects],
        "expressions": [asdict(each) for each in holdings.expressions],
        "every_project": holdings.every_project,
        "rows": count_rows(replica),
    }


@contextmanager
def _progress(output: Output) -> Iterator[Watch]:
    """Show how far a pull is, with its rate and the time that remains, to a person."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = output.progress_console
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("pulling", total=None, rate="")

        def watch(state: State, total: int | None) -> None:
            speed = progress.tasks[0].speed
            progress.update(
                task,
                completed=state.contexts,
                total=None if total is None else max(total, state.contexts),
                description=f"pulling: {state.rows} rows",
                rate=f"{speed:.0f}/s" if speed else "",
            )

        yield watch
