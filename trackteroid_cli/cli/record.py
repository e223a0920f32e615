"""`trackteroid record`: run a script and keep what it commits as a batch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.cli.offline_options import OfflineOption, WithoutPendingOption, choose_offline
from trackteroid_cli.cli.render.output import Output
from trackteroid_cli.cli.running import (
    RunOptions,
    keep_recording,
    record_command,
    record_program,
    report,
)
from trackteroid_cli.errors import InvalidOperation, NotFound, UsageError, cause

if TYPE_CHECKING:
    from trackteroid_cli.batches.operations import Operation
    from trackteroid_cli.recording.program import Program

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

#: Options of this command that are followed by their value.
_WITH_VALUE = frozenset({"--jsonl", "--keep", "--name", "--output", "-o"})


class _LikePython(TyperCommand):
    """Leaves to the program what follows -c CODE and -m MODULE, as python does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _ending_options(args))


def _ending_options(arguments: list[str]) -> list[str]:
    """Return *arguments* with ``--`` after the code or the module, if there is one."""
    position = 0
    while position < len(arguments) and arguments[position].startswith("-"):
        argument = arguments[position]
        if argument in ("-", "--"):
            break
        if argument.startswith(("-c", "-m")):
            position += 2 if len(argument) == 2 else 1
            if position > len(arguments):
                break
            return [*arguments[:position], "--", *arguments[position:]]
        position += 2 if argument in _WITH_VALUE else 1
    return arguments


@app.command(
    cls=_LikePython,
    context_settings={"allow_interspersed_args": False},
    epilog="Examples: `trackteroid record publish.py --shot sh010`; "
    "`trackteroid inspect publish --jsonl | trackteroid record --jsonl -`",
)
def record(
    ctx: typer.Context,
    script: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SCRIPT [ARGS]",
            help="The script and its arguments, as python takes them; - reads it from standard "
            "input. After -c or -m, all are arguments.",
            show_default=False,
        ),
    ] = None,
    code: Annotated[
        str | None, typer.Option("-c", metavar="CODE", help="Record this Python code.")
    ] = None,
    module: Annotated[
        str | None, typer.Option("-m", metavar="MODULE", help="Record this module.")
    ] = None,
    jsonl: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help="Record operations that are written one a line, as `inspect BATCH --jsonl` "
            "prints them. No Python is run.",
        ),
    ] = None,
    execute: Annotated[
        bool,
        typer.Option(
            "--exec",
            help="Record a program of any kind, such as `--exec -- ./publish.sh sh010`: whatever "
            "Python it runs.",
        ),
    ] = False,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            metavar="ID",
            help="Make a batch of a recording that was interrupted, of all that it had committed.",
        ),
    ] = None,
    name: Annotated[
        str,
        typer.Option(metavar="NAME", help="What to call the batch. Default: the script's name."),
    ] = "",
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the batch there, not into the spool."
        ),
    ] = None,
    offline: OfflineOption = False,
    without_pending: WithoutPendingOption = False,
    allow_refused: Annotated[
        bool,
        typer.Option(
            "--allow-refused",
            help="Where the script catches the error of what cannot be recorded, leave that out. "
            "Otherwise nothing is recorded then.",
        ),
    ] = False,
    copy_media: Annotated[
        bool,
        typer.Option(
            "--copy-media",
            help="Keep copies of all files that the script uploads. Otherwise only of those that "
            "will not be there later, such as in temporary folders.",
        ),
    ] = False,
) -> None:
    """Run a script with every ftrack session deferred, and keep what it commits as one batch.

    Nothing is sent to the server. The script runs as `python` would run it, and its exit status is
    passed on; if it fails, there is no batch.
    """
    output: Output = ctx.obj
    output.as_json = False  # a --json among the arguments is the script's
    arguments = list(script or ())
    forms = [form for form in (code, module, jsonl, keep, execute or None) if form is not None]
    _check_forms(len(forms), is_empty=not arguments and (execute or not forms))
    choose_offline(offline, without_pending)
    # The script may change the folder that it runs in, and the environment.
    place = Spool.default()
    output_file = output_file.absolute() if output_file else None
    if output_file is not None and output_file.exists():
        from trackteroid_cli.batches.batch import name_taken

        raise name_taken(output_file)
    if arguments and (jsonl is not None or keep is not None):
        raise UsageError(
            f"{arguments[0]!r} cannot be recorded together with "
            + ("--jsonl" if jsonl is not None else "--keep"),
            hint="record one after the other",
        )
    if jsonl is not None:
        _record_lines(jsonl, place, name, output_file, output)
        return
    options = RunOptions(place, name, output_file, allow_refused, copy_media)
    if keep is not None:
        keep_recording(keep, options, output)
        return
    if execute:
        status = record_command(arguments, options, output)
    else:
        status = record_program(_program(code, module, arguments), options, output)
    if status < 0:
        _end_as_the_script(-status)
    raise typer.Exit(status)


def _check_forms(number: int, *, is_empty: bool) -> None:
    """Refuse to record nothing, or in several forms at once.

    Raises:
        UsageError: so it is.
    """
    if number > 1 or is_empty:
        raise UsageError(
            "only one of -c, -m, --jsonl, --exec and --keep can be recorded"
            if number > 1
            else "nothing to record",
            hint="give a script, or one of -c CODE, -m MODULE, --jsonl FILE, --exec -- PROGRAM",
        )


def _end_as_the_script(number: int) -> NoReturn:
    """End as a script does that a signal ends: of those that ask for it, of that signal."""
    from trackteroid_cli.recording.child import ENDING, die_of

    sys.stdout.flush()
    if number in ENDING:
        die_of(number)
    raise typer.Exit(128 + number)


def _program(code: str | None, module: str | None, arguments: list[str]) -> Program:
    from trackteroid_cli.recording import program as running

    if code is not None:
        return running.code(code, arguments)
    if module is not None:
        return running.module(module, arguments)
    if arguments[0] == "-":
        return running.standard_input(arguments[1:])
    return running.script(arguments[0], arguments[1:])


def _record_lines(
    source: str, place: Spool, name: str, output_file: Path | None, output: Output
) -> None:
    from trackteroid_cli.recording.closing import save_operations

    label = name or ("stdin" if source == "-" else Path(source).stem)
    saved = save_operations(
        _read_lines(source), place, name=label, argv=["--jsonl", source], output=output_file
    )
    if saved is None:
        output.note("nothing to record: there are no operations")
    else:
        report(saved, output, output_file is not None)


def _read_lines(source: str) -> Iterator[Operation]:
    from trackteroid_cli.batches.documents import read_operation
    from trackteroid_cli.batches.operations import from_json

    for number, line in enumerate(_lines(source), start=1):
        if not line.strip():
            continue
        where = f"line {number} of {'standard input' if source == '-' else source}"
        try:
            yield from_json(read_operation(line))
        except InvalidOperation as error:
            raise InvalidOperation(
                f"cannot record {where}", why=error.why, hint=error.hint
            ) from error
        except ValueError as error:
            raise InvalidOperation(
                f"cannot record {where}",
                why=str(error),
                hint="each line holds one operation, as `trackteroid inspect BATCH --jsonl` "
                "prints it",
            ) from error


def _lines(source: str) -> Iterator[str]:
    try:
        with sys.stdin.buffer if source == "-" else Path(source).open("rb") as file:
            for line in file:
                yield line.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(
            f"cannot record {source}", why="there is no such file", hint="check the path"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot record {source}",
            why=cause(error),
            hint="give a text file with one operation a line",
        ) from error
