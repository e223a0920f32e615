"""Recording: runs a script with every ftrack session deferred, and keeps what it commits.

The script is run as ``python`` would run it: its arguments, ``__main__``, exit status, tracebacks.
"""

from __future__ import annotations

import atexit
import builtins
import os
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackteroid_cli import __version__, settings
from trackteroid_cli.batch import Header, created_now, encode_operations, write
from trackteroid_cli.errors import (
    NotConfigured,
    NotFound,
    ScriptError,
    StorageError,
    TrackteroidError,
)
from trackteroid_cli.operations import Operation, counts
from trackteroid_cli.spool import Spool, new_id

if TYPE_CHECKING:
    from trackteroid_cli.deferral import Recording
    from trackteroid_cli.session import Session


@dataclass(frozen=True, slots=True)
class Program:
    """What is to be recorded.

    ``run`` executes it as ``__main__``; ``argv`` is what it finds in ``sys.argv``; ``source`` is
    its text where there is one.
    """

    name: str
    argv: list[str]
    run: Callable[[], None]
    source: bytes = b""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A batch that a run left."""

    header: Header
    path: Path


@dataclass
class Recorder:
    """Keeps what the sessions of one run commit: one recording for each server."""

    recordings: dict[str, Recording] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def recording_for(self, session: Session) -> Recording:
        """Return the recording that *session* takes part in."""
        from trackteroid_cli.deferral import Recording

        return self.recordings.setdefault(settings.normalise_url(session.server_url), Recording())

    def adopt(self, session: Session) -> None:
        """Take note of a new session."""
        self.sessions.append(session)

    @property
    def uncommitted(self) -> int:
        """The number of operations that the script has recorded and not committed."""
        return sum(
            len(session.recorded_operations) for session in self.sessions if not session.closed
        )

    def session_for(self, url: str) -> Session:
        """Return the last session of the server *url*."""
        return next(
            session
            for session in reversed(self.sessions)
            if settings.normalise_url(session.server_url) == url
        )


@contextmanager
def recording_sessions() -> Iterator[Recorder]:
    """Defer every ftrack session that is created inside the block, by whatever code."""
    import ftrack_api
    import ftrack_api.session

    from trackteroid_cli import session as ours

    recorder = Recorder()
    original_module, original_class = ftrack_api.session, ftrack_api.Session
    # The original module keeps its own global `Session`, which its methods refer to by name.
    module = types.ModuleType(original_module.__name__, original_module.__doc__)
    module.__dict__.update(original_module.__dict__)
    module.Session = ours.Session  # type: ignore[attr-defined]
    ours.set_recorder(recorder)
    ftrack_api.Session = ours.Session
    ftrack_api.session = sys.modules[original_module.__name__] = module
    try:
        yield recorder
    finally:
        ftrack_api.Session = original_class
        ftrack_api.session = sys.modules[original_module.__name__] = original_module
        ours.set_recorder(None)


def save(
    recorder: Recorder,
    program: Program,
    spool: Spool,
    *,
    name: str = "",
    output: Path | None = None,
) -> list[Recorded]:
    """Write a batch for each server that the run committed something to.

    Args:
        name: what to call the batches; the program's name unless given.
        output: the file to write to instead of the spool. With several servers the second batch
            goes to ``<stem>-2<suffix>``, and so on.

    Raises:
        StorageError: the disk refuses; batches already written stay.
    """
    from trackteroid_cli import completing

    saved: list[Recorded] = []
    # The arguments of one run stand in all of its batches: so none may have the key of any server.
    for session in recorder.sessions:
        program = replace(program, argv=_without(session.api_key, program.argv))
    for url, recording in recorder.recordings.items():
        if not len(recording):
            continue
        session = recorder.session_for(url)
        header = make_header(name or program.name, recording, session, program)
        completing.complete(recording, session)
        path = spool.place(header.id, header.name)
        if output is not None:
            number = len(saved) + 1
            path = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
        recording.save(path, header)
        saved.append(Recorded(header, path))
    return saved


def save_operations(
    operations: Iterable[Operation],
    spool: Spool,
    *,
    name: str,
    argv: list[str],
    output: Path | None = None,
) -> Recorded | None:
    """Write *operations*, which were made by other means than a script, as one batch.

    The batch is for the server that the environment names, or for any where it names none.
    Returns None where there are no operations.
    """
    listed = list(operations)
    if not listed:
        return None
    url, api_user = "", ""
    try:
        server = settings.server()
    except NotConfigured:
        pass
    else:
        url, api_user = settings.normalise_url(server.url), server.api_user
    header = _header(name, counts(listed), argv=argv, server=url, api_user=api_user)
    path = output or spool.place(header.id, header.name)
    write(path, header, encode_operations(listed), {})
    return Recorded(header, path)


def make_header(
    name: str, recording: Recording, session: Session, program: Program | None = None
) -> Header:
    """Return the header of a batch that *session* recorded."""
    import hashlib

    source = program.source if program else b""
    return _header(
        name,
        recording.counts,
        argv=_without(session.api_key, program.argv if program else sys.argv),
        script_digest=hashlib.sha256(source).hexdigest() if source else "",
        server=settings.normalise_url(session.server_url),
        api_user=session.api_user,
    )


def _header(name: str, counts: dict[str, int], **more: Any) -> Header:
    import socket

    return Header(
        id=new_id(),
        name=name,
        created=created_now(),
        user=settings.user_name(),
        host=socket.gethostname(),
        version=__version__,
        counts=counts,
        **more,
    )


def _without(secret: str, argv: list[str]) -> list[str]:
    """Return *argv* with the API key blotted out: a batch holds no secrets."""
    return [text.replace(secret, "***") for text in argv] if len(secret) > 3 else argv


# -- running as python does ------------------------------------------------------------------------


def script(path: str, arguments: list[str]) -> Program:
    """Return the program in the file (or folder, or zip file) *path*.

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
            why=error.strerror or str(error),
            hint="check the permissions of the script",
        ) from error
    folder = str(file.resolve().parent)
    return Program(file.stem, argv, lambda: _execute(source, absolute, argv, folder), source)


