"""Overlays: a replica with batches applied, as the server will be once they are committed.

An overlay is a file of its own, kept where the batches are and not beside the replica, which
others may read too. It is built when it is first needed, from an overlay with fewer of the same
batches if there is one, and kept for the next use.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli import moments
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.operations import Operation
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.batches.squashing import Payload, squash
from trackteroid_cli.errors import NotFound, ReplicaError, TrackteroidError, logger, visible
from trackteroid_cli.files import (
    file_lock,
    kept_folder,
    make_file,
    move_database,
    remove_database,
    storing,
)
from trackteroid_cli.offline import replicas
from trackteroid_cli.offline.pulled_moments import PulledMoments
from trackteroid_cli.settings import folder_name, normalise_url

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine
    from trackteroid_cli.engine.writing.transaction import Change
    from trackteroid_cli.offline.holdings import Holdings
    from trackteroid_cli.offline.replicas import Replica

_logger = logger(__name__)

#: The states of batches that are seen offline, if the replica lacks them.
_SEEN = (State.PENDING, State.COMMITTING, State.COMMITTED)

#: How many overlays of one replica are kept; each is a file as large as the replica.
_KEPT_OVERLAYS = 2


@dataclass(frozen=True, slots=True)
class OverlaidBatch:
    """A batch of an overlay; *landed* is when the server got it, '' if it waits."""

    entry: Entry
    header: Header
    landed: str = ""


def batches_to_overlay(
    replica: Replica, spool: Spool, *, without_pending: bool = False
) -> list[OverlaidBatch]:
    """Return the batches that *replica* lacks, in recorded order.

    These are the batches that wait for its server, unless *without_pending*, and those that landed
    there after the oldest part of the replica was pulled. One that cannot be read is left out with
    a warning.
    """
    states = (State.COMMITTED,) if without_pending else _SEEN
    found = (_overlaid(replica, spool, entry) for entry in spool.entries(states))
    return [each for each in found if each is not None]


def _overlaid(replica: Replica, spool: Spool, entry: Entry) -> OverlaidBatch | None:
    """Return *entry* as a batch of an overlay; None if the replica does not lack it."""
    oldest = replica.holdings.oldest
    if entry.state is State.COMMITTED and not _written_since(entry, oldest):
        return None
    try:
        with Batch(entry.path) as batch:
            header, journal = batch.header, batch.journal()
        last = journal.last
        landed = last.when if entry.state is State.COMMITTED and last is not None else ""
        is_pulled = landed and moments.parse(landed) < moments.parse(oldest)
        moments.parse(header.created)  # that of its changes
    except NotFound:
        now = spool.current(entry.id)
        has_moved = now is not None and now.path != entry.path and now.state in _SEEN
        return _overlaid(replica, spool, now) if now is not None and has_moved else None
    except (TrackteroidError, ValueError) as error:
        _logger.warning("batch %s (%s) is not seen offline: %s", entry.id, entry.name, error)
        return None
    same_server = header.server in ("", normalise_url(replica.holdings.server))
    return OverlaidBatch(entry, header, landed) if same_server and not is_pulled else None


def open_batch(overlaid: OverlaidBatch) -> Batch:
    """Return the file of a batch, opened where it is now: a commit may move it at any time.

    Raises:
        NotFound: it is gone.
        BatchUnreadable: it is damaged.
    """
    entry = overlaid.entry
    try:
        return Batch(entry.path)
    except NotFound:
        now = Spool(entry.path.parent.parent).current(entry.id)
        if now is None:
            raise
        return Batch(now.path)


def open_overlay(replica: Replica, batches: Sequence[OverlaidBatch]) -> Engine:
    """Return an engine on *replica* with *batches* applied; the caller closes it.

    A batch that cannot be applied, such as one about a project that is not held, is left out with a
    warning.

    Raises:
        ReplicaError: the disk refuses, or the replica cannot be read.
    """
    if not batches:
        return replicas.open_engine(replica)
    with storing(
        f"cannot lay the batches that wait over the replica {replica.path}",
        hint="make room or correct the permissions; --without-pending goes without them",
        also=(sqlite3.Error,),
        error_type=ReplicaError,
    ):
        folder = _folder(replica)
        files = [folder / f"{name}.sqlite" for name in _overlay_names(replica, batches)]
        with file_lock(folder / "lock"):
            try:
                engine = _open_or_build(replica, batches, files)
            except ReplicaError:  # an overlay is damaged, if it is not the replica itself
                _remove_all_but(None, folder, kept=0)
                engine = _open_or_build(replica, batches, files)
    for text in filter(None, engine.store.get_setting("left_out").split("\n")):
        _logger.warning("%s", text)
    return engine


def apply_operations(
    engine: Engine, operations: Iterable[Operation], *, user: str, moment: str
) -> list[Change]:
    """Apply *operations* to *engine*, except those whose result is already there.

    Returns:
        The rows that were changed.

    Raises:
        EngineError: the engine refuses them; nothing was changed.
    """
    payloads = list(_without_landed(engine, squash(operations)))
    if not payloads:
        return []
    return engine.apply(payloads, user=user, moment=_engine_moment(moment))


@contextmanager
def copied_engine(engine: Engine, path: Path) -> Iterator[Engine]:
    """Yield an engine on a copy, at *path*, of the data of *engine*; close it afterwards."""
    make_file(path)
    with closing(sqlite3.connect(path)) as target:
        engine.store.connection.backup(target)
    copy = type(engine)(path, server_url=engine.server_url)
    try:
        yield copy
    finally:
        copy.close()


def _folder(replica: Replica) -> Path:
    """Return (and make) the folder of the overlays on the generations of *replica*."""
    # They lay beside the replica once, each as large as it is.
    shutil.rmtree(replica.path.parent / "overlays", ignore_errors=True)
    return kept_folder("overlays", folder_name(replica.holdings.server))


def _open_or_build(
    replica: Replica, batches: Sequence[OverlaidBatch], files: Sequence[Path]
) -> Engine:
    """Return an engine on the last of *files*, which is built if there is none."""
    if not files[-1].exists():
        _build(replica, batches, files)
        _remove_all_but(files[-1], files[-1].parent, kept=_KEPT_OVERLAYS - 1)
    return _open_file(replica, files[-1])


def _overlay_names(replica: Replica, batches: Sequence[OverlaidBatch]) -> list[str]:
    """Return the name of the overlay with the first of *batches*, with the first two, and so on."""
    names, digest = [], hashlib.sha256(replica.path.name.encode())
    for batch in batches:
        digest.update(f"{batch.entry.id} {batch.landed}".encode())
        names.append(digest.hexdigest()[:20])
    return names


def _build(replica: Replica, batches: Sequence[OverlaidBatch], files: Sequence[Path]) -> None:
    """Build the last of *files*, from the existing one with the most batches."""
    done = next((n for n in range(len(files), 0, -1) if files[n - 1].exists()), 0)
    base = _open_file(replica, files[done - 1]) if done else replicas.open_engine(replica)
    unfinished = files[-1].with_suffix(".new")
    remove_database(unfinished)
    try:
        with copied_engine(base, unfinished) as engine:
            left_out = engine.store.get_setting("left_out")
            for batch in batches[done:]:
                left_out += _apply_batch(engine, batch, replica.holdings)
            engine.store.set_setting("left_out", left_out)
            # What a full disk leaves in the log beside the file would not be moved with it.
            engine.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        base.close()
    move_database(unfinished, files[-1])


def _apply_batch(engine: Engine, overlaid: OverlaidBatch, holdings: Holdings) -> str:
    """Apply one batch; return a line that says why it was left out, '' if it was not."""
    from trackteroid_cli.engine.storage.errors import EngineError

    header = overlaid.header
    try:
        with open_batch(overlaid) as batch:
            operations = list(batch.operations())
            journal = batch.journal()
        if overlaid.landed and journal.last is not None:
            dropped = set(journal.last.left_out)
            operations = [each for index, each in enumerate(operations) if index not in dropped]
            operations = list(_without_pulled(engine, operations, overlaid.landed, holdings))
        apply_operations(engine, operations, user=header.api_user, moment=header.created)
    except (TrackteroidError, EngineError, UnicodeEncodeError) as error:
        told = f"batch {header.id} ({header.name}) is not seen offline: {error}"
        return visible(told) + "\n"
    return ""


def _without_pulled(
    engine: Engine, operations: Iterable[Operation], landed: str, holdings: Holdings
) -> Iterator[Operation]:
    """Leave out operations on what was pulled after the batch landed.

    The replica has their result, or a later state.
    """
    pulled = PulledMoments(engine, holdings)
    for operation in operations:
        if moments.parse(pulled.of(operation)) < moments.parse(landed):
            yield operation


def _open_file(replica: Replica, path: Path) -> Engine:
    return replicas.open_engine(replicas.Replica(path, replica.holdings, replica.size))


def _without_landed(engine: Engine, payloads: Iterable[Payload]) -> Iterator[Payload]:
    """Leave out creates of entities that exist, and deletes of entities that are gone."""
    created = set()
    for payload in payloads:
        entity_type, key = payload["entity_type"], payload["entity_key"]
        if payload["action"] == "create":
            if engine.has(entity_type, key):
                continue
            created.add(tuple(key))
        if (
            payload["action"] == "delete"
            and tuple(key) not in created
            and not engine.has(entity_type, key)
        ):
            continue
        yield payload


def _remove_all_but(used: Path | None, folder: Path, *, kept: int) -> None:
    """Remove the overlays in *folder*, but the one in use and others that were made last."""
    files = [each for each in folder.glob("*.sqlite") if each != used]
    files.sort(key=lambda each: each.stat().st_mtime, reverse=True)
    for file in files[kept:]:
        with suppress(PermissionError):  # Windows keeps a file that a process has open
            remove_database(file)


def _written_since(entry: Entry, moment: str) -> bool:
    try:
        return entry.path.stat().st_mtime >= moments.parse(moment).timestamp()
    except OSError:
        return False


def _engine_moment(moment: str) -> str:
    """Return a header's moment in the form that the engine takes."""
    return f"{moments.parse(moment):%Y-%m-%d %H:%M:%S}"
