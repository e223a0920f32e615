"""The start of a Python process that a recorded script starts: its ftrack sessions are refused.

They would write to the server at once, and nobody would know. Python imports this module when it
starts, as its folder is on ``PYTHONPATH``. It needs the standard library of Python 3.7 only.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys

if False:  # for type checkers; importing more than is needed would slow every start
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import FrameType, ModuleType
    from typing import Any

#: Whether Python imports this at its start, rather than somebody by its full name.
_IS_START = __name__ == "sitecustomize"

#: The file that refusals are noted in. Another recording that this process begins has another.
_RECORDING = os.environ.get("TRACKTEROID_RECORDING", "") if _IS_START else ""

_MODULE = "ftrack_api.session"

_WHAT = "cannot record the ftrack session of a process that the script starts"


class _Finder:
    """Lets the module of ftrack's session be found as usual, and refuses the sessions of it."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the spec of the module of ftrack's session; of any other, None."""
        if name != _MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_refuse(module: ModuleType) -> None:
                execute(module)
                _refuse_sessions(module.Session)

            spec.loader.exec_module = execute_and_refuse  # type: ignore[method-assign]
        return spec


def _refuse_sessions(session_class: Any) -> None:
    import functools

    initialise = session_class.__init__

    @functools.wraps(initialise)  # others look at the parameters
    def refuse(self: object, *args: object, **kwargs: object) -> None:
        if os.environ.get("TRACKTEROID_RECORDING") != _RECORDING:
            initialise(self, *args, **kwargs)
            return
        _note(_script_line())
        raise RuntimeError(
            _WHAT + ": it would write to the server at once. Do what it does in the recorded "
            "script itself, or record it by itself: trackteroid record"
        )

    session_class.__init__ = refuse


def _script_line() -> str:
    """Return the line that makes the session."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in ("ftrack_api", "trackteroid_cli"):
            return f"{frame.f_code.co_filename}, line {frame.f_lineno}"
        frame = frame.f_back
    return ""


def _note(line: str) -> None:
    """Note a refusal, in the form of `session.calls.refusals`."""
    import json

    try:
        file = os.open(_RECORDING, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:  # the recording has ended
        return
    try:
        os.write(file, (json.dumps([_WHAT, line]) + "\n").encode("ascii"))
    finally:
        os.close(file)


def _import_other_sitecustomize() -> None:
    """Import the module that this one stands before, if there is one."""
    folder = os.path.dirname(__file__)  # noqa: PTH120  (pathlib takes long to import)
    sys.path[:] = [each for each in sys.path if each != folder]
    ours = sys.modules.pop(__name__, None)
    try:
        importlib.import_module(__name__)
    except ImportError as error:
        if error.name != __name__:
            raise
        if ours is not None:
            sys.modules[__name__] = ours


if _IS_START:
    if _RECORDING:
        sys.meta_path.insert(0, _Finder())
    _import_other_sitecustomize()
