"""Recording: every ftrack session that a program makes is deferred, and what it commits is kept."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli import settings
from trackteroid_cli.batches.batch import encode_operations, write
from trackteroid_cli.batches.header import Header, make_header
from trackteroid_cli.batches.operations import Operation, counts
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.errors import NotConfigured
from trackteroid_cli.offline.built_on import lineage
from trackteroid_cli.recording.import_alias import trackteroid_importable
from trackteroid_cli.recording.program import Program

if TYPE_CHECKING:
    from trackteroid_cli.session.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Recorded:
    """A batch that a run left."""

    header: Header
    path: Path


@contextmanager
def recording_sessions() -> Iterator[Recorder]:
    """Defer every ftrack session that is created inside the block, by whatever code."""
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
        with trackteroid_importable():
            yield recorder
    finally:
        ftrack_api.Session = original_class
        ftrack_api.session = sys.modules[original_module.__name__] = original_module
        set_recorder(None)


def save(
    recorder: Recorder,
    program: Program,
    spool: Spool,
    *,
    name: str = "",
    output: Path | None = None,
) -> list[Recorded]:
    """Write a batch for each server that the run committed something to.

    Args:
        name: what to call the batches; the program's name unless given.
        output: the file to write to instead of the spool. With several servers the second batch
            goes to ``<stem>-2<suffix>``, and so on.

    Raises:
        StorageError: the disk refuses; batches already written stay.
    """
    saved: list[Recorded] = []
    for url, recording in recorder.recordings.items():
        if not len(recording):
            continue
        session = recorder.session_for(url)
        session.complete_recording(recording)
        header = make_header(
            name or program.name,
            recording.counts,
            argv=program.argv,
            server=session.server_url,
            api_user=session.api_user,
            source=program.source,
            # The arguments stand in all batches of a run, so none may hold any server's key.
            secrets=[each.api_key for each in recorder.sessions],
            **lineage(session.offline, recording),
        )
        path = spool.place(header.id, header.name)
        if output is not None:
            number = len(saved) + 1
            path = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
        recording.save(path, header)
        saved.append(Recorded(header, path))
    return saved


def save_operations(
    operations: Iterable[Operation],
    spool: Spool,
    *,
    name: str,
    argv: list[str],
    output: Path | None = None,
) -> Recorded | None:
    """Write *operations*, which were made by other means than a script, as one batch.

    The batch is for the server that the environment names, or for any where it names none.
    Returns None where there are no operations.
    """
    listed = list(operations)
    if not listed:
        return None
    url, api_user = "", ""
    try:
        server = settings.server(reaching=False)
    except NotConfigured:
        pass
    else:
        url, api_user = server.url, server.api_user
    header = make_header(name, counts(listed), argv=argv, server=url, api_user=api_user)
    path = output or spool.place(header.id, header.name)
    write(path, header, encode_operations(listed), {})
    return Recorded(header, path)
