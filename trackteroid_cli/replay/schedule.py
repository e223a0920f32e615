"""Scheduling: which batches are replayed, in which order, and what becomes of each.

Batches go in recorded order. One that needs an entity of an earlier batch, which has not landed,
waits behind it; unrelated ones go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackteroid_cli import settings
from trackteroid_cli.batches.batch import Batch, encode_operations, write
from trackteroid_cli.batches.operations import Create, Identity, identity, texts, to_json
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.errors import (
    AnswerLost,
    BatchBusy,
    BatchDiscarded,
    BatchError,
    BatchUnreadable,
    ConflictFound,
    CredentialsRejected,
    Interrupted,
    NotFound,
    ServerRefused,
    ServerUnreachable,
    TrackteroidError,
    WaitsForBatch,
)
from trackteroid_cli.kill_points import kill_point
from trackteroid_cli.replay.attempt import has_landed, replay
from trackteroid_cli.replay.predecessors import Predecessors
from trackteroid_cli.server.policy import Policy

if TYPE_CHECKING:
    from trackteroid_cli.server.connection import Connection

#: Errors after which trying the next batch is no use either.
_HOPELESS = (ServerUnreachable, AnswerLost, CredentialsRejected)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a batch.

    ``outcome`` is ``landed``, ``refused`` or ``unknown``, or None where nothing was sent.
    """

    id: str
    name: str
    state: State
    outcome: str | None = None
    reason: str | None = None
    conflicts: list[Any] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    error: TrackteroidError | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the result as ``commit --json`` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state.value,
            "outcome": self.outcome,
            "reason": self.reason,
            "conflicts": self.conflicts,
        }


def waiting(spool: Spool, *, failed: bool = False) -> list[Entry]:
    """Return the batches that a commit takes: those that wait, and those that a dead one left.

    With *failed*, also those that the server refused.
    """
    states = (State.PENDING, State.COMMITTING)
    return spool.entries((*states, State.FAILED) if failed else states)


def commit(
    spool: Spool,
    targets: Iterable[Entry | Path],
    connection: Connection,
    policy: Policy | None = None,
) -> Iterator[Result]:
    """Replay batches of *spool*, or in files, in the given order; yield what became of each.

    When the server cannot be reached or rejects the credentials, or the policy's stop is set, the
    rest is not tried.
    """
    policy = policy or Policy()
    queue = _Queue(spool)
    hopeless: TrackteroidError | None = None
    for target in targets:
        if hopeless is None and policy.stop.is_set():
            hopeless = Interrupted()
        if hopeless is not None:
            yield _untried(target, hopeless)
            continue
        if isinstance(target, Path):
            result = _commit_file(spool, target, connection, policy)
        else:
            result = _commit_entry(queue, target, connection, policy)
        if isinstance(result.error, _HOPELESS):
            hopeless = result.error
        yield result


def replay_file(
    path: Path, connection: Connection, spool: Spool | None = None, policy: Policy | None = None
) -> Result:
    """Replay the batch in the file *path*; one that landed before is not sent again.

    Raises:
        TrackteroidError: the batch did not land; the file is kept.
    """
    spool = spool or Spool(settings.home() / "spool")
    result = _commit_file(spool, path, connection, policy or Policy())
    if result.error is not None:
        raise result.error
    return result


def dry_run(targets: Iterable[Entry | Path]) -> Iterator[Result]:
    """Yield what `commit` would send, without sending anything or asking a server."""
    for target in targets:
        path = target if isinstance(target, Path) else target.path
        if isinstance(target, Entry) and target.state is State.DISCARDED:
            yield _untried(target, BatchDiscarded(target.id, target.name))
            continue
        try:
            with Batch(path) as batch:
                header, journal = batch.header, batch.journal()
        except TrackteroidError as error:
            yield _untried(target, error)
            continue
        state = State.COMMITTED if has_landed(journal) else State.PENDING
        state = state if isinstance(target, Path) else target.state
        yield Result(header.id, header.name, state, counts=header.counts)


