"""`trackteroid commit`: every batch reaches the server exactly once, or says why not."""

from __future__ import annotations

import dbm.dumb
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.batches import Put, describe, everything_below, states
from tests.support.command_line import SECRET, CommandLine, refused
from tests.support.servers import Server
from trackteroid_cli.batches import dbm as dbmfile
from trackteroid_cli.batches.batch import Batch, append_attempt, encode_operations, write
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.ids import new_id
from trackteroid_cli.batches.journal import Attempt, Outcome
from trackteroid_cli.batches.operations import Create, Operation, Update, counts, to_json
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.batches.squashing import squash
from trackteroid_cli.engine.serving.wire import respond
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER


@pytest.fixture
def shots(server: Server) -> list[str]:
    """The ids of the first shots; their descriptions are empty, as `describe` recorded them."""
    ids = [shot["id"] for shot in server.query("select id from Shot order by name, id limit 5")]
    server.call(*squash(describe(each, "") for each in ids))
    return ids


def new_scope(number: int) -> Create:
    key = f"00000000-0000-0000-0000-{number:012d}"
    return Create("Scope", {"id": key}, {"name": f"scope {number}"})


def description(server: Server, shot: str) -> str:
    (found,) = server.query(f'select description from Shot where id is "{shot}"')
    return str(found["description"])


def scopes(server: Server) -> int:
    return len(server.query('select id from Scope where name like "scope %"'))


def test_nothing_to_commit_is_no_failure_and_needs_no_server(trackteroid: CommandLine) -> None:
    ran = trackteroid("commit")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "nothing to commit\n")
    assert trackteroid.json("commit", "--json") == {"batches": [], "exit": 0}
    assert trackteroid("commit", "--quiet").stderr == ""


def test_all_pending_batches_are_sent_in_recorded_order_in_one_request_each(
    connected: CommandLine, server: Server, shots: list[str], put: Put, spool: Spool
) -> None:
    first = put(new_scope(1), describe(shots[0], "first"), name="first", server=server.url)
    then = Update("Shot", {"id": shots[0]}, "description", "second", old_value="first")
    second = put(then, name="second")
    put(describe(shots[0], "failed before"), name="failed", state=State.FAILED)
    dry = connected("commit", "--dry-run", FTRACK_SERVER="", FTRACK_API_KEY="")
    assert dry.returncode == 0
    assert dry.stdout == (
        f"would send\t{first.id}\tfirst\t1 create, 1 update\n"
        f"would send\t{second.id}\tsecond\t1 update\n"
    )
    assert server.requests == []
    assert states(spool) == {"failed": ["failed"], "pending": ["first", "second"]}

    ran = connected("commit")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert ran.stdout == (
        f"committed\t{first.id}\tfirst\t1 create, 1 update\n"
        f"committed\t{second.id}\tsecond\t1 update\n"
    )
    assert server.writes == [["create", "update"], ["update"]]
    assert description(server, shots[0]) == "second"
    assert states(spool) == {"committed": ["first", "second"], "failed": ["failed"]}


