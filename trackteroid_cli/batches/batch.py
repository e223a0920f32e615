"""One batch: the operations of a recorded session, with where they came from, in one dbm file.

| key | value (JSON, UTF-8) |
| --- | --- |
| ``__batch__`` | the `Header` |
| ``operation/0000000001``… | an operation (see `operations`), in recorded order |
| ``entity/Type/key`` | the `Label` of an entity that the operations mention |
| ``journal/0001``… | an `Attempt` to commit the batch |
| ``kept/Type/key`` | what was kept of an entity that a commit deletes (see `keeping`) |

Reading never runs anything that a file holds: it is data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from trackteroid_cli.batches import dbm as dbmfile
from trackteroid_cli.batches.operations import Identity, Operation, from_json, to_json
from trackteroid_cli.errors import BatchUnreadable, InvalidOperation, NotFound, StorageError

if TYPE_CHECKING:
    from trackteroid_cli.batches.dbm import Reader

#: The version of the layout. A file with a later one is refused, never guessed at.
FORMAT = 1

_HEADER = b"__batch__"
_OPERATION = b"operation/"
_ENTITY = b"entity/"
_JOURNAL = b"journal/"
_KEPT = b"kept/"


@dataclass(frozen=True, slots=True)
class Header:
    """Where a batch came from.

    ``created`` is UTC, ISO 8601. ``server`` is the URL that the session was connected to, ``''``
    where the file does not tell. ``counts`` has the number of operations of each kind.

    A batch that was recorded offline has in ``replica`` when what its author saw was pulled, in the
    form of ``created``; and in ``built_on`` the ids of the batches that waited then, and that
    created or changed what it mentions.
    """

    id: str
    name: str
    created: str
    user: str = ""
    host: str = ""
    argv: list[str] = field(default_factory=list)
    script_digest: str = ""
    server: str = ""
    api_user: str = ""
    version: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    replica: str = ""
    built_on: list[str] = field(default_factory=list)
    format: int = FORMAT


class Label(NamedTuple):
    """What a person calls an entity: its own label, and the names from the project down to it."""

    label: str
    link: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the path where it is known: ``showroom / sq010 / sh010``."""
        return " / ".join(self.link) or self.label


@dataclass(frozen=True, slots=True)
class Attempt:
    """One step of an attempt to commit.

    ``outcome`` is ``sending`` before a request. After it, it is ``sent`` (more is to come),
    ``landed`` (the server has it all), ``refused``, ``unknown`` (the answer was lost) or
    ``unreached``; or it is ``held``, where conflicts kept the batch from being sent. ``discarded``
    and ``restored`` tell that the batch was thrown away, and brought back. ``up_to`` is how many of
    the batch's operations, from the first, the server has after the request; ``left_out`` the
    positions, from 0, of those that were left out because of conflicts.
    """

    when: str
    outcome: str
    user: str = ""
    host: str = ""
    server: str = ""
    reason: str = ""
    up_to: int = 0
    left_out: list[int] = field(default_factory=list)


