"""Script lines: the line of a script that asked for something, for messages."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FrameType, TracebackType

_LIBRARIES = ("ftrack_api", "trackteroid_cli")

_INSTALLED = ("/site-packages/", "/dist-packages/")

_STANDARD_LIBRARY = tuple(
    sysconfig.get_path(name).replace("\\", "/") + "/" for name in ("stdlib", "platstdlib")
)


#: The line that another process has told of, while it is answered.
_told: ContextVar[str] = ContextVar("told", default="")


@contextmanager
def asked_for_in(line: str) -> Iterator[None]:
    """Name *line* of the program of another process as what asks for what the block does."""
    token = _told.set(line)
    try:
        yield
    finally:
        _told.reset(token)


def current_script_line() -> str:
    """Return the line of the script that is being executed, or ''."""
    return _told.get() or _line(_frames())


def raising_script_line(error: BaseException) -> str:
    """Return the line of the script that *error* comes from, or ''."""
    return _line(reversed(list(_traceback(error.__traceback__))))


def _line(frames: Iterable[tuple[FrameType, int]]) -> str:
    """Return the first line of *frames*, the innermost first, that is not of a library.

    If only installed packages are left, such as a tool that is run with ``-m``, it is the line of
    one of them.
    """
    installed = ""
    for frame, number in frames:
        code = frame.f_code
        if _package(frame) in _LIBRARIES or _is_standard(code):
            continue
        line = f"{code.co_filename}, line {number}"
        if not _is_installed(code):
            return line
        installed = installed or line
    return installed


def _frames() -> Iterator[tuple[FrameType, int]]:
    """Yield the frames of this thread, the innermost first, and the line of each."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def _traceback(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _is_installed(code: CodeType) -> bool:
    path = code.co_filename.replace("\\", "/")
    return any(folder in path for folder in _INSTALLED)


def _is_standard(code: CodeType) -> bool:
    path = code.co_filename.replace("\\", "/")
    return path.startswith("<frozen ") or (
        path.startswith(_STANDARD_LIBRARY) and not _is_installed(code)
    )
