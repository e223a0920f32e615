"""The recorder: one recording for each server that the sessions of a run connect to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackteroid_cli import settings
from trackteroid_cli.batches.recording import Recording

if TYPE_CHECKING:
    from trackteroid_cli.session.session import Session


@dataclass
class Recorder:
    """Keeps what the sessions of one run commit: one recording for each server."""

    recordings: dict[str, Recording] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def recording_for(self, session: Session) -> Recording:
        """Return the recording that *session* takes part in."""
        return self.recordings.setdefault(settings.normalise_url(session.server_url), Recording())

    def adopt(self, session: Session) -> None:
        """Take note of a new session."""
        self.sessions.append(session)

    @property
    def uncommitted(self) -> int:
        """The number of operations that the script has recorded and not committed."""
        return sum(
            len(session.recorded_operations) for session in self.sessions if not session.closed
        )

    def session_for(self, url: str) -> Session:
        """Return the last session of the server *url*."""
        return next(
            session
            for session in reversed(self.sessions)
            if settings.normalise_url(session.server_url) == url
        )
