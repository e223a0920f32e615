"""Trying again: requests that did not reach the server, or whose answers were lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackteroid_cli.errors import AnswerLost, ExitCode, Interrupted, ServerUnreachable

if TYPE_CHECKING:
    import tenacity


class Stop(threading.Event):
    """Set by another thread, or by a signal, so that nothing more is sent.

    What only reads can be broken off at once: a signal does so where `is_interruptible` is true.
    """

    is_interruptible = False

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal raise `Interrupted` in the block, and whoever has set this before it.

        Raises:
            Interrupted: this is set.
        """
        self.is_interruptible = True
        try:
            self.check()
            yield
        finally:
            self.is_interruptible = False

    def check(self) -> None:
        """Raise `Interrupted` if this is set."""
        if self.is_set():
            raise Interrupted()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try again, and when to stop.

    Attributes:
        retries: how often to try again when the server is out of reach or its answer is lost.
        longest_wait: seconds to wait between two tries, at most.
        stop: see `Stop`.
    """

    retries: int = 3
    longest_wait: float = 30.0
    stop: Stop = field(default_factory=Stop)


def retrier(policy: RetryPolicy) -> tenacity.Retrying:
    """Return a caller of functions that tries again as *policy* says.

    Called with a function and its arguments, it returns what the function returns, or raises its
    last error. The waits in between grow. A refusal is never tried again, nor is what only a person
    can mend.
    """
    import tenacity

    growing = tenacity.wait_random_exponential(multiplier=0.5, max=policy.longest_wait)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after", None)
        return growing(state) if asked is None else min(asked, policy.longest_wait)

    def pause(state: tenacity.RetryCallState) -> None:
        """Wait; if the policy's stop is set meanwhile, raise the error of the last try."""
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0.0
        if policy.stop.wait(seconds) and error is not None:
            raise error

    return tenacity.Retrying(
        stop=tenacity.stop_any(
            tenacity.stop_after_attempt(policy.retries + 1),
            tenacity.stop_when_event_set(policy.stop),
        ),
        wait=wait,
        retry=tenacity.retry_if_exception(_passes),
        before_sleep=pause,
        sleep=lambda _seconds: None,
        reraise=True,
    )


def _passes(error: BaseException) -> bool:
    """Return whether *error* may be gone the next time."""
    return (
        isinstance(error, (ServerUnreachable, AnswerLost)) and error.exit_code is ExitCode.TRY_AGAIN
    )