def code(text: str, arguments: list[str]) -> Program:
    """Return the program *text*, as ``python -c`` takes it."""
    argv = ["-c", *arguments]
    source = text.encode()
    return Program("code", argv, lambda: _execute(source, "<string>", argv, ""), source)


def standard_input(arguments: list[str]) -> Program:
    """Return the program that arrives on standard input, as ``python -`` takes it."""
    argv = ["-", *arguments]
    source = sys.stdin.buffer.read()
    return Program("stdin", argv, lambda: _execute(source, "<stdin>", argv, ""), source)


def module(name: str, arguments: list[str]) -> Program:
    """Return the module *name*, as ``python -m`` takes it.

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
    """Run *program* and return its exit status, 0 if it ended well.

    A traceback is shown as ``python`` shows it.

    Raises:
        TrackteroidError: something that we refused, and that the script did not catch; it says at
            which line.
    """
    saved = sys.argv, sys.path[:], sys.modules["__main__"]
    try:
        program.run()
    except SystemExit as error:
        return _exit_status(error)
    except TrackteroidError as error:
        error.why += _asked_for(error)
        raise
    except KeyboardInterrupt:
        _show_traceback()
        return 130
    except BaseException:  # noqa: BLE001  (the script's own, shown as python shows it)
        _show_traceback()
        return 1
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = saved
    return 0


def finish() -> None:
    """Wait for the threads that a program left, and call what it registered to be called at exit.

    Python does the same, by the same functions, only later: now what is committed there can still
    be recorded.
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
    """Let imports look into *folder* first, and no more where this command itself came from."""
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
    """Show the exception being handled, without the frames that are ours."""
    kind, error, trace = sys.exc_info()
    assert kind is not None
    assert error is not None
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    sys.stdout.flush()
    sys.excepthook(kind, error.with_traceback(trace), trace)


def _asked_for(error: TrackteroidError) -> str:
    """Return where the program asked for what *error* refuses, if it came so far."""
    place = ""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    while trace is not None and _package(trace) not in ("ftrack_api", "trackteroid_cli"):
        place = f"; asked for in {trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _package(trace: types.TracebackType) -> str:
    return str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]


def _is_ours(trace: types.TracebackType) -> bool:
    file = trace.tb_frame.f_code.co_filename
    return file == __file__ or file.startswith("<frozen runpy") or file.endswith("/runpy.py")


__all__ = [
    "Program",
    "Recorded",
    "Recorder",
    "StorageError",
    "code",
    "finish",
    "make_header",
    "module",
    "recording_sessions",
    "run",
    "save",
    "save_operations",
    "script",
    "standard_input",
]
