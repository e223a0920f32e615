"""The schedule: replay many batches, and report what became of each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli import settings
from trackteroid_cli.batches.batch import Batch, encode_operations, write
from trackteroid_cli.batches.journal import Outcome
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.errors import (
    AnswerLost,
    BatchError,
    BatchFault,
    BatchTwice,
    BatchUnreadable,
    CannotDefer,
    ConflictFound,
    CredentialsRejected,
    FollowUpFailed,
    Interrupted,
    NotFound,
    ServerRefused,
    ServerUnreachable,
    StorageError,
    TrackteroidError,
)
from trackteroid_cli.kill_points import kill_point
from trackteroid_cli.replay.attempt import is_for_another, replay
from trackteroid_cli.replay.comparing.predecessors import Predecessors
from trackteroid_cli.replay.comparing.provisional import Differences
from trackteroid_cli.replay.delivery.follow_ups import follow_up
from trackteroid_cli.replay.order import Order
from trackteroid_cli.replay.policy import Policy
from trackteroid_cli.server.retry import RetryPolicy

if TYPE_CHECKING:
    from trackteroid_cli.replay.comparing.conflicts import Conflict
    from trackteroid_cli.server.connection import Connection

#: Errors after which trying the next batch is no use either.
HOPELESS = (ServerUnreachable, AnswerLost, CredentialsRejected)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a batch.

    Attributes:
        state: where the batch is now.
        outcome: `LANDED`, `REFUSED` or `UNKNOWN`; None where nothing was sent.
        reason: why, where there is something to explain.
        conflicts: those that held the batch back, or that were left out.
        error: what went wrong.
        provisional: values that came out otherwise than the author read them.
        elsewhere: the server that the batch is for, where it was passed over; else ''.
    """

    id: str
    name: str
    state: State
    outcome: Outcome | None = None
    reason: str | None = None
    conflicts: Sequence[Conflict] = ()
    counts: dict[str, int] = field(default_factory=dict)
    error: TrackteroidError | None = None
    provisional: Differences = field(default_factory=Differences)
    elsewhere: str = ""


def waiting(spool: Spool, *, failed: bool = False) -> list[Entry]:
    """Return the batches that a commit takes: the pending ones, and those a killed commit left.

    Those that landed are among them while something is still to be done that they ask for.

    Args:
        failed: whether to take those that the server refused, too.
    """
    states = [State.PENDING, State.COMMITTING]
    if failed:
        states.append(State.FAILED)
    return sorted([*spool.entries(states), *spool.unfinished()])


def commit(
    spool: Spool,
    targets: Iterable[Entry | Path],
    connection: Connection,
    policy: Policy | None = None,
) -> Iterator[Result]:
    """Replay batches of *spool*, or in files, in the given order; yield what became of each.

    When the server cannot be reached or rejects the credentials, or the policy's stop is set, the
    rest is not tried.

    Raises:
        CannotDefer: this is a process of a recorded run.
    """
    _refuse_while_recorded()
    policy = policy or Policy()
    order = Order(spool)
    hopeless: TrackteroidError | None = None
    for target in targets:
        passed = policy.passing_over and passed_over(target, connection.server.url)
        if passed:
            yield passed
            continue
        if hopeless is None and policy.retry.stop.is_set():
            hopeless = Interrupted()
        if hopeless is not None:
            yield untried(target, hopeless)
            continue
        try:
            if isinstance(target, Path):
                result = _commit_file(spool, target, connection, policy)
            else:
                result = _commit_entry(order, target, connection, policy)
        except Exception as error:  # noqa: BLE001 - whatever it is, the batches behind go on
            result = untried(target, BatchFault(_called(target), error))
        if isinstance(result.error, HOPELESS):
            hopeless = result.error
        yield result


def passed_over(target: Entry | Path, server_url: str) -> Result | None:
    """Return the result of a batch that is for another server; None of any other one.

    It is not claimed: a commit to its own server may want it at the same moment.
    """
    if isinstance(target, Path):
        return None
    try:
        with Batch(target.path) as batch:
            header = batch.header
    except TrackteroidError:
        return None  # its own attempt says what is wrong with it
    if not is_for_another(header, server_url):
        return None
    reason = f"it is for {header.server}"
    return Result(
        target.id,
        target.name,
        target.state,
        reason=reason,
        counts=header.totals,
        elsewhere=header.server,
    )


def replay_file(
    path: Path, connection: Connection, spool: Spool | None = None, policy: Policy | None = None
) -> Result:
    """Replay the batch in the file *path*; one that landed before is not sent again.

    Raises:
        TrackteroidError: the batch did not land; the file is kept.
    """
    _refuse_while_recorded()
    result = _commit_file(spool or Spool.default(), path, connection, policy or Policy())
    if result.error is not None:
        raise result.error
    return result


def _refuse_while_recorded() -> None:
    """Refuse to send anything in a process of a recorded run.

    Raises:
        CannotDefer: this is one.
    """
    if os.environ.get(settings.RECORDING):
        raise CannotDefer(
            "cannot commit batches in a recorded run",
            why="a commit goes to the server at once",
            hint="commit after the recording",
        )


