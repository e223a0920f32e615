"""A fork server: it has imported what commands import, and forks a process for every command line.

Started by `tests.support.processes` as a script of its own, with one argument: the number of the
socket that requests come over. It has a single thread, so that a fork is a whole copy of it. A
forked process takes on the streams, folder, environment and arguments that it is told, runs what it
is told as ``python`` would, and ends as an interpreter ends.
"""

from __future__ import annotations

import array
import atexit
import builtins
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

#: Sent with each request: standard input, output and error, and where its status goes to.
FDS = 4

#: Packages that commands import when they need them; ours come with all of their modules.
_PACKAGES = ("filelock", "lark", "netrc", "requests", "rich.box", "rich.table", "rich.text")


def preload() -> None:
    """Import what commands import, and build what all of them would build."""
    import trackteroid_cli

    for name in _PACKAGES:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(trackteroid_cli.__path__, "trackteroid_cli."):
        if not module.name.endswith("__main__") and ".examples" not in module.name:
            importlib.import_module(module.name)
    from trackteroid_cli.cli.app import run as run_command
    from trackteroid_cli.engine.query import language

    language.parse("Task")  # builds the parser
    nowhere = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(nowhere):
        # Whatever this version of typer imports for its first command.
        os.environ["TRACKTEROID_HOME"] = folder
        run_command(["inspect", "--json"])
    tempfile.tempdir = None  # it depends on the environment


def serve(control: socket.socket) -> dict[str, Any]:
    """Fork a process for each request; return the request in the process that was forked for it."""
    statuses: dict[int, socket.socket] = {}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    child_ended = signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready = select.select([control, woken], [], [])[0]
        if woken in ready:
            os.read(woken, 512)
            _report_ended(statuses)
        if control not in ready:
            continue
        received = _receive(control)
        if received is None:
            os._exit(0)  # the tests have ended
        request, fds = received
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, interrupt)
            signal.signal(signal.SIGCHLD, child_ended)
            for each in (control, *statuses.values()):
                each.close()
            for fd in (woken, wake, fds[-1]):
                os.close(fd)
            _take_streams(fds[:-1])
            return request
        for fd in fds[:-1]:
            os.close(fd)
        statuses[pid] = socket.socket(fileno=fds[-1])
        statuses[pid].sendall(b"%d\n" % pid)


def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request and the file descriptors that came with it; None for the end."""
    fds = array.array("i")
    head, ancillary, _, _ = control.recvmsg(8, socket.CMSG_SPACE(FDS * fds.itemsize))
    if not head:
        return None
    for _, _, data in ancillary:
        fds.frombytes(data)
    size, body = int.from_bytes(head, "big"), b""
    while len(body) < size:
        chunk = control.recv(size - len(body))
        if not chunk:
            return None
        body += chunk
    return json.loads(body), list(fds)


def _report_ended(statuses: dict[int, socket.socket]) -> None:
    while statuses:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with statuses.pop(pid) as listener, contextlib.suppress(OSError):  # nobody waits any more
            listener.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _take_streams(fds: Sequence[int]) -> None:
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    sys.stdin = sys.__stdin__ = _stream(0, sys.stdin)
    sys.stdout = sys.__stdout__ = _stream(1, sys.stdout)
    sys.stderr = sys.__stderr__ = _stream(2, sys.stderr)


def _stream(fd: int, like: TextIO) -> TextIO:
    """Return a standard stream as an interpreter makes it, in the manner of *like*.

    Source: `create_stdio` in CPython's Python/pylifecycle.c.
    """
    assert isinstance(like, io.TextIOWrapper)
    mode = "r" if fd == 0 else "w"
    buffered = not like.write_through  # as PYTHONUNBUFFERED says
    file: Any = open(fd, f"{mode}b", -1 if buffered or fd == 0 else 0, closefd=False)  # noqa: SIM115
    getattr(file, "raw", file).name = like.name
    text = io.TextIOWrapper(
        file,
        like.encoding,
        like.errors,
        None if fd == 0 else "\n",
        line_buffering=buffered and (fd == 2 or file.isatty()),
        write_through=not buffered,
    )
    text.mode = mode  # type: ignore[misc]
    return text


def run(request: dict[str, Any]) -> NoReturn:
    """Run the module or the script of *request* as ``python`` runs it, and end this process."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    status = 0
    try:
        if "module" in request:
            sys.argv = [request["module"], *request["arguments"]]
            sys.path[0] = request["cwd"]
            runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [request["script"], *request["arguments"]]
            sys.path[0] = str(Path(request["script"]).resolve().parent)
            _run_script(request["script"])
    except SystemExit as error:
        status = _exit_status(error)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    _end(status)


def _run_script(path: str) -> None:
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __file__=path)
    sys.modules["__main__"] = main
    exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), main.__dict__)


def _exit_status(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


def _end(status: int) -> NoReturn:
    """End as an interpreter ends, apart from taking itself to pieces, which takes long.

    Source: `Py_FinalizeEx`: threads are joined, functions registered with atexit called, streams
    flushed; a standard output that cannot be flushed makes the status 120.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except OSError:
            status = 120
    os._exit(status)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        preload()
        gc.collect()
        gc.freeze()
        wanted = serve(listening)
    run(wanted)
