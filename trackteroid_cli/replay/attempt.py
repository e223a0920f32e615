"""Replay: bring one batch to the server, exactly once.

The steps of an attempt, one under the other: compare with the server, decide about conflicts, write
to the journal, send, write to the journal. What the server already holds decides what is sent; the
journal tells what may have been sent before, so that an answer that was lost, or a process that
died, is found out about and never guessed.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trackteroid_cli import settings
from trackteroid_cli.batches.batch import Attempt, Batch, Header, append_attempt, created_now
from trackteroid_cli.batches.labels import Names, labels_from, references
from trackteroid_cli.batches.operations import Create, Operation, Update, identity, request
from trackteroid_cli.errors import (
    AnswerLost,
    ConflictFound,
    CredentialsRejected,
    InvalidExpression,
    ServerError,
    ServerMismatch,
    ServerRefused,
    ServerUnreachable,
)
from trackteroid_cli.kill_points import kill_point
from trackteroid_cli.moments import before
from trackteroid_cli.replay.comparison import Comparison, Conflict, Status, compare
from trackteroid_cli.replay.preimages import save_preimages
from trackteroid_cli.server.policy import OnConflict, Policy
from trackteroid_cli.server.retry import retrier

if TYPE_CHECKING:
    from trackteroid_cli.replay.predecessors import Predecessors
    from trackteroid_cli.server.connection import Connection


def replay(
    batch: Batch,
    connection: Connection,
    policy: Policy,
    predecessors: Predecessors | None = None,
) -> list[dict[str, Any]]:
    """Bring *batch* to the server of *connection*, unless it is there already.

    Args:
        predecessors: earlier batches of the same spool, whose values are nobody else's newer work.

    Returns:
        The conflicts that were left out, as *policy* wants it, in the JSON form of
        ``inspect --check``; none otherwise.

    Raises:
        ServerMismatch: the batch was recorded against another server.
        ConflictFound: the batch is held back; nothing was sent.
        ServerRefused: the server refused it; nothing of the request was applied.
        ServerUnreachable: it was not sent.
        AnswerLost: it was sent; the next attempt finds out whether it was applied.
    """
    if not policy.server_changed:
        check_server(batch.header, connection)
    if has_landed(batch.journal()):
        return []
    operations = list(batch.operations())
    try:
        left_out: list[dict[str, Any]] = retrier(policy)(
            _attempt, batch, operations, connection, policy, predecessors
        )
    except ServerRefused:
        if not _arrived_late(batch, operations, connection):
            raise
        _note(batch, connection, "landed")
        return []
    return left_out


def _attempt(
    batch: Batch,
    operations: list[Operation],
    connection: Connection,
    policy: Policy,
    predecessors: Predecessors | None,
) -> list[dict[str, Any]]:
    comparison = _compare(batch, operations, connection, predecessors)
    kill_point("compared")
    left_out = _decide(batch, operations, comparison, connection, policy)
    wanted = _missing(operations, comparison, policy)
    save_preimages(batch, [operation for _, operation in wanted], connection)
    for chunk, up_to in _chunks(wanted, policy.chunk_size):
        _note(batch, connection, "sending", up_to=up_to)
        kill_point("journaled")
        _send(batch, connection, request(chunk), up_to)
        kill_point("sent")
        if up_to < _end(wanted):
            _note(batch, connection, "sent", up_to=up_to)
    positions = _conflicting(comparison) if left_out else []
    _note(batch, connection, "landed", _left_out(left_out), left_out=positions)
    kill_point("noted")
    return left_out


def _arrived_late(batch: Batch, operations: list[Operation], connection: Connection) -> bool:
    """Return whether the server has it all, although it refused the last request.

    An earlier request whose answer was lost may still have been on its way when the server was
    asked what it holds; what it brought stands in the way of the last one.
    """
    sent = sent_before(batch.journal(), len(operations))
    return sent > 0 and _compare(batch, operations, connection).landed


def _compare(
    batch: Batch,
    operations: list[Operation],
    connection: Connection,
    predecessors: Predecessors | None = None,
) -> Comparison:
    if not operations:
        return Comparison([])
    try:
        return compare_batch(batch, operations, connection, predecessors)
    except (ServerRefused, InvalidExpression) as error:
        # Not the batch is refused, but the question: it may be allowed another time.
        raise ServerError(
            f"the server does not tell what it holds of batch {batch.header.id} "
            f"({batch.header.name})",
            why=error.why,
            hint="the batch waits, nothing was sent; make sure that the user may see what it "
            "changes, and commit again",
        ) from error


def compare_batch(
    batch: Batch,
    operations: Sequence[Operation],
    connection: Connection,
    predecessors: Predecessors | None,
) -> Comparison:
    """Compare the *operations* of *batch* with the server, in view of what was sent before.

    Of a batch that landed, everything that differs now is told.
    """
    journal = batch.journal()
    sent = known = 0
    if not has_landed(journal):
        sent, known = sent_before(journal, len(operations)), sent_for_certain(journal)
    return compare(operations, connection, sent=sent, known=known, predecessors=predecessors)


def _decide(
    batch: Batch,
    operations: Sequence[Operation],
    comparison: Comparison,
    connection: Connection,
    policy: Policy,
) -> list[dict[str, Any]]:
    """Return the conflicts to leave out, or hold the batch back."""
    if not comparison.conflicts:
        return []
    names = names_for(comparison.conflicts, batch, operations, connection)
    named = [each.as_json(names.of(each.entity)) for each in comparison.conflicts]
    if policy.on_conflict is OnConflict.SKIP:
        return named
    # Nothing can be written to an entity that is gone.
    gone = any(conflict.gone for conflict in comparison.conflicts)
    if policy.on_conflict is OnConflict.OVERWRITE and not gone:
        return []
    told = "; ".join(_told(each, names) for each in comparison.conflicts[:3])
    if len(named) > 3:
        told += f"; and {len(named) - 3} more"
    header = batch.header
    if header.replica:
        told += (
            f"; the author saw a replica that was pulled {before(header.replica, header.created)} "
            "it was recorded"
        )
    _note_held(batch, connection, told)
    raise ConflictFound(header.id, header.name, named, told)


def names_for(
    conflicts: Sequence[Conflict],
    batch: Batch,
    operations: Sequence[Operation],
    connection: Connection,
) -> Names:
    """Return the names of all that *conflicts* mention, also of what the server has put there."""
    labels = batch.labels()
    now = {entity for conflict in conflicts for entity in references(conflict.now)} - set(labels)
    return Names(operations, {**labels, **dict(labels_from(connection, now) if now else ())})


def _told(conflict: Conflict, names: Names) -> str:
    """Return a conflict in a few words."""
    what = f"{conflict.attribute} of {conflict.entity_type} {names.of(conflict.entity)}"
    if conflict.gone:
        return f"{what} cannot be set: the entity is gone"
    recorded, now, wanted = (
        names.value(value) for value in (conflict.recorded, conflict.now, conflict.wanted)
    )
    return f"{what} was {recorded} when recorded, is {now} now, and should become {wanted}"


def _conflicting(comparison: Comparison) -> list[int]:
    """Return the positions of the operations that are in conflict."""
    return [
        position for position, status in enumerate(comparison.statuses) if status is Status.CONFLICT
    ]


def _left_out(conflicts: Sequence[object]) -> str:
    return f"{len(conflicts)} in conflict left out" if conflicts else ""


def _missing(
    operations: Sequence[Operation], comparison: Comparison, policy: Policy
) -> list[tuple[int, Operation]]:
    """Return what is to be sent, with its position: what the server lacks, and what is forced."""
    wanted: list[tuple[int, Operation]] = []
    for position, operation in enumerate(operations):
        status = comparison.statuses[position]
        if status is Status.MISSING:
            if position in comparison.adjusted and isinstance(operation, Update):
                operation = replace(operation, new_value=comparison.adjusted[position])
            wanted.append((position, operation))
        elif status is Status.CONFLICT and policy.on_conflict is OnConflict.OVERWRITE:
            wanted.extend((position, each) for each in _forced(operation, comparison))
    return wanted


def _forced(operation: Operation, comparison: Comparison) -> Iterator[Operation]:
    """Yield what makes an operation's values true, in spite of a conflict."""
    if not isinstance(operation, Create):
        yield operation
        return
    # The entity is there, with other values: it cannot be created, only changed.
    for conflict in comparison.conflicts:
        if conflict.entity == identity(operation):
            yield Update(
                operation.entity_type,
                operation.entity_key,
                conflict.attribute,
                conflict.wanted,
                conflict.now,
                operation.commit,
            )


