"""SQLite dbm files, written: whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackteroid_cli.batches.dbm import (
    DbmError,
    DbmForeign,
    DbmKeyExists,
    DbmNotFound,
    DbmNotWritten,
    DbmReader,
    DbmWriter,
    append,
    create,
)

BIG = [(b"key %d" % number, b"v" * 10_000) for number in range(100)]


def content(path: Path) -> dict[bytes, bytes]:
    with DbmReader(path) as reader:
        return dict(reader)


def interrupted() -> Iterator[tuple[bytes, bytes]]:
    yield from BIG
    raise KeyboardInterrupt


def test_pythons_dbm_opens_and_recognises_what_is_written_here(
    tmp_path: Path, python313: str
) -> None:
    path = tmp_path / "ours.dbm"
    create(path, [(b"a\x00\xff", b"1"), (b"b", b"")])
    append(path, [(b"c", "é".encode())])
    script = "import dbm, sys; d = dbm.open(sys.argv[1], 'r'); " + (
        "print(dbm.whichdb(sys.argv[1]), sorted((key, d[key]) for key in d.keys()))"
    )
    ran = subprocess.run([python313, "-c", script, path], check=True, capture_output=True)
    assert ran.stdout.decode().strip() == (
        r"dbm.sqlite3 [(b'a\x00\xff', b'1'), (b'b', b''), (b'c', b'\xc3\xa9')]"
    )


def test_a_key_that_is_put_again_takes_the_newer_value(tmp_path: Path) -> None:
    with DbmWriter(tmp_path / "x.dbm") as writer:
        writer.put(b"a", b"1")
        writer.put_many([(b"a", b"2"), (b"b", b"3"), (b"b", b"4")])
    assert content(tmp_path / "x.dbm") == {b"a": b"2", b"b": b"4"}


def test_nothing_is_visible_before_the_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    with DbmWriter(path) as writer:
        writer.put_many(BIG)
        assert not path.exists()
        assert all(file.name.startswith(".") for file in tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    create(path, [(b"a", b"1")])
    with pytest.raises(FileExistsError, match=r"x\.dbm"):
        create(path, [(b"a", b"2")])
    assert content(path) == {b"a": b"1"}


def test_an_existing_file_is_replaced_on_request(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    create(path, BIG)
    create(path, [(b"a", b"2")], replace=True)
    assert content(path) == {b"a": b"2"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("hard_links", [True, False])
def test_a_rival_that_takes_the_name_meanwhile_keeps_it(
    hard_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hard_links:
        monkeypatch.setattr(os, "link", refuse_links)
    path = tmp_path / "x.dbm"
    with pytest.raises(FileExistsError), DbmWriter(path) as writer:  # noqa: PT012 - the race
        writer.put(b"mine", b"1")
        create_as_rival(path)
    assert path.read_bytes() == b"rival"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_hard_links_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refuse_links)
    create(tmp_path / "x.dbm", [(b"a", b"1")])
    assert content(tmp_path / "x.dbm") == {b"a": b"1"}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("replace", [True, False])
def test_an_interrupted_creation_leaves_nothing_behind(replace: bool, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "x.dbm", interrupted(), replace=replace)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_replacement_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    create(path, [(b"a", b"1")])
    with pytest.raises(KeyboardInterrupt):
        create(path, interrupted(), replace=True)
    assert content(path) == {b"a": b"1"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DbmNotWritten, match=r"cannot write .*nowhere"):
        create(tmp_path / "nowhere" / "x.dbm", BIG)


LIMITED = """
import resource, sys
from pathlib import Path
from trackteroid_cli.batches.dbm import DbmNotWritten, append, create

write = {"create": create, "append": append}[sys.argv[1]]
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    write(Path(sys.argv[2]), [(b"key %d" % n, b"v" * 10_000) for n in range(100)])
except DbmNotWritten as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="limits of resources are POSIX")
@pytest.mark.parametrize("existing", [[], [(b"a", b"1")]])
def test_a_file_that_may_not_grow_is_not_left_in_part(
    existing: list[tuple[bytes, bytes]], tmp_path: Path
) -> None:
    path = tmp_path / "x.dbm"
    if existing:
        create(path, existing)
    action = "append" if existing else "create"
    command = [sys.executable, "-c", LIMITED, action, path]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    assert ran.stdout.startswith(f"cannot write {path}: ")
    assert list(tmp_path.iterdir()) == ([path] if existing else [])
    assert not existing or content(path) == dict(existing)


