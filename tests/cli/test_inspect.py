"""`trackteroid inspect`: shows what waits, to people and to programs, and asks no server."""

from __future__ import annotations

import dbm.dumb
import hashlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.batches.dbm import gdbm_format
from tests.support.batches import Put, describe, everything_below
from tests.support.command_line import CommandLine, refused
from trackteroid_cli.batches.batch import encode_operations, write
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.ids import new_id
from trackteroid_cli.batches.journal import Attempt, Outcome
from trackteroid_cli.batches.labels import Label
from trackteroid_cli.batches.operations import Create, Delete, Identity, Update, counts, to_json
from trackteroid_cli.batches.spool import Spool, State

SUMMARY = {
    "id", "name", "state", "created", "user", "host", "server", "path", "counts", "reason",
}  # fmt: skip

REFUSED = Attempt(
    "2026-01-31T14:00:00Z", Outcome.REFUSED, reason="ValidationError: no such attribute"
)
LANDED = Attempt("2026-01-31T14:00:00Z", Outcome.LANDED)

OPERATIONS = [
    Create("Scope", {"id": "77"}, {"name": "Überblick"}),
    describe("5f0c", "after"),
    Delete("Note", {"id": "9"}),
]

#: What the older Trackteroid package leaves: a JSON text of JSON.
LEGACY = {
    b"__operations__": json.dumps(json.dumps([to_json(each) for each in OPERATIONS])).encode(),
    b"('Shot', ['5f0c'])": json.dumps(
        {"__entity_type__": "Shot", "id": "5f0c", "name": "sh010", "status": "NOT SET"}
    ).encode(),
}


def test_an_empty_spool_is_nothing_to_show(trackteroid: CommandLine, home: Path) -> None:
    listed = trackteroid("inspect")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert listed.stderr == "no batches are recorded\n"
    assert trackteroid.json("inspect", "--json") == []
    assert trackteroid("inspect", "--state", "failed").stderr == "no batch is failed\n"
    assert not home.exists()


def test_a_list_has_a_line_for_each_batch_in_recorded_order(
    trackteroid: CommandLine, put: Put
) -> None:
    committed = put(*OPERATIONS, state=State.COMMITTED, attempts=(LANDED,))
    failed = put(*OPERATIONS[:1], state=State.FAILED, attempts=(REFUSED,), name="fails")
    pending = put(*OPERATIONS[1:], server="https://studio.ftrackapp.com")
    listed = trackteroid("inspect")
    assert listed.returncode == 0
    assert listed.stderr == ""
    assert [line.split("\t") for line in listed.stdout.splitlines()] == [
        [committed.id, "publish", "committed", "2026-01-31T13:45:01.417Z", "ada@farm-2", "",
         "1 create, 1 update, 1 delete", ""],
        [failed.id, "fails", "failed", "2026-01-31T13:45:01.417Z", "ada@farm-2", "",
         "1 create", "ValidationError: no such attribute"],
        [pending.id, "publish", "pending", "2026-01-31T13:45:01.417Z", "ada@farm-2",
         "https://studio.ftrackapp.com", "1 update, 1 delete", ""],
    ]  # fmt: skip
    summaries = trackteroid.json("inspect", "--json")
    assert all(set(each) >= SUMMARY for each in summaries)
    assert summaries[1] == {
        "id": failed.id,
        "name": "fails",
        "state": "failed",
        "created": "2026-01-31T13:45:01.417Z",
        "user": "ada",
        "host": "farm-2",
        "server": "",
        "path": str(failed.path),
        "counts": {"create": 1, "update": 0, "delete": 0, "upload": 0, "follow_up": 0},
        "reason": "ValidationError: no such attribute",
        "replica": None,
        "built_on": [],
        "digest": hashlib.sha256(encode_operations([OPERATIONS[0]])[0] + b"\n").hexdigest(),
    }
    assert [each["reason"] for each in summaries] == [None, summaries[1]["reason"], None]
    (only,) = trackteroid.json("inspect", "--state", "pending", "--json")
    assert only["id"] == pending.id


def test_only_the_table_leaves_out_old_committed_batches(
    trackteroid: CommandLine, put: Put
) -> None:
    entries = [put(state=State.COMMITTED, attempts=(LANDED,)) for _ in range(22)]
    waiting = put(*OPERATIONS)
    listed = trackteroid("inspect")
    shown = [line.partition("\t")[0] for line in listed.stdout.splitlines()]
    assert shown == [entry.id for entry in [*entries[2:], waiting]]
    assert listed.stderr == "2 older committed batches left out; --json lists all\n"
    assert [each["id"] for each in trackteroid.json("inspect", "--json")] == [
        entry.id for entry in [*entries, waiting]
    ]


