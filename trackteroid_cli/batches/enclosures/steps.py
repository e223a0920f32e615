"""Steps: what a commit has done of the uploads and the follow-ups of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class StepKind(str, Enum):
    """What a step says."""

    UPLOADED = "uploaded"  #: the server has the bytes
    FOLLOWING = "following"  #: a follow-up is about to be done; nothing is known of it yet
    FOLLOWED = "followed"  #: nothing more is to be done about a follow-up

    def __str__(self) -> str:
        """Return the word, as files hold it."""
        return self.value


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one upload or follow-up.

    Attributes:
        when: UTC, ISO 8601.
        server: the normalised URL of the server.
        reason: what went wrong with it, or may have; '' if nothing did.
    """

    when: str
    server: str = ""
    reason: str = ""
