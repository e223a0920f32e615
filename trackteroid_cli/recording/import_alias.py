"""The name ``trackteroid`` for our scripting API, which the scripts of that package import.

Source: the modules that Trackteroid's documentation imports from.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

#: Modules that scripts import from; all of them have the whole API.
MODULES = (
    "trackteroid",
    "trackteroid.entities",
    "trackteroid.entities.base",
    "trackteroid.query",
    "trackteroid.session",
)

#: Where Trackteroid looks for its configuration.
_CONFIGURATION = "TRACKTEROID_CONFIGURATION"

_LOG = logging.getLogger("trackteroid")


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `MODULES`; stands last among the finders, so that an installed package is preferred."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Return how to make the module, where it and those above it are ours.

        Raises:
            ImportError: it would be an entity type that the server does not have. Python looks for
                a module of the name then, and would not tell the reason.
        """
        parent, _, name = fullname.rpartition(".")
        if parent and not self._made(parent):
            return None
        if fullname in MODULES:
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        if parent and name[:1].isupper():
            try:
                getattr(sys.modules[parent], name)
            except AttributeError as error:
                raise ImportError(str(error), name=fullname) from error
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with the API."""
        import trackteroid_cli
        from trackteroid_cli.fluent.types.type_lookup import standard_names

        module.__doc__ = trackteroid_cli.__doc__
        module.__file__ = trackteroid_cli.__file__  # which an ImportError tells
        module.__getattr__ = trackteroid_cli.__getattr__  # type: ignore[method-assign]
        module.__dir__ = trackteroid_cli.__dir__  # type: ignore[method-assign]
        for name in ("EntityCollectionOperationError", "TrackteroidError", "__version__"):
            setattr(module, name, getattr(trackteroid_cli, name))
        # The package's own scripts name the types that they import; those for `trackteroid` also
        # import all of them at once.
        names = [*trackteroid_cli.__all__, *standard_names()]
        module.__all__ = names  # type: ignore[attr-defined]
        if module.__name__ == MODULES[0] and os.environ.get(_CONFIGURATION):
            _LOG.warning(
                "%s is set, but not read: name a relationship file with TRACKTEROID_RELATIONSHIPS",
                _CONFIGURATION,
            )

    def forget(self) -> None:
        """Remove the modules that were made."""
        for name in MODULES:
            if self._made(name):
                del sys.modules[name]

    def _made(self, name: str) -> bool:
        return getattr(sys.modules.get(name), "__loader__", None) is self


@contextmanager
def trackteroid_importable() -> Iterator[None]:
    """Let ``import trackteroid`` give our API inside the block, unless it is installed."""
    finder = _Finder()
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        finder.forget()
