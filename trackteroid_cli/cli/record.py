"""`trackteroid record`: run a script and keep what it commits as a batch."""

from __future__ import annotations

import hashlib
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.cli.offline_options import OfflineOption, WithoutPendingOption, choose_offline
from trackteroid_cli.cli.render.output import Output, counted, plural
from trackteroid_cli.errors import InvalidOperation, NotFound, StorageError, UsageError, cause
from trackteroid_cli.moments import ago

if TYPE_CHECKING:
    from trackteroid_cli import settings
    from trackteroid_cli.batches.operations import Operation
    from trackteroid_cli.recording.closing import SavedBatch
    from trackteroid_cli.recording.program import Program
    from trackteroid_cli.recording.recordings import OpenRecording
    from trackteroid_cli.recording.reports import Reports
    from trackteroid_cli.recording.run import Ended

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

#: Options of this command that are followed by their value.
_WITH_VALUE = frozenset({"--jsonl", "--keep", "--name", "--output", "-o"})

#: Seconds between two lines that tell how far a recording is.
PROGRESS_SECONDS = 10


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
) -> None:
    """Run a script with every ftrack session deferred, and keep what it commits as one batch.

    Nothing is sent to the server. The script runs as `python` would run it, and its exit status is
    passed on; if it fails, nothing is recorded.
    """
    output: Output = ctx.obj
    output.as_json = False  # a --json among the arguments is the script's
    arguments = list(script or ())
    forms = [form for form in (code, module, jsonl, keep, execute or None) if form is not None]
    if len(forms) > 1 or not (forms or arguments) or (execute and not arguments):
        raise UsageError(
            "only one of -c, -m, --jsonl, --exec and --keep can be recorded"
            if len(forms) > 1
            else "nothing to record",
            hint="give a script, or one of -c CODE, -m MODULE, --jsonl FILE, --exec -- PROGRAM",
        )
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
    options = _Options(place, name, output_file, allow_refused)
    if keep is not None:
        _keep(keep, options, output)
        return
    if execute:
        status = _record_command(arguments, options, output)
    else:
        status = _record_program(_program(code, module, arguments), options, output)
    if status < 0:
        _end_as_the_script(-status)
    raise typer.Exit(status)


@dataclass(frozen=True, slots=True)
class _Options:
    """What is to become of a recording."""

    place: Spool
    name: str
    output_file: Path | None
    allow_refused: bool


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


def _record_program(program: Program, options: _Options, output: Output) -> int:
    """Run *program* in a process of its own; return the exit status, or minus a signal."""
    from trackteroid_cli.recording.run import run_script

    def tell_uncommitted(number: int) -> None:
        output.note(
            f"note: the script left {plural(number, 'operation')} uncommitted; "
            "they are not in the batch, as they would not have reached the server"
        )

    def run(recording: OpenRecording, reports: Reports) -> int:
        return run_script(program, recording, reports, output.error, tell_uncommitted)

    digest = hashlib.sha256(program.source).hexdigest() if program.source else ""
    return _record(program.name, program.argv, digest, run, options, output)


def _record_command(command: list[str], options: _Options, output: Output) -> int:
    """Run a program of any kind; return its exit status, or minus the signal that ended it."""
    import shutil

    from trackteroid_cli.recording.run import run_command
    from trackteroid_cli.recording.started_processes import refuse_isolated

    found = shutil.which(command[0])
    if found is None:
        raise NotFound(
            f"cannot record {command[0]}",
            why="there is no such program",
            hint="check its name and PATH",
        )
    refuse_isolated([found, *command[1:]])
    return _record(
        Path(found).stem,
        command,
        "",
        lambda *_: run_command([found, *command[1:]]),
        options,
        output,
    )


def _record(
    name: str,
    argv: list[str],
    script_digest: str,
    run: Callable[[OpenRecording, Reports], int],
    options: _Options,
    output: Output,
) -> int:
    from trackteroid_cli.recording.recordings import Recordings
    from trackteroid_cli.recording.run import recorded

    recording = Recordings.default().begin(
        options.name or name, argv, script_digest, options.output_file
    )
    meanwhile = _telling_progress(recording, options.name or name, output)
    try:
        with recorded(recording, lambda reports: run(recording, reports), meanwhile) as ended:
            if ended.status:
                _give_up(recording, ended, output)
                return ended.status
            saved = _close(recording, ended.reports.server, options, output)
            if not saved:
                output.note("nothing to record: the script committed no changes")
            return 0
    except UsageError:
        recording.remove()
        raise


