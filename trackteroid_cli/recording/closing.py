"""Closing: a recording becomes a batch for each server that the run has committed to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trackteroid_cli import settings
from trackteroid_cli.batches.batch import Batch, encode_operations, write
from trackteroid_cli.batches.enclosures import media
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp
from trackteroid_cli.batches.enclosures.uploads import Upload
from trackteroid_cli.batches.header import Header, make_header
from trackteroid_cli.batches.operations import counts
from trackteroid_cli.batches.recordings.recording import Recording, bring_media, write_batch
from trackteroid_cli.batches.recordings.recording_file import RecordingFile
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.errors import NotConfigured, TrackteroidError
from trackteroid_cli.kill_points import kill_point
from trackteroid_cli.recording.lines import Part

#: Returns the server at a URL, and who we are there.
FindServer = Callable[[str], settings.Server]


@dataclass(frozen=True, slots=True)
class SavedBatch:
    """A batch and its file."""

    header: Header
    path: Path


def save_batches(
    file: RecordingFile, spool: Spool, find_server: FindServer, *, name: str = ""
) -> list[SavedBatch]:
    """Write one batch for each server that a run has committed operations to.

    It can be done again, if it was cut off: a batch that is there is not written twice.

    Args:
        file: what the run has committed; it has ended.
        find_server: asked where the processes of the run have not told labels or old values.
        name: the name of the batches, instead of that which the recording has.

    Raises:
        StorageError: a file cannot be written; batches already written stay.
    """
    saved: list[SavedBatch] = []
    facts = file.facts()
    for number, (url, kinds) in enumerate(file.counts().items(), start=1):
        known = file.server(url)
        if known.get("completed", 0) != sum(kinds.values()):
            _complete(file, url, find_server)
            known = file.server(url)
        header = make_header(
            name or facts["name"],
            kinds,
            argv=json.loads(facts["argv"]),
            server=url,
            api_user=known["author"],
            script_digest=facts["script_digest"],
            uploads=len(file.enclosed.uploads(url)),
            follow_ups=len(file.enclosed.follow_ups(url)),
            batch_id=known.get("id") or ("" if facts["output"] else spool.new_id()),
            **known.get("parts", {}),
        )
        path = _path(header, facts["output"], number, spool)
        if "id" in known and _is_written(header.id, path, spool):
            continue
        file.note_id(url, header.id)
        kill_point("between two batches" if saved else "before the batch")
        if facts["output"]:
            bring_media(file, url, media.beside(path))
        elif header.uploads or header.follow_ups:
            spool.begin(header.id)
            bring_media(file, url, spool.media(header.id))
        kill_point("media kept")
        write_batch(file, url, path, header)
        saved.append(SavedBatch(header, path))
    kill_point("after the batch")
    return saved


def changed_files(file: RecordingFile) -> list[Path]:
    """Return the files that are to be uploaded from where they are, and are gone or not as long."""

    def is_changed(upload: Upload) -> bool:
        try:
            return Path(upload.path).stat().st_size != upload.size
        except OSError:
            return True

    uploads = (each for url in file.counts() for each in file.enclosed.uploads(url) if each.path)
    return list(dict.fromkeys(Path(each.path) for each in uploads if is_changed(each)))


def _path(header: Header, output: str, number: int, spool: Spool) -> Path:
    """Return where a batch goes: the batch for a second server beside that for the first."""
    if not output:
        return spool.place(header.id, header.name)
    path = Path(output)
    return path if number == 1 else path.with_stem(f"{path.stem}-{number}")


def _is_written(batch_id: str, path: Path, spool: Spool) -> bool:
    if spool.current(batch_id) is not None:
        return True
    with suppress(TrackteroidError), Batch(path) as batch:
        return batch.header.id == batch_id
    return False


def _complete(file: RecordingFile, url: str, find_server: FindServer) -> None:
    """Add labels and old values that no process of the run has told, if the server can be asked."""
    import ftrack_api

    from trackteroid_cli.offline.answering.built_on import header_parts
    from trackteroid_cli.session.session import Session

    recording = Recording(file, url)
    recording.catch_up()
    recording.read_completion()
    try:
        server = find_server(url)
        session = Session(server.url, server.api_key, server.api_user, plugin_paths=[])
    except (TrackteroidError, ftrack_api.exception.Error, OSError):
        return  # the batch is whole without them
    with session:
        session.complete_recording(recording)
        recording.keep_completion(**header_parts(session.offline, recording))


def save_operations(
    parts: Iterable[Part],
    spool: Spool,
    *,
    name: str,
    argv: list[str],
    output: Path | None = None,
) -> SavedBatch | None:
    """Write *parts*, which no script made, as one batch.

    The batch is for the server in the settings, or for any server if none is set.

    Returns:
        The batch, or None if there are no parts.
    """
    listed = list(parts)
    if not listed:
        return None
    uploads = [each for each in listed if isinstance(each, Upload)]
    follow_ups = [each for each in listed if isinstance(each, FollowUp)]
    operations = [each for each in listed if not isinstance(each, (Upload, FollowUp))]
    url, api_user = "", ""
    try:
        server = settings.server(reaching=False)
    except NotConfigured:
        pass
    else:
        url, api_user = server.url, server.api_user
    header = make_header(
        name,
        counts(operations),
        argv=argv,
        server=url,
        api_user=api_user,
        uploads=len(uploads),
        follow_ups=len(follow_ups),
        batch_id="" if output else spool.new_id(),
    )
    path = output or spool.place(header.id, header.name)
    if not output and (uploads or follow_ups):
        spool.begin(header.id)
    write(path, header, encode_operations(operations), {}, uploads=uploads, follow_ups=follow_ups)
    return SavedBatch(header, path)
