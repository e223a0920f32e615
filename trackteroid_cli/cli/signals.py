"""Signals: a command asked to stop ends at once where it reads; a write it finishes and settles."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trackteroid_cli.errors import Interrupted

if TYPE_CHECKING:
    from trackteroid_cli.server.retry import Stop


@contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Let SIGTERM and SIGINT set *stop* instead of ending the process, for the length of the block.

    What may be interrupted is, by `Interrupted`. A second signal ends the process at once.
    """
    former: dict[int, Any] = {}

    def handle(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, former[number])
        if stop.is_interruptible:
            raise Interrupted()

    for each in (signal.SIGTERM, signal.SIGINT):
        former[each] = signal.signal(each, handle)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
