"""The forecast: what a commit would do with each batch, with nothing sent and nothing changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.journal import Outcome
from trackteroid_cli.batches.operations import Operation, texts, to_json
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.errors import (
    BatchDiscarded,
    BatchFault,
    ConflictFound,
    Interrupted,
    TrackteroidError,
)
from trackteroid_cli.replay.attempt import check_digest, check_server, rehearse
from trackteroid_cli.replay.comparing.predecessors import Predecessors
from trackteroid_cli.replay.delivery.follow_ups import waiting
from trackteroid_cli.replay.order import Order
from trackteroid_cli.replay.policy import OnConflict, Policy
from trackteroid_cli.replay.schedule import HOPELESS, Result, failed, passed_over, untried

if TYPE_CHECKING:
    from trackteroid_cli.server.connection import Connection


@dataclass(frozen=True, slots=True)
class _Landing:
    """A batch that will be on the server: its operations, and every text in them."""

    operations: Sequence[Operation]
    texts: frozenset[str]


class Forecast:
    """What a commit would do with batches, each in view of those before it.

    Args:
        spool: where the other batches are.
        connection: to the server; None where it cannot be asked.
        policy: that of the commit.
    """

    def __init__(self, spool: Spool, connection: Connection | None, policy: Policy) -> None:
        #: Why the server stopped to answer, if it did.
        self.unanswered: TrackteroidError | None = None
        self._order = Order(spool)
        self._connection = connection
        self._policy = policy
        self._landing: list[_Landing] = []

    def results(self, targets: Iterable[Entry | Path]) -> Iterator[Result]:
        """Yield what would become of *targets*; what they are now is their state.

        Raises:
            Interrupted: the policy's stop is set.
        """
        for target in targets:
            with self._policy.retry.stop.interruptible():
                result = self._passed_over(target) or self._result(target)
            yield result

    def _passed_over(self, target: Entry | Path) -> Result | None:
        if self._connection is None or not self._policy.passing_over:
            return None
        return passed_over(target, self._connection.server.url)

    def _result(self, target: Entry | Path) -> Result:
        if isinstance(target, Entry) and target.state is State.DISCARDED:
            return untried(target, BatchDiscarded(target.id, target.name))
        try:
            with Batch(target if isinstance(target, Path) else target.path) as batch:
                return self._of_batch(batch, target)
        except Interrupted:
            raise
        except TrackteroidError as error:
            return untried(target, error)

    def _of_batch(self, batch: Batch, target: Entry | Path) -> Result:
        header = batch.header
        state = State.PENDING if isinstance(target, Path) else target.state
        result = Result(header.id, header.name, state, counts=header.totals)
        if state is State.COMMITTED or batch.journal().landed:
            left = waiting(batch)
            told = f"{left} of its follow-ups would be done" if left else "it was committed before"
            return replace(result, state=State.COMMITTED, outcome=Outcome.LANDED, reason=told)
        try:
            if self._connection is not None and not self._policy.server_changed:
                check_server(header, self._connection)
            check_digest(header, self._policy)
            if isinstance(target, Entry):
                self._order.check(batch, target)
            operations = list(batch.operations())
            result = self._compared(batch, target, operations, result)
        except Interrupted:
            raise
        except TrackteroidError as error:
            return replace(failed(result, error), state=state, outcome=None)
        except Exception as error:  # noqa: BLE001 - as in a commit, the batches behind go on
            fault = BatchFault(f"batch {header.id} ({header.name})", error)
            return replace(failed(result, fault), state=state)
        self._landing.append(_Landing(operations, _texts(operations)))
        if isinstance(target, Entry):
            self._order.note_landed(target)
        return result

    def _compared(
        self,
        batch: Batch,
        target: Entry | Path,
        operations: Sequence[Operation],
        result: Result,
    ) -> Result:
        """Return *result* with what the server tells; where it cannot be asked, the journal does.

        Raises:
            ConflictFound: the batch would be held back.
            ServerError: the server does not tell.
        """
        if self._connection is not None and self.unanswered is None:
            predecessors, spool = None, self._order.spool
            if isinstance(target, Entry):
                predecessors = Predecessors(spool, batch.header)
            try:
                landing, is_there = rehearse(
                    batch,
                    self._connection,
                    self._policy,
                    predecessors,
                    self._needed(operations),
                    media=spool.media_of(batch.path, batch.header.id),
                )
            except HOPELESS as error:
                self.unanswered = error
            else:
                reason = landing.reason or ("the server has it already" if is_there else None)
                return replace(result, reason=reason, conflicts=landing.left_out)
        last = batch.journal().last
        if last and last.outcome is Outcome.HELD and self._policy.on_conflict is OnConflict.STOP:
            raise ConflictFound(result.id, result.name, [], last.reason)
        return result

    def _needed(self, operations: Sequence[Operation]) -> list[Operation]:
        """Return the operations that will land before, of batches about the same entities."""
        needed: list[Operation] = []
        known = set(_texts(operations))
        for landing in reversed(self._landing):
            keys = {key for each in landing.operations for key in each.entity_key.values()}
            if not keys.isdisjoint(known):
                needed[:0] = landing.operations
                known |= landing.texts
        return needed


def _texts(operations: Iterable[Operation]) -> frozenset[str]:
    return frozenset(text for each in operations for text in texts(to_json(each)))
