"""What a Python process of a recorded run does at its start, and when it imports ``ftrack_api``.

Needs the standard library of Python 3.7 only, and little of it: every Python process of a run pays
for it, also one that never imports ``ftrack_api``.
"""

from __future__ import annotations

import os
import sys

if False:  # for type checkers; importing them takes time
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

#: The modules by which a process reaches a server.
_SESSION, _HUB = "ftrack_api.session", "ftrack_api.event.hub"


def begin(recording: str) -> None:
    """Let ftrack sessions of this process record.

    Args:
        recording: where to, as ``TRACKTEROID_RECORDING`` tells it.
    """
    sys.meta_path.insert(0, _Finder(recording))
    if hasattr(sys, "addaudithook"):

        def refuse(what: str, why: str) -> Exception:
            error: Exception = _load("relay").Relay(recording).refuse(what, why)
            return error

        def audit(event: str, args: tuple[Any, ...]) -> None:
            if event in ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.spawn"):
                _load("isolation").check(event, args, refuse)

        sys.addaudithook(audit)


class _Finder:
    """Lets modules of ftrack's client be found as usual, and what they send be relayed."""

    def __init__(self, recording: str) -> None:
        self._recording = recording

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the spec of a module that reaches a server; of any other, None."""
        if name not in (_SESSION, _HUB):
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_relay(module: ModuleType) -> None:
                relay = _load("relay")
                if name == _SESSION:
                    relay.relay_requests(self._recording)
                execute(module)
                if name == _HUB:
                    relay.relay_events(self._recording, module.EventHub)

            spec.loader.exec_module = execute_and_relay  # type: ignore[method-assign]
        return spec


def _load(name: str) -> Any:
    """Return a module of this folder, which is not on the path of the program."""
    full_name = "trackteroid_start_" + name
    if full_name not in sys.modules:
        from importlib.util import module_from_spec, spec_from_file_location

        path = os.path.join(os.path.dirname(__file__), name + ".py")  # noqa: PTH118, PTH120
        spec = spec_from_file_location(full_name, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[full_name] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[full_name]
