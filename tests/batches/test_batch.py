"""One batch in one file: what is written is read again, and what is damaged is refused."""

from __future__ import annotations

import dbm.dumb
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.generated import part
from trackteroid_cli.batches import dbm as dbmfile
from trackteroid_cli.batches.batch import Batch, append_attempt, encode_operations, write
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.journal import Attempt, Outcome
from trackteroid_cli.batches.labels import Label
from trackteroid_cli.batches.operations import Create, Delete, Identity, Operation, Update, counts
from trackteroid_cli.errors import BatchUnreadable, NotFound, StorageError

OPERATIONS: list[Operation] = [
    Create("Note", {"id": "9"}, {"content": "Überblick \ud83d\ude00 \udc80", "bid": 0.5}, 1),
    Update("Shot", {"id": "5f0c"}, "name", "sh020", "sh010", 1),
    Update("Shot", {"id": "5f0c"}, "description", None, commit=2),
    Delete("Metadata", {"parent_id": "1", "key": "a/b"}, 2),
]

LABELS = {
    Identity("Shot", ("5f0c",)): Label("sh010", ("showroom", "sq010", "sh010")),
    Identity("Metadata", ("1", "a/b")): Label("a/b"),
    Identity("Metadata", ("1", "\udc80")): Label("\udc80"),
}


