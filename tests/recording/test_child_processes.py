"""What a recorded script starts, and how it ends, lets nothing escape the recording in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import find_python
from tests.support.command_line import CommandLine, refused
from tests.support.servers import Server
from tests.support.sessions import recorded
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.recording import child_processes

WRITER = """
import ftrack_api
session = ftrack_api.Session()
session.query("Shot").first()["description"] = "by a child"
session.commit()
"""

STARTER = """
import multiprocessing, os, runpy, subprocess, sys

def work():
    runpy.run_path("writer.py")

if __name__ == "__main__":
    how, writer = sys.argv[1], [sys.executable, "writer.py"]
    bare = {name: os.environ[name] for name in os.environ if "TRACKTEROID" not in name}
    if how == "subprocess":
        subprocess.run(writer)
    elif how == "shell":
        os.system(" ".join(writer))
    elif how == "isolated":
        subprocess.run([writer[0], "-I", writer[1]])
    elif how == "in a cluster of options":
        subprocess.run([writer[0], "-BE", writer[1]])
    elif how == "environment":
        subprocess.run(writer, env=bare)
    elif how == "environment of a shell":
        subprocess.run(["sh", "-c", " ".join(writer)], env=bare)
    elif how == "replaced":
        os.execv(writer[0], writer)
    else:
        process = multiprocessing.get_context(how).Process(target=work)
        process.start()
        process.join()
"""

WAYS = {
    "subprocess": "the ftrack session of a process that the script starts",
    "shell": "the ftrack session of a process that the script starts",
    "spawn": "the ftrack session of a process that the script starts",
    "forkserver": "the ftrack session of a process that the script starts",
    "fork": "a commit in a forked process",
    "isolated": "a script that starts an isolated Python process",
    "in a cluster of options": "a script that starts an isolated Python process",
    "environment": "a script that starts a process with another environment",
    "environment of a shell": "a script that starts a process with another environment",
    "replaced": "a script that replaces itself by another program",
}


@pytest.fixture
def starter(connected: CommandLine) -> Path:
    """A script that starts another one, which writes, in the way of its argument."""
    (connected.folder / "writer.py").write_text(WRITER)
    path = connected.folder / "starter.py"
    path.write_text(STARTER)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("how", WAYS)
def test_a_process_that_the_script_starts_cannot_write(
    connected: CommandLine, server: Server, spool: Spool, starter: Path, how: str
) -> None:
    ran = connected("record", starter, how)
    assert ran.returncode == 1
    # What the other process prints, such as a traceback, comes before.
    *_, error, why, next_ = ran.stderr.splitlines()
    assert error.startswith("error: ")
    assert WAYS[how] in error + why
    assert "py, line " in why
    assert "record" in next_
    assert server.writes == []
    assert spool.entries() == []


def test_the_error_in_the_other_process_says_what_to_do(
    connected: CommandLine, starter: Path
) -> None:
    ran = connected("record", "--allow-refused", starter, "subprocess")
    assert ran.returncode == 0
    assert "RuntimeError: cannot record the ftrack session of a process" in ran.stderr
    assert "1 refused request" in ran.stderr


def test_a_process_that_needs_no_ftrack_is_left_alone(
    connected: CommandLine, server: Server, spool: Spool
) -> None:
    (connected.folder / "sitecustomize.py").write_text("import sys; sys.own = 'own'\n")
    ran = connected(
        "record",
        "-c",
        "import subprocess, sys, ftrack_api; session = ftrack_api.Session()\n"
        "code = 'import sys; print(sys.own, [p for p in sys.path if \"startup\" in p])'\n"
        "subprocess.run([sys.executable, '-c', code])\n"
        "subprocess.run(['true'], env={})\n"
        "session.query('Shot').first()['description'] = 'recorded'; session.commit()",
        PYTHONPATH=connected.folder,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "own []\n"
    assert len(spool.entries()) == 1


def test_a_script_may_record_another_one(
    connected: CommandLine, server: Server, spool: Spool, starter: Path
) -> None:
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-m', 'trackteroid_cli', "
        "'record', 'writer.py'], check=True)"
    )
    ran = connected("record", "-c", code)
    assert ran.returncode == 0, ran.stderr
    assert [entry.name for entry in spool.entries()] == ["writer"]
    assert server.writes == []


@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_another_python_is_refused_as_well(
    connected: CommandLine, server: Server, version: str
) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    # A module in the place of ftrack's: that Python has no package but its own.
    folder = connected.folder / "packages" / "ftrack_api"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from ftrack_api.session import Session\n")
    (folder / "session.py").write_text("class Session:\n    pass\n")
    child = (
        f"import sys; sys.path.insert(0, {str(folder.parent)!r})\n"
        "import ftrack_api\n"
        "ftrack_api.Session()"
    )
    ran = connected(
        "record", "-c", f"import subprocess; subprocess.run([{python!r}, '-c', {child!r}])"
    )
    assert ran.returncode == 1
    assert "<string>, line 3: cannot record the ftrack session of a process" in ran.stderr


def test_the_start_of_a_process_needs_no_later_python() -> None:
    import ast

    source = Path(child_processes.__file__).with_name("startup") / "sitecustomize.py"
    ast.parse(source.read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize("status", [0, 3])
def test_a_script_that_ends_at_once_leaves_what_it_has_committed(
    connected: CommandLine, server: Server, spool: Spool, status: int
) -> None:
    ran = connected("record", "-c", f"{WRITER}import os; os._exit({status})")
    assert ran.returncode == status
    assert server.writes == []
    if status:
        assert spool.entries() == []
        assert "nothing was recorded: the script ended with exit status 3" in ran.stderr
    else:
        (entry,) = spool.entries()
        assert [each["new_value"] for each in recorded(entry.path)] == ["by a child"]
        assert "recorded code: 1 update" in ran.stderr


def test_a_script_that_was_refused_and_ends_at_once_leaves_nothing(
    connected: CommandLine, spool: Spool
) -> None:
    code = (
        f"{WRITER}import os\n"
        "try:\n    session.query('Shot').first().create_thumbnail('none.jpg')\n"
        "except Exception:\n    pass\n"
        "os._exit(0)"
    )
    refused(connected("record", "-c", code), 1, what="nothing was recorded", hint="refused")
    assert spool.entries() == []


def test_the_environment_is_as_before_after_a_recording() -> None:
    from trackteroid_cli.recording.deferred_sessions import deferred_sessions

    before = dict(os.environ)
    with deferred_sessions() as recorder:
        assert os.environ[child_processes.RECORDING] == str(recorder.refusals.path)
    assert dict(os.environ) == before


@pytest.mark.parametrize("option", ["-I", "-E"])
def test_a_python_that_isolates_its_workers_does_not_record(
    connected: CommandLine, option: str
) -> None:
    command = [sys.executable, option, "-m", "trackteroid_cli", "record", "-c", "pass"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    refused(ran, 2, what="started with -I, -E or -S", why="workers", hint="without these options")
