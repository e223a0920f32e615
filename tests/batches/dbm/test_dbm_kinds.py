"""The kind of a dbm file is found by its content, and unknown ones are refused."""

from __future__ import annotations

import dbm.dumb
from importlib.util import find_spec
from pathlib import Path

import pytest

from trackteroid_cli.batches.dbm import (
    DbmCorrupt,
    DbmEmpty,
    DbmForeign,
    DbmIsDirectory,
    DbmNotFound,
    DbmReader,
    DbmUnsupported,
    create,
    open_reader,
)

HAS_NDBM = find_spec("_dbm") is not None
BERKELEY = bytes(12) + (0x00061561).to_bytes(4, "little") + bytes(4080)


@pytest.mark.parametrize("name", ["publish.dbm", "publish", "publish.db", "publish.dat"])
def test_an_sqlite_dbm_file_is_recognised_whatever_its_name(name: str, tmp_path: Path) -> None:
    create(tmp_path / name, [(b"a", b"1")])
    with open_reader(tmp_path / name) as reader:
        assert isinstance(reader, DbmReader)
        assert dict(reader) == {b"a": b"1"}


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DbmNotFound, match="no such file"):
        open_reader(tmp_path / "publish.dbm")
    with pytest.raises(DbmNotFound, match="no such file"):
        open_reader(tmp_path / "nowhere" / "publish.dbm")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DbmIsDirectory):
        open_reader(tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "publish.dbm").touch()
    with pytest.raises(DbmEmpty):
        open_reader(tmp_path / "publish.dbm")


@pytest.mark.parametrize("content", [b"t", b"text", b"\x89PNG\r\n\x1a\n" + bytes(2000)])
@pytest.mark.parametrize("name", ["x.dbm", "x.db", "x.dat", "x.pag"])
def test_a_foreign_file_is_refused(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DbmForeign, match="not a dbm file"):
        open_reader(tmp_path / name)


def test_the_beginning_of_a_file_is_called_truncated(tmp_path: Path) -> None:
    (tmp_path / "x.dbm").write_bytes(b"SQLite for")
    with pytest.raises(DbmCorrupt, match="truncated"):
        open_reader(tmp_path / "x.dbm")


@pytest.mark.skipif(HAS_NDBM, reason="this Python has dbm.ndbm")
@pytest.mark.parametrize("given", ["x", "x.db"])
def test_an_ndbm_file_is_refused_where_python_has_no_module_for_it(
    given: str, tmp_path: Path
) -> None:
    (tmp_path / "x.db").write_bytes(BERKELEY)
    with pytest.raises(DbmUnsupported, match="it is an ndbm file") as caught:
        open_reader(tmp_path / given)
    assert "Python" in caught.value.hint


@pytest.mark.skipif(not HAS_NDBM, reason="this Python has no dbm.ndbm")
def test_an_ndbm_file_is_read_by_any_of_its_names(tmp_path: Path) -> None:
    import dbm.ndbm

    with dbm.ndbm.open(str(tmp_path / "x"), "n") as database:
        database[b"a"] = b"1"
        database[b"b"] = b""
    for path in (tmp_path / "x", *tmp_path.iterdir()):
        with open_reader(path) as reader:
            assert dict(reader) == {b"a": b"1", b"b": b""}


@pytest.mark.skipif(not HAS_NDBM, reason="this Python has no dbm.ndbm")
def test_a_damaged_ndbm_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(BERKELEY[:100])
    with pytest.raises(DbmCorrupt):
        open_reader(tmp_path / "x")


def test_the_index_of_one_kind_is_not_taken_for_that_of_another(tmp_path: Path) -> None:
    with dbm.dumb.open(str(tmp_path / "x"), "n") as database:
        database[b"a"] = b"1"
    create(tmp_path / "y.dat", [(b"b", b"2")])
    with open_reader(tmp_path / "x.dat") as dumb, open_reader(tmp_path / "y.dat") as ours:
        assert (dict(dumb), dict(ours)) == ({b"a": b"1"}, {b"b": b"2"})
