"""SQLite dbm files, read."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.batches import interrupt_a_writer, name_super_journal
from tests.support.generated import part
from trackteroid_cli.batches.dbm import (
    DbmCorrupt,
    DbmEmpty,
    DbmError,
    DbmForeign,
    DbmIsDirectory,
    DbmNotFound,
    DbmReader,
    DbmUnreadable,
    append,
    create,
    settle,
)

PAIRS = {b"operation/%04d" % number: b"value %d" % number * 20 for number in range(200)}


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    path = tmp_path / "publish.dbm"
    create(path, PAIRS.items())
    return path


def database(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def everything(path: Path) -> dict[bytes, bytes]:
    with DbmReader(path) as reader:
        return dict(reader.items_with_prefix(b""))


@given(st.dictionaries(st.binary(), st.binary(), max_size=30))
@settings(deadline=None, max_examples=part(50))
def test_any_bytes_come_back_as_they_were(pairs: dict[bytes, bytes]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.dbm")
        create(path, pairs.items())
        with DbmReader(path) as reader:
            assert dict(reader) == pairs
            assert len(reader) == len(pairs)
            assert list(reader) == sorted(pairs)


# Few different bytes, so that many keys are neighbours of a prefix; the last one has no next.
NEIGHBOURS = st.lists(st.sampled_from([0, 1, 2, 254, 255]), max_size=3).map(bytes)


@given(st.lists(NEIGHBOURS, max_size=40), NEIGHBOURS)
@settings(deadline=None, max_examples=part(100))
def test_a_prefix_finds_the_keys_that_begin_with_it(keys: list[bytes], prefix: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.dbm")
        create(path, [(key, b"of " + key) for key in keys])
        wanted = sorted({key for key in keys if key.startswith(prefix)})
        with DbmReader(path) as reader:
            assert reader.keys_with_prefix(prefix) == wanted
            assert reader.items_with_prefix(prefix) == [(key, b"of " + key) for key in wanted]


def test_a_missing_key_is_a_key_error(batch: Path) -> None:
    with DbmReader(batch) as reader:
        assert b"nothing" not in reader
        assert reader.get(b"nothing") is None
        with pytest.raises(KeyError):
            reader[b"nothing"]


def test_what_pythons_dbm_sqlite3_wrote_is_read(tmp_path: Path, python313: str) -> None:
    path = tmp_path / "theirs.dbm"
    script = "import dbm.sqlite3, sys; d = dbm.sqlite3.open(sys.argv[1], 'n'); " + (
        r"d[b'a\x00\xff'] = b'1'; d['text'] = 'é'; d[b'empty'] = b''; d.close()"
    )
    subprocess.run([python313, "-c", script, path], check=True)
    before = {path.name: path.read_bytes()}

    expected = {b"a\x00\xff": b"1", b"text": "é".encode(), b"empty": b""}
    assert everything(path) == expected
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_what_another_process_is_still_writing_in_wal_mode_is_read(tmp_path: Path) -> None:
    path = tmp_path / "live.dbm"
    create(path, [(b"a", b"1")])
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = wal")
        writer.execute("INSERT INTO Dict VALUES (x'62', x'32')")
        assert everything(path) == {b"a": b"1", b"b": b"2"}


def test_reading_leaves_file_and_folder_untouched(batch: Path) -> None:
    batch.chmod(0o444)
    batch.parent.chmod(0o555)
    before = batch.stat(), batch.read_bytes()
    try:
        assert everything(batch) == PAIRS
    finally:
        batch.parent.chmod(0o755)
    assert (batch.stat().st_mtime_ns, batch.read_bytes()) == (before[0].st_mtime_ns, before[1])
    assert list(batch.parent.iterdir()) == [batch]


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_on_a_read_only_disk_is_read(
    mode: str, small_disk: Path, write_protect: Callable[[], None]
) -> None:
    path = small_disk / "x.dbm"
    create(path, [(b"a", b"1")])
    database(path, f"PRAGMA journal_mode = {mode}")
    write_protect()
    assert everything(path) == {b"a": b"1"}
    with pytest.raises(DbmError, match="cannot write"):
        append(path, [(b"b", b"2")])


@pytest.mark.parametrize(
    "name",
    ["a b?mode=memory.dbm", "a#b.dbm", "a%41.dbm", "ünïcode.dbm", "C:x", "-x"]
    + ([os.fsdecode(b"\xff\xfe.dbm")] if sys.platform == "linux" else []),
)
@pytest.mark.skipif(os.name == "nt", reason="Windows allows few of these names")
def test_any_file_name_can_be_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    create(path, [(b"a", b"1")])
    append(path, [(b"b", b"2")])
    assert everything(path) == {b"a": b"1", b"b": b"2"}
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_relative_path_is_read(batch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(batch.parent)
    assert everything(Path(batch.name)) == PAIRS


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(DbmNotFound) as caught:
        DbmReader(tmp_path / "publish.dbm")
    assert caught.value.what == f"cannot read {tmp_path / 'publish.dbm'}"
    assert caught.value.why == "there is no such file"
    assert not list(tmp_path.iterdir())


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DbmIsDirectory, match="it is a folder"):
        DbmReader(tmp_path)


def test_an_empty_file_is_refused_and_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "publish.dbm"
    path.touch()
    with pytest.raises(DbmEmpty, match="the file is empty"):
        DbmReader(path)
    assert path.stat().st_size == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no named pipes")
def test_a_named_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DbmForeign, match="not a regular file"):
        DbmReader(tmp_path / "pipe")


@pytest.mark.parametrize("kept", [3, 15, 99, 100, 4000, 8192, -4096, -1])
def test_a_truncated_file_is_refused_with_its_name(kept: int, batch: Path) -> None:
    batch.write_bytes(batch.read_bytes()[:kept])
    with pytest.raises(DbmCorrupt, match=r"cannot read .*publish\.dbm: .*truncated"):
        everything(batch)


@pytest.mark.parametrize("content", [b"#!/usr/bin/env python\n", b"\x00" * 5000, b"PK\x03\x04"])
def test_a_foreign_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    path.write_bytes(content)
    with pytest.raises(DbmForeign, match="not an SQLite dbm file"):
        DbmReader(path)


@pytest.mark.parametrize(
    "schema",
    [
        "CREATE TABLE Other (key, value)",
        "CREATE TABLE Dict (key BLOB, other BLOB)",
        "CREATE VIEW Dict AS SELECT x'61' AS key, randomblob(1000000000) AS value",
        "CREATE VIRTUAL TABLE Dict USING fts5(key, value)",
        "CREATE TABLE Dict (key BLOB, value BLOB AS (zeroblob(1000000000)))",
        "CREATE TABLE Dict (key BLOB UNIQUE ON CONFLICT REPLACE NOT NULL, value BLOB NOT NULL)",
    ],
)
def test_a_database_of_another_kind_is_refused(schema: str, tmp_path: Path) -> None:
    with pytest.raises(DbmForeign, match="SQLite database, but not a dbm file"):
        DbmReader(database(tmp_path / "x.dbm", schema))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER turn AFTER INSERT ON Dict BEGIN UPDATE Dict SET value = zeroblob(9); END",
        "CREATE VIEW more AS SELECT key FROM Dict",
        "CREATE TABLE more (key)",
        "CREATE INDEX more ON Dict (value)",
    ],
)
def test_a_file_that_holds_more_than_the_table_is_refused(statement: str, batch: Path) -> None:
    database(batch, statement)
    before = batch.read_bytes()
    for act in (DbmReader, lambda path: append(path, [(b"more", b"")])):
        with pytest.raises(DbmForeign, match="SQLite database, but not a dbm file"):
            act(batch)
    assert batch.read_bytes() == before


def test_values_that_are_not_bytes_are_refused(batch: Path) -> None:
    database(batch, "UPDATE Dict SET value = 7")
    with pytest.raises(DbmCorrupt, match="something else than bytes"):
        everything(batch)


@given(st.data())
@settings(deadline=None, max_examples=part(150))
def test_a_damaged_byte_raises_our_error_or_none(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.dbm")
        create(path, [(b"key %d" % number, b"v" * number * 50) for number in range(40)])
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 5))):
            place = data.draw(st.integers(0, 200) | st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        with suppress(DbmError):
            everything(path)


def test_a_file_in_use_says_so(batch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    with closing(connect(batch, isolation_level=None)) as rival:
        rival.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, timeout=0))
        with pytest.raises(DbmUnreadable, match="another process"):
            DbmReader(batch)


def files_in(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in folder.iterdir()}


needs_kill = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")


@needs_kill
def test_what_a_killed_writer_left_undone_is_not_seen_and_nothing_is_written(batch: Path) -> None:
    interrupt_a_writer(batch)
    before = files_in(batch.parent)
    assert everything(batch) == PAIRS
    assert files_in(batch.parent) == before


@needs_kill
def test_what_a_killed_writer_left_undone_is_settled_before_the_file_gets_another_name(
    batch: Path,
) -> None:
    journal = interrupt_a_writer(batch)
    settle(batch)
    assert not journal.exists()
    assert everything(batch.rename(batch.with_name("renamed.dbm"))) == PAIRS


@needs_kill
def test_a_journal_that_names_another_file_is_refused_and_the_file_stays(batch: Path) -> None:
    journal, victim = interrupt_a_writer(batch), batch.with_name("victim")
    victim.write_bytes(journal.read_bytes()[:8] * 8)
    name_super_journal(journal, victim)
    before = files_in(batch.parent)
    for act in (DbmReader, settle, lambda path: append(path, [(b"more", b"")])):
        with pytest.raises(DbmCorrupt, match="names another file"):
            act(batch)
    assert files_in(batch.parent) == before


@pytest.mark.skipif(os.name == "nt", reason="needs named pipes and links")
@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("x")])
def test_only_plain_files_are_accepted_beside_a_file(
    make: Callable[[Path], None], suffix: str, batch: Path
) -> None:
    make(Path(f"{batch}{suffix}"))
    for act in (DbmReader, lambda path: append(path, [(b"more", b"")])):
        with pytest.raises(DbmForeign, match=f"publish.dbm{suffix} beside it is not a plain file"):
            act(batch)


@given(st.data())
@settings(deadline=None, max_examples=part(150))
def test_nothing_that_lies_beside_a_file_makes_reading_it_write(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name, "theirs")
        folder.mkdir()
        path = folder / "x.dbm"
        create(path, [(b"key %d" % number, b"v" * number * 50) for number in range(40)])
        victim = folder / "victim"
        victim.write_bytes(b"precious")
        magic = bytes.fromhex("d9d505f920a163d7")
        for suffix in data.draw(st.sets(st.sampled_from(["-journal", "-wal", "-shm"]))):
            header = data.draw(st.sampled_from([b"", magic, b"\x37\x7f\x06\x82\x00\x2d\xe2\x18"]))
            side = Path(f"{path}{suffix}")
            side.write_bytes(header + data.draw(st.binary(max_size=1200)))
            if data.draw(st.booleans()):
                name_super_journal(side, victim)
        before = files_in(folder)
        with suppress(DbmError):
            everything(path)
        assert files_in(folder) == before


@pytest.mark.skipif(os.name == "nt", reason="the umask is POSIX")
def test_the_umask_decides_who_may_read_a_file(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        create(tmp_path / "x.dbm", [])
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "x.dbm").stat().st_mode) == 0o640
