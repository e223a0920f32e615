"""The default session, which the package offers as ``SESSION`` and connects on first use."""

from __future__ import annotations

import functools
import threading
from typing import Any

from trackteroid_cli import settings
from trackteroid_cli.session.session import Session

#: Held while the default session connects.
_connecting = threading.RLock()


class DefaultSession(Session):
    """A session that connects when one of its attributes is first used."""

    def __init__(self) -> None:
        # Nothing yet: see __getattr__.
        pass

    def __getattr__(self, name: str) -> Any:
        """Connect, then return an attribute that only a connected session has."""
        if name.startswith("__"):
            raise AttributeError(name)
        with _connecting:
            if "_arguments" not in self.__dict__:
                settings.as_server(settings.lookup())  # ftrack_api would not say what to set
                try:
                    Session.__init__(self)
                except BaseException:
                    self.__dict__.clear()  # as before, so that the next use tries again
                    raise
            return object.__getattribute__(self, name)


@functools.cache
def default_session() -> DefaultSession:
    """Return the session that the package offers as ``SESSION``."""
    return DefaultSession()
