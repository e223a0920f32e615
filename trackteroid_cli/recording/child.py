"""The child: the process that runs a recorded program, so that its end ends nothing else."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

#: The signals that ask a program to end.
ENDING = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    if hasattr(signal, name)
]

#: The status of a Python program whose output cannot be written at its end.
_CANNOT_WRITE = 120

#: The status of this program when it meets its own mistake.
_MISTAKE = 70


def run_in_child(run: Callable[[], int], attend: Callable[[], None]) -> int:
    """Call *run* in a forked process, and wait for its end.

    Signals that ask this process to end are for the child. Where there is no fork, *run* is called
    in this process.

    Args:
        run: returns the exit status, or a signal to die of as a negative number.
        attend: called in this process before *run* is called in the other.

    Returns:
        The exit status of the child; of one that a signal has ended, its number as a negative one.
    """
    if not hasattr(os, "fork"):
        attend()
        return run()
    waiting, go = os.pipe()
    with _forwarding() as (forward_to, restore):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        child = os.fork()
        if child == 0:
            restore()
            os.close(go)
            if not os.read(waiting, 1):  # the parent was killed
                os._exit(_MISTAKE)
            os.close(waiting)
            _end(run)
        os.close(waiting)
        forward_to(child)
        try:
            attend()
            os.write(go, b"1")
        finally:
            os.close(go)  # without a word, the child ends
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_of(number: int) -> NoReturn:
    """End this process as a signal ends it."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def _end(run: Callable[[], int]) -> NoReturn:
    """Call *run* and end this process with what it returns."""
    leave = os._exit  # a program may have replaced it
    status = _MISTAKE
    try:
        try:
            status = run()
        except KeyboardInterrupt:  # after the program has ended
            status = -signal.SIGINT
        except BaseException:  # noqa: BLE001  (nothing above this frame is for the child)
            traceback.print_exc()
        unwritten = _flush()
        status = status or unwritten
        if status < 0:
            die_of(-status)
    finally:
        leave(status)


def _flush() -> int:
    """Write what is left of the output, and return the exit status of Python for that."""
    status = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            if not getattr(stream, "closed", True):
                stream.flush()
        except (OSError, ValueError):
            status = _CANNOT_WRITE
    return status


@contextmanager
def _forwarding() -> Iterator[tuple[Callable[[int], None], Callable[[], None]]]:
    """Pass signals on to a child.

    Yields:
        What says which process that is, and what the child itself calls to be rid of this.
    """
    child: list[int] = []
    early: list[int] = []
    former: dict[int, Any] = {}

    def forward(number: int, _: FrameType | None) -> None:
        if not child:
            early.append(number)
        elif not (number == signal.SIGINT and _has_terminal()):
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(child[0], number)

    def forward_to(process: int) -> None:
        child.append(process)
        for number in early:
            os.kill(process, number)

    def restore() -> None:
        for number, handler in former.items():
            signal.signal(number, handler)

    for number in ENDING:
        handler = signal.getsignal(number)
        if handler not in (signal.SIG_IGN, None):
            former[number] = signal.signal(number, forward)
    try:
        yield forward_to, restore
    finally:
        restore()


def _has_terminal() -> bool:
    """Return whether a terminal sends its signals to this process: it sent this one to all."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
