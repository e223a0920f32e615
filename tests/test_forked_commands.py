"""The tests' own forked commands: they find what a fresh interpreter finds, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.command_line import CommandLine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands are forked on Linux only")

#: Prints what a program can find out about the process that it is in.
SURROUNDINGS = """
import locale, os, signal, sys, threading, time
for name in ("PYTHONPATH", "TRACKTEROID_RECORDING"):  # for the processes that a script starts
    os.environ.pop(name, None)
print(os.getcwd(), sorted(os.environ.items()), sys.argv, sys.path, sys.flags, sys.warnoptions)
for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.fileno(), stream.name, stream.mode, stream.encoding, stream.errors)
    print(stream.line_buffering, stream.write_through, stream.isatty(), stream.readable())
print([signal.getsignal(each) for each in (signal.SIGINT, signal.SIGCHLD, signal.SIGTERM)])
print(signal.set_wakeup_fd(-1), signal.pthread_sigmask(signal.SIG_BLOCK, []))
print(threading.active_count(), sorted(os.listdir("/proc/self/fd"))[:4], os.getpgrp(), os.umask(0))
print(locale.getlocale(), time.tzname, sys.modules["__main__"].__name__)
"""

#: What is read for something that no test changes, or is forgotten before a command is forked.
HARMLESS = {"ANDROID_DATA", "HOME", "TEMP", "TMP", "TMPDIR", "TRACKTEROID_HOME"}


def test_a_forked_command_finds_what_a_fresh_one_finds(trackteroid: CommandLine) -> None:
    script = trackteroid.script(SURROUNDINGS)
    forked, fresh = (
        run("record", script, "--shot", "sh010", stdin="", COLOUR="grün")
        for run in (trackteroid, trackteroid.fresh)
    )
    assert forked.returncode == 0, forked.stderr
    assert forked.stdout.splitlines() == fresh.stdout.splitlines()
    assert forked.stderr == fresh.stderr


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import sys; sys.exit(7)", 7),
        ("import os; os._exit(9)", 9),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
        ("import atexit, os; atexit.register(os._exit, 11)", 11),
        ("import threading; threading.Timer(0.05, print, ['late']).start()", 0),
    ],
    ids=["exit", "at once", "killed", "atexit", "thread"],
)
def test_a_forked_command_ends_as_a_fresh_one_ends(
    trackteroid: CommandLine, code: str, status: int
) -> None:
    forked = trackteroid("record", "-c", code)
    assert forked.returncode == status, forked.stderr
    fresh = trackteroid.fresh("record", "-c", code)
    assert (forked.stdout, forked.stderr, forked.returncode) == (
        fresh.stdout,
        fresh.stderr,
        fresh.returncode,
    )


def test_nothing_of_a_forked_command_is_left_for_the_next(trackteroid: CommandLine) -> None:
    leave = "import os, sys, json; os.environ['LEFT'] = '1'; os.chdir('/'); json.left = True"
    assert trackteroid("record", "-c", leave).returncode == 0
    look = "import os, json; print(os.getcwd(), 'LEFT' in os.environ, hasattr(json, 'left'))"
    assert trackteroid("record", "-c", look).stdout == f"{trackteroid.folder} False False\n"


def test_a_script_is_run_as_python_runs_it(trackteroid: CommandLine) -> None:
    script = trackteroid.script(SURROUNDINGS + "print(__name__, __file__, __builtins__)\n")
    fresh = subprocess.run(
        [sys.executable, script, "a"],
        cwd=trackteroid.folder,
        env=dict(os.environ),  # readline may have set COLUMNS behind its back
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    forked = trackteroid.python(script, "a")
    assert forked.stdout.splitlines() == fresh.stdout.splitlines()


def test_importing_reads_no_environment_but_what_calls_for_a_fresh_interpreter(
    tmp_path: Path,
) -> None:
    code = """
import os, sys
class Watched(type(os.environ)):
    def __getitem__(self, name):
        names.add(name)
        return super().__getitem__(name)
names = set()
os.environ.__class__ = Watched
sys.path.insert(0, sys.argv[1])
import fork_server
fork_server.preload()
print("\\n".join(names))
"""
    folder = str(Path(processes.fork_server.__file__).parent)
    ran = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    read = {name for name in ran.stdout.split() if not name.startswith(processes.READ_AT_START)}
    assert read <= HARMLESS, read
