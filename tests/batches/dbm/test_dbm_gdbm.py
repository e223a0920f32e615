"""GNU dbm files, read without the GNU library."""

from __future__ import annotations

import struct
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.batches.dbm.gdbm_format import BLOCK, MACHINES, Machine, build
from tests.support.generated import part
from trackteroid_cli.batches.dbm import DbmCorrupt, DbmError, DbmForeign, open_reader
from trackteroid_cli.batches.dbm.gdbm import GdbmReader

PAIRS = {b"key %d" % number: b"value %d" % number * number for number in range(100)}
BITS_64 = MACHINES["64 bits"]


def content(path: Path) -> dict[bytes, bytes]:
    with GdbmReader(path) as reader:
        assert len(reader) == len(list(reader))
        return dict(reader)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())
@pytest.mark.parametrize("count", [0, 1, 100])
def test_a_file_of_any_machine_is_read(machine: Machine, count: int, tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    pairs = dict(list(PAIRS.items())[:count])
    path.write_bytes(build(pairs, machine))
    assert content(path) == pairs
    with open_reader(path) as reader:
        assert isinstance(reader, GdbmReader)
        assert reader.keys_with_prefix(b"key 1") == sorted(k for k in pairs if b"key 1" in k)


@given(st.dictionaries(st.binary(), st.binary(), max_size=40))
@settings(deadline=None, max_examples=part(30))
def test_any_bytes_are_read(pairs: dict[bytes, bytes]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.dbm")
        path.write_bytes(build(pairs, BITS_64))
        assert content(path) == pairs


@pytest.mark.skipif(find_spec("_gdbm") is None, reason="this Python has no dbm.gnu")
@pytest.mark.parametrize("count", [0, 1, 2000])
def test_what_the_gnu_library_wrote_is_read(count: int, tmp_path: Path) -> None:
    import dbm.gnu

    path = tmp_path / "x.dbm"
    pairs = {b"key %d" % number: b"v" * (number * 7 % 3000) for number in range(count)}
    with dbm.gnu.open(str(path), "n") as database:
        for key, value in pairs.items():
            database[key] = value
        for key in list(pairs)[::3]:
            del database[key]
            del pairs[key]
    assert content(path) == pairs


@pytest.mark.skipif(find_spec("_gdbm") is None, reason="this Python has no dbm.gnu")
def test_the_gnu_library_reads_what_these_tests_build(tmp_path: Path) -> None:
    import dbm.gnu

    (tmp_path / "x.dbm").write_bytes(build(PAIRS, BITS_64))
    with dbm.gnu.open(str(tmp_path / "x.dbm"), "r") as database:
        assert {key: database[key] for key in PAIRS} == PAIRS


@pytest.mark.parametrize("kept", [4, 20, 100, BLOCK, BLOCK + 30, 3 * BLOCK, -BLOCK])
def test_a_truncated_file_is_refused_with_its_name(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "publish.dbm"
    path.write_bytes(build(PAIRS, BITS_64)[:kept])
    with pytest.raises(DbmCorrupt, match=r"publish\.dbm"):
        content(path)


def test_a_missing_end_of_a_value_is_noticed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    path.write_bytes(build({b"a": b"v" * 5000}, BITS_64)[: -2 * BLOCK])
    with pytest.raises(DbmCorrupt, match="a value is missing"):
        GdbmReader(path)


def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    path.write_bytes(build({b"a": b"v" * 50_000}, BITS_64))
    with GdbmReader(path) as reader:
        path.write_bytes(path.read_bytes()[:6000])
        with pytest.raises(DbmCorrupt, match="shorter"):
            reader[b"a"]


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.dbm").write_bytes(b"text")
    with pytest.raises(DbmForeign, match="not a GNU dbm file"):
        GdbmReader(tmp_path / "x.dbm")


def overwrite(offset: int, layout: str, *numbers: int) -> bytes:
    """A sound file, in which some numbers are replaced."""
    file = bytearray(build(PAIRS, BITS_64))
    struct.pack_into(layout, file, offset, *numbers)
    return bytes(file)


def first_element(position: int) -> int:
    """The offset of a field in the first element of the first bucket that is in use."""
    file = build(PAIRS, BITS_64)
    (first,) = struct.unpack_from("<q", file, BLOCK)
    used = next(at for at in range(first, len(file), BLOCK) if file[at + 108])
    table = range(used + 112, used + BLOCK, 24)
    return next(at for at in table if struct.unpack_from("<i", file, at) != (-1,)) + position


def test_sizes_that_add_up_beyond_the_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    path.write_bytes(overwrite(first_element(20), "<i", 2**31 - 1))
    with pytest.raises(DbmCorrupt, match="a size in it cannot be"):
        content(path)


def test_values_that_share_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    (offset,) = struct.unpack_from("<q", build(PAIRS, BITS_64), first_element(8))
    to_the_end = len(build(PAIRS, BITS_64)) - offset - 20
    path.write_bytes(overwrite(first_element(20), "<i", to_the_end))
    with pytest.raises(DbmCorrupt, match="a size in it cannot be"):
        content(path)


def test_negative_sizes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    path.write_bytes(overwrite(first_element(16), "<ii", -5, 5))
    with pytest.raises(DbmCorrupt, match="a size in it cannot be"):
        content(path)


def test_a_key_at_a_wrong_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    path.write_bytes(overwrite(first_element(8), "<q", 1))
    with pytest.raises(DbmCorrupt, match="not where it should be"):
        content(path)


def test_a_bucket_that_the_directory_forgot_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    (first,) = struct.unpack_from("<q", build(PAIRS, BITS_64), BLOCK)
    path.write_bytes(overwrite(BLOCK, "<qq", first, first))
    with pytest.raises(DbmCorrupt, match="directory contradicts"):
        content(path)


def test_a_bucket_that_lost_an_element_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    path.write_bytes(overwrite(first_element(0), "<i", -1))
    with pytest.raises(DbmCorrupt, match="holds not what it counts"):
        content(path)


def test_overlapping_buckets_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.dbm"
    bits = 9
    header = struct.pack("<Iiqiiiiq", 0x13579ACF, 4096, 512, 8 << bits, bits, 4096, 166, 8192)
    directory = struct.pack(f"<{1 << bits}q", *range(512, 512 + (1 << bits)))
    path.write_bytes(header.ljust(512, b"\0") + directory + bytes(8192))
    with pytest.raises(DbmCorrupt, match="buckets do not fit"):
        content(path)


@given(st.data())
@settings(deadline=None, max_examples=part(200))
def test_a_damaged_file_raises_our_error_or_none(data: st.DataObject) -> None:
    machine = data.draw(st.sampled_from(list(MACHINES.values())))
    file = bytearray(build({b"key %d" % n: b"v" * n for n in range(20)}, machine))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, 40) | st.integers(0, len(file) - 1))
        file[place] = data.draw(st.integers(0, 255))
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.dbm")
        path.write_bytes(file)
        with suppress(DbmError):
            content(path)
