"""Kill points: places where a test may kill the process, to see that the next one carries on."""

from __future__ import annotations

import os
import signal

#: Names the place; set by tests only.
VARIABLE = "TRACKTEROID_KILL_AT"


def kill_point(place: str) -> None:
    """Kill this process, as a power cut would, if a test has named *place*; else do nothing."""
    if os.environ.get(VARIABLE) == place:
        os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
