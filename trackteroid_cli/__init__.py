"""Record what a script changes on ftrack, review it, and commit it later, exactly once.

The public Python API. Importing it connects to nothing and loads nothing heavy: `Session` and
`SESSION` bring in ``ftrack_api`` when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackteroid_cli.errors import TrackteroidError
from trackteroid_cli.version import __version__

if TYPE_CHECKING:
    from trackteroid_cli.session import Session

    SESSION: Session

__all__ = ["SESSION", "Session", "TrackteroidError", "__version__"]


def __getattr__(name: str) -> Any:
    """Return `Session`, or `SESSION`: the default session, which connects on first use."""
    if name == "Session":
        from trackteroid_cli.session import Session

        return Session
    if name == "SESSION":
        from trackteroid_cli.session import default_session

        return default_session()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
