"""Started processes: what a recorded program starts records as well, or is refused.

The environment names a folder with a module that Python runs at its start, and where to record to.
What would start Python without that is refused itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackteroid_cli import settings
from trackteroid_cli.errors import CannotDefer, NotConfigured, UsageError
from trackteroid_cli.files import SCHEMAS, kept_folder, write_whole
from trackteroid_cli.recording.startup import isolation
from trackteroid_cli.session.calls.script_lines import current_script_line

if TYPE_CHECKING:
    from trackteroid_cli.session.calls.refusals import Refusals

_STARTUP = Path(__file__).parent / "startup"

#: What to do instead of starting a process in which nothing would record.
_INSTEAD = "do what it does in the recorded program itself, or record it by itself"


@contextmanager
def environment_for(address: str) -> Iterator[None]:
    """Let processes that are started in the block record to *address*.

    Raises:
        UsageError: this Python passes options on with which that is not possible.
    """
    if sys.flags.ignore_environment or sys.flags.no_site:
        raise UsageError(
            "cannot record in a Python that was started with -I, -E or -S",
            why="workers of the script would be started so, too, and nothing would keep them from "
            "writing to the server at once",
            hint="start trackteroid without these options",
        )
    changed = {
        isolation.RECORDING: f"{address}:{_schema_cache()}",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_STARTUP), os.environ.get("PYTHONPATH")))),
    }
    former = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _schema_cache() -> str:
    """Return our folder for schemas, '' if no server is configured.

    The one that ``ftrack_api`` has by itself may not exist, for which it logs an error.
    """
    with suppress(NotConfigured):
        url = settings.server(reaching=False).url
        folder = kept_folder("cache", settings.folder_name(url))
        with suppress(OSError):  # it goes without, too
            if not (folder / SCHEMAS).exists():
                write_whole(folder / SCHEMAS, "[]")  # what is written into it stays private
        return str(folder)
    return ""


def refuse_isolated(command: list[str]) -> None:
    """Refuse to start a program in which nothing would record.

    Raises:
        UsageError: *command* starts one.
    """
    if isolation.is_isolated(command[0], command[1:]):
        raise UsageError(
            f"cannot record {command[0]}: it is an isolated Python process",
            why=isolation.WHY_ISOLATED,
            hint="start it without these options",
        )


def watch_started(refusals: Refusals, before_replaced: Callable[[], None]) -> None:
    """Refuse in this process, and those that it forks, what would start one that does not record.

    An audit hook cannot be removed: the process is to end with the recording.

    Args:
        before_replaced: called before this process replaces itself by another program.
    """
    process = os.getpid()

    def refuse(what: str, why: str) -> CannotDefer:
        error = CannotDefer(what, why=why, hint=_INSTEAD)
        refusals.note(error, current_script_line())
        return error

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if event in isolation.EVENTS:
            isolation.check(event, args, refuse)
            if event == "os.exec" and os.getpid() == process:
                before_replaced()

    sys.addaudithook(audit)
