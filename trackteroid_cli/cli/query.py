"""`trackteroid query`: ask the server in ftrack's query language."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from enum import Enum
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from trackteroid_cli import settings
from trackteroid_cli.cli.offline_options import (
    OfflineOption,
    WithoutPendingOption,
    choose_offline,
    offline_server,
)
from trackteroid_cli.cli.render.output import Output, plural
from trackteroid_cli.errors import UsageError

if TYPE_CHECKING:
    from trackteroid_cli.server.answer_cache import AnswerCache
    from trackteroid_cli.server.query_pages import PagedQuery

#: What a query selects, page by page.
Entities: TypeAlias = Iterator[Mapping[str, object]]

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


class Format(str, Enum):
    """How entities are shown."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    IDS = "ids"


@app.command(
    epilog="Examples: `trackteroid query 'select name, status.name from Task where "
    'project.name is "showroom"\' --limit 20`; `trackteroid query Shot --format ids`'
)
def query(
    ctx: typer.Context,
    expression: Annotated[
        list[str],
        typer.Argument(
            metavar="EXPRESSION",
            help="A query as ftrack's API takes it; without `select` the type's default attributes "
            "are shown.",
        ),
    ],
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How to show the entities.")
    ] = Format.TABLE,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Show at most so many entities.", min=0)
    ] = None,
    offline: OfflineOption = False,
    without_pending: WithoutPendingOption = False,
    reuse: Annotated[
        bool,
        typer.Option("--reuse", help="Reuse the answer if the same was asked a short while ago."),
    ] = False,
    max_age: Annotated[
        str | None,
        typer.Option(
            metavar="AGE",
            help="With --reuse, how old an answer may be: 90s, 10m, 2h, 1d. Default: 1h.",
        ),
    ] = None,
) -> None:
    """Ask the server, and show the entities that it answers with."""
    output: Output = ctx.obj
    output.as_json = format_ is Format.JSON
    choose_offline(offline, without_pending)
    server = settings.server(reaching=False)
    recording = os.environ.get(settings.RECORDING)
    if recording:
        # A program that is recorded asks; it sees what the others have committed.
        from trackteroid_cli.recording.startup.relay import relay_requests

        relay_requests(recording)
    from trackteroid_cli.server.connection import Connection
    from trackteroid_cli.server.query_pages import PagedQuery

    with (
        offline_server(server.url, output) as replica,
        _kept_answers(server.url, reuse, max_age, output) as answers,
        Connection(
            server, adapter=replica.adapter() if replica else None, answers=answers
        ) as connection,
    ):
        paged = PagedQuery(" ".join(expression), connection, limit=limit)
        _SHOW[format_](paged, paged.entities(), output)


@contextmanager
def _kept_answers(
    url: str, reuse: bool, max_age: str | None, output: Output
) -> Iterator[AnswerCache | None]:
    """Give the answers of the server *url* that may be reused, and say how old those were."""
    if max_age is not None and not reuse:
        raise UsageError(
            "--max-age goes with --reuse",
            why="without it every answer is new",
            hint="add --reuse, or leave it out",
        )
    if reuse and settings.is_offline():
        raise UsageError(
            "--reuse goes without --offline",
            why="a replica is asked as fast as answers are kept",
            hint="leave one of them out",
        )
    if not reuse:
        yield None
        return
    from trackteroid_cli.moments import ago, parse_duration
    from trackteroid_cli.server.answer_cache import AnswerCache, file_for

    try:
        seconds = parse_duration(max_age or "1h")
    except ValueError as error:
        raise UsageError(
            f"--max-age cannot be {max_age!r}", why=str(error), hint="for example: 90s, 10m, 2h, 1d"
        ) from error
    with closing(AnswerCache(file_for(url), max_age=seconds)) as answers:
        yield answers
        if answers.oldest is not None:
            output.note(f"reused: this was answered {ago(answers.oldest)}")


def _show_table(paged: PagedQuery, entities: Entities, output: Output) -> None:
    rows = [paged.row(entity) for entity in entities]
    if rows:
        output.table(paged.columns, rows)
    if output.terminal:
        output.note(plural(len(rows), "entity").replace("entitys", "entities"))


def _show_json(paged: PagedQuery, entities: Entities, output: Output) -> None:  # noqa: ARG001
    output.document(list(entities))


def _show_jsonl(paged: PagedQuery, entities: Entities, output: Output) -> None:  # noqa: ARG001
    for entity in entities:
        output.json_line(entity)


def _show_csv(paged: PagedQuery, entities: Entities, output: Output) -> None:
    rows = map(paged.row, entities)
    first = list(islice(rows, 1))  # a refused query has no header
    output.csv(paged.columns, chain(first, rows))


def _show_ids(paged: PagedQuery, entities: Entities, output: Output) -> None:
    for entity in entities:
        output.row(paged.key(entity))


_SHOW = {
    Format.TABLE: _show_table,
    Format.JSON: _show_json,
    Format.JSONL: _show_jsonl,
    Format.CSV: _show_csv,
    Format.IDS: _show_ids,
}
