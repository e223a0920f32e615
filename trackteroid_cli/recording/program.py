"""Running Python as ``python`` does: its arguments, ``__main__``, exit status, tracebacks."""

from __future__ import annotations

import atexit
import builtins
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from trackteroid_cli.errors import NotFound, ScriptError, TrackteroidError, cause
from trackteroid_cli.session.calls.script_lines import raising_script_line


@dataclass(frozen=True, slots=True)
class Program:
    """A program to record.

    Attributes:
        name: the name of its batches, unless the user gives another.
        argv: ``sys.argv`` while it runs.
        run: executes it as ``__main__``.
        source: its text; empty if it has none.
    """

    name: str
    argv: list[str]
    run: Callable[[], None]
    source: bytes = b""


def script(path: str, arguments: list[str]) -> Program:
    """Return the program in the file, folder or zip file *path*.

    Raises:
        NotFound: there is no such file.
        ScriptError: it cannot be read.
    """
    import pkgutil
    import zipfile

    file = Path(path)
    argv = [path, *arguments]
    absolute = os.path.join(Path.cwd(), path)  # noqa: PTH118  (as python, which keeps a "./")
    if not file.exists():
        raise NotFound(
            f"cannot record {path}",
            why="there is no such file",
            hint="check the path of the script",
        )
    if file.is_dir() or zipfile.is_zipfile(file):
        importer = pkgutil.get_importer(absolute)
        if importer is None or importer.find_spec("__main__") is None:
            raise ScriptError(
                f"cannot record {path}",
                why="there is no __main__.py in it",
                hint="name the script that is meant",
            )
        return Program(file.stem, argv, lambda: _run_path(absolute, argv))
    try:
        source = file.read_bytes()
    except OSError as error:
        raise ScriptError(
            f"cannot record {path}",
            why=cause(error),
            hint="check the permissions of the script",
        ) from error
    folder = str(file.resolve().parent)
    return Program(file.stem, argv, lambda: _execute(source, absolute, argv, folder), source)


def code(text: str, arguments: list[str]) -> Program:
    """Return the program *text*, as with ``python -c``."""
    argv = ["-c", *arguments]
    source = text.encode()
    return Program("code", argv, lambda: _execute(source, "<string>", argv, ""), source)


def standard_input(arguments: list[str]) -> Program:
    """Return the program on standard input, as with ``python -``."""
    argv = ["-", *arguments]
    source = sys.stdin.buffer.read()
    return Program("stdin", argv, lambda: _execute(source, "<stdin>", argv, ""), source)


def module(name: str, arguments: list[str]) -> Program:
    """Return the program in the module *name*, as with ``python -m``.

    Raises:
        NotFound: there is no such module.
    """
    import importlib.util

    argv = [name, *arguments]

    def run() -> None:
        import runpy

        sys.argv = argv
        _put_first(str(Path.cwd()))
        try:
            found = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            found = None
        if found is None:
            raise NotFound(
                f"cannot record the module {name}",
                why="there is no such module",
                hint="check its name, and that its package is installed",
            )
        runpy.run_module(name, run_name="__main__", alter_sys=True)

    return Program(name.rpartition(".")[2], argv, run)


def run(program: Program) -> int:
    """Run *program* and return its exit status, or a signal to die of as a negative number.

    Exceptions of the program are shown as ``python`` shows them.

    Raises:
        TrackteroidError: an operation was refused, and the program did not catch that; the error
            names the line.
    """
    saved = sys.argv, sys.path[:], sys.modules["__main__"]
    try:
        program.run()
    except SystemExit as error:
        return _exit_status(error)
    except TrackteroidError as error:
        error.why += _refused_line(error)
        raise
    except KeyboardInterrupt:
        _show_traceback()
        return -signal.SIGINT
    except BaseException:  # noqa: BLE001  (the script's own, shown as python shows it)
        _show_traceback()
        return 1
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = saved
    return 0


@contextmanager
def calling_before_exit(call: Callable[[], None]) -> Iterator[None]:
    """Let `os._exit` of this process call *call* first: render applications end scripts so."""
    leave, process = os._exit, os.getpid()

    def call_and_leave(status: int) -> NoReturn:
        if os.getpid() == process:
            os._exit = leave
            call()
        leave(status)

    os._exit = call_and_leave
    try:
        yield
    finally:
        os._exit = leave


def finish() -> None:
    """Wait for the threads that a program left running, and call its exit functions.

    Python does the same later, by the same functions; done now, their commits are still recorded.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()


def _execute(source: bytes, file_name: str, argv: list[str], folder: str) -> None:
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    if file_name != "<string>":
        main.__file__ = file_name
    sys.argv = argv
    _put_first(folder)
    sys.modules["__main__"] = main
    exec(compile(source, file_name, "exec", dont_inherit=True), main.__dict__)


def _run_path(path: str, argv: list[str]) -> None:
    import runpy

    sys.argv = argv
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # that of this command; runpy adds its own
    runpy.run_path(path, run_name="__main__")


def _put_first(folder: str) -> None:
    """Put *folder* first in the import path, in place of the folder of this command."""
    if not getattr(sys.flags, "safe_path", False):  # else Python adds no folder for a script
        sys.path[0] = folder


def _exit_status(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


def _show_traceback() -> None:
    """Show the current exception, without our own frames."""
    kind, error, trace = sys.exc_info()
    assert kind is not None
    assert error is not None
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    sys.stdout.flush()
    sys.excepthook(kind, error.with_traceback(trace), trace)


def _refused_line(error: TrackteroidError) -> str:
    """Return the line of the program that *error* refuses, as the end of its reason, or ''."""
    line = getattr(error, "line", "") or raising_script_line(error)
    return f"; asked for in {line}" if line else ""


def _is_ours(trace: types.TracebackType) -> bool:
    file = trace.tb_frame.f_code.co_filename
    return file == __file__ or file.startswith("<frozen runpy") or file.endswith("/runpy.py")
