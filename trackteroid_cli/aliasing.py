"""The name ``trackteroid`` for our scripting API, which the scripts of that package import.

Source: the modules that Trackteroid's documentation imports from.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
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


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `MODULES`; stands last among the finders, so that an installed package is preferred."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Return how to make the module, where it and those above it are ours."""
        parent = fullname.rpartition(".")[0]
        if fullname not in MODULES or (parent and not self._made(parent)):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with the API."""
        import trackteroid_cli

        module.__doc__ = trackteroid_cli.__doc__
        module.__file__ = trackteroid_cli.__file__  # which an ImportError tells
        module.__getattr__ = trackteroid_cli.__getattr__  # type: ignore[method-assign]
        module.__dir__ = trackteroid_cli.__dir__  # type: ignore[method-assign]
        for name in ("EntityCollectionOperationError", "TrackteroidError", "__version__"):
            setattr(module, name, getattr(trackteroid_cli, name))
        module.__all__ = trackteroid_cli.__all__  # type: ignore[attr-defined]

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