def _chunks(
    wanted: list[tuple[int, Operation]], size: int
) -> Iterator[tuple[list[Operation], int]]:
    """Yield the operations of each request, and up to which position of the batch they go."""
    size = size or len(wanted) or 1
    for start in range(0, len(wanted), size):
        part = wanted[start : start + size]
        yield [operation for _, operation in part], _end(part)


def _end(wanted: Sequence[tuple[int, Operation]]) -> int:
    return wanted[-1][0] + 1 if wanted else 0


def _send(batch: Batch, connection: Connection, payloads: list[dict[str, Any]], up_to: int) -> None:
    if not payloads:
        return
    try:
        connection.call(payloads)
    except (ServerUnreachable, CredentialsRejected) as error:
        _note(batch, connection, "unreached", error.why, up_to)
        raise
    except AnswerLost as error:
        _note(batch, connection, "unknown", error.why, up_to)
        raise
    except ServerRefused as error:
        _note(batch, connection, "refused", error.why, up_to)
        raise ServerRefused(
            error.kind,
            error.content,
            what=f"the server refused batch {batch.header.id} ({batch.header.name})",
        ) from error


def check_server(header: Header, connection: Connection) -> None:
    """Refuse a batch that was recorded against another server than that of *connection*."""
    url = settings.normalise_url(connection.server.url)
    if header.server and header.server != url:
        raise ServerMismatch(
            f"batch {header.id} ({header.name}) is for another server",
            why=f"it was recorded against {header.server}, and FTRACK_SERVER is {url}",
            hint=f"set FTRACK_SERVER={header.server} and commit again; if the server has only "
            "changed its address, use --server-changed",
        )


