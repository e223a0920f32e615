"""Attempts: bring one batch to the server, exactly once.

An attempt compares the batch with the server, decides about conflicts, writes to the journal,
sends, and writes to the journal again. What the server already holds decides what is sent. The
journal says what an earlier attempt may have sent, so that a lost answer or a killed process is
found out about and never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trackteroid_cli import settings
from trackteroid_cli.batches.batch import Batch, append_attempt
from trackteroid_cli.batches.journal import Attempt, Journal, Outcome
from trackteroid_cli.batches.labels import Names
from trackteroid_cli.batches.operations import Create, Operation, Update, identity
from trackteroid_cli.batches.squashing import squash
from trackteroid_cli.errors import (
    AnswerLost,
    BatchChanged,
    ConflictFound,
    CredentialsRejected,
    InvalidExpression,
    MediaChanged,
    ServerError,
    ServerMismatch,
    ServerRefused,
    ServerUnreachable,
    TrackteroidError,
    in_short,
)
from trackteroid_cli.kill_points import kill_point
from trackteroid_cli.moments import before
from trackteroid_cli.replay.comparing.comparison import Comparison, Status, compare
from trackteroid_cli.replay.comparing.conflicts import Conflict, Problem, named
from trackteroid_cli.replay.comparing.provisional import Differences, differences
from trackteroid_cli.replay.delivery.uploads import Uploads
from trackteroid_cli.replay.policy import OnConflict, Policy
from trackteroid_cli.replay.preimages import save_preimages
from trackteroid_cli.replay.results import doubt
from trackteroid_cli.server.retry import retrier

if TYPE_CHECKING:
    from pathlib import Path

    from trackteroid_cli.batches.header import Header
    from trackteroid_cli.replay.comparing.predecessors import Predecessors
    from trackteroid_cli.server.connection import Connection


def replay(
    batch: Batch,
    connection: Connection,
    policy: Policy,
    predecessors: Predecessors | None = None,
    *,
    media: Path,
) -> Landing:
    """Bring *batch* to the server of *connection*, unless it is there already.

    Args:
        predecessors: earlier batches of the same spool, whose values are nobody else's newer work.
        media: the folder of the copies of what it uploads.

    Raises:
        ServerMismatch: the batch was recorded against another server.
        BatchChanged: its operations are not those that the policy names.
        ConflictFound, MediaChanged: the batch is held back; nothing was sent.
        Interrupted: the policy's stop is set; what was sent is in the journal.
        ServerRefused: the server refused it; nothing of the request was applied.
        ServerUnreachable: it was not sent.
        AnswerLost: it was sent; the next attempt finds out whether it was applied.
    """
    if not policy.server_changed:
        check_server(batch.header, connection)
    check_digest(batch.header, policy)
    if batch.journal().landed:
        return Landing()
    uploads = Uploads(batch, media, connection, policy.uploads, policy.retry)
    operations = list(batch.operations())
    found = _Replay(batch, operations, connection, policy, predecessors, uploads)
    try:
        landing: Landing = retrier(policy.retry)(found.attempt)
    except ServerRefused:
        if not found.arrived_late():
            raise
        return found.land((), found.left_out_before())
    return landing


def rehearse(
    batch: Batch,
    connection: Connection,
    policy: Policy,
    predecessors: Predecessors | None = None,
    earlier: Sequence[Operation] = (),
    *,
    media: Path,
) -> tuple[Landing, bool]:
    """Return what would be said of *batch* after `replay`, and whether the server has it already.

    The server is asked; nothing is changed, neither there nor in the batch.

    Args:
        predecessors: as for `replay`.
        earlier: operations that will be on the server before those of the batch.
        media: as for `replay`.

    Raises:
        ConflictFound, MediaChanged: the batch would be held back.
        ServerError: the server cannot be asked.
    """
    operations = list(batch.operations())
    uploads = Uploads(batch, media, connection, policy.uploads, policy.retry)
    return _Rehearsal(
        batch, operations, connection, policy, predecessors, uploads, earlier
    ).landing()


def check_server(header: Header, connection: Connection) -> None:
    """Refuse a batch that was recorded against another server than that of *connection*.

    Raises:
        ServerMismatch: it was.
    """
    url = settings.normalise_url(connection.server.url)
    if is_for_another(header, url):
        raise ServerMismatch(
            f"batch {header.id} ({header.name}) is for another server",
            why=f"it was recorded against {header.server}, and FTRACK_SERVER is {url}",
            hint=f"set FTRACK_SERVER={header.server} and commit again; if the server has only "
            "changed its address, use --server-changed",
        )


def check_digest(header: Header, policy: Policy) -> None:
    """Refuse a batch with other operations than those that *policy* names.

    Raises:
        BatchChanged: it has others.
    """
    if not header.digest.startswith(policy.digest.lower()):
        raise BatchChanged(header.id, header.name, header.digest)


def is_for_another(header: Header, server_url: str) -> bool:
    """Return whether a batch was recorded against another server than that at *server_url*."""
    return header.server not in ("", settings.normalise_url(server_url))


def compare_batch(
    batch: Batch,
    operations: Sequence[Operation],
    connection: Connection,
    predecessors: Predecessors | None,
) -> Comparison:
    """Compare the *operations* of *batch* with the server, in view of what was sent before.

    For a batch that landed, every difference counts.

    Raises:
        ServerError: the server cannot be asked.
    """
    journal = batch.journal()
    has_landed = journal.landed
    if has_landed:
        journal = Journal()
    return compare(
        operations,
        connection,
        has_landed=has_landed,
        sent=journal.sent_before(len(operations)),
        known=journal.sent_for_certain,
        predecessors=predecessors,
    )


@dataclass(frozen=True, slots=True)
class Landing:
    """What is to be said of a batch that the server has.

    Attributes:
        left_out: the conflicts that were left out, as the policy asks for it.
        not_sent: the operations that were left out, in words.
        provisional: values that came out otherwise than the author read them.
    """

    left_out: Sequence[Conflict] = ()
    not_sent: Sequence[str] = ()
    provisional: Differences = field(default_factory=Differences)

    @property
    def reason(self) -> str:
        """All of this in words; '' if there is nothing to say."""
        left_out = ""
        if self.not_sent:
            left_out = f"{len(self.not_sent)} in conflict left out: {in_short(self.not_sent)}"
        return "; ".join(filter(None, (left_out, self.provisional.sentence)))


@dataclass(frozen=True, slots=True)
class _Replay:
    """The replay of one batch."""

    batch: Batch
    operations: list[Operation]
    connection: Connection
    policy: Policy
    predecessors: Predecessors | None
    uploads: Uploads

    def attempt(self) -> Landing:
        """Bring the batch to the server once."""
        stop = self.policy.retry.stop
        with stop.interruptible():
            with self._noting_files():
                self.uploads.check()
            comparison = self._compare(self.predecessors)
            kill_point("compared")
            left_out = self._decide(comparison)
        with self._noting_files():
            were_sent = self.uploads.send()
        if were_sent:
            with stop.interruptible():  # it may have taken long
                comparison = self._compare(self.predecessors)
                left_out = self._decide(comparison)
        with stop.interruptible():
            wanted = self._missing(comparison)
            skipped = self._skipped(comparison, wanted)
            save_preimages(self.batch, [operation for _, operation in wanted], self.connection)
        for chunk, up_to in self._chunks(wanted):
            stop.check()
            self.note(Outcome.SENDING, up_to=up_to, left_out=skipped)
            kill_point("journaled")
            self._send(chunk, up_to)
            kill_point("sent")
            if up_to < _end(wanted):
                self.note(Outcome.SENT, up_to=up_to, left_out=skipped)
        landing = self.land(left_out, skipped)
        kill_point("noted")
        return landing

    @contextmanager
    def _noting_files(self) -> Iterator[None]:
        """Write to the journal what keeps the files of the batch from the server.

        Raises:
            MediaChanged: the batch is held back.
            ServerRefused: the server does not take one.
        """
        try:
            yield
        except MediaChanged as error:
            self._note_held(error.why)
            raise
        except ServerRefused as error:
            self.note(Outcome.REFUSED, error.why)
            raise

    def land(self, conflicts: Sequence[Conflict], left_out: Sequence[int]) -> Landing:
        """Note that the server has the batch, without the operations *left_out*."""
        provisional = Differences()
        try:
            with self.policy.retry.stop.interruptible():
                provisional = differences(self.batch, self.operations, self.connection)
        except TrackteroidError as error:
            unknown = f"what the author read may have come out otherwise: {error.what}"
            provisional = Differences(sentence=unknown)
        names = Names(self.operations, self.batch.labels())
        not_sent = [names.operation(self.operations[each]) for each in left_out]
        landing = Landing(conflicts, not_sent, provisional)
        self.note(Outcome.LANDED, landing.reason, left_out=left_out)
        return landing

    def left_out_before(self) -> list[int]:
        """Return the positions that earlier attempts left out."""
        known = range(len(self.operations))
        return [each for each in self.batch.journal().left_out if each in known]

    def arrived_late(self) -> bool:
        """Return whether the server has it all, although it refused the last request.

        An earlier request whose answer was lost may still have been on its way when the server was
        asked what it holds; its effects stand in the way of the last one.
        """
        sent = self.batch.journal().sent_before(len(self.operations))
        return sent > 0 and self._compare(None).landed

    def note(
        self, outcome: Outcome, reason: str = "", up_to: int = 0, left_out: Sequence[int] = ()
    ) -> None:
        """Write a step of the attempt to the journal."""
        server = settings.normalise_url(self.connection.server.url)
        append_attempt(
            self.batch.path,
            Attempt.now(outcome, server=server, reason=reason, up_to=up_to, left_out=left_out),
        )

    def _compare(self, predecessors: Predecessors | None) -> Comparison:
        if not self.operations:
            return Comparison([])
        try:
            return compare_batch(self.batch, self.operations, self.connection, predecessors)
        except (ServerRefused, InvalidExpression) as error:
            # The question is refused, not the batch: it may be allowed another time.
            header = self.batch.header
            raise ServerError(
                f"the server does not tell what it holds of batch {header.id} ({header.name})",
                why=error.why,
                hint="the batch waits, nothing was sent; make sure that the user may see what it "
                "changes, and commit again",
            ) from error

    def _decide(self, comparison: Comparison) -> list[Conflict]:
        """Return the conflicts to leave out, or hold the batch back.

        Raises:
            ConflictFound: the batch is held back; the journal says why.
        """
        if not comparison.conflicts:
            return []
        conflicts, _ = named(
            comparison.conflicts, comparison.labels, self.batch, self.operations, self.connection
        )
        if self.policy.on_conflict is OnConflict.SKIP:
            return conflicts
        # Nothing can be written to an entity that is gone.
        gone = any(conflict.gone for conflict in conflicts)
        if self.policy.on_conflict is OnConflict.OVERWRITE and not gone:
            return []
        header = self.batch.header
        seen = ""
        if header.replica:
            pulled = before(header.replica, header.created)
            seen = f"the author saw a replica that was pulled {pulled} it was recorded"
        lines = [each.text for each in conflicts]
        reason = "; ".join(filter(None, (in_short(lines), seen)))
        self._note_held(reason)
        raise ConflictFound(
            header.id, header.name, conflicts, reason, [*lines, seen] if seen else lines
        )

    def _note_held(self, reason: str) -> None:
        """Write why the batch is held back, unless the journal ends with just that."""
        last = self.batch.journal().last
        if last is None or (last.outcome, last.reason) != (Outcome.HELD, reason):
            self.note(Outcome.HELD, reason)

    def _missing(self, comparison: Comparison) -> list[tuple[int, Operation]]:
        """Return the operations to send, with their positions: those missing, and those forced."""
        wanted: list[tuple[int, Operation]] = []
        for position, operation in enumerate(self.operations):
            status = comparison.statuses[position]
            if status is Status.MISSING:
                if position in comparison.adjusted and isinstance(operation, Update):
                    operation = replace(operation, new_value=comparison.adjusted[position])
                wanted.append((position, operation))
            elif status is Status.CONFLICT and self.policy.on_conflict is OnConflict.OVERWRITE:
                wanted.extend((position, each) for each in _forced(operation, comparison))
        return wanted

    def _skipped(
        self, comparison: Comparison, wanted: Sequence[tuple[int, Operation]]
    ) -> list[int]:
        """Return the positions that are left out: now, or by an attempt that sent what follows."""
        sent = {position for position, _ in wanted}
        skipped = set(self.left_out_before())
        if self.policy.on_conflict is OnConflict.SKIP:
            skipped.update(_conflicting(comparison))
        return sorted(skipped - sent)

    def _chunks(self, wanted: list[tuple[int, Operation]]) -> Iterator[tuple[list[Operation], int]]:
        """Yield the operations of each request, and up to which position of the batch they go."""
        size = self.policy.chunk_size or len(wanted) or 1
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            yield [operation for _, operation in part], _end(part)

    def _send(self, operations: list[Operation], up_to: int) -> None:
        payloads = squash(operations)
        if not payloads:
            return
        try:
            doubts = doubt(payloads, self.connection.call(payloads), self.connection.schema)
            if doubts:
                raise AnswerLost(
                    f"{self.connection.server.url} gave an answer that does not say what it did",
                    why=doubts,
                    hint="check that FTRACK_SERVER is an ftrack server, and run the same command "
                    "again: it finds out what the server has",
                )
        except (ServerUnreachable, CredentialsRejected) as error:
            self.note(Outcome.UNREACHED, error.why, up_to)
            raise
        except AnswerLost as error:
            self.note(Outcome.UNKNOWN, error.why, up_to)
            raise
        except ServerRefused as error:
            self.note(Outcome.REFUSED, error.why, up_to)
            header = self.batch.header
            raise ServerRefused(
                error.kind,
                error.content,
                what=f"the server refused batch {header.id} ({header.name})",
            ) from error


@dataclass(frozen=True)
class _Rehearsal(_Replay):
    """A replay that asks the server, and changes nothing, neither there nor in the batch."""

    earlier: Sequence[Operation] = ()

    def landing(self) -> tuple[Landing, bool]:
        """Return what is to be said of the batch, and whether the server has it already."""
        self.uploads.check()
        comparison = self._compare(self.predecessors)
        return Landing(self._decide(comparison)), comparison.landed

    def note(self, *_: object, **__: object) -> None:
        """Write nothing."""

    def _compare(self, predecessors: Predecessors | None) -> Comparison:
        if not self.earlier or self.batch.journal().sent_before(len(self.operations)):
            return super()._compare(predecessors)
        together = compare(
            [*self.earlier, *self.operations], self.connection, predecessors=predecessors
        )
        return Comparison(
            together.statuses[len(self.earlier) :], together.conflicts, labels=together.labels
        )


def _conflicting(comparison: Comparison) -> list[int]:
    """Return the positions of the operations that are in conflict."""
    return [
        position for position, status in enumerate(comparison.statuses) if status is Status.CONFLICT
    ]


def _forced(operation: Operation, comparison: Comparison) -> Iterator[Operation]:
    """Yield the operations that set what *operation* wants, in spite of a conflict."""
    if not isinstance(operation, Create):
        yield operation
        return
    # The entity is there, with other values: it cannot be created, only changed.
    conflicts = [each for each in comparison.conflicts if each.entity == identity(operation)]
    if not any(each.problem is Problem.EXISTS for each in conflicts):
        yield operation
    for conflict in conflicts:
        if conflict.problem is Problem.EXISTS:
            yield Update(
                operation.entity_type,
                operation.entity_key,
                conflict.attribute,
                conflict.wanted,
                conflict.now,
                operation.commit,
            )


def _end(wanted: Sequence[tuple[int, Operation]]) -> int:
    """Return up to which position of the batch *wanted* goes."""
    return wanted[-1][0] + 1 if wanted else 0
