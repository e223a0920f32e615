"""Files of dbm.dumb, read without evaluating anything in them."""

from __future__ import annotations

import dbm.dumb
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.generated import part
from trackteroid_cli.batches.dbm import DbmCorrupt, DbmNotFound, open_reader
from trackteroid_cli.batches.dbm.dumb import DumbReader


def write(path: Path, pairs: dict[bytes, bytes]) -> None:
    with dbm.dumb.open(str(path), "n") as database:
        for key, value in pairs.items():
            database[key] = value


@given(st.dictionaries(st.binary(), st.binary(max_size=600), max_size=20))
@settings(deadline=None, max_examples=part(50))
def test_what_dbm_dumb_wrote_is_read(pairs: dict[bytes, bytes]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.dbm")
        write(path, pairs)
        with DumbReader(path) as reader:
            assert dict(reader) == pairs
            assert len(reader) == len(pairs)


@pytest.mark.parametrize("suffix", ["", ".dir", ".dat"])
@pytest.mark.parametrize("pairs", [{}, {b"it's": b"1", b'"\\\x85': b"2"}])
def test_it_is_recognised_by_any_of_its_names(
    suffix: str, pairs: dict[bytes, bytes], tmp_path: Path
) -> None:
    write(tmp_path / "x.dbm", pairs)
    with open_reader(tmp_path / f"x.dbm{suffix}") as reader:
        assert isinstance(reader, DumbReader)
        assert dict(reader) == pairs


def test_changed_and_deleted_keys_are_read_as_they_are_now(tmp_path: Path) -> None:
    write(tmp_path / "x", {b"a": b"1", b"b": b"2", b"c": b"3"})
    with dbm.dumb.open(str(tmp_path / "x"), "w") as database:
        del database[b"a"]
        database[b"b"] = b"longer" * 1000
    with open_reader(tmp_path / "x") as reader:
        assert dict(reader) == {b"b": b"longer" * 1000, b"c": b"3"}


@pytest.mark.parametrize(
    "line",
    [
        "__import__('os').system('touch hit'), (0, 1)",
        "'a', (__import__('os').getpid(), 1)",
        "'a' 'b', (0, 1)",
        "f'{1}', (0, 1)",
        "'a', (-1, 1)",
        "'a', (0, 1, 2)",
        "'a', (0, " + "9" * 5000 + ")",
        "'\\q', (0, 1)",
        "'\\u0100', (0, 1)",
        "'a', (0",
        "'a', (0, 1) + (2,)",
        "(" * 10_000,
        "",
    ],
)
def test_a_line_of_another_form_is_refused_with_its_number(line: str, tmp_path: Path) -> None:
    write(tmp_path / "x", {b"a": b"1"})
    index = tmp_path / "x.dir"
    index.write_text(index.read_text() + line + "\n")
    with pytest.raises(DbmCorrupt, match=r"x\.dir: line 2 is not the place of a value"):
        DumbReader(tmp_path / "x")


def test_a_truncated_file_of_values_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "x", {b"a": b"1", b"b": b"2" * 1000})
    values = tmp_path / "x.dat"
    values.write_bytes(values.read_bytes()[:-1])
    with pytest.raises(DbmCorrupt, match="line 2 points outside"):
        open_reader(tmp_path / "x")


def test_a_missing_half_is_named(tmp_path: Path) -> None:
    write(tmp_path / "x", {b"a": b"1"})
    (tmp_path / "x.dat").unlink()
    with pytest.raises(DbmNotFound, match=r"x\.dat"):
        DumbReader(tmp_path / "x")