def _give_up(recording: OpenRecording, ended: Ended, output: Output) -> None:
    """Say what became of a run that did not end well; keep what it has committed."""
    how = _how_it_ended(ended.status)
    with suppress(StorageError):  # nobody keeps it any more: that ends it, too
        recording.file.end(f"the script {how}")
    committed = sum(sum(kinds.values()) for kinds in recording.file.counts().values())
    if recording.file.refusals() or not committed or not recording.is_listed:
        recording.remove()
        committed = 0
    if (ended.reports.has_sessions or committed) and not ended.reports.is_error_shown:
        output.note(f"nothing was recorded: the script {how}")
    if committed:
        output.note(f"  it had committed {plural(committed, 'operation')}")
        output.note(f"  keep:   trackteroid record --keep {recording.id}")
        output.note(f"  forget: trackteroid discard {recording.id}")


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _close(
    recording: OpenRecording,
    find_server: Callable[[str], settings.Server],
    options: _Options,
    output: Output,
) -> list[SavedBatch]:
    """Make batches of a recording that has ended, and remove it.

    Raises:
        CannotDefer: something was refused, and that is not allowed; it is removed, too.
        StorageError: a batch cannot be written; it is kept.
    """
    from trackteroid_cli.recording.closing import save_batches
    from trackteroid_cli.session.calls.refusals import Refusals, summary

    with _keeping_what_cannot_be_written(recording):
        recording.file.end("its batch could not be written")
    refusals = Refusals(recording.file)
    error = refusals.error(unless="record it with --allow-refused")
    if error is not None and not options.allow_refused:
        recording.remove()
        raise error
    with _keeping_what_cannot_be_written(recording):
        saved = save_batches(recording.file, options.place, find_server, name=options.name)
    refused, processes = refusals.noted, recording.file.processes()
    recording.remove()
    if refused:
        output.note(f"note: {plural(len(refused), 'refused request')} left out of the batch:")
        for line in summary(refused):
            output.note(f"  {line}")
    for batch in saved:
        _report(batch, output, options.output_file is not None, processes)
    return saved


@contextmanager
def _keeping_what_cannot_be_written(recording: OpenRecording) -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise StorageError(
            error.what,
            why=error.why,
            hint="make room or give another file (-o FILE), then make the batch of what was "
            f"recorded: trackteroid record --keep {recording.id}"
            if recording.is_listed
            else error.hint,
        ) from error


def _keep(recording_id: str, options: _Options, output: Output) -> None:
    """Make batches of a recording that was interrupted."""
    from trackteroid_cli.recording.recordings import Recordings
    from trackteroid_cli.recording.reports import configured

    recording = Recordings.default().find(recording_id)
    with recording.keeping():
        if options.output_file is not None:
            recording.file.note_output(options.output_file)
        if not _close(recording, configured, options, output):
            output.note(f"recording {recording.id} was a batch already, or held nothing")


@contextmanager
def _telling_progress(recording: OpenRecording, name: str, output: Output) -> Iterator[None]:
    """Tell a person, in lines that the output of a script cannot garble, how far it is."""
    if output.quiet or not sys.stderr.isatty():
        yield
        return
    import threading
    import time

    has_ended, started = threading.Event(), time.monotonic()

    def tell() -> None:
        while not has_ended.wait(PROGRESS_SECONDS):
            seconds = round(time.monotonic() - started)
            counts = recording.file.counts().values()
            number = sum(sum(kinds.values()) for kinds in counts)
            output.note(f"recording {name}: {plural(number, 'operation')} so far, {seconds} s")

    threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        has_ended.set()


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
        _report(saved, output, output_file is not None)


def _read_lines(source: str) -> Iterator[Operation]:
    import json

    from trackteroid_cli.batches.operations import from_json

    for number, line in enumerate(_lines(source), start=1):
        if not line.strip():
            continue
        where = f"line {number} of {'standard input' if source == '-' else source}"
        try:
            yield from_json(json.loads(line, parse_constant=_refuse_constant))
        except InvalidOperation as error:
            raise InvalidOperation(
                f"cannot record {where}", why=error.why, hint=error.hint
            ) from error
        except (ValueError, RecursionError) as error:
            raise InvalidOperation(
                f"cannot record {where}",
                why=f"it is not JSON: {error}",
                hint="each line holds one operation, as `trackteroid inspect BATCH --jsonl` "
                "prints it",
            ) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


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


def _report(batch: SavedBatch, output: Output, as_file: bool, processes: int = 1) -> None:
    header = batch.header
    shown = str(batch.path) if as_file else header.id
    seen = f", as seen in a replica pulled {ago(header.replica)}" if header.replica else ""
    of = f", of {processes} processes" if processes > 1 else ""
    output.note(f"recorded {header.name}: {counted(header.counts)}{of}{seen}; nothing was sent")
    output.note(f"  review: trackteroid inspect {shown}")
    output.note(f"  send:   trackteroid commit {shown}")
