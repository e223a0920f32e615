"""However a run ends: what it has committed is a batch, or it is kept and can become one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, refused
from tests.support.servers import Server
from tests.support.sessions import recorded
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.kill_points import VARIABLE
from trackteroid_cli.recording.started_processes import environment_for
from trackteroid_cli.settings import RECORDING

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")

COMMIT = """
import os, signal, sys, time
import ftrack_api
session = ftrack_api.Session()
shot = session.query("Shot where name is sh010").first()
shot["description"] = "committed"
session.commit()
shot["description"] = "not committed"
"""


def ids_kept(home: Path) -> list[str]:
    folder = home / "recordings"
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


def values(spool: Spool) -> list[str]:
    (entry,) = spool.entries()
    assert entry.state is State.PENDING
    return [each["new_value"] for each in recorded(entry.path)]


@pytest.mark.parametrize(
    "ending",
    ["", "sys.exit()", "os._exit(0)", "import ctypes; ctypes.CDLL(None).quick_exit(0)"],
    ids=["last line", "sys.exit", "os._exit", "quick_exit"],
)
def test_a_script_that_ends_well_by_any_road_leaves_a_batch(
    ending: str, connected: CommandLine, server: Server, spool: Spool, home: Path
) -> None:
    ran = connected("record", "-c", COMMIT + ending)
    assert ran.returncode == 0, ran.stderr
    assert values(spool) == ["committed"]
    assert "recorded code: 1 update; nothing was sent" in ran.stderr
    assert server.writes == []
    assert ids_kept(home) == []
    shown = connected("inspect", "code")
    assert "sh010" in shown.stdout  # labels are complete
    assert "wide" in shown.stdout.lower()  # and old values


@pytest.mark.parametrize(
    ("ending", "status", "how"),
    [
        ("sys.exit(3)", 3, "ended with exit status 3"),
        ("raise RuntimeError", 1, "ended with exit status 1"),
        ("os._exit(4)", 4, "ended with exit status 4"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "was ended by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, "was ended by SIGTERM"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "was ended by SIGINT"),
    ],
    ids=["sys.exit", "exception", "os._exit", "killed", "terminated", "interrupted"],
)
def test_a_script_that_fails_leaves_no_batch_but_what_it_had_committed_can_be_kept(
    ending: str,
    status: int,
    how: str,
    connected: CommandLine,
    server: Server,
    spool: Spool,
    home: Path,
) -> None:
    ran = connected("record", "--name", "late", "-c", COMMIT + ending)
    assert ran.returncode == status
    assert f"nothing was recorded: the script {how}\n  it had committed 1 operation" in ran.stderr
    assert spool.entries() == []
    (kept,) = ids_kept(home)
    assert f"trackteroid record --keep {kept}" in ran.stderr

    listed = connected("inspect")
    assert listed.stdout.split("\t")[:3] == [kept, "late", "interrupted"]
    assert f"the script {how}" in listed.stdout
    assert [each["state"] for each in connected.json("inspect", "--json")] == ["interrupted"]
    assert connected("inspect", "--state", "pending", "--json").stdout == "[]\n"
    review = connected("inspect", kept[:-1])
    assert "interrupted" in review.stdout
    assert "committed" in review.stdout
    assert "recordings that did not become batches: 1: " + kept in connected("doctor").stdout
    untouched = connected("commit")
    assert (untouched.returncode, untouched.stderr) == (0, "nothing to commit\n")
    assert connected("commit", kept).returncode == 4
    assert server.writes == []

    made = connected("record", "--keep", kept)
    assert made.returncode == 0, made.stderr
    assert "recorded late: 1 update" in made.stderr
    assert values(spool) == ["committed"]
    assert "sh010" in connected("inspect", "late").stdout
    assert ids_kept(home) == []
    refused(connected("record", "--keep", kept), 4, what=f"no recording '{kept}'", hint="inspect")


def test_what_a_failed_script_had_committed_can_be_forgotten(
    connected: CommandLine, spool: Spool, home: Path
) -> None:
    assert connected("record", "-c", COMMIT + "sys.exit(1)").returncode == 1
    (kept,) = ids_kept(home)
    forgotten = connected("discard", kept, kept)
    assert (forgotten.returncode, forgotten.stdout) == (0, f"forgotten\t{kept}\tcode\n")
    assert ids_kept(home) == []
    assert spool.entries() == []
    assert connected("inspect").stdout == ""


def test_what_was_refused_is_not_kept_in_part(
    connected: CommandLine, spool: Spool, home: Path
) -> None:
    attempt = "try:\n    session.call([{'action': 'delayed_job'}])\nexcept Exception:\n    pass\n"
    for ending, status in (("", 1), ("os._exit(0)", 1), ("sys.exit(2)", 2)):
        ran = connected("record", "-c", COMMIT + attempt + ending)
        assert ran.returncode == status
        assert "nothing was recorded" in ran.stderr
        assert ids_kept(home) == []
        assert spool.entries() == []


def test_an_interrupted_recording_that_was_refused_something_is_kept_on_demand(
    connected: CommandLine, spool: Spool, home: Path
) -> None:
    attempt = "try:\n    session.call([{'action': 'delayed_job'}])\nexcept Exception:\n    pass\n"
    with waiting(connected, COMMIT + attempt + WAIT) as process:
        process.kill()
        process.communicate("\n")
    (kept,) = ids_kept(home)
    ran = connected("record", "--keep", kept)
    refused(ran, 1, what="nothing was recorded", hint="--allow-refused")
    assert ids_kept(home) == [kept]
    assert connected("record", "--keep", kept, "--allow-refused").returncode == 0
    assert values(spool) == ["committed"]


@contextmanager
def waiting(connected: CommandLine, code: str) -> Iterator[subprocess.Popen[str]]:
    """A recorded script that has printed something, and waits."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trackteroid_cli", "record", "-c", code],
        env={**os.environ, **connected.environment},
        cwd=connected.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests may ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


