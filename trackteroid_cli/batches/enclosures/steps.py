"""Steps: what commits have done of the uploads and the follow-ups of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from trackteroid_cli import moments


class Stage(str, Enum):
    """What a step says of an upload or a follow-up."""

    UPLOADED = "uploaded"  #: the server has the bytes
    FOLLOWING = "following"  #: it is about to be done; nothing is known of it yet
    WAITING = "waiting"  #: it did not reach the server
    FOLLOWED = "followed"  #: nothing more is to be done about it

    def __str__(self) -> str:
        """Return the word, as files and JSON hold it."""
        return self.value


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one upload or follow-up.

    Attributes:
        when: UTC, ISO 8601.
        stage: what it says.
        position: of the upload or the follow-up, from 0.
        server: the normalised URL of the server.
        reason: what went wrong, or may have; '' if nothing did.
    """

    when: str
    stage: Stage
    position: int = 0
    server: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        """Turn a text that was read from a file into a `Stage`.

        Raises:
            ValueError: there is no such stage.
        """
        object.__setattr__(self, "stage", Stage(self.stage))

    @classmethod
    def now(cls, stage: Stage, position: int, server: str, reason: str = "") -> Step:
        """Return a step made now."""
        return cls(moments.now(), stage, position, server, reason)


def uploaded(steps: Iterable[Step], server: str = "") -> set[int]:
    """Return the positions of the uploads whose bytes the server has.

    Args:
        server: its normalised URL; '' for any.
    """
    return {
        step.position
        for step in steps
        if step.stage is Stage.UPLOADED and server in ("", step.server)
    }


def followed(steps: Iterable[Step]) -> dict[int, Step]:
    """Return the last step of each follow-up that one was made of, by position."""
    return {step.position: step for step in steps if step.stage is not Stage.UPLOADED}


def ended(steps: Iterable[Step]) -> dict[int, Step]:
    """Return the last step of each follow-up that nothing more is to be done about."""
    return {
        position: step for position, step in followed(steps).items() if step.stage is Stage.FOLLOWED
    }