def test_a_terminal_gets_a_table_in_colour_and_plain_text_where_that_is_asked_for(
    trackteroid: CommandLine, put: Put
) -> None:
    entry = put(*OPERATIONS)
    table = trackteroid.on_terminal("inspect")
    assert "\x1b[" in table
    assert "OPERATIONS" in table
    assert "\x1b[" in trackteroid.on_terminal("inspect", entry.id)
    for arguments in (["inspect"], ["inspect", entry.id]):
        plain = trackteroid.on_terminal(*arguments, NO_COLOR="1")
        assert "\x1b" not in plain
        assert "publish" in plain
    assert "\x1b" not in trackteroid("inspect", entry.id, TERM="xterm-256color").stdout


def test_one_batch_is_shown_as_a_diff_by_id_prefix_name_and_file(
    trackteroid: CommandLine, put: Put
) -> None:
    entry = put(*OPERATIONS, server="https://studio.ftrackapp.com", name="night")
    (trackteroid.folder / "night").mkdir()  # a folder is not what is meant
    shown = trackteroid("inspect", entry.id)
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    text = shown.stdout
    assert f"night  {entry.id}  pending" in text
    assert "by ada on farm-2" in text
    assert "for       https://studio.ftrackapp.com" in text
    assert "+ Scope  Überblick" in text
    assert '~ Shot  5f0c\n    description  "" → "after"' in text
    assert "- Note  9" in text
    assert "1 create, 1 update, 1 delete; one request" in text
    for name in (entry.id[:-3], "night", entry.path):
        assert trackteroid("inspect", name).stdout == text


def test_a_value_that_stays_and_two_of_one_name_are_told_apart(
    trackteroid: CommandLine, spool: Spool
) -> None:
    one, other = ({"__entity_type__": "Status", "id": each} for each in ("1", "2"))
    operations = [
        Update("Shot", {"id": "5f0c"}, "status", one, one),
        Update("Shot", {"id": "5f0d"}, "status", one, other),
    ]
    header = Header(new_id(), "same", "2026-01-31T13:45:01.417Z", counts=counts(operations))
    labels = {Identity("Status", (each,)): Label("Completed") for each in "12"}
    path = spool.place(header.id, header.name)
    write(path, header, encode_operations(operations), labels)
    lines = [line.strip() for line in trackteroid("inspect", "same").stdout.splitlines()]
    assert "status  Completed  set again, unchanged" in lines
    assert "status  Completed (2) → Completed (1)" in lines