def import_batch(path: Path, spool: Spool) -> Entry:
    """Copy the batch at *path* into *spool*, unless it is there already, and return its place.

    Raises:
        BatchTwice: another batch of its id is there.
        BatchUnreadable: one of the files is damaged.
        StorageError: the disk refuses.
    """
    with Batch(path) as batch:
        header = batch.header
        known = spool.current(header.id)
        if known is not None:
            with Batch(known.path) as there:
                if list(there.operations()) == list(batch.operations()):
                    return known
            raise BatchTwice(header.id, header.name, [path, known.path])
        place = spool.place(header.id, header.name)
        write(place, header, encode_operations(batch.operations()), batch.labels())
    return spool.find(header.id)


def _commit_entry(order: Order, entry: Entry, connection: Connection, policy: Policy) -> Result:
    if entry.state is State.COMMITTED and not order.spool.is_unfinished(entry.id):
        return Result(entry.id, entry.name, entry.state, Outcome.LANDED, "it was committed before")
    spool = order.spool
    try:
        with spool.claim(entry) as claim:
            kill_point("claimed")
            result = _replay(claim.path, entry, connection, policy, spool, order)
            claim.outcome = result.state
        kill_point("settled")
    except NotFound as error:
        now = spool.current(entry.id)
        if now is None or now.state in (entry.state, State.FAILED, State.DISCARDED):
            return untried(now or entry, error)
        # Another process had it meanwhile: it is done, or waits again.
        result = _commit_entry(order, now, connection, policy)
    except BatchError as error:
        return untried(entry, error)
    if result.state is State.COMMITTED:
        order.note_landed(entry)
        if result.error is None or isinstance(result.error, FollowUpFailed):
            with suppress(StorageError):  # the next commit does it
                spool.finish(entry.id)
    return result


def _commit_file(spool: Spool, path: Path, connection: Connection, policy: Policy) -> Result:
    """Replay a batch that is not in the spool.

    A file that Trackteroid left has no journal to keep an attempt in: it is copied into the spool.
    """
    try:
        with Batch(path) as batch:
            header, legacy = batch.header, batch.legacy is not None
        if legacy:
            with spool.lock(header.id):
                entry = import_batch(path, spool)
            return _commit_entry(Order(spool), entry, connection, policy)
        with spool.lock(header.id):  # which keeps off a process that commits it from the spool
            entry = Entry(header.id, header.name, State.PENDING, path)
            return _replay(path, entry, connection, policy, spool)
    except TrackteroidError as error:
        return untried(path, error)


def _replay(
    path: Path,
    entry: Entry,
    connection: Connection,
    policy: Policy,
    spool: Spool,
    order: Order | None = None,
) -> Result:
    """Replay the batch at *path*; what goes wrong becomes a part of the result.

    Args:
        order: of *spool*, if the batch is there; None for a file.
    """
    result = Result(entry.id, entry.name, State.COMMITTED, Outcome.LANDED)
    predecessors = None
    try:
        with Batch(path) as batch:
            result = replace(result, counts=batch.header.totals)
            if order is not None:
                with policy.retry.stop.interruptible():
                    order.check(batch, entry)
                predecessors = Predecessors(order.spool, batch.header)
            landing = replay(
                batch, connection, policy, predecessors, media=spool.media_of(path, entry.id)
            )
            result = replace(
                result,
                reason=landing.reason or None,
                conflicts=landing.left_out,
                provisional=landing.provisional,
            )
            return _with_follow_ups(result, batch, connection, policy.retry)
    except TrackteroidError as error:
        return failed(result, error)


def _with_follow_ups(
    result: Result, batch: Batch, connection: Connection, retry: RetryPolicy
) -> Result:
    """Do what *batch*, which has landed, asks for afterwards."""
    try:
        follow_up(batch, connection, retry)
    except TrackteroidError as error:
        reason = "; ".join(filter(None, (result.reason, error.why)))
        return replace(result, reason=reason, error=error)
    return result


def failed(result: Result, error: TrackteroidError) -> Result:
    """Return *result* as that of a batch that did not land because of *error*."""
    state, outcome = State.PENDING, None
    if isinstance(error, (ServerRefused, BatchUnreadable)):
        state = State.FAILED
    if isinstance(error, ServerRefused):
        outcome = Outcome.REFUSED
    elif isinstance(error, AnswerLost):
        outcome = Outcome.UNKNOWN
    conflicts = error.conflicts if isinstance(error, ConflictFound) else ()
    return replace(
        result, state=state, outcome=outcome, reason=error.why, conflicts=conflicts, error=error
    )


def _called(target: Entry | Path) -> str:
    return str(target) if isinstance(target, Path) else f"batch {target.id} ({target.name})"


def untried(target: Entry | Path, error: TrackteroidError) -> Result:
    """Return the result of a batch that was not tried because of *error*."""
    if isinstance(target, Path):
        return Result(str(target), target.stem, State.PENDING, None, error.why, error=error)
    return Result(target.id, target.name, target.state, None, error.why, error=error)
