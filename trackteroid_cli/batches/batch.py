"""A batch: the operations of one recording for one server, in one dbm file.

| key | value (JSON, UTF-8) |
| --- | --- |
| ``__batch__`` | the `Header` |
| ``operation/0000000001``… | an operation (see `operations`), in recorded order |
| ``upload/0000000001``… | an `Upload` that comes before the operations |
| ``follow-up/0000000001``… | a `FollowUp` that comes after them, in recorded order |
| ``entity/Type/key`` | the `Label` of an entity that the operations mention |
| ``journal/0001``… | an `Attempt` to commit the batch |
| ``kept/Type/key`` | the preimage of an entity that a commit deletes (see `replay.preimages`) |
| ``step/0000000001``… | a `Step` of an upload or a follow-up |

Reading never runs anything that a file holds: it is data. The header has a digest of the
operations, the uploads and the follow-ups, so that what is sent is what was recorded, and what a
review showed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackteroid_cli import moments
from trackteroid_cli.batches import dbm
from trackteroid_cli.batches.documents import read_document, read_json, read_operation
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, read_follow_up
from trackteroid_cli.batches.enclosures.steps import Step
from trackteroid_cli.batches.enclosures.uploads import Upload, read_upload
from trackteroid_cli.batches.header import FORMAT, Header
from trackteroid_cli.batches.ids import id_in, is_id
from trackteroid_cli.batches.journal import Attempt, Journal
from trackteroid_cli.batches.labels import Label
from trackteroid_cli.batches.operations import Identity, Operation, from_json, to_json
from trackteroid_cli.errors import BatchUnreadable, InvalidOperation, NotFound, StorageError
from trackteroid_cli.files import make_folder_of, storing

if TYPE_CHECKING:
    from trackteroid_cli.batches.dbm import Reader
    from trackteroid_cli.batches.legacy import LegacyBatch

_HEADER = b"__batch__"
_OPERATION = b"operation/"
_UPLOAD = b"upload/"
_FOLLOW_UP = b"follow-up/"
_ENTITY = b"entity/"
_JOURNAL = b"journal/"
_PREIMAGE = b"kept/"
_STEP = b"step/"


class Batch:
    """A batch file, open for reading; a context manager.

    Raises:
        NotFound: there is no such file.
        BatchUnreadable: the file is damaged, is not a batch, or is of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reading(path):
            self._reader: Reader = dbm.open_reader(path)
        try:
            with _reading(path):
                self.legacy, self.header = self._read_header()
        except BaseException:
            self._reader.close()
            raise

    def __enter__(self) -> Batch:
        """Return the batch."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def operations(self) -> Iterator[Operation]:
        """Yield the operations in recorded order."""
        with _reading(self.path):
            if self.legacy is not None:
                yield from (from_json(document) for document in self.legacy.operations)
                return
            found, digest = 0, hashlib.sha256()
            for key, value in self._reader.items_with_prefix(_OPERATION):
                found += 1
                if int(key[len(_OPERATION) :]) != found:
                    raise ValueError(f"operation {found} is missing")
                _add_to(digest, value)
                yield from_json(read_operation(value))
            if found != sum(self.header.counts.values()):
                raise ValueError(
                    f"it should hold {sum(self.header.counts.values())} operations, not {found}"
                )
            for prefix, expected in (
                (_UPLOAD, self.header.uploads),
                (_FOLLOW_UP, self.header.follow_ups),
            ):
                for value in self._enclosed(prefix, expected):
                    _add_to(digest, value)
            if self.header.digest not in ("", digest.hexdigest()):
                raise ValueError("its operations are not those that were recorded")

    def uploads(self) -> list[Upload]:
        """Return the uploads in recorded order."""
        with _reading(self.path):
            found = self._enclosed(_UPLOAD, self.header.uploads)
            return [read_upload(read_json(value)) for value in found]

    def follow_ups(self) -> list[FollowUp]:
        """Return the follow-ups in recorded order."""
        with _reading(self.path):
            found = self._enclosed(_FOLLOW_UP, self.header.follow_ups)
            return [read_follow_up(read_operation(value)) for value in found]

    def steps(self) -> list[Step]:
        """Return what commits have done of the uploads and follow-ups, the first one first."""
        with _reading(self.path):
            if self.legacy is not None:
                return []
            found = self._reader.items_with_prefix(_STEP)
            return [read_document(Step, read_json(value), key.decode()) for key, value in found]

    def count(self, prefix: bytes) -> int:
        """Return how many keys of the file begin with *prefix*; what they hold is not read."""
        with _reading(self.path):
            return len(self._reader.keys_with_prefix(prefix))

    def _enclosed(self, prefix: bytes, expected: int) -> list[bytes]:
        """Return the JSON texts of all uploads, or of all follow-ups."""
        if self.legacy is not None:
            return []
        found = self._reader.items_with_prefix(prefix)
        numbers = [int(key[len(prefix) :]) for key, _ in found]
        if numbers != list(range(1, expected + 1)):
            raise ValueError(f"it should hold {expected} of {prefix.decode()}, not {len(numbers)}")
        return [value for _, value in found]

    def labels(self) -> dict[Identity, Label]:
        """Return the labels of the entities that the operations mention."""
        with _reading(self.path):
            if self.legacy is not None:
                return dict(self.legacy.labels())
            return {
                _read_entity_key(key, _ENTITY): _read_label(read_json(value))
                for key, value in self._reader.items_with_prefix(_ENTITY)
            }

    def journal(self) -> Journal:
        """Return the attempts to commit the batch."""
        with _reading(self.path):
            if self.legacy is not None:
                return Journal()
            # By number, not by name: there may be more than four digits have room for.
            numbered = sorted(
                (int(key[len(_JOURNAL) :]), value)
                for key, value in self._reader.items_with_prefix(_JOURNAL)
            )
            return Journal(
                tuple(
                    read_document(Attempt, read_json(value), f"journal/{number:04d}")
                    for number, value in numbered
                )
            )

    def preimages(self) -> dict[Identity, Any]:
        """Return the preimages of deleted entities, as `append_preimages` got them."""
        with _reading(self.path):
            if self.legacy is not None:
                return {}
            return {
                _read_entity_key(key, _PREIMAGE): read_json(value)
                for key, value in self._reader.items_with_prefix(_PREIMAGE)
            }

    def _read_header(self) -> tuple[LegacyBatch | None, Header]:
        text = self._reader.get(_HEADER)
        if text is None:
            from trackteroid_cli.batches import legacy

            if legacy.is_legacy(self._reader):
                old = legacy.read_legacy(self._reader)
                return old, old.header(self.path)
            raise ValueError("it is a dbm file, but not a batch")
        document = read_json(text)
        if not isinstance(document, dict) or not isinstance(document.get("format"), int):
            raise ValueError("its header is damaged")
        if document["format"] > FORMAT:
            raise BatchUnreadable(
                f"cannot read {self.path}",
                why=f"it has format version {document['format']}, and this trackteroid "
                f"reads up to {FORMAT}",
                hint="upgrade trackteroid on this machine; the file is left as it is",
            )
        header = read_document(Header, document, "header")
        if not is_id(header.id):
            raise ValueError(f"its header is damaged: 'id' is {header.id!r:.60}")
        for part in (header.created, header.replica):
            if part and moments.parse(part).tzinfo is None:
                raise ValueError(f"its header is damaged: {part!r:.60} is no moment")
        if id_in(self.path.name) not in ("", header.id):
            raise ValueError(f"its name is that of another batch: its header says {header.id}")
        return None, header


def write(
    path: Path,
    header: Header,
    operations: Iterable[bytes],
    labels: Mapping[Identity, Label],
    *,
    uploads: Sequence[Upload] = (),
    follow_ups: Sequence[FollowUp] = (),
    replace: bool = False,
) -> None:
    """Write a batch file: it appears at *path* whole, or not at all.

    Args:
        operations: the JSON text of each operation, in order.
        uploads, follow_ups: in order; copies of the bytes are where they belong already.
        replace: whether a file that is there already is given up.

    Raises:
        StorageError: the disk refuses, or *path* exists.
    """
    with storing(
        f"cannot write the batch to {path}",
        hint="nothing was recorded and nothing was sent; make room or give another folder "
        "(TRACKTEROID_HOME, or -o FILE), then run the script again",
        also=(dbm.DbmError,),
    ):
        make_folder_of(path)
        try:
            enclosed = [
                [encode_json(each.to_json()) for each in uploads],
                [encode_json(each.to_json()) for each in follow_ups],
            ]
            dbm.create(path, _pairs(header, operations, labels, *enclosed), replace=replace)
        except FileExistsError:
            raise name_taken(path) from None


def name_taken(path: Path) -> StorageError:
    """Return the error that a batch cannot be written to *path*, which exists."""
    return StorageError(
        f"cannot write the batch to {path}",
        why="there is something of that name already",
        hint="give another name, or move the old file away",
    )


def append_attempt(path: Path, attempt: Attempt) -> None:
    """Add *attempt* to the journal of the batch at *path*, durably.

    Raises:
        StorageError: the disk refuses.
    """
    _append_next(path, _JOURNAL + b"%04d", attempt)


def append_step(path: Path, step: Step) -> None:
    """Add the *step* of an upload or a follow-up to the batch at *path*, durably.

    Raises:
        StorageError: the disk refuses.
    """
    _append_next(path, _STEP + b"%010d", step)


def _append_next(path: Path, key: bytes, record: Attempt | Step) -> None:
    """Add *record* behind the others of its kind.

    Args:
        key: with a place for the number.
    """
    with Batch(path) as batch:
        number = batch.count(key.partition(b"%")[0]) + 1
    value = encode_json({name: part for name, part in asdict(record).items() if part})
    _append(path, [(key % number, value)])


def append_preimages(path: Path, documents: Mapping[Identity, object]) -> None:
    """Add the preimages of deleted entities to the batch at *path*: all of them, or none.

    Args:
        documents: JSON values; the batch holds none for these entities yet.

    Raises:
        StorageError: the disk refuses.
    """
    _append(
        path,
        [
            (_write_entity_key(each, _PREIMAGE), encode_json(text))
            for each, text in documents.items()
        ],
    )


def encode_operations(operations: Iterable[Operation]) -> list[bytes]:
    """Return the JSON text of each operation, as `write` takes them."""
    return [encode_json(to_json(operation)) for operation in operations]


def _append(path: Path, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    with storing(
        f"cannot write to {path}",
        hint="the batch is kept as it was; make the file writable or make room, then try again",
        also=(dbm.DbmError,),
    ):
        dbm.append(path, pairs)


def _pairs(
    header: Header,
    operations: Iterable[bytes],
    labels: Mapping[Identity, Label],
    uploads: Sequence[bytes],
    follow_ups: Sequence[bytes],
) -> Iterator[tuple[bytes, bytes]]:
    digest = hashlib.sha256()
    parts = ((_OPERATION, operations), (_UPLOAD, uploads), (_FOLLOW_UP, follow_ups))
    for prefix, texts in parts:
        for number, text in enumerate(texts, start=1):
            _add_to(digest, text)
            yield prefix + b"%010d" % number, text
    complete = replace(
        header,
        uploads=len(uploads),
        follow_ups=len(follow_ups),
        digest=digest.hexdigest(),
        format=FORMAT if uploads or follow_ups else header.format,
    )
    yield _HEADER, encode_json(asdict(complete))
    for entity, label in labels.items():
        document = {"label": label.label, "link": list(label.link)}
        yield _write_entity_key(entity, _ENTITY), encode_json(document)


def _add_to(digest: hashlib._Hash, operation: bytes) -> None:
    digest.update(operation)
    digest.update(b"\n")  # which no JSON text of an operation has


def encode_json(document: object) -> bytes:
    """Return *document* in its JSON form, as a batch holds it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _write_entity_key(entity: Identity, prefix: bytes) -> bytes:
    key = json.dumps(entity.key) if len(entity.key) > 1 else entity.key[0]
    return prefix + f"{entity.entity_type}/{key}".encode("utf-8", "surrogatepass")


def _read_entity_key(key: bytes, prefix: bytes) -> Identity:
    entity_type, _, text = key[len(prefix) :].decode("utf-8", "surrogatepass").partition("/")
    return Identity(entity_type, tuple(json.loads(text)) if text.startswith("[") else (text,))


def _read_label(document: object) -> Label:
    if not isinstance(document, dict):
        raise ValueError("the name of an entity is damaged")
    return Label(str(document.get("label", "")), tuple(map(str, document.get("link", ()))))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while reading *path* into one error that names it."""
    try:
        yield
    except dbm.DbmNotFound as error:
        raise NotFound(error.what, why=error.why, hint=error.hint) from error
    except dbm.DbmError as error:
        raise BatchUnreadable(error.what, why=error.why, hint=error.hint) from error
    except InvalidOperation as error:
        raise _damaged(path, error.why) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> BatchUnreadable:
    return BatchUnreadable(
        f"cannot read {path}",
        why=why,
        hint="it may be damaged, or not a batch of trackteroid; the file is left as it is",
    )
