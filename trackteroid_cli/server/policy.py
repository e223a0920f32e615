"""Policy: how batches are to be committed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum


class OnConflict(str, Enum):
    """What to do where the server shows neither what the author saw nor what the batch wants."""

    STOP = "stop"  #: hold the whole batch back
    SKIP = "skip"  #: send the rest
    OVERWRITE = "overwrite"  #: send all the same


@dataclass(frozen=True, slots=True)
class Policy:
    """How to replay.

    Attributes:
        on_conflict: what to do about conflicts.
        server_changed: whether a batch may go to another server than it was recorded against.
        chunk_size: how many operations a request may have; 0 for all in one.
        retries: how often to try again when the server is out of reach or its answer is lost.
        longest_wait: seconds to wait between two tries, at most.
        stop: set by another thread, or by a signal, when nothing more is to be sent.
    """

    on_conflict: OnConflict = OnConflict.STOP
    server_changed: bool = False
    chunk_size: int = 0
    retries: int = 3
    longest_wait: float = 30.0
    stop: threading.Event = field(default_factory=threading.Event)
