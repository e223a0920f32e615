"""Recorded and committed, a script leaves the server as if it had been run directly."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.servers import Server, contents

SCRIPT = Path(__file__).parents[1] / "scripts" / "production.py"


def test_a_recorded_and_committed_script_leaves_the_server_as_a_direct_run_does(
    make_server: Callable[[], Server], trackteroid: CommandLine, tmp_path: Path
) -> None:
    direct, deferred = make_server(), make_server()
    cache = {"FTRACK_API_SCHEMA_CACHE_PATH": str(tmp_path)}
    ran = trackteroid.python(SCRIPT, **direct.environment, **cache)
    assert ran.returncode == 0, ran.stderr

    trackteroid.environment = deferred.environment
    recorded = trackteroid("record", SCRIPT)
    assert recorded.returncode == 0, recorded.stderr
    assert recorded.stdout == ran.stdout
    assert deferred.writes == []

    committed = trackteroid("commit")
    assert committed.returncode == 0, committed.stderr
    assert len(deferred.writes) == 1
    assert contents(deferred) == contents(direct)


def test_a_recorded_batch_is_a_dbm_file_to_the_standard_library_and_the_reverse(
    server: Server, trackteroid: CommandLine, python313: str, tmp_path: Path
) -> None:
    trackteroid.environment = server.environment
    recorded, copied = tmp_path / "recorded.dbm", tmp_path / "copied.dbm"
    code = "import ftrack_api as f; s = f.Session(); s.create('Scope', {'name': 'x'}); s.commit()"
    ran = trackteroid("record", "-o", recorded, "-c", code)
    assert ran.returncode == 0, ran.stderr
    copy = (
        "import dbm, sys\n"
        "recorded, copied = sys.argv[1:]\n"
        "assert dbm.whichdb(recorded) == 'dbm.sqlite3'\n"
        "with dbm.open(recorded) as source, dbm.open(copied, 'n') as target:\n"
        "    for key in source.keys():\n"
        "        target[key] = source[key]\n"
    )
    # An environment of its own, without the packages of this one.
    subprocess.run([python313, "-I", "-c", copy, recorded, copied], check=True)
    shown = [trackteroid("inspect", path, "--jsonl").stdout for path in (recorded, copied)]
    assert shown[0] == shown[1] != ""
    assert trackteroid("commit", copied).returncode == 0
    assert [each["name"] for each in server.query("select name from Scope")] == ["x"]