def header(operations: list[Operation] = OPERATIONS) -> Header:
    return Header(
        id="20260131-134501-417k2f",
        name="publish",
        created="2026-01-31T13:45:01.417Z",
        argv=["publish.py", "--shot", "sh010"],
        counts=counts(operations),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A batch."""
    path = tmp_path / "folder" / "publish.dbm"
    write(path, header(), encode_operations(OPERATIONS), LABELS)
    return path


def changed(path: Path, key: bytes, value: bytes | None) -> None:
    """Put *value* in the place of what the file at *path* holds under *key*; None removes it."""
    with dbmfile.open_reader(path) as reader:
        pairs = dict(reader.items_with_prefix(b""))
    pairs.pop(key, None)
    if value is not None:
        pairs[key] = value
    dbmfile.create(path, pairs.items(), replace=True)


def test_a_batch_comes_back_as_it_was_written(path: Path) -> None:
    with Batch(path) as batch:
        assert replace(batch.header, digest="") == header()
        assert list(batch.operations()) == OPERATIONS
        assert batch.labels() == LABELS
        assert list(batch.journal()) == []
    assert [each.name for each in path.parent.iterdir()] == ["publish.dbm"]


def test_operations_that_were_changed_since_are_refused(path: Path) -> None:
    other = encode_operations([replace(OPERATIONS[1], new_value="sh030")])
    changed(path, b"operation/0000000002", other[0])
    with Batch(path) as batch, pytest.raises(BatchUnreadable, match="not those that were recorded"):
        list(batch.operations())


def test_operations_keep_their_order_however_many_there_are(tmp_path: Path) -> None:
    many: list[Operation] = [Delete("Note", {"id": str(number)}) for number in range(12_345)]
    write(tmp_path / "many.dbm", header(many), encode_operations(many), {})
    with Batch(tmp_path / "many.dbm") as batch:
        assert list(batch.operations()) == many


def test_attempts_are_added_in_order_and_the_rest_stays(path: Path) -> None:
    attempts = [
        Attempt("2026-01-31T14:00:00Z", Outcome.SENDING, "ada", "farm-2", "https://studio"),
        Attempt("2026-01-31T14:01:00Z", Outcome.UNKNOWN, reason="no answer in 60 s"),
    ]
    for attempt in attempts:
        append_attempt(path, attempt)
    with Batch(path) as batch:
        assert list(batch.journal()) == attempts
        assert list(batch.operations()) == OPERATIONS


def test_a_file_that_is_there_is_given_up_only_on_purpose(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(StorageError, match="something of that name already"):
        write(path, header([]), [], {})
    assert path.read_bytes() == before
    write(path, header([]), [], {}, replace=True)
    with Batch(path) as batch:
        assert list(batch.operations()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/publish\.dbm") as error:
        write(tmp_path / "file" / "publish.dbm", header(), [], {})
    assert "run the script again" in error.value.hint


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        (b"operation/0000000002", None, "operation 2 is missing"),
        (b"operation/0000000004", None, "it should hold 4 operations, not 3"),
        (b"operation/0000000002", b"{", "Expecting"),
        (b"operation/0000000002", b'{"operation": "drop"}', "entity_type"),
        (b"operation/0000000002", b"[" * 100_000, "more than 64 deep"),
        (b"operation/x", b"{}", "invalid literal"),
        (b"operation/0000000002", b"\xff", "utf-8"),
    ],
    ids=["gap", "short", "no json", "no operation", "deep", "no number", "no text"],
)
def test_damaged_operations_are_refused_with_the_files_name(
    path: Path, key: bytes, value: bytes | None, why: str
) -> None:
    changed(path, key, value)
    with Batch(path) as batch, pytest.raises(BatchUnreadable) as error:
        list(batch.operations())
    assert error.value.what == f"cannot read {path}"
    assert why in error.value.why
    assert "left as it is" in error.value.hint


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "a dbm file, but not a batch"),
        (b"[]", "its header is damaged"),
        (b'{"format": "1"}', "its header is damaged"),
        (b'{"format": 1}', "missing"),
        (b'{"format": 1, "id": "x", "name": "x", "created": "", "counts": []}', "its header"),
        (b'{"format": 1, "id": 7, "name": "x", "created": ""}', "its header"),
        (b'{"format": 3, "id": "x"}', "format version 3"),
    ],
    ids=["none", "list", "text", "incomplete", "counts", "id", "newer"],
)
def test_a_damaged_header_is_refused(path: Path, value: bytes | None, why: str) -> None:
    changed(path, b"__batch__", value)
    with pytest.raises(BatchUnreadable) as error:
        Batch(path)
    assert why in error.value.why


@given(st.text() | st.sampled_from(["../../x", "/x", "20260131-134501-417k2f/../x"]))
@settings(deadline=None, max_examples=part(100))
def test_an_id_of_another_form_is_refused_wherever_it_would_lead(batch_id: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.dbm")
        write(path, Header(batch_id, "x", ""), [], {})
        with pytest.raises(BatchUnreadable, match="its header is damaged: 'id' is"):
            Batch(path)


def test_a_file_that_is_named_after_another_batch_is_refused(path: Path) -> None:
    other = path.rename(path.with_name("20250131-134501-417k2f.publish.dbm"))
    with pytest.raises(BatchUnreadable, match="its header says 20260131-134501-417k2f"):
        Batch(other)
    Batch(other.rename(path.with_name("20260131-134501-417k2f.publish.dbm"))).close()


def test_what_a_later_version_adds_is_passed_over(path: Path) -> None:
    document = {"format": 1, "id": "20260131-134501-000000", "name": "x", "created": ""}
    document["mood"] = "fine"
    changed(path, b"__batch__", json.dumps(document).encode())
    changed(path, b"journal/0001", b'{"when": "", "outcome": "landed", "weather": "rain"}')
    with Batch(path) as batch:
        assert batch.header == Header("20260131-134501-000000", "x", "")
        assert list(batch.journal()) == [Attempt("", Outcome.LANDED)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"journal/0001", b"[]"),
        (b"journal/0001", b'{"outcome": "landed"}'),
        (b"entity/Shot/5f0c", b"[]"),
        (b"entity/Shot/[", b"{}"),
    ],
)
def test_a_damaged_entry_beside_the_operations_is_refused(
    path: Path, key: bytes, value: bytes
) -> None:
    changed(path, key, value)
    with Batch(path) as batch, pytest.raises(BatchUnreadable, match="cannot read"):
        batch.labels() if key.startswith(b"entity") else batch.journal()


def test_every_truncation_is_refused_and_never_half_read(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(0, len(whole), 512):
        path.write_bytes(whole[:size])
        with pytest.raises(BatchUnreadable, match="cannot read"), Batch(path) as batch:
            list(batch.operations())


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no such file"):
        Batch(tmp_path / "missing.dbm")


def test_an_old_file_has_the_same_id_wherever_it_lies(tmp_path: Path) -> None:
    operation = {"operation": "delete", "entity_type": "Shot", "entity_key": {"id": "1"}}
    with dbm.dumb.open(str(tmp_path / "old"), "n") as file:
        file["__operations__"] = json.dumps(json.dumps([operation]))
        file["('Shot', ['1'])"] = json.dumps({"__entity_type__": "Shot", "name": "sh010"})
    shutil.copytree(tmp_path, tmp_path / "copy", ignore=shutil.ignore_patterns("copy"))
    with Batch(tmp_path / "old") as first, Batch(tmp_path / "copy" / "old") as second:
        assert first.header.id == second.header.id
        assert first.header.counts == {"create": 0, "update": 0, "delete": 1}
        assert list(second.operations()) == [Delete("Shot", {"id": "1"})]
        assert second.labels() == {("Shot", ("1",)): Label("sh010")}
        assert not second.journal()


def test_pythons_own_dbm_module_reads_a_batch(path: Path, python313: str) -> None:
    code = (
        "import dbm.sqlite3, json, sys\n"
        "with dbm.sqlite3.open(sys.argv[1]) as file:\n"
        "    print(json.loads(file[b'__batch__'])['name'], len(file))"
    )
    ran = subprocess.run(
        [python313, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "publish 8\n"
