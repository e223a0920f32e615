"""What `trackteroid record` does with a run, from its start to its batches, and says of it."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.cli.render.output import Output, counted, plural, shortened
from trackteroid_cli.errors import NotFound, StorageError, TrackteroidError, UsageError
from trackteroid_cli.moments import ago

if TYPE_CHECKING:
    from trackteroid_cli import settings
    from trackteroid_cli.batches.recordings.recording_file import RecordingFile
    from trackteroid_cli.recording.closing import SavedBatch
    from trackteroid_cli.recording.program import Program
    from trackteroid_cli.recording.recordings import OpenRecording
    from trackteroid_cli.recording.reports import Reports
    from trackteroid_cli.recording.run import Ended

#: Programs that run scripts.
_INTERPRETER = re.compile(r"python|pypy|hython|mayapy|(ba|da|z|k)?sh$|env$|uv$")

#: Seconds between two lines that tell how far a recording is.
PROGRESS_SECONDS = 10


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What is to become of a recording."""

    place: Spool
    name: str
    output_file: Path | None
    allow_refused: bool
    copy_media: bool = False


def record_program(program: Program, options: RunOptions, output: Output) -> int:
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


def record_command(command: list[str], options: RunOptions, output: Output) -> int:
    """Run a program of any kind; return its exit status, or minus the signal that ended it."""
    import shutil

    from trackteroid_cli.recording.run import run_command
    from trackteroid_cli.recording.started_processes import refuse_isolated

    found = shutil.which(command[0])
    if found is None:
        raise NotFound(
            f"cannot record {command[0]}",
            why="there is no such program",
            hint="check its name and PATH, and that it can be executed",
        )
    refuse_isolated([found, *command[1:]])

    def run(_: OpenRecording, reports: Reports) -> int:
        try:
            return run_command([found, *command[1:]])
        except TrackteroidError as error:
            output.error(error)
            reports.error_shown()
            return int(error.exit_code)

    return _record(_name_of(command), command, "", run, options, output)


def _name_of(command: list[str]) -> str:
    """Return what people call a command: the script that an interpreter runs, or the program."""
    program = Path(command[0]).stem
    if _INTERPRETER.match(program):
        # Code in an argument may be too long for the name of a file.
        scripts = (text for text in command[1:] if os.path.isfile(text))  # noqa: PTH113
        program = next((Path(each).stem for each in scripts), program)
    return program


def _record(
    name: str,
    argv: list[str],
    script_digest: str,
    run: Callable[[OpenRecording, Reports], int],
    options: RunOptions,
    output: Output,
) -> int:
    from trackteroid_cli.recording.recordings import Recordings
    from trackteroid_cli.recording.run import recorded

    recording = Recordings.default().begin(
        options.name or name,
        argv,
        script_digest,
        options.output_file,
        copy_media=options.copy_media,
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
    except KeyboardInterrupt:
        output.note(
            f"interrupted before there was a batch: trackteroid record --keep {recording.id}"
        )
        raise


def _give_up(recording: OpenRecording, ended: Ended, output: Output) -> None:
    """Say what became of a run that did not end well; keep what it has committed."""
    how = _how_it_ended(ended.status)
    with suppress(StorageError):  # nobody keeps it any more: that ends it, too
        recording.file.end(f"the script {how}")
    committed = _committed(recording.file)
    if recording.file.refusals() or not committed or not recording.is_listed:
        recording.remove()
        committed = ""
    if (ended.reports.has_sessions or committed) and not ended.reports.is_error_shown:
        output.note(f"nothing was recorded: the script {how}")
    if committed:
        output.note(f"  it had committed {committed}")
        output.note(f"  keep:   trackteroid record --keep {recording.id}")
        output.note(f"  forget: trackteroid discard {recording.id}")


def _committed(file: RecordingFile) -> str:
    """Return how much a run has committed, such as ``3 operations, 1 upload``; '' for nothing."""
    counts = file.counts()
    numbers = {
        "operation": sum(sum(kinds.values()) for kinds in counts.values()),
        "upload": sum(len(file.enclosed.uploads(url)) for url in counts),
        "follow-up": sum(len(file.enclosed.follow_ups(url)) for url in counts),
    }
    return ", ".join(plural(number, noun) for noun, number in numbers.items() if number)


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
    options: RunOptions,
    output: Output,
    *,
    is_kept_later: bool = False,
) -> list[SavedBatch]:
    """Make batches of a recording that has ended, and remove it.

    Args:
        is_kept_later: whether it is one that was interrupted.

    Raises:
        CannotDefer: something was refused, and that is not allowed. The recording of a run that
            goes on is removed, too.
        StorageError: a batch cannot be written; it is kept.
    """
    from trackteroid_cli.recording.closing import changed_files, save_batches
    from trackteroid_cli.session.calls.refusals import Refusals, summary

    with _keeping_what_cannot_be_written(recording):
        recording.file.end("its batch could not be written")
    refusals = Refusals(recording.file)
    error = refusals.error(unless="record it with --allow-refused")
    if error is not None and not options.allow_refused:
        if not is_kept_later:
            recording.remove()
        raise error
    with _keeping_what_cannot_be_written(recording):
        saved = save_batches(recording.file, options.place, find_server, name=options.name)
    refused, processes = refusals.noted, recording.file.processes()
    changed = changed_files(recording.file)
    recording.remove()
    if refused:
        output.note(f"note: {plural(len(refused), 'refused request')} left out of the batch:")
        for line in summary(refused):
            output.note(f"  {line}")
    if changed:
        output.note(
            f"note: {plural(len(changed), 'file')} changed or removed since the script uploaded "
            "from there; the batch cannot be committed so. Record with --copy-media"
        )
        for path in shortened(list(map(str, changed))):
            output.note(f"  {path}")
    for batch in saved:
        report(batch, output, options.output_file is not None, processes)
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


def keep_recording(recording_id: str, options: RunOptions, output: Output) -> None:
    """Make batches of a recording that was interrupted."""
    from trackteroid_cli.recording.recordings import Recordings
    from trackteroid_cli.recording.reports import configured

    recording = Recordings.default().find(recording_id)
    with recording.keeping():
        if options.output_file is not None:
            recording.file.note_output(options.output_file)
        if not _close(recording, configured, options, output, is_kept_later=True):
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


def report(batch: SavedBatch, output: Output, as_file: bool, processes: int = 1) -> None:
    """Say what was recorded, and what to do with it."""
    header = batch.header
    shown = str(batch.path) if as_file else header.id
    seen = f", as seen in a replica pulled {ago(header.replica)}" if header.replica else ""
    of = f", of {processes} processes" if processes > 1 else ""
    output.note(f"recorded {header.name}: {counted(header.totals)}{of}{seen}; nothing was sent")
    output.note(f"  review: trackteroid inspect {shown}")
    output.note(f"  send:   trackteroid commit {shown}")