WAIT = "print('waits', flush=True); sys.stdin.readline()\n"


def test_when_record_is_killed_what_was_committed_can_be_kept(
    connected: CommandLine, server: Server, spool: Spool, home: Path
) -> None:
    with waiting(connected, COMMIT + WAIT + "session.commit()") as process:
        (kept,) = ids_kept(home)
        refused(connected("record", "--keep", kept), 75, what=f"recording {kept} goes on")
        refused(connected("discard", kept), 75, what=f"recording {kept} goes on")
        assert connected("inspect").stdout == ""
        process.kill()
        process.wait()
        listed = connected("inspect", "--state", "interrupted").stdout
        assert "`trackteroid record` was stopped" in listed
        # The script itself goes on, and is told at its next commit.
        _, errors = process.communicate("\n")
        assert "cannot record a commit: the recording has ended" in errors
    assert connected("record", "--keep", kept).returncode == 0
    assert values(spool) == ["committed"]
    assert ids_kept(home) == []
    assert server.writes == []


@pytest.mark.parametrize("place", ["before the batch", "between two batches", "after the batch"])
def test_a_recording_that_is_cut_off_while_it_becomes_batches_becomes_each_of_them_once(
    place: str, make_server: object, connected: CommandLine, server: Server, spool: Spool
) -> None:
    other = make_server()  # type: ignore[operator]
    code = COMMIT + (
        "session = ftrack_api.Session(sys.argv[1])\n"
        "session.query('Shot').first()['name'] = 'other'\n"
        "session.commit()\n"
    )
    cut_off = connected.fresh("record", "-c", code, other.url, **{VARIABLE: place})
    assert cut_off.returncode == -signal.SIGKILL
    (kept,) = [each["id"] for each in connected.json("inspect", "--json", "--state", "interrupted")]
    assert connected.fresh("record", "--keep", kept).returncode == 0
    assert sorted(
        each["new_value"] for entry in spool.entries() for each in recorded(entry.path)
    ) == ["committed", "other"]
    assert len(spool.entries()) == 2
    assert connected.json("inspect", "--json", "--state", "interrupted") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_record_ends_the_script_and_then_record(
    number: signal.Signals, connected: CommandLine, home: Path
) -> None:
    with waiting(connected, COMMIT + WAIT) as process:
        process.send_signal(number)
        process.wait()
        _, errors = process.communicate()
    assert process.returncode == -number
    assert f"was ended by {number.name}" in errors
    assert len(ids_kept(home)) == 1


def test_a_run_that_was_killed_before_it_committed_leaves_nothing_for_long(
    connected: CommandLine, home: Path
) -> None:
    with waiting(connected, "import sys\n" + WAIT) as process:
        process.kill()
        process.communicate("\n")
    assert len(ids_kept(home)) == 1
    assert connected("inspect").stdout == ""
    assert connected("record", "-c", "pass").returncode == 0
    assert ids_kept(home) == []


def test_a_batch_that_cannot_be_written_is_made_later(
    connected: CommandLine, spool: Spool, home: Path
) -> None:
    code = COMMIT + "open('out.dbm', 'w').close()"
    ran = connected("record", "-o", "out.dbm", "-c", code)
    (kept,) = ids_kept(home)
    refused(ran, 1, what="cannot write the batch to", hint=f"trackteroid record --keep {kept}")
    assert connected("record", "--keep", kept, "-o", "better.dbm").returncode == 0
    assert len(recorded(connected.folder / "better.dbm")) == 1
    assert spool.entries() == []
    assert ids_kept(home) == []


def test_the_environment_is_as_before_after_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/mine")
    before = dict(os.environ)
    with environment_for("127.0.0.1:1:token"):
        assert os.environ[RECORDING].startswith("127.0.0.1:1:token:")
        assert os.environ["PYTHONPATH"].endswith(f"startup{os.pathsep}/mine")
    assert dict(os.environ) == before


@pytest.mark.parametrize("form", ["script", "-m", "-c", "-"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_every_form_of_a_script_is_recorded_whatever_its_line_ends(
    form: str, line_end: str, connected: CommandLine, spool: Spool
) -> None:
    text = COMMIT.replace("\n", line_end)
    (connected.folder / "formed.py").write_bytes(text.encode())
    given: dict[str, tuple[list[str], str | None]] = {
        "script": (["formed.py"], None),
        "-m": (["-m", "formed"], None),
        "-c": (["-c", text], None),
        "-": (["-"], text),
    }
    arguments, stdin = given[form]
    ran = connected("record", *arguments, stdin=stdin)
    assert ran.returncode == 0, ran.stderr
    assert values(spool) == ["committed"]