def test_named_batches_and_files_are_committed_and_others_wait(
    connected: CommandLine, server: Server, shots: list[str], put: Put, spool: Spool
) -> None:
    put(describe(shots[0], "a"), name="one")
    put(describe(shots[1], "b"), name="two")
    file = put(describe(shots[2], "c"), name="three").path.rename(connected.folder / "three.dbm")
    result = connected.json("commit", "two", file, "two", "--json")
    assert [(each["name"], each["state"]) for each in result["batches"]] == [
        ("two", "committed"),
        ("three", "committed"),
        ("two", "committed"),
    ]
    assert all(
        set(each) >= {"id", "name", "state", "outcome", "reason", "conflicts"}
        and (each["outcome"], each["conflicts"]) == ("landed", [])
        for each in result["batches"]
    )
    assert result["exit"] == 0
    assert len(server.writes) == 2
    assert states(spool) == {"committed": ["two"], "pending": ["one"]}
    quiet = connected("commit", "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert states(spool) == {"committed": ["one", "two"]}


@pytest.mark.parametrize("kind", ["spool", "file", "spool file", "legacy"])
def test_what_is_committed_is_never_sent_again(
    connected: CommandLine, server: Server, put: Put, spool: Spool, kind: str
) -> None:
    target = one_batch(kind, connected.folder, put, new_scope(1))
    for _ in range(2):
        ran = connected("commit", target, "--json")
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)["batches"][0]["outcome"] == "landed"
        again = connected("commit")
        assert again.returncode == 0, again.stderr
        if kind == "spool file":
            target = str(spool.entries()[0].path)  # the file has moved on
    if kind != "spool":
        assert reconnect_and_commit(connected, target) == "landed committed\n"
    assert server.writes == [["create"]]
    assert scopes(server) == 1
    assert "pending" not in states(spool)