# -- the journal -----------------------------------------------------------------------------------


def has_landed(journal: Sequence[Attempt]) -> bool:
    """Return whether the server is known to have the whole batch."""
    return bool(journal) and journal[-1].outcome == "landed"


def sent_before(journal: Sequence[Attempt], count: int) -> int:
    """Return how many operations, from the first, the server may have from an earlier attempt.

    Args:
        count: how many the batch has, which an attempt that tells no number sent.
    """
    most = 0
    for position, attempt in enumerate(journal):
        following = journal[position + 1].outcome if position + 1 < len(journal) else ""
        if attempt.outcome == "sending" and following in ("unreached", "refused"):
            continue
        if attempt.outcome in ("sending", "unknown", "sent"):
            most = max(most, attempt.up_to or count)
    return most


def sent_for_certain(journal: Sequence[Attempt]) -> int:
    """Return how many operations, from the first, the server is known to have."""
    return max((attempt.up_to for attempt in journal if attempt.outcome == "sent"), default=0)


def _note_held(batch: Batch, connection: Connection, reason: str) -> None:
    """Write why the batch is held back, unless the journal ends with just that."""
    last = batch.journal()[-1:]
    if not last or (last[0].outcome, last[0].reason) != ("held", reason):
        _note(batch, connection, "held", reason)


def _note(
    batch: Batch,
    connection: Connection,
    outcome: str,
    reason: str = "",
    up_to: int = 0,
    left_out: Sequence[int] = (),
) -> None:
    append_attempt(
        batch.path,
        Attempt(
            when=created_now(),
            outcome=outcome,
            user=settings.user_name(),
            host=socket.gethostname(),
            server=settings.normalise_url(connection.server.url),
            reason=reason,
            up_to=up_to,
            left_out=list(left_out),
        ),
    )
