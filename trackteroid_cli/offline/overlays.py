"""Overlays: a replica with batches laid over it, as the server will be once it has got them.

An overlay is a file of its own beside the replica. It is made when it is first asked for, from the
one with fewer batches if there is one, and kept for whoever asks next.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli import moments
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.operations import Create, Operation, texts
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.batches.squashing import Payload, squash
from trackteroid_cli.errors import ReplicaError, TrackteroidError
from trackteroid_cli.files import remove_database, storing
from trackteroid_cli.offline import replicas
from trackteroid_cli.offline.projects import ProjectLookup
from trackteroid_cli.settings import normalise_url

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine
    from trackteroid_cli.offline.holdings import Holdings
    from trackteroid_cli.offline.replicas import Replica

_logger = logging.getLogger(__name__)

#: How many overlays of one replica are kept; each is a file as large as the replica.
_KEPT = 2


@dataclass(frozen=True, slots=True)
class OverlaidBatch:
    """A batch that is laid over a replica; *landed* is when the server got it, '' if it waits."""

    entry: Entry
    header: Header
    landed: str = ""


def batches_over(replica: Replica, spool: Spool) -> list[OverlaidBatch]:
    """Return the batches that *replica* lacks, in recorded order.

    These are the ones that wait for its server, and those that landed there after the oldest of
    what is held was pulled.
    """
    states = (State.PENDING, State.COMMITTING, State.COMMITTED)
    oldest = replica.holdings.oldest
    found = []
    for entry in spool.entries(states):
        if entry.state is State.COMMITTED and not _written_since(entry, oldest):
            continue
        try:
            with Batch(entry.path) as batch:
                header, journal = batch.header, batch.journal()
        except TrackteroidError:
            continue  # damaged, or it has just left its place: commit tells of it
        last = journal.last
        landed = last.when if entry.state is State.COMMITTED and last is not None else ""
        for_us = header.server in ("", normalise_url(replica.holdings.server))
        if for_us and not (landed and moments.parse(landed) < moments.parse(oldest)):
            found.append(OverlaidBatch(entry, header, landed))
    return found


def open_overlay(replica: Replica, batches: Sequence[OverlaidBatch]) -> Engine:
    """Return an engine on *replica* with *batches* laid over it; the caller closes it.

    A batch that cannot be laid, such as one about a project that is not held, is left out, and a
    warning says so.

    Raises:
        ReplicaError: the disk refuses, or the replica cannot be read.
    """
    if not batches:
        return replicas.engine(replica)
    import filelock

    folder = replica.path.parent / "overlays"
    files = [folder / f"{name}.sqlite" for name in _names(replica, batches)]
    with storing(
        f"cannot lay the batches that wait over the replica {replica.path}",
        hint="make room or correct the permissions; --without-pending goes without them",
        also=(sqlite3.Error,),
        error_type=ReplicaError,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / "lock"):
            if not files[-1].exists():
                _make(replica, batches, files)
                _remove_others(files[-1])
            engine = _opened(replica, files[-1])
    for text in filter(None, engine.store.get_setting("left_out").split("\n")):
        _logger.warning("%s", text)
    return engine


def lay(engine: Engine, operations: Iterable[Operation], *, user: str, moment: str) -> None:
    """Do *operations*, but for what has been done already.

    Raises:
        EngineError: the engine refuses; nothing was changed.
    """
    payloads = list(_still_to_do(engine, squash(operations)))
    if payloads:
        engine.apply(payloads, user=user, moment=_stored(moment))


@contextmanager
def copied(engine: Engine, path: Path) -> Iterator[Engine]:
    """Give an engine on a copy, at *path*, of what *engine* holds; closed when the block ends."""
    with closing(sqlite3.connect(path)) as target:
        engine.store.connection.backup(target)
    copy = type(engine)(path, server_url=engine.server_url)
    try:
        yield copy
    finally:
        copy.close()


def _names(replica: Replica, batches: Sequence[OverlaidBatch]) -> list[str]:
    """Return the name of the overlay with the first of *batches*, with the first two, and so on."""
    names, digest = [], hashlib.sha256(replica.path.name.encode())
    for laid in batches:
        digest.update(f"{laid.entry.id} {laid.landed}".encode())
        names.append(digest.hexdigest()[:20])
    return names


def _make(replica: Replica, batches: Sequence[OverlaidBatch], files: Sequence[Path]) -> None:
    """Make the last of *files*, from the longest of the others that is there."""
    done = next((n for n in range(len(files), 0, -1) if files[n - 1].exists()), 0)
    base = _opened(replica, files[done - 1]) if done else replicas.engine(replica)
    draft = files[-1].with_suffix(".new")
    remove_database(draft)
    try:
        with copied(base, draft) as engine:
            left_out = engine.store.get_setting("left_out")
            for laid in batches[done:]:
                left_out += _lay_batch(engine, laid, replica.holdings)
            engine.store.set_setting("left_out", left_out)
    finally:
        base.close()
    draft.rename(files[-1])


def _lay_batch(engine: Engine, laid: OverlaidBatch, holdings: Holdings) -> str:
    """Lay one batch; return a line that says why it could not be done, or nothing."""
    from trackteroid_cli.engine.storage.errors import EngineError

    header = laid.header
    try:
        with Batch(laid.entry.path) as batch:
            operations = list(batch.operations())
            journal = batch.journal()
        if laid.landed and journal.last is not None:
            dropped = set(journal.last.left_out)
            operations = [each for place, each in enumerate(operations) if place not in dropped]
            operations = list(_not_held_yet(engine, operations, laid.landed, holdings))
        lay(engine, operations, user=header.api_user, moment=header.created)
    except (TrackteroidError, EngineError) as error:
        return f"batch {header.id} ({header.name}) is not seen offline: {error}\n"
    return ""


def _not_held_yet(
    engine: Engine, operations: Iterable[Operation], landed: str, holdings: Holdings
) -> Iterator[Operation]:
    """Leave out what was pulled after it had landed: the replica has it, or what came after it."""
    belonging = ProjectLookup((engine,), frozenset(holdings.whole))
    projects: dict[str, str | None] = {}
    for operation in operations:
        mentioned = list(operation.entity_key.values())
        if isinstance(operation, Create):
            # Names and the like are not looked for: each would be, in every table.
            mentioned += texts(
                [
                    value
                    for name, value in operation.entity_data.items()
                    if "_id" in name or not isinstance(value, str)
                ]
            )
        known = (projects.get(text) or belonging.project_of("", text) for text in mentioned)
        project = next(filter(None, known), None)
        projects.update(dict.fromkeys(operation.entity_key.values(), project))
        if moments.parse(holdings.pulled_of(project)) < moments.parse(landed):
            yield operation


def _opened(replica: Replica, path: Path) -> Engine:
    return replicas.engine(replicas.Replica(path, replica.holdings, replica.size))


def _still_to_do(engine: Engine, payloads: Iterable[Payload]) -> Iterator[Payload]:
    """Leave out what has landed by now: creates of what is there, deletes of what is gone."""
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


def _remove_others(used: Path) -> None:
    """Remove overlays that nobody has asked for lately."""
    files = [each for each in used.parent.glob("*.sqlite") if each != used]
    files.sort(key=lambda each: each.stat().st_mtime, reverse=True)
    for file in files[_KEPT - 1 :]:
        with suppress(PermissionError):  # Windows keeps what a process has open
            remove_database(file)


def _written_since(entry: Entry, moment: str) -> bool:
    try:
        return entry.path.stat().st_mtime >= moments.parse(moment).timestamp()
    except OSError:
        return False


def _stored(moment: str) -> str:
    """Return a header's moment as the engine takes it."""
    return f"{moments.parse(moment):%Y-%m-%d %H:%M:%S}"