def import_batch(path: Path, spool: Spool) -> Entry:
    """Copy the batch at *path* into *spool*, unless it is there already, and return its place."""
    with Batch(path) as batch:
        header = batch.header
        for entry in spool.entries():
            if entry.id == header.id:
                return entry
        place = spool.place(header.id, header.name)
        write(place, header, encode_operations(batch.operations()), batch.labels())
    return spool.find(header.id)


class _Queue:
    """The batches that have not landed, and what each of them creates.

    Their operations are only read where there is more than one.
    """

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self._landed: set[str] = set()
        self._created: dict[str, Entry] | None = None

    def note_landed(self, entry: Entry) -> None:
        """Take note that nobody needs to wait for *entry* any more."""
        self._landed.add(entry.id)

    def blocking(self, batch: Batch, entry: Entry) -> Entry | None:
        """Return an earlier batch that has not landed and that *batch* needs.

        That is one that it was built on, or that creates what it mentions. One that was thrown away
        is needed for what it creates; what it would only have changed, the comparison tells.
        """
        built_on = batch.header.built_on
        for id_ in built_on:
            other = self._unlanded.get(id_)
            if other is not None and self._still_waits(other):
                return other
        for other in self.spool.entries((State.DISCARDED,)) if built_on else ():
            if other.id in built_on and _mentions(batch, set(_created_keys(other))):
                return other
        created = self._created_by_others()
        if not created:
            return None
        for operation in batch.operations():
            for text in texts(to_json(operation)):
                other = created.get(text)
                if other is not None and other.id < entry.id and self._still_waits(other):
                    return other
        return None

    def _still_waits(self, other: Entry) -> bool:
        """Return whether *other* has not landed since, not by another process either."""
        if other.id in self._landed:
            return False
        now = _now(self.spool, other)
        if now is None or now.state is State.COMMITTED:
            self._landed.add(other.id)
            return False
        return True

    @cached_property
    def _unlanded(self) -> dict[str, Entry]:
        states = (State.PENDING, State.COMMITTING, State.FAILED)
        return {entry.id: entry for entry in self.spool.entries(states)}

    def _created_by_others(self) -> dict[str, Entry]:
        if self._created is None:
            self._created = {}
            for entry in self._unlanded.values() if len(self._unlanded) > 1 else ():
                for key in _created_keys(entry):
                    self._created.setdefault(key, entry)
        return self._created


def _mentions(batch: Batch, keys: set[str]) -> bool:
    return any(not keys.isdisjoint(texts(to_json(operation))) for operation in batch.operations())


def _created_keys(entry: Entry) -> list[str]:
    try:
        with Batch(entry.path) as batch:
            return [
                operation.entity_key["id"]
                for operation in batch.operations()
                if isinstance(operation, Create) and "id" in operation.entity_key
            ]
    except TrackteroidError:
        return []  # cannot be read, or has just left: nobody can tell what needs it


def _commit_entry(queue: _Queue, entry: Entry, connection: Connection, policy: Policy) -> Result:
    if entry.state is State.COMMITTED:
        return Result(entry.id, entry.name, entry.state, "landed", "it was committed before")
    spool = queue.spool
    try:
        with spool.claim(entry) as claim:
            kill_point("claimed")
            result = _result(claim.path, entry, connection, policy, queue)
            claim.outcome = result.state
        kill_point("settled")
    except NotFound as error:
        now = _now(spool, entry)
        if now is None or now.state in (entry.state, State.FAILED, State.DISCARDED):
            return _untried(now or entry, error)
        # Another process had it meanwhile: it is done, or waits again.
        result = _commit_entry(queue, now, connection, policy)
    except BatchError as error:
        return _untried(entry, error)
    if result.state is State.COMMITTED:
        queue.note_landed(entry)
    return result


def _now(spool: Spool, entry: Entry) -> Entry | None:
    """Return the batch of *entry* where it is now; None where it is gone."""
    return next((each for each in spool.entries() if each.id == entry.id), None)


