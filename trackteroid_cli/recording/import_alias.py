"""Import alias: the name ``trackteroid`` for our scripting API, as its scripts import it.

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

#: Modules that scripts import from; each of them has the whole API.
MODULES = (
    "trackteroid",
    "trackteroid.entities",
    "trackteroid.entities.base",
    "trackteroid.query",
    "trackteroid.session",
)

#: The environment variable that names the configuration of Trackteroid.
_CONFIGURATION = "TRACKTEROID_CONFIGURATION"

_LOG = logging.getLogger("trackteroid")


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `MODULES`; comes last among the finders, as an installed package takes precedence."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of the module, if it and its parents are ours.

        Raises:
            ImportError: the name is that of an entity type that the server does not have. Python
                then looks for a module of that name, and would not give the reason.
        """
        parent, _, name = fullname.rpartition(".")
        if parent and not self._is_ours(parent):
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
        """Add the API to the module."""
        import trackteroid_cli
        from trackteroid_cli.fluent.types.type_lookup import standard_names

        module.__doc__ = trackteroid_cli.__doc__
        module.__file__ = trackteroid_cli.__file__  # shown in the message of an ImportError
        module.__getattr__ = trackteroid_cli.__getattr__  # type: ignore[method-assign]
        module.__dir__ = trackteroid_cli.__dir__  # type: ignore[method-assign]
        for name in ("EntityCollectionOperationError", "TrackteroidError", "__version__"):
            setattr(module, name, getattr(trackteroid_cli, name))
        # Scripts for `trackteroid` may import all entity types at once, by `import *`.
        names = [*trackteroid_cli.__all__, *standard_names()]
        module.__all__ = names  # type: ignore[attr-defined]
        if module.__name__ == MODULES[0] and os.environ.get(_CONFIGURATION):
            _LOG.warning(
                "%s is set, but not read: name a relationship file with TRACKTEROID_RELATIONSHIPS",
                _CONFIGURATION,
            )

    def remove_modules(self) -> None:
        """Remove our modules from `sys.modules`."""
        for name in MODULES:
            if self._is_ours(name):
                del sys.modules[name]

    def _is_ours(self, name: str) -> bool:
        return getattr(sys.modules.get(name), "__loader__", None) is self


@contextmanager
def trackteroid_importable() -> Iterator[None]:
    """Let ``import trackteroid`` import our API inside the block, unless it is installed."""
    finder = _Finder()
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        finder.remove_modules()
