"""A run: a program and all that it starts, recording from its start to its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass

from trackteroid_cli import settings
from trackteroid_cli.errors import NotConfigured, ScriptError, TrackteroidError, cause
from trackteroid_cli.recording.child import run_in_child
from trackteroid_cli.recording.program import Program, calling_before_exit, finish
from trackteroid_cli.recording.program import run as run_program
from trackteroid_cli.recording.recordings import OpenRecording
from trackteroid_cli.recording.reports import Reports
from trackteroid_cli.recording.service import Service
from trackteroid_cli.recording.started_processes import environment_for, watch_started


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        status: the exit status; of a signal that ended it, its number as a negative one.
        reports: of its processes.
    """

    status: int
    reports: Reports


@contextmanager
def recorded(
    recording: OpenRecording,
    run: Callable[[Reports], int],
    meanwhile: AbstractContextManager[None],
) -> Iterator[Ended]:
    """Run a program that records into *recording*, which is kept until the block ends.

    Args:
        run: called in the process of the program; see `run_in_child`.
        meanwhile: entered while it runs.

    Raises:
        UsageError: this Python cannot make its child processes record.
        StorageError: the disk refuses.
    """
    reports = Reports()
    service = Service(recording.file, reports)

    def run_alone() -> int:
        service.leave()
        return run(reports)

    with ExitStack() as kept, environment_for(service.address):

        def attend() -> None:
            kept.enter_context(recording.beginning())
            attended.enter_context(service.answering())
            attended.enter_context(meanwhile)

        with ExitStack() as attended:
            status = run_in_child(run_alone, attend)
        yield Ended(status, reports)


def run_script(
    program: Program,
    recording: OpenRecording,
    reports: Reports,
    show_error: Callable[[TrackteroidError], None],
    tell_uncommitted: Callable[[int], None],
) -> int:
    """Run *program* in this process with every session deferred.

    Args:
        show_error: called with what was refused and not caught.
        tell_uncommitted: called with the number of operations that a run that ended well has left
            uncommitted.

    Returns:
        The exit status, or a signal to die of as a negative number.
    """
    from trackteroid_cli.recording.deferred_sessions import deferred_sessions

    with deferred_sessions(recording.file, reports.session) as recorder:

        def complete() -> None:
            with suppress(TrackteroidError):  # whoever keeps the recording meets it again
                recorder.complete()

        watch_started(recorder.refusals, complete)
        try:
            with calling_before_exit(complete):
                status = run_program(program)
                if not status:
                    finish()
        except TrackteroidError as error:
            show_error(error)
            reports.error_shown()
            return int(error.exit_code)
        if not status:
            complete()
            if recorder.uncommitted:
                tell_uncommitted(recorder.uncommitted)
        return status


def run_command(command: list[str]) -> int:
    """Replace this process by *command*, whose ftrack clients record.

    Raises:
        ScriptError: it cannot be run.
    """
    try:
        server = settings.server(reaching=False)
    except NotConfigured:
        pass  # the program may know better
    else:
        # ftrack_api itself does not read our settings.
        for name, value in (
            ("FTRACK_SERVER", server.url),
            ("FTRACK_API_USER", server.api_user),
            ("FTRACK_API_KEY", server.api_key),
        ):
            os.environ.setdefault(name, value)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise ScriptError(
            f"cannot record {command[0]}",
            why=cause(error),
            hint="a script needs a first line such as #!/bin/sh, or name the program that runs it",
        ) from error