def _commit_file(spool: Spool, path: Path, connection: Connection, policy: Policy) -> Result:
    """Replay a batch that is no part of the spool.

    A file that Trackteroid left has no journal to keep an attempt in: it is taken into the spool.
    """
    try:
        with Batch(path) as batch:
            header, legacy = batch.header, batch.legacy is not None
        if legacy:
            with spool.lock(header.id):
                entry = import_batch(path, spool)
            return _commit_entry(_Queue(spool), entry, connection, policy)
        with spool.lock(header.id):  # which also keeps off whoever commits it from the spool
            entry = Entry(header.id, header.name, State.PENDING, path)
            return _result(path, entry, connection, policy)
    except TrackteroidError as error:
        return _untried(path, error)


def _result(
    path: Path,
    entry: Entry,
    connection: Connection,
    policy: Policy,
    queue: _Queue | None = None,
) -> Result:
    """Replay the batch at *path*; what goes wrong becomes a part of the result."""
    result = Result(entry.id, entry.name, State.COMMITTED, "landed")
    try:
        with Batch(path) as batch:
            result = replace(result, counts=batch.header.counts)
            if queue is not None:
                _keep_to_the_order(queue.spool, batch, entry)
                _wait_for_others(queue, batch, entry)
            predecessors = Predecessors(queue.spool, batch.header) if queue is not None else None
            left_out = replay(batch, connection, policy, predecessors)
    except TrackteroidError as error:
        return _failed(result, error)
    reason = f"{len(left_out)} in conflict left out" if left_out else None
    return replace(result, reason=reason, conflicts=left_out)


def _keep_to_the_order(spool: Spool, batch: Batch, entry: Entry) -> None:
    """Refuse to overtake an earlier batch that is being committed and changes the same entities."""
    earlier = [each for each in spool.entries((State.COMMITTING,)) if each.id < entry.id]
    if not earlier:
        return
    changed = set(map(identity, batch.operations()))
    for other in earlier:
        if not changed.isdisjoint(_changed_by(other)):
            raise BatchBusy(
                f"batch {entry.id} ({entry.name}) waits behind {other.id}",
                why=f"{other.id} ({other.name}) changes the same entities, and its commit has not "
                "ended",
                hint="run the same command again a little later",
            )


def _changed_by(entry: Entry) -> set[Identity]:
    try:
        with Batch(entry.path) as batch:
            return set(map(identity, batch.operations()))
    except TrackteroidError:
        return set()  # it has just been settled


def _wait_for_others(queue: _Queue, batch: Batch, entry: Entry) -> None:
    behind = queue.blocking(batch, entry)
    if behind is None:
        return
    if behind.state is State.DISCARDED:
        raise WaitsForBatch(
            entry.id,
            entry.name,
            behind=behind.id,
            why=f"it needs what {behind.id} ({behind.name}) creates, which was discarded",
            hint=f"bring that back with `trackteroid discard --restore {behind.id}`, "
            f"or discard this one too: `trackteroid discard {entry.id}`",
        )
    told = f"{behind.id} ({behind.name})"
    built = behind.id in batch.header.built_on
    raise WaitsForBatch(
        entry.id,
        entry.name,
        behind=behind.id,
        why=f"it {f'was built on {told}' if built else f'needs what {told} creates'}, "
        "which has not landed",
    )


def _failed(result: Result, error: TrackteroidError) -> Result:
    state, outcome = State.PENDING, None
    if isinstance(error, (ServerRefused, BatchUnreadable)):
        state = State.FAILED
    if isinstance(error, ServerRefused):
        outcome = "refused"
    elif isinstance(error, AnswerLost):
        outcome = "unknown"
    conflicts = error.conflicts if isinstance(error, ConflictFound) else []
    return replace(
        result, state=state, outcome=outcome, reason=error.why, conflicts=conflicts, error=error
    )


def _untried(target: Entry | Path, error: TrackteroidError) -> Result:
    if isinstance(target, Path):
        return Result(str(target), target.stem, State.PENDING, None, error.why, error=error)
    return Result(target.id, target.name, target.state, None, error.why, error=error)
