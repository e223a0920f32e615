"""Signals: a command asked to stop finishes the request in flight, settles, and ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT set *stop* instead of ending the process, for the length of the block.

    A second signal ends it at once.
    """
    former: dict[int, Any] = {}

    def handle(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, former[number])

    for each in (signal.SIGTERM, signal.SIGINT):
        former[each] = signal.signal(each, handle)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