def test_a_full_disk_leaves_nothing_behind(small_disk: Path) -> None:
    with pytest.raises(DbmNotWritten, match=r"x\.dbm: .*full") as caught:
        create(small_disk / "x.dbm", BIG)
    assert "space" in caught.value.hint
    assert not list(small_disk.iterdir())


def test_a_full_disk_leaves_a_file_as_it_was(small_disk: Path) -> None:
    path = small_disk / "x.dbm"
    create(path, [(b"a", b"1")])
    before = path.read_bytes()
    with pytest.raises(DbmNotWritten, match=r"x\.dbm: .*full"):
        append(path, BIG)
    with pytest.raises(DbmNotWritten, match=r"x\.dbm: .*full"):
        create(path, BIG, replace=True)
    assert path.read_bytes() == before
    assert list(small_disk.iterdir()) == [path]


DIES = """
import sys
from pathlib import Path
from trackteroid_cli.batches.dbm import DbmWriter

with DbmWriter(Path(sys.argv[1])) as writer:
    writer.put_many((b"key %d" % n, b"v" * 10_000) for n in range(1000))
    print("half done", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_killed_creation_leaves_no_visible_file(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    child = subprocess.Popen(
        [sys.executable, "-c", DIES, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"half done"
        child.send_signal(signal.SIGKILL)
    assert [file.name[0] for file in tmp_path.iterdir()] == ["."]
    create(path, [(b"a", b"1")])
    assert content(path) == {b"a": b"1"}


def test_appended_pairs_join_the_others(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    create(path, [(b"a", b"1")])
    append(path, BIG)
    append(path, [])
    assert content(path) == {b"a": b"1", **dict(BIG)}
    assert list(tmp_path.iterdir()) == [path]


def test_appending_a_key_that_is_there_adds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    create(path, [(b"journal/1", b"first")])
    with pytest.raises(DbmKeyExists):
        append(path, [*BIG, (b"journal/1", b"second")])
    assert content(path) == {b"journal/1": b"first"}


def test_an_iterable_that_raises_adds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    create(path, [(b"a", b"1")])
    with pytest.raises(KeyboardInterrupt):
        append(path, interrupted())
    assert content(path) == {b"a": b"1"}


def test_the_file_is_free_for_others_while_pairs_are_gathered(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    create(path, [])

    def gather() -> Iterator[tuple[bytes, bytes]]:
        yield b"a", b"1"
        append(path, [(b"b", b"2")])

    append(path, gather())
    assert content(path) == {b"a": b"1", b"b": b"2"}


def test_appending_to_a_file_of_dbm_sqlite3_leaves_one_file_at_rest(
    tmp_path: Path, python313: str
) -> None:
    path = tmp_path / "x.dbm"
    script = "import dbm.sqlite3, sys; d = dbm.sqlite3.open(sys.argv[1], 'n'); d['a'] = '1'"
    subprocess.run([python313, "-c", script, path], check=True)
    append(path, [(b"b", b"2")])
    assert content(path) == {b"a": b"1", b"b": b"2"}
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes()[18:20] == b"\x01\x01"  # rollback-journal mode


def test_appending_to_what_is_no_dbm_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DbmNotFound):
        append(tmp_path / "x.dbm", BIG)
    (tmp_path / "x.txt").write_text("text")
    with pytest.raises(DbmForeign):
        append(tmp_path / "x.txt", BIG)
    assert (tmp_path / "x.txt").read_text() == "text"


def test_errors_say_what_why_and_what_next(tmp_path: Path) -> None:
    with pytest.raises(DbmError) as caught:
        create(tmp_path / "nowhere" / "x.dbm", [])
    error = caught.value
    assert str(error) == f"{error.what}: {error.why}"
    assert error.why == os.strerror(errno.ENOENT)
    assert error.hint


def refuse_links(source: Path, target: Path) -> None:
    raise PermissionError(errno.EPERM, "no hard links here")


def create_as_rival(path: Path) -> None:
    path.write_bytes(b"rival")
