"""The journal of a batch: every attempt to commit it, and what can be concluded from them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import overload

from trackteroid_cli import moments, settings


class Outcome(str, Enum):
    """What one step of an attempt came to."""

    SENDING = "sending"  #: a request is about to be sent; nothing is known of it yet
    SENT = "sent"  #: the server has the request, and more are to follow
    LANDED = "landed"  #: the server has the whole batch
    REFUSED = "refused"  #: the server answered, and refused; it applied nothing of the request
    UNKNOWN = "unknown"  #: the answer was lost
    UNREACHED = "unreached"  #: the request did not reach the server
    HELD = "held"  #: conflicts kept the batch from being sent
    DISCARDED = "discarded"  #: a person threw the batch away
    RESTORED = "restored"  #: a person brought it back

    def __str__(self) -> str:
        """Return the word, as files and JSON hold it."""
        return self.value


#: After these, the server may hold the operations of the request.
_POSSIBLY_SENT = frozenset({Outcome.SENDING, Outcome.UNKNOWN, Outcome.SENT})

#: These say what they leave out.
_LEAVES_OUT = frozenset({Outcome.SENDING, Outcome.SENT, Outcome.LANDED})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One step of an attempt to commit.

    Attributes:
        when: UTC, ISO 8601.
        outcome: what the step came to.
        user, host: who made the attempt, and where.
        server: the normalised URL of the server.
        reason: why it did not land; or what was left out.
        up_to: how many of the batch's operations, from the first, the server has after the request.
        left_out: the positions, from 0, of the operations left out because of conflicts.
    """

    when: str
    outcome: Outcome
    user: str = ""
    host: str = ""
    server: str = ""
    reason: str = ""
    up_to: int = 0
    left_out: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Turn a text that was read from a file into an `Outcome`.

        Raises:
            ValueError: there is no such outcome.
        """
        object.__setattr__(self, "outcome", Outcome(self.outcome))

    @classmethod
    def now(
        cls,
        outcome: Outcome,
        *,
        server: str = "",
        reason: str = "",
        up_to: int = 0,
        left_out: Sequence[int] = (),
    ) -> Attempt:
        """Return a step made now, by this user on this machine."""
        return cls(
            when=moments.now(),
            outcome=outcome,
            user=settings.user_name(),
            host=socket.gethostname(),
            server=server,
            reason=reason,
            up_to=up_to,
            left_out=list(left_out),
        )


@dataclass(frozen=True, slots=True)
class Journal(Sequence[Attempt]):
    """The attempts to commit one batch, the first one first."""

    attempts: tuple[Attempt, ...] = ()

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.attempts)

    def __iter__(self) -> Iterator[Attempt]:
        """Iterate over the steps, the first one first."""
        return iter(self.attempts)

    @overload
    def __getitem__(self, index: int) -> Attempt: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Attempt, ...]: ...
    def __getitem__(self, index: int | slice) -> Attempt | tuple[Attempt, ...]:
        """Return one step, or several."""
        return self.attempts[index]

    @property
    def last(self) -> Attempt | None:
        """The last step; None before the first attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def outcome(self) -> Outcome | None:
        """The outcome of the last step; None before the first attempt."""
        return self.attempts[-1].outcome if self.attempts else None

    @property
    def landed(self) -> bool:
        """Whether the server is known to have the whole batch."""
        return self.outcome is Outcome.LANDED

    @property
    def may_have_landed(self) -> bool:
        """Whether the last step leaves it possible that the server has the batch."""
        return self.outcome in (Outcome.SENDING, Outcome.UNKNOWN, Outcome.LANDED)

    @property
    def sent_for_certain(self) -> int:
        """How many operations, from the first, the server is known to have."""
        sent = (attempt.up_to for attempt in self if attempt.outcome is Outcome.SENT)
        return max(sent, default=0)

    @property
    def left_out(self) -> list[int]:
        """The positions of the operations that the server does not have, although others landed."""
        for position, attempt in reversed(list(enumerate(self.attempts))):
            if attempt.outcome in _LEAVES_OUT and not self._came_to_nothing(position):
                return attempt.left_out
        return []

    def sent_before(self, count: int) -> int:
        """Return how many operations, from the first, the server may have from earlier attempts.

        Args:
            count: how many operations the batch has; an attempt without a number sent them all.
        """
        most = 0
        for position, attempt in enumerate(self.attempts):
            if attempt.outcome in _POSSIBLY_SENT and not self._came_to_nothing(position):
                most = max(most, attempt.up_to or count)
        return most

    def _came_to_nothing(self, position: int) -> bool:
        """Return whether the step at *position* began a request that the server did not apply."""
        if self.attempts[position].outcome is not Outcome.SENDING:
            return False
        following = self.attempts[position + 1 : position + 2]
        return bool(following) and following[0].outcome in (Outcome.UNREACHED, Outcome.REFUSED)

    @property
    def commits(self) -> Journal:
        """The journal without the steps of `discard` and its restoring."""
        trash = (Outcome.DISCARDED, Outcome.RESTORED)
        return Journal(tuple(each for each in self if each.outcome not in trash))

    @property
    def discarded(self) -> Attempt | None:
        """The last step that threw the batch away; None if nobody did."""
        found = (each for each in reversed(self.attempts) if each.outcome is Outcome.DISCARDED)
        return next(found, None)
