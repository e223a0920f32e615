"""Deferred sessions: every ftrack session that a program makes is ours, and records."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trackteroid_cli.recording.child_processes import child_processes_refused
from trackteroid_cli.recording.import_alias import trackteroid_importable

if TYPE_CHECKING:
    from trackteroid_cli.session.recorder import Recorder


@contextmanager
def deferred_sessions() -> Iterator[Recorder]:
    """Defer every ftrack session that any code creates inside the block."""
    import ftrack_api
    import ftrack_api.session

    from trackteroid_cli.session.recorder import Recorder, set_recorder
    from trackteroid_cli.session.session import Session

    recorder = Recorder()
    original_module, original_class = ftrack_api.session, ftrack_api.Session
    # The original module keeps its own global `Session`, which its methods refer to by name.
    module = types.ModuleType(original_module.__name__, original_module.__doc__)
    module.__dict__.update(original_module.__dict__)
    module.Session = Session  # type: ignore[attr-defined]
    set_recorder(recorder)
    ftrack_api.Session = Session
    ftrack_api.session = sys.modules[original_module.__name__] = module
    try:
        with trackteroid_importable(), child_processes_refused(recorder.refusals):
            yield recorder
    finally:
        ftrack_api.Session = original_class
        ftrack_api.session = sys.modules[original_module.__name__] = original_module
        set_recorder(None)
