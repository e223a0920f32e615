"""Saved batches: what a run committed, or a list of operations, as files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli import settings
from trackteroid_cli.batches.batch import encode_operations, write
from trackteroid_cli.batches.header import Header, make_header
from trackteroid_cli.batches.operations import Operation, counts
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.errors import NotConfigured
from trackteroid_cli.offline.answering.built_on import header_parts
from trackteroid_cli.recording.program import Program

if TYPE_CHECKING:
    from trackteroid_cli.session.recorder import Recorder


@dataclass(frozen=True, slots=True)
class SavedBatch:
    """A batch and its file."""

    header: Header
    path: Path


def save_recordings(
    recorder: Recorder,
    program: Program,
    spool: Spool,
    *,
    name: str = "",
    output: Path | None = None,
) -> list[SavedBatch]:
    """Write one batch for each server that the run has committed operations to.

    Args:
        name: the name of the batches; by default that of the program.
        output: a file to write to instead of the spool. With several servers the second batch
            goes to ``<stem>-2<suffix>``, and so on.

    Raises:
        StorageError: a file cannot be written; batches already written stay.
    """
    saved: list[SavedBatch] = []
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
            # All batches of a run hold its arguments, so no server's key may stay in them.
            secrets=[each.api_key for each in recorder.sessions],
            **header_parts(session.offline, recording),
        )
        path = spool.place(header.id, header.name)
        if output is not None:
            number = len(saved) + 1
            path = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
        recording.save(path, header)
        saved.append(SavedBatch(header, path))
    return saved


def save_operations(
    operations: Iterable[Operation],
    spool: Spool,
    *,
    name: str,
    argv: list[str],
    output: Path | None = None,
) -> SavedBatch | None:
    """Write *operations*, which no script made, as one batch.

    The batch is for the server in the settings, or for any server if none is set.

    Returns:
        The batch, or None if there are no operations.
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
    return SavedBatch(header, path)
