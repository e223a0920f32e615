"""Places at which a test may kill the process, to see that the next one carries on."""

from __future__ import annotations

import os
import signal

#: Names the place; set by tests only.
VARIABLE = "TRACKTEROID_KILL_AT"


def kill_point(place: str) -> None:
    """Go on, unless a test wants the process to die here, as a power cut would end it."""
    if os.environ.get(VARIABLE) == place:
        os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