def test_one_batch_as_json_is_its_summary_with_its_operations(
    trackteroid: CommandLine, put: Put
) -> None:
    entry = put(*OPERATIONS)
    document = trackteroid.json("inspect", entry.id, "--json")
    assert set(document) >= SUMMARY | {"operations"}
    assert document["operations"] == [to_json(each) for each in OPERATIONS]
    lines = trackteroid("inspect", entry.id, "--jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == document["operations"]


def test_what_a_batch_holds_is_never_obeyed_by_the_terminal(
    trackteroid: CommandLine, put: Put
) -> None:
    entry = put(Create("Scope\x1b[1m", {"id": "\x1b[2J"}, {"name": "\x1b[31m"}))
    evil = Header(entry.id, "\x1b]0;title\x07", "", user="\x1b[5m", counts={"create": 1})
    operations = encode_operations([Create("Scope\x1b[1m", {"id": "\x1b[2J"}, {"name": "\x9b1m"})])
    write(entry.path, evil, operations, {}, replace=True)
    for arguments in (["inspect"], ["inspect", entry.id]):
        shown = trackteroid.on_terminal(*arguments, NO_COLOR="1")
        assert "]0;title" in shown
        assert "\x1b" not in shown
        assert "\x9b" not in shown
        assert "\x1b" not in trackteroid(*arguments).stdout


def test_a_batch_is_shown_where_the_encoding_lacks_characters(
    trackteroid: CommandLine, put: Put
) -> None:
    put(*OPERATIONS)
    shown = trackteroid("inspect", "publish", PYTHONIOENCODING="ascii")
    assert shown.returncode == 0, shown.stderr
    assert "\\xdcberblick" in shown.stdout
    document = trackteroid.json("inspect", "publish", "--json", PYTHONIOENCODING="ascii")
    assert document["operations"][0]["entity_data"]["name"] == "Überblick"


@pytest.mark.parametrize("arguments", [[], ["publish"], ["publish", "--json"]])
def test_inspecting_loads_neither_ftrack_api_nor_http(
    trackteroid: CommandLine, put: Put, arguments: list[str]
) -> None:
    put(*OPERATIONS)
    code = (
        "import sys, atexit\n"
        "from trackteroid_cli.cli import main\n"
        "atexit.register(lambda: print(sorted({'ftrack_api', 'requests', 'lark', 'sqlalchemy',"
        " 'starlette'} & set(sys.modules)), file=sys.stderr))\n"
        "main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "inspect", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "[]\n")
    assert "publish" in ran.stdout


def test_an_unknown_batch_and_a_missing_file_are_not_found(trackteroid: CommandLine) -> None:
    refused(
        trackteroid("inspect", "nightly", "--json"),
        4,
        what="there is no batch 'nightly'",
        why="no id begins with it",
        hint="`trackteroid inspect` lists the batches",
    )
    refused(trackteroid("inspect", "."), 4, what="there is no batch '.'")
    refused(trackteroid("inspect", "a" * 5000), 4, what="there is no batch")
    refused(trackteroid("inspect", "no/file.dbm"), 4, what="cannot read no/file.dbm", why="no such")


def test_an_ambiguous_beginning_or_name_lists_what_it_could_mean(
    trackteroid: CommandLine, put: Put
) -> None:
    entries = [put(*OPERATIONS), put(*OPERATIONS)]
    for text in ("publish", entries[0].id[:8]):
        ran = trackteroid("inspect", text)
        refused(ran, 4, what=f"{text!r} means 2 batches", hint="give more of the id")
        assert all(f"{entry.id} (publish, pending)" in ran.stderr for entry in entries)


def test_a_name_means_the_one_batch_that_still_waits(trackteroid: CommandLine, put: Put) -> None:
    put(*OPERATIONS, state=State.COMMITTED)
    waiting = put(*OPERATIONS)
    assert trackteroid.json("inspect", "publish", "--json")["id"] == waiting.id


def newer(path: Path) -> None:
    write(path, Header("20260131-134501-000000", "x", "", format=99), [], {})


def truncated(path: Path) -> None:
    write(path, Header("20260131-134501-000000", "x", ""), encode_operations(OPERATIONS * 100), {})
    path.write_bytes(path.read_bytes()[:9000])


def short_of_operations(path: Path) -> None:
    write(
        path,
        Header("20260131-134501-000000", "x", "", counts={"update": 4}),
        encode_operations(OPERATIONS),
        {},
    )


def database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()


@pytest.mark.parametrize(
    ("make", "why", "hint"),
    [
        (lambda path: path.write_bytes(b""), "the file is empty", "record the work again"),
        (lambda path: path.write_text("print()"), "not a dbm file", "recorded by trackteroid"),
        (lambda path: path.mkdir(), "it is a folder", "a file inside it"),
        (newer, "format version 99", "upgrade trackteroid"),
        (truncated, "truncated or damaged", "record the work again"),
        (short_of_operations, "should hold 4 operations, not 3", "may be damaged"),
        (database, "not a dbm file", "recorded by trackteroid"),
    ],
    ids=["empty", "foreign", "folder", "newer", "truncated", "short", "database"],
)
def test_a_file_that_is_no_batch_is_refused_with_its_name_and_left_alone(
    trackteroid: CommandLine, make: Any, why: str, hint: str
) -> None:
    make(trackteroid.folder / "bad.dbm")
    before = everything_below(trackteroid.folder)
    ran = trackteroid("inspect", "./bad.dbm")
    refused(ran, 1, what="cannot read bad.dbm", why=why, hint=hint)
    assert everything_below(trackteroid.folder) == before


def test_a_damaged_batch_in_the_spool_is_listed_with_the_reason(
    trackteroid: CommandLine, put: Put, spool: Spool
) -> None:
    entry = put(*OPERATIONS)
    entry.path.write_bytes(entry.path.read_bytes()[:50])
    put(*OPERATIONS, name="sound")
    first, second = trackteroid.json("inspect", "--json")
    assert (first["id"], first["name"], first["reason"]) == (
        entry.id,
        "publish",
        "it is truncated",
    )
    assert second["reason"] is None


def test_files_of_the_older_package_are_shown(trackteroid: CommandLine) -> None:
    with dbm.dumb.open(str(trackteroid.folder / "dumb"), "n") as file:
        for key, value in LEGACY.items():
            file[key] = value
    (trackteroid.folder / "gnu.dbm").write_bytes(
        gdbm_format.build(LEGACY, gdbm_format.MACHINES["64 bits"])
    )
    for name in ("dumb", "gnu.dbm"):
        document = trackteroid.json("inspect", name, "--json")
        assert document["state"] == "pending"
        assert document["id"].startswith("legacy-")
        assert document["operations"] == [to_json(each) for each in OPERATIONS]
        assert "~ Shot  sh010" in trackteroid("inspect", name).stdout


def test_options_that_do_not_go_together_are_wrong_usage(trackteroid: CommandLine) -> None:
    refused(trackteroid("inspect", "--jsonl"), 2, what="--jsonl", hint="name the batch")
    refused(trackteroid("inspect", "x", "--state", "failed"), 2, what="--state lists batches")
    refused(trackteroid("inspect", "--state", "lost"), 2, what="lost")
