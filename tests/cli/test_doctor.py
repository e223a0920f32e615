"""`trackteroid doctor`: a line a check, and the exit status of the worst one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.batches import Put, describe
from tests.support.command_line import SECRET, CommandLine
from tests.support.servers import Server
from trackteroid_cli import doctor, settings
from trackteroid_cli.batches.journal import Attempt, Outcome
from trackteroid_cli.batches.operations import Update
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.doctor import Check, Status
from trackteroid_cli.errors import ExitCode

NAMES = [
    "settings file",
    "configuration",
    "server",
    "version",
    "credentials",
    "clock",
    "replica",
    "spool",
    "space",
    "privacy",
    "batches",
    "stuck",
    "held back",
    "interrupted",
    "sandbox",
    "python",
    "packages",
]


def checks(command: CommandLine, status: int, **more: str) -> dict[str, dict[str, str]]:
    """Return what `doctor --json` finds, by the name of the check."""
    ran = command("doctor", "--json", **more)
    assert "Traceback" not in ran.stderr
    assert ran.returncode == status, ran.stdout + ran.stderr
    document = json.loads(ran.stdout)
    assert document["exit"] == status
    found = document["checks"]
    assert [each["check"] for each in found] == NAMES
    for each in found:
        assert set(each) == {"check", "status", "detail", "next"}
        assert each["status"] in ("ok", "warn", "fail")
        assert each["detail"]
        assert each["next"] or each["status"] != "fail"
    return {each["check"]: each for each in found}


def statuses(found: dict[str, dict[str, str]], status: str) -> list[str]:
    return [name for name, check in found.items() if check["status"] == status]


def test_a_machine_that_is_ready_has_every_check_ok(
    connected: CommandLine, server: Server, spool: Spool
) -> None:
    found = checks(connected, 0)
    assert statuses(found, "ok") == NAMES
    assert f"{server.url} (FTRACK_SERVER)" in found["configuration"]["detail"]
    assert "ms" in found["server"]["detail"]
    assert found["version"]["detail"] == "ftrack 4.13.8"
    assert found["credentials"]["detail"] == "accepted for demo"
    assert "the server's" in found["clock"]["detail"]
    assert str(spool.folder) in found["spool"]["detail"]
    assert found["batches"]["detail"] == "none"
    assert "ftrack-python-api 3." in found["packages"]["detail"]


def test_it_changes_nothing_on_the_server_and_leaves_no_file(
    connected: CommandLine, server: Server, spool: Spool, put: Put
) -> None:
    put(describe("none", "x"))
    assert checks(connected, 0)["spool"]["status"] == "ok"
    assert server.requests == [["query_server_information"]]
    assert [path.name for path in spool.folder.rglob("*") if path.name.startswith(".")] == []


def test_lines_are_for_pipes_and_colour_is_for_terminals(
    connected: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = connected("doctor")
    assert plain.returncode == 0
    rows = [line.split("\t") for line in plain.stdout.splitlines()]
    assert [row[1] for row in rows] == NAMES
    assert {row[0] for row in rows} == {"ok"}
    assert plain.stderr == "this machine is ready\n"
    assert "\x1b" not in plain.stdout
    for name, value in connected.environment.items():
        monkeypatch.setenv(name, value)
    shown = connected.on_terminal("doctor")
    assert "\x1b[32m" in shown
    assert " ok " in shown
    assert "\x1b" not in connected.on_terminal("doctor", NO_COLOR="1")


def test_without_any_configuration_it_says_so(trackteroid: CommandLine) -> None:
    found = checks(trackteroid, 78)
    assert statuses(found, "fail") == ["configuration"]
    assert "no ftrack server is configured" in found["configuration"]["detail"]
    assert "--sandbox" in found["configuration"]["next"]
    for name in ("server", "version", "credentials", "clock", "replica"):
        assert found[name]["status"] == "warn"
        assert "not checked" in found[name]["detail"]


def test_offline_it_asks_no_server_and_tells_of_the_replica(
    connected: CommandLine, server: Server
) -> None:
    assert connected("replica", "pull", "--project", "brightwater").returncode == 0
    server.requests.clear()
    found = checks(connected, 0, TRACKTEROID_OFFLINE="1")
    assert server.requests == []
    for name in ("server", "version", "credentials", "clock"):
        assert found[name]["detail"] == "not checked: TRACKTEROID_OFFLINE is set"
    assert found["replica"]["detail"].startswith("pulled ")
    assert found["replica"]["detail"].endswith(" ago: brightwater")


def test_it_tells_where_each_setting_comes_from_and_never_the_key(
    trackteroid: CommandLine, server: Server, tmp_path: Path
) -> None:
    server.engine.admit(settings.SANDBOX_USER, SECRET)
    key = tmp_path / "key"
    key.write_text(SECRET)
    key.chmod(0o600)
    config = tmp_path / "settings.toml"
    config.write_text(f"[server]\nuser = 'demo'\nkey_file = '{key}'\n")
    environment = {"FTRACK_SERVER": server.url, "TRACKTEROID_CONFIG": str(config)}
    found = checks(trackteroid, 0, **environment)
    assert found["configuration"]["detail"] == (
        f"{server.url} (FTRACK_SERVER), user demo ({config}), key ({key})"
    )
    assert found["settings file"]["detail"] == f"{config} has user, key"
    assert SECRET not in json.dumps(found)
    key.chmod(0o644)
    found = checks(trackteroid, 78, **environment)
    assert statuses(found, "fail") == ["configuration"]
    assert "chmod 600" in found["configuration"]["next"]
    # The environment leaves the file nothing to tell: others, such as cron, still need it.
    found = checks(trackteroid, 0, **environment | server.environment)
    assert statuses(found, "warn") == ["settings file"]
    assert "chmod 600" in found["settings file"]["next"]


def test_rejected_credentials_are_told_with_where_they_come_from(connected: CommandLine) -> None:
    found = checks(connected, 77, FTRACK_API_KEY=SECRET)
    assert statuses(found, "fail") == ["credentials"]
    assert found["credentials"]["next"] == "correct FTRACK_API_KEY and FTRACK_API_USER"
    assert found["server"]["status"] == "ok"
    assert found["clock"]["status"] == "ok"
    assert SECRET not in json.dumps(found)


def test_a_server_out_of_reach_is_told(connected: CommandLine) -> None:
    with socket.socket() as taken:  # bound, and never listening
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        found = checks(connected, 75, FTRACK_SERVER=url)
    assert statuses(found, "fail") == ["server"]
    assert "cannot reach" in found["server"]["detail"]
    assert found["spool"]["status"] == "ok"


def test_a_sandbox_needs_no_configuration(trackteroid: CommandLine) -> None:
    found = checks(trackteroid, 0, FTRACK_SERVER="sandbox://demo")
    assert "user demo (the sandbox's own)" in found["configuration"]["detail"]
    assert "not told" in found["clock"]["detail"]


class _OldClock(BaseHTTPRequestHandler):
    """Passes requests on to a real server, and dates the answers an hour back."""

    upstream: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps(self.upstream.call(*body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) - 3600)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def late_url(server: Server) -> Iterator[str]:
    """The address of a server whose clock is an hour behind ours."""
    handler = type("_Handler", (_OldClock,), {"upstream": server})
    with HTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{web.server_address[1]}"
        web.shutdown()
        thread.join()


def test_a_clock_that_is_wrong_is_told(connected: CommandLine, late_url: str) -> None:
    found = checks(connected, 0, FTRACK_SERVER=late_url)
    assert statuses(found, "warn") == ["clock"]
    assert "s ahead of the server's" in found["clock"]["detail"]


def test_a_spool_that_cannot_be_written_to_is_told(connected: CommandLine, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    found = checks(connected, 1, TRACKTEROID_HOME=str(in_the_way))
    assert "spool" in statuses(found, "fail")
    assert f"cannot write to {in_the_way}" in found["spool"]["detail"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write it all")
def test_a_state_that_cannot_be_written_to_is_told(
    connected: CommandLine, spool: Spool, put: Put
) -> None:
    put(describe("none", "x"))
    folder = spool.folder / "pending"
    folder.chmod(0o500)
    try:
        found = checks(connected, 1)
    finally:
        folder.chmod(0o700)
    assert str(folder) in found["spool"]["detail"]


def test_little_space_is_a_warning(
    spool: Spool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "LITTLE_SPACE", 10**18)
    found = {check.check: check for check in doctor.examine(spool)}
    assert found["space"].status is Status.WARN
    assert "MB free" in found["space"].detail
    assert "make room" in found["space"].next


def test_batches_are_counted_and_those_in_trouble_named_with_the_reason(
    connected: CommandLine, put: Put, spool: Spool
) -> None:
    put(describe("none", "x"))
    attempt = Attempt(when="2026-01-31T13:45:01Z", outcome=Outcome.UNREACHED, reason="no network")
    put(describe("none", "x"), attempts=(attempt,))
    held = put(
        describe("none", "x"),
        attempts=(
            Attempt(when="2026-01-31", outcome=Outcome.HELD, reason="description was a, is b now"),
        ),
    )
    refused = [
        put(
            describe("none", "x"),
            state=State.FAILED,
            attempts=(Attempt(when="2026-01-31", outcome=Outcome.REFUSED, reason="no such shot"),),
        )
        for _ in range(3)
    ]
    refused[0].path.write_bytes(b"not a batch")
    found = checks(connected, 0)
    assert found["batches"]["detail"] == "3 pending, 3 failed"
    assert statuses(found, "warn") == ["held back"]
    detail = found["held back"]["detail"]
    assert detail.startswith("4: ")
    assert f"{held.id} (held: description was a, is b now)" in detail
    assert f"{refused[0].id} (unreadable: " in detail
    assert f"{refused[1].id} (failed: no such shot)" in detail
    assert detail.endswith("; and 1 more")


def test_a_batch_that_a_dead_commit_left_is_stuck_and_one_at_work_is_not(
    connected: CommandLine, put: Put, server: Server, spool: Spool
) -> None:
    shot = server.query("select id, description from Shot limit 1")[0]
    put(Update("Shot", {"id": shot["id"]}, "description", "x", old_value=shot["description"]))
    died = connected.fresh("commit", TRACKTEROID_KILL_AT="claimed")
    assert died.returncode == -signal.SIGKILL
    (entry,) = spool.entries((State.COMMITTING,))
    with spool.lock(entry.id):
        assert checks(connected, 0)["stuck"]["status"] == "ok"
    found = checks(connected, 0)
    assert statuses(found, "warn") == ["stuck"]
    assert entry.id in found["stuck"]["detail"]
    assert "trackteroid commit" in found["stuck"]["next"]
    assert connected("commit").returncode == 0
    assert checks(connected, 0)["stuck"]["status"] == "ok"


def test_an_optional_part_that_is_missing_is_no_failure(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_SANDBOX", ("no_such_package",))
    (check,) = (each for each in doctor.examine(spool) if each.check == "sandbox")
    assert check.status is Status.OK
    assert "not installed (no no_such_package)" in check.detail
    assert "trackteroid-cli[sandbox]" in check.next


def test_the_worst_failure_gives_the_exit_status() -> None:
    def failed(code: ExitCode) -> Check:
        return Check("x", Status.FAIL, "x", "x", code)

    codes = [ExitCode.FAILED, ExitCode.NOT_CONFIGURED, ExitCode.TRY_AGAIN, ExitCode.CREDENTIALS]
    assert doctor.exit_code([]) is ExitCode.OK
    assert doctor.exit_code([Check("x", Status.WARN, "x")]) is ExitCode.OK
    assert doctor.exit_code(map(failed, codes)) is ExitCode.NOT_CONFIGURED
    assert doctor.exit_code(map(failed, (codes[0], codes[2]))) is ExitCode.TRY_AGAIN


def test_it_runs_without_the_packages_of_the_sandbox(connected: CommandLine) -> None:
    code = (
        "import sys\n"
        "for name in ('starlette', 'uvicorn'): sys.modules[name] = None\n"
        "from trackteroid_cli.cli.app import run\n"
        "sys.exit(run(['doctor', '--json']))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **connected.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    (found,) = (each for each in json.loads(ran.stdout)["checks"] if each["check"] == "sandbox")
    assert "starlette, uvicorn" in found["detail"]
