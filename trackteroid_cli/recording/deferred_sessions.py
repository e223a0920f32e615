"""Deferred sessions: every ftrack session that a program makes is ours, and records."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trackteroid_cli.recording.import_alias import trackteroid_importable

if TYPE_CHECKING:
    from trackteroid_cli.batches.recordings.recording_file import RecordingFile
    from trackteroid_cli.session.recorder import RecordedSession, Recorder


@contextmanager
def deferred_sessions(
    file: RecordingFile, on_session: Callable[[RecordedSession], None] = lambda _: None
) -> Iterator[Recorder]:
    """Defer every ftrack session that any code creates inside the block.

    Args:
        file: gets what they commit.
        on_session: called with each new session.
    """
    import ftrack_api
    import ftrack_api.session

    from trackteroid_cli.session.recorder import Recorder, set_recorder
    from trackteroid_cli.session.session import Session

    recorder = Recorder(file, on_session)
    original_module, original_class = ftrack_api.session, ftrack_api.Session
    # The original module keeps its own global `Session`, which its methods refer to by name.
    module = types.ModuleType(original_module.__name__, original_module.__doc__)
    module.__dict__.update(original_module.__dict__)
    module.Session = Session  # type: ignore[attr-defined]
    set_recorder(recorder)
    ftrack_api.Session = Session
    ftrack_api.session = sys.modules[original_module.__name__] = module
    try:
        with trackteroid_importable():
            yield recorder
    finally:
        ftrack_api.Session = original_class
        ftrack_api.session = sys.modules[original_module.__name__] = original_module
        set_recorder(None)
