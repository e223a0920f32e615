"""Offline options: what commands that work without a network have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from trackteroid_cli import settings
from trackteroid_cli.cli.render.output import Output
from trackteroid_cli.errors import UsageError
from trackteroid_cli.moments import ago

if TYPE_CHECKING:
    from trackteroid_cli.offline.answering.server import OfflineServer

OfflineOption = Annotated[
    bool,
    typer.Option(
        "--offline",
        help="Ask the replica on this machine (see `replica`), with the batches that wait laid "
        "over it, instead of the server.",
    ),
]

WithoutPendingOption = Annotated[
    bool,
    typer.Option("--without-pending", help="With --offline, leave out the batches that wait."),
]


def choose_offline(offline: bool, without_pending: bool) -> None:
    """Make this process ask the replica, if the options or the environment want it.

    Raises:
        UsageError: pending batches cannot be left out of what a server answers.
    """
    if without_pending and not (offline or settings.is_offline()):
        raise UsageError(
            "--without-pending goes with --offline",
            why="the server shows no batches that wait",
            hint="add --offline, or leave it out",
        )
    if offline or without_pending:
        settings.select_offline(os.environ, without_pending=without_pending)


@contextmanager
def offline_server(url: str, output: Output) -> Iterator[OfflineServer | None]:
    """Yield the replica that answers for the server *url*, and say how old it is; None online.

    Raises:
        NotPulled: there is no replica of the server.
    """
    if not settings.is_offline():
        yield None
        return
    from trackteroid_cli.offline.answering.server import OfflineServer

    server = OfflineServer(url, without_pending=settings.is_without_pending())
    with closing(server):
        if output.terminal:
            output.note(f"offline: as of {ago(server.replica.holdings.pulled)}")
        yield server
