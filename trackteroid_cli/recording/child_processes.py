"""Child processes: Python processes that a recorded script starts do not escape the recording.

Those that it forks share the recorder, which refuses their commits. For those that it starts, the
environment names a folder with a module that Python runs at its start, and that refuses ftrack's
sessions. What would start Python without that is refused itself.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli.errors import CannotDefer, UsageError
from trackteroid_cli.session.calls.script_lines import current_script_line

if TYPE_CHECKING:
    from trackteroid_cli.session.calls.refusals import Refusals

#: The environment variable that names the file for refusals.
RECORDING = "TRACKTEROID_RECORDING"

_STARTUP = Path(__file__).parent / "startup"

_PYTHON = re.compile(r"(python|pypy)[\d.]*w?(\.exe)?", re.IGNORECASE)

#: Options without which Python reads neither ``PYTHONPATH`` nor ``sitecustomize``.
_ISOLATING = frozenset("IES")

#: Options that end the list of options, or take a value.
_WITH_VALUE = frozenset("cmWX")

#: The refusals of the recording under way. An audit hook cannot be removed.
_refusals: Refusals | None = None
_is_hooked = False


@contextmanager
def child_processes_refused(refusals: Refusals) -> Iterator[None]:
    """Refuse the ftrack sessions of processes that the block starts, and note that.

    Raises:
        UsageError: this Python passes options on with which that is not possible.
    """
    global _refusals, _is_hooked
    if sys.flags.ignore_environment or sys.flags.no_site:
        raise UsageError(
            "cannot record in a Python that was started with -I, -E or -S",
            why="workers of the script would be started so, too, and nothing would keep them from "
            "writing to the server at once",
            hint="start trackteroid without these options",
        )
    if not _is_hooked:
        sys.addaudithook(_audit)
        _is_hooked = True
    former = {name: os.environ.get(name) for name in (RECORDING, "PYTHONPATH")}
    os.environ[RECORDING] = str(refusals.path)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_STARTUP), former["PYTHONPATH"])))
    _refusals = refusals
    try:
        yield
    finally:
        _refusals = None
        refusals.close()
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _audit(event: str, args: tuple[object, ...]) -> None:
    """Refuse what would start Python without our module.

    Raises:
        CannotDefer: the event does.
    """
    if _refusals is None or event not in ("subprocess.Popen", "os.posix_spawn", "os.exec"):
        return
    if os.getpid() != _refusals.process:
        return
    program, argv, environment = args[0], args[1], args[-1]
    if event == "os.exec":
        raise _refused(
            "cannot record a script that replaces itself by another program",
            "what it has committed so far would be lost",
        )
    listed = [argv] if isinstance(argv, (str, bytes, os.PathLike)) else argv
    arguments = [os.fsdecode(each) for each in listed] if isinstance(listed, Sequence) else []
    name = os.fsdecode(program) if isinstance(program, (str, bytes, os.PathLike)) else ""
    is_python = _PYTHON.fullmatch(Path(name or (arguments or [""])[0]).name) is not None
    if is_python and _isolates(arguments[1:]):
        raise _refused(
            "cannot record a script that starts an isolated Python process",
            "with the options -I, -E and -S nothing keeps it from writing to the server at once",
        )
    names = _names(environment) if isinstance(environment, Mapping) else {RECORDING}
    if RECORDING not in names and (is_python or "FTRACK_API_KEY" in names):
        raise _refused(
            "cannot record a script that starts a process with another environment",
            f"without {RECORDING} and PYTHONPATH nothing keeps it from writing to the server at "
            "once",
        )


def _refused(what: str, why: str) -> CannotDefer:
    error = CannotDefer(
        what,
        why=why,
        hint="do what it does in the recorded script itself, or record it by itself",
    )
    assert _refusals is not None
    _refusals.note(error, current_script_line())
    return error


def _isolates(options: Sequence[str]) -> bool:
    """Return whether the options of Python keep it from importing our module."""
    for option in options:
        if not option.startswith("-") or option in ("-", "--"):
            return False
        letters = option[1:] if not option.startswith("--") else ""
        for letter in letters:
            if letter in _ISOLATING:
                return True
            if letter in _WITH_VALUE:
                return False
    return False


def _names(environment: Mapping[object, object]) -> set[str]:
    return {os.fsdecode(name) for name in environment if isinstance(name, (str, bytes))}