class Batch:
    """A batch file, open for reading; a context manager.

    Raises:
        NotFound: there is no such file.
        BatchUnreadable: the file is damaged, is not a batch, or is of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reading(path):
            self._reader: Reader = dbmfile.open_reader(path)
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
            found = 0
            for key, value in self._reader.items_with_prefix(_OPERATION):
                found += 1
                if int(key[len(_OPERATION) :]) != found:
                    raise ValueError(f"operation {found} is missing")
                yield from_json(json.loads(value))
            if found != sum(self.header.counts.values()):
                raise ValueError(
                    f"it should hold {sum(self.header.counts.values())} operations, not {found}"
                )

    def labels(self) -> dict[Identity, Label]:
        """Return what the entities that the operations mention are called."""
        with _reading(self.path):
            if self.legacy is not None:
                return dict(_legacy_labels(self.legacy.entities))
            return {
                _read_entity_key(key, _ENTITY): _read_label(json.loads(value))
                for key, value in self._reader.items_with_prefix(_ENTITY)
            }

    def journal(self) -> list[Attempt]:
        """Return the attempts to commit the batch, the first one first."""
        with _reading(self.path):
            if self.legacy is not None:
                return []
            # By number, not by name: there may be more than four digits have room for.
            numbered = sorted(
                (int(key[len(_JOURNAL) :]), value)
                for key, value in self._reader.items_with_prefix(_JOURNAL)
            )
            return [
                Attempt(**_known_parts(Attempt, json.loads(value), f"journal/{number:04d}"))
                for number, value in numbered
            ]

    def kept(self) -> dict[Identity, Any]:
        """Return what a commit kept of the entities that it deleted, as `keeping` wrote it."""
        with _reading(self.path):
            if self.legacy is not None:
                return {}
            return {
                _read_entity_key(key, _KEPT): json.loads(value)
                for key, value in self._reader.items_with_prefix(_KEPT)
            }

    def _read_header(self) -> tuple[Any, Header]:
        from trackteroid_cli.batches import legacy

        text = self._reader.get(_HEADER)
        if text is None:
            if legacy.is_legacy(self._reader):
                old = legacy.read_legacy(self._reader)
                return old, _legacy_header(self.path, old.operations)
            raise ValueError("it is a dbm file, but not a batch")
        document = json.loads(text)
        if not isinstance(document, dict) or not isinstance(document.get("format"), int):
            raise ValueError("its header is damaged")
        if document["format"] > FORMAT:
            raise BatchUnreadable(
                f"cannot read {self.path}",
                why=f"it has format version {document['format']}, and this trackteroid "
                f"reads up to {FORMAT}",
                hint="upgrade trackteroid on this machine; the file is left as it is",
            )
        return None, Header(**_known_parts(Header, document, "header"))


def write(
    path: Path,
    header: Header,
    operations: Iterable[bytes],
    labels: Mapping[Identity, Label],
    *,
    replace: bool = False,
) -> None:
    """Write a batch file: it appears at *path* whole, or not at all.

    Args:
        operations: the JSON text of each operation, in order.
        replace: whether a file that is there already is given up.

    Raises:
        StorageError: the disk refuses, or *path* exists.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            dbmfile.create(path, _pairs(header, operations, labels), replace=replace)
        except FileExistsError:
            raise StorageError(
                f"cannot write the batch to {path}",
                why="there is something of that name already",
                hint="give another name, or move the old file away",
            ) from None
    except (OSError, dbmfile.DbmError) as error:
        raise StorageError(
            f"cannot write the batch to {path}",
            why=getattr(error, "strerror", None) or getattr(error, "why", "") or str(error),
            hint="nothing was recorded and nothing was sent; make room or give another folder "
            "(TRACKTEROID_HOME, or -o FILE), then run the script again",
        ) from error


def append_attempt(path: Path, attempt: Attempt) -> None:
    """Add *attempt* to the journal of the batch at *path*, durably.

    Raises:
        StorageError: the disk refuses.
    """
    with Batch(path) as batch:
        number = len(batch.journal()) + 1
    value = _dump({key: text for key, text in asdict(attempt).items() if text})
    _append(path, [(_JOURNAL + b"%04d" % number, value)])


def append_preimages(path: Path, documents: Mapping[Identity, Any]) -> None:
    """Add what is kept of each entity to the batch at *path*: all of it, durably, or nothing.

    Args:
        documents: JSON values; of no entity may something be kept already.

    Raises:
        StorageError: the disk refuses.
    """
    _append(
        path, [(_write_entity_key(each, _KEPT), _dump(text)) for each, text in documents.items()]
    )