def test_a_file_with_the_id_of_another_batch_is_not_taken_for_that_one(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    target = one_batch("legacy", connected.folder, put, new_scope(1))
    assert connected("commit", target).returncode == 0
    (entry,) = spool.entries()
    header = Header(entry.id, "old", "", counts=counts([new_scope(2)]))
    write(entry.path, header, encode_operations([new_scope(2)]), {}, replace=True)
    ran = connected("commit", target)
    refused(ran, 1, what="is there 2 times", why=str(entry.path), hint="inspect FILE")


def one_batch(kind: str, folder: Path, put: Put, operation: Operation) -> str:
    """Return what to call a batch of one operation, that is in a file or in the spool."""
    if kind == "legacy":
        with dbm.dumb.open(str(folder / "old"), "n") as file:
            file["__operations__"] = json.dumps(json.dumps([to_json(operation)]))
        return str(folder / "old")
    entry = put(operation)
    if kind == "file":
        return str(entry.path.rename(folder / "batch.dbm"))
    return entry.id if kind == "spool" else str(entry.path)


def reconnect_and_commit(command: CommandLine, target: str) -> str:
    code = (
        "import sys; from trackteroid_cli import Session\n"
        "result = Session().reconnect_and_commit(sys.argv[1])\n"
        "print(result.outcome, result.state.value)"
    )
    return command_python(command, code, target).stdout


def command_python(
    command: CommandLine, code: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=command.folder,
        env={**os.environ, **command.environment},
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_refused_batch_fails_with_the_reason_and_others_go_on(
    connected: CommandLine, server: Server, shots: list[str], put: Put, spool: Spool
) -> None:
    wrong = Update("Shot", {"id": shots[0]}, "no_such_attribute", "x")
    put(new_scope(1), wrong, name="wrong")
    put(describe(shots[1], "sent"), name="right")
    ran = connected("commit", "--json")
    assert ran.returncode == 1
    result = json.loads(ran.stdout)
    assert [(each["state"], each["outcome"]) for each in result["batches"]] == [
        ("failed", "refused"),
        ("committed", "landed"),
    ]
    assert result["exit"] == 1
    reason = result["batches"][0]["reason"]
    assert "no_such_attribute" in reason
    assert "error: the server refused batch" in ran.stderr
    assert "why: " + reason in ran.stderr
    assert "the server changed nothing" in ran.stderr
    assert scopes(server) == 0  # the batch was refused as a whole
    assert states(spool) == {"committed": ["right"], "failed": ["wrong"]}
    (failed,) = connected.json("inspect", "--state", "failed", "--json")
    assert failed["reason"] == reason
    assert connected("commit").stderr == "nothing to commit\n"


def test_a_named_batch_for_another_server_is_refused_with_both_addresses(
    connected: CommandLine, server: Server, shots: list[str], put: Put, spool: Spool
) -> None:
    entry = put(describe(shots[0], "x"), server="https://studio.ftrackapp.com")
    for options in ([], ["--dry-run"]):
        refused(
            connected("commit", entry.id, *options),
            1,
            what="is for another server",
            why=f"against https://studio.ftrackapp.com, and FTRACK_SERVER is {server.url}",
            hint="set FTRACK_SERVER=https://studio.ftrackapp.com",
        )
    assert server.writes == []
    assert states(spool) == {"pending": ["publish"]}


def test_batches_for_other_servers_are_passed_over_in_one_line_and_quietly_in_none(
    connected: CommandLine, server: Server, shots: list[str], put: Put, spool: Spool
) -> None:
    for name in ("one", "two"):
        put(describe(shots[0], name), name=name, server=f"https://{name}.ftrackapp.com")
    mine = put(describe(shots[0], "mine"), name="mine", server=server.url)
    for entry in spool.entries():
        if entry != mine:
            append_attempt(entry.path, Attempt.now(Outcome.UNREACHED))
    before = everything_below(spool.folder)
    log = connected.folder / "log"
    with spool.lock(spool.entries()[0].id):  # another process commits it where it belongs
        ran = connected("commit", "--json", "--log-file", log)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["exit"] == 0
    assert [(each["name"], each["state"], each["outcome"]) for each in told["batches"]] == [
        ("one", "pending", None),
        ("two", "pending", None),
        ("mine", "committed", "landed"),
    ]
    assert told["batches"][0]["reason"] == "it is for https://one.ftrackapp.com"
    assert [json.loads(line)["name"] for line in log.read_text().splitlines()] == ["mine"]
    assert ran.stderr.startswith(
        "passed over 2 batches for another server: "
        "https://one.ftrackapp.com, https://two.ftrackapp.com ("
    )
    assert ran.stderr.count("\n") == 1
    quiet = connected("commit", "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    after = everything_below(spool.folder)
    assert {name: after[name] for name in before if "mine" not in name} == {
        name: text for name, text in before.items() if "mine" not in name
    }
    # What is said to have changed its address only is sent.
    moved = connected("commit", "--server-changed", "--on-conflict", "overwrite")
    assert (moved.returncode, moved.stderr) == (0, "")
    assert states(spool) == {"committed": ["one", "two", "mine"]}


@pytest.mark.parametrize("fault", ["outage", "wrong key"])
def test_what_stops_every_batch_is_said_once(
    connected: CommandLine, put: Put, spool: Spool, fault: str
) -> None:
    for number in range(4):
        put(new_scope(number))
    wrong = {
        "outage": {"FTRACK_SERVER": "http://127.0.0.1:9"},
        "wrong key": {"FTRACK_API_KEY": "x"},
    }
    ran = connected("commit", "--quiet", "--retries", "0", **wrong[fault])
    assert ran.returncode in (75, 77)
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 3, ran.stderr  # what, why and what to do next
    ran = connected("commit", "--retries", "0", **wrong[fault])
    assert ran.stderr.count("error: ") == 1
    assert ran.stderr.endswith("not tried for the same reason: 3 batches\n")
    assert states(spool) == {"pending": ["publish"] * 4}


def test_settings_that_are_missing_are_named(trackteroid: CommandLine, put: Put) -> None:
    put(new_scope(1))
    ran = trackteroid("commit", "--json")
    refused(ran, 78, what="no ftrack server", why="FTRACK_SERVER and FTRACK_API_KEY", hint="--sand")
    keyless = trackteroid("commit", FTRACK_SERVER="https://studio.ftrackapp.com")
    refused(keyless, 78, what="no ftrack server", why="FTRACK_API_KEY is not set")
    wrong = trackteroid("commit", FTRACK_SERVER="studio", FTRACK_API_KEY=SECRET)
    refused(wrong, 78, what="'studio'", why="http", hint="https://studio.ftrackapp.com")


def test_a_wrong_key_is_told_apart_and_everything_waits(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    put(new_scope(1), name="one")
    put(new_scope(2), name="two")
    ran = connected("commit", "--json", FTRACK_API_KEY=SECRET)
    assert ran.returncode == 77
    assert json.loads(ran.stdout)["exit"] == 77
    assert f"error: {server.url} rejects the credentials of 'demo'" in ran.stderr
    assert "correct FTRACK_API_KEY" in ran.stderr
    assert SECRET not in ran.stderr + ran.stdout
    assert len(server.requests) == 1  # the second batch is not tried
    assert states(spool) == {"pending": ["one", "two"]}
    assert connected("commit").returncode == 0
    assert scopes(server) == 2


def test_a_server_that_is_down_leaves_batches_pending(
    trackteroid: CommandLine, put: Put, spool: Spool
) -> None:
    put(new_scope(1))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        trackteroid.environment = settings_for(url)
        ran = trackteroid("commit")
    refused(ran, 75, what=f"cannot reach {url}", why="refused", hint="run the same command again")
    assert states(spool) == {"pending": ["publish"]}


def settings_for(url: str) -> dict[str, str]:
    return {"FTRACK_SERVER": url, "FTRACK_API_KEY": SANDBOX_KEY, "FTRACK_API_USER": SANDBOX_USER}


@contextmanager
def web_server(answer: Callable[[Any, bytes], bytes | None]) -> Iterator[str]:
    """Serve what *answer* makes of each request; None drops the connection without an answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            content = answer(self.headers, body)
            if content is None:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


def test_a_server_that_is_not_ftrack_is_told_apart(
    trackteroid: CommandLine, put: Put, spool: Spool
) -> None:
    put(new_scope(1))
    with web_server(lambda _, __: b"<!DOCTYPE html><p>It works!") as url:
        trackteroid.environment = settings_for(url)
        ran = trackteroid("commit")
        asked = trackteroid("query", "Shot", "--format", "json")
    refused(ran, 78, what="cannot be read", why="HTTP status 200", hint="FTRACK_SERVER")
    refused(asked, 78, what="cannot be read", why="not ftrack's JSON")
    assert states(spool) == {"pending": ["publish"]}


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_is_found_out_before_anything_is_sent_again(
    trackteroid: CommandLine, server: Server, put: Put, spool: Spool, applied: bool
) -> None:
    put(new_scope(1), name="one")
    put(new_scope(2), name="two")
    writes = 0

    def answer(headers: Any, body: bytes) -> bytes | None:
        nonlocal writes
        is_write = b'"create"' in body
        writes += is_write
        lost = is_write and writes == 1
        if lost and not applied:
            return None
        _, content = respond(server.engine, headers, body)
        return None if lost else content

    with web_server(answer) as url:
        trackteroid.environment = settings_for(url)
        lost = trackteroid("commit", "--json", "--retries", "0")
        assert lost.returncode == 75
        first, second = json.loads(lost.stdout)["batches"]
        assert (first["state"], first["outcome"]) == ("pending", "unknown")
        assert (second["state"], second["outcome"]) == ("pending", None)
        assert f"error: {url} did not answer" in lost.stderr
        assert [each["reason"] for each in trackteroid.json("inspect", "--json")] == [
            first["reason"],
            None,
        ]
        again = trackteroid("commit", "--json")
    assert again.returncode == 0, again.stderr
    assert [each["outcome"] for each in json.loads(again.stdout)["batches"]] == ["landed"] * 2
    assert writes == (2 if applied else 3)
    assert scopes(server) == 2
    assert states(spool) == {"committed": ["one", "two"]}


def test_a_batch_that_another_process_holds_is_left_to_it(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    entry = put(new_scope(1))
    with spool.claim(entry):
        ran = connected("commit")
        refused(ran, 75, what=f"another process works on {entry.id}", hint="wait")
        copy = shutil.copy(spool.find(entry.id).path, connected.folder / "copy.dbm")
        assert connected("commit", copy).returncode == 75
        assert server.requests == []
    assert states(spool) == {"pending": ["publish"]}


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("held", ["query", "create"])
def test_a_signal_ends_a_commit_at_once_unless_a_request_that_writes_is_on_its_way(
    trackteroid: CommandLine, server: Server, put: Put, spool: Spool, held: str, number: int
) -> None:
    put(new_scope(1), name="first")
    put(new_scope(2), name="second")
    arrived, go_on = threading.Event(), threading.Event()

    def answer(headers: Any, body: bytes) -> bytes | None:
        if f'"action":"{held}"'.encode() in body and not arrived.is_set():
            arrived.set()
            go_on.wait(60)
        return respond(server.engine, headers, body)[1]

    with web_server(answer) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "trackteroid_cli", "commit"],
            env={**os.environ, **settings_for(url)},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert arrived.wait(30)
        process.send_signal(number)
        if held == "query":  # it ends although no answer comes
            stdout, stderr = process.communicate(timeout=30)
        go_on.set()
        if held == "create":
            stdout, stderr = process.communicate(timeout=30)
    assert "Traceback" not in stderr
    assert "the commit was interrupted" in stderr
    assert process.returncode == 75
    landed = ["first"] if held == "create" else []
    assert [line.split("\t")[2] for line in stdout.splitlines()] == landed
    assert sorted(states(spool)["pending"]) == sorted({"first", "second"} - set(landed))
    assert scopes(server) == len(landed)


@pytest.mark.parametrize("sent", [True, False])
def test_a_commit_that_was_killed_is_resumed_and_nothing_is_sent_twice(
    trackteroid: CommandLine, server: Server, put: Put, spool: Spool, sent: bool
) -> None:
    put(new_scope(1))
    arrived, go_on = threading.Event(), threading.Event()

    def answer(headers: Any, body: bytes) -> bytes | None:
        if b'"create"' not in body or arrived.is_set():
            return respond(server.engine, headers, body)[1]
        if sent:
            respond(server.engine, headers, body)
        arrived.set()
        go_on.wait()
        return None

    with web_server(answer) as url:
        trackteroid.environment = settings_for(url)
        process = subprocess.Popen(
            [sys.executable, "-m", "trackteroid_cli", "commit"],
            env={**os.environ, **trackteroid.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            assert arrived.wait(30)
            process.send_signal(signal.SIGKILL)
        go_on.set()
        assert states(spool) == {"committing": ["publish"]}
        (left,) = trackteroid.json("inspect", "--json")
        assert (left["state"], left["reason"]) == (
            "committing",
            "a commit of it did not end; the next one finds out what the server has",
        )
        again = trackteroid("commit")
    assert again.returncode == 0, again.stderr
    assert scopes(server) == 1
    assert states(spool) == {"committed": ["publish"]}


def test_an_unknown_batch_or_bad_file_stops_nothing_that_was_not_begun(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    entry = put(new_scope(1))
    refused(connected("commit", entry.id, "nightly"), 4, what="there is no batch 'nightly'")
    (connected.folder / "bad.dbm").write_bytes(b"not a batch")
    before = everything_below(connected.folder)
    refused(connected("commit", "bad.dbm"), 1, what="cannot read bad.dbm", why="not a dbm file")
    refused(connected("commit", "--dry-run", "bad.dbm"), 1, what="cannot read bad.dbm")
    assert everything_below(connected.folder) == before
    assert server.writes == []
    assert states(spool) == {"pending": ["publish"]}


def test_a_full_disk_keeps_the_batch_pending_and_unsent(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    entry = put(new_scope(1))
    full = subprocess.run(
        [sys.executable, "-m", "trackteroid_cli", "commit"],
        env={**os.environ, **connected.environment},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_files,
    )
    refused(full, 1, what="cannot write to", hint="the batch is kept as it was; make")
    assert server.writes == []
    assert states(spool) == {"pending": ["publish"]}
    with Batch(spool.find(entry.id).path) as batch:
        assert list(batch.journal()) == []


def limit_files() -> None:
    """Let no file of this process grow, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def nested(depth: int) -> object:
    value: object = "core"
    for _ in range(depth):
        value = [value]
    return value


def test_a_batch_that_cannot_be_sent_keeps_no_other_one_waiting(
    connected: CommandLine, server: Server, put: Put, spool: Spool, shots: list[str]
) -> None:
    (shot, *_) = shots
    bids = [10**309, nested(800), nested(65), float("inf"), float("nan"), 2**63]
    for number, value in enumerate(bids):
        put(Update("Shot", {"id": shot}, "bid", value), name=f"bad {number}")
    for field, text in {"replica": "yesterday", "created": "2026-01-31T13:45:01"}.items():
        entry = put(describe(shot, "never"), name=f"bad {field}")
        change_header(entry.path, **{field: text})
    put(new_scope(1), name="good")
    ran = connected("commit")
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert ran.stderr.count("cannot read") == len(bids) + 2
    assert states(spool)["committed"] == ["good"]
    assert len(states(spool)["failed"]) == len(bids) + 2
    assert connected("inspect").returncode == 0
    assert scopes(server) == 1


def change_header(path: Path, **parts: str) -> None:
    with dbmfile.open_reader(path) as reader:
        pairs = dict(reader.items_with_prefix(b""))
    pairs[b"__batch__"] = json.dumps({**json.loads(pairs[b"__batch__"]), **parts}).encode()
    dbmfile.create(path, pairs.items(), replace=True)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there")
def test_a_file_name_that_is_no_text_can_be_logged(connected: CommandLine, server: Server) -> None:
    name = os.fsdecode(b"caf\xe9.dbm")
    write(connected.folder / name, Header(new_id(), "x", ""), encode_operations([]), {})
    (connected.folder / os.fsdecode(b"bad\xe9.dbm")).write_bytes(b"bad")
    for file in (name, os.fsdecode(b"bad\xe9.dbm")):
        ran = connected("commit", file, "--log-file", "log")
        assert "Traceback" not in ran.stderr
    lines = (connected.folder / "log").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1])["name"] == os.fsdecode(b"bad\xe9")


def test_a_batch_is_sent_only_if_it_holds_what_was_reviewed(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    entry = put(new_scope(1))
    digest = connected.json("inspect", "publish", "--json")["digest"]
    assert digest[:32] in connected("inspect", "publish").stdout
    operations = [new_scope(2)]
    header = Header(entry.id, "publish", "", counts=counts(operations))
    write(entry.path, header, encode_operations(operations), {}, replace=True)
    ran = connected("commit", "publish", "--digest", digest)
    refused(ran, 1, what="not the one that was reviewed", why="its digest is", hint="inspect")
    assert states(spool) == {"pending": ["publish"]}
    refused(connected("commit", "--digest", digest), 2, what="one batch")
    now = connected.json("inspect", "publish", "--json")["digest"]
    assert connected("commit", "publish", "--digest", now[:12].upper()).returncode == 0
    assert scopes(server) == 1


def test_a_file_of_a_newer_version_is_neither_sent_nor_changed(
    connected: CommandLine, server: Server
) -> None:
    path = connected.folder / "newer.dbm"
    operations = [new_scope(1)]
    write(
        path,
        Header("20260131-134501-000000", "newer", "", counts=counts(operations), format=3),
        encode_operations(operations),
        {},
    )
    before = path.read_bytes()
    refused(connected("commit", "newer.dbm"), 1, what="newer.dbm", why="format version 3")
    assert path.read_bytes() == before
    assert server.requests == []


def test_every_attempt_is_in_the_journal(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    refused = Attempt("2026-01-31T14:00:00Z", Outcome.REFUSED, reason="no")
    entry = put(new_scope(1), attempts=(refused,))
    assert connected("commit").returncode == 0
    with Batch(spool.find(entry.id).path) as batch:
        journal = batch.journal()
    assert [each.outcome for each in journal] == ["refused", "sending", "landed"]
    assert journal[-1].server == server.url
    assert journal[-1].user