def _append(path: Path, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    try:
        dbmfile.append(path, pairs)
    except (OSError, dbmfile.DbmError) as error:
        raise StorageError(
            f"cannot write to {path}",
            why=getattr(error, "strerror", None) or getattr(error, "why", "") or str(error),
            hint="the batch is kept as it was; make the file writable or make room, then try again",
        ) from error


def encode_operations(operations: Iterable[Operation]) -> list[bytes]:
    """Return the JSON text of each operation, as `write` takes them."""
    return [_dump(to_json(operation)) for operation in operations]


def _pairs(
    header: Header, operations: Iterable[bytes], labels: Mapping[Identity, Label]
) -> Iterator[tuple[bytes, bytes]]:
    yield _HEADER, _dump(asdict(header))
    for number, text in enumerate(operations, start=1):
        yield b"operation/%010d" % number, text
    for entity, label in labels.items():
        document = {"label": label.label, "link": list(label.link)}
        yield _write_entity_key(entity, _ENTITY), _dump(document)


def _dump(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _write_entity_key(entity: Identity, prefix: bytes) -> bytes:
    entity_type, key = entity
    return prefix + f"{entity_type}/{json.dumps(key) if len(key) > 1 else key[0]}".encode()


def _read_entity_key(key: bytes, prefix: bytes) -> Identity:
    entity_type, _, text = key[len(prefix) :].decode().partition("/")
    return entity_type, tuple(json.loads(text)) if text.startswith("[") else (text,)


#: Whether a value is what a header or an attempt has, by the annotation of the part.
_SOUND: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: isinstance(value, int),
    "str": lambda value: isinstance(value, str),
    "list[int]": lambda value: isinstance(value, list) and all(map(_SOUND["int"], value)),
    "list[str]": lambda value: isinstance(value, list) and all(map(_SOUND["str"], value)),
    "dict[str, int]": lambda value: (
        isinstance(value, dict) and all(map(_SOUND["int"], value.values()))
    ),
}


def _known_parts(kind: type[Header | Attempt], document: Any, name: str) -> dict[str, Any]:
    """Return the parts of *document* that *kind* has; a later version may have added others."""
    if not isinstance(document, dict):
        raise ValueError(f"its {name} is damaged")
    known = {each.name: each.type for each in fields(kind) if each.name in document}
    for part, annotation in known.items():
        if not _SOUND[str(annotation)](document[part]):
            raise ValueError(f"its {name} is damaged: {part!r} is {document[part]!r:.60}")
    return {part: document[part] for part in known}


def _read_label(document: Any) -> Label:
    if not isinstance(document, dict):
        raise ValueError("the name of an entity is damaged")
    return Label(str(document.get("label", "")), tuple(map(str, document.get("link", ()))))


def _legacy_header(path: Path, operations: list[dict[str, Any]]) -> Header:
    """Make up the header that a Trackteroid file lacks, always the same for the same file."""
    import hashlib
    from datetime import datetime, timezone

    from trackteroid_cli.batches.operations import counts

    text = json.dumps(operations, sort_keys=True).encode()
    written = (dbmfile.existing_file(path) or path).stat().st_mtime
    return Header(
        id=f"legacy-{hashlib.sha256(text).hexdigest()[:16]}",
        name=path.stem,
        created=datetime.fromtimestamp(written, timezone.utc).isoformat(timespec="seconds"),
        counts=counts(from_json(document) for document in operations),
    )


def _legacy_labels(
    entities: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Iterator[tuple[Identity, Label]]:
    for (entity_type, key), data in entities.items():
        for name in ("full_name", "name", "username", "label", "key"):
            if isinstance(data.get(name), str) and data[name]:
                yield (entity_type, (key,)), Label(data[name])
                break


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while reading *path* into one error that names it."""
    try:
        yield
    except dbmfile.DbmNotFound as error:
        raise NotFound(error.what, why=error.why, hint=error.hint) from error
    except dbmfile.DbmError as error:
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


def created_now() -> str:
    """Return the present moment as headers and journals hold it: UTC, to the millisecond."""
    from datetime import datetime, timezone

    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
