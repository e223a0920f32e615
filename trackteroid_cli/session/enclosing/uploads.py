"""Uploads: bytes for the location of the server, kept with a recording and read back from it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from trackteroid_cli.batches.enclosures import media
from trackteroid_cli.batches.enclosures.uploads import MAX_NAME, Upload
from trackteroid_cli.batches.operations import Identity
from trackteroid_cli.batches.recordings.enclosed import removal
from trackteroid_cli.batches.recordings.recording import Recording
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.files import open_plain
from trackteroid_cli.session.api.protocols import Entity

#: Where files lie that nobody keeps, besides the folder that Python uses.
_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
_TEMPORARY_VARIABLES = ("TMPDIR", "TEMP", "TMP")


class Elsewhere(Enum):
    """Where bytes are that no recording holds."""

    SERVER = "on the server, if anywhere"
    NOWHERE = "removed by a recording, or never uploaded"


def file_name(component: Entity) -> str:
    """Return what the server is told that the file of a component is called.

    Source: ``ftrack_api/accessor/server.py``, ``ServerFile._write``.
    """
    name = str(component["name"] or "")
    if component["file_type"]:
        name = f"{name}.{component['file_type'].lstrip('.')}"
    return name[:MAX_NAME] or str(component["id"])


def keep_file(recording: Recording, component_id: str, name: str, path: Path) -> None:
    """Keep the bytes of a component that are in the file *path*.

    They are kept by reference where the file will still be there later, else as a copy.

    Args:
        name: what the server is told that the file is called.
        path: absolute.

    Raises:
        CannotDefer: the recording has ended.
        NotPlain, OSError: the file cannot be read.
        StorageError: the disk refuses.
    """
    with open_plain(path) as source:
        if is_temporary(path) or recording.file.enclosed.copies_media:
            keep_stream(recording, component_id, name, source)
        else:
            size, sha256 = media.digest(source)
            recording.add_upload(Upload(component_id, name, size, sha256, str(path)))


def keep_stream(recording: Recording, component_id: str, name: str, source: BinaryIO) -> None:
    """Keep a copy of what *source* still has to read, as the bytes of a component.

    Raises:
        CannotDefer: the recording has ended.
        StorageError: the disk refuses.
    """
    size, sha256 = recording.file.enclosed.keep_media(source)
    recording.add_upload(Upload(component_id, name, size, sha256))


def is_temporary(path: Path) -> bool:
    """Return whether the file *path*, which is absolute, is where nobody keeps files."""
    variables = (os.environ.get(name) for name in _TEMPORARY_VARIABLES)
    folders = {tempfile.gettempdir(), *_TEMPORARY, *filter(None, variables)}
    found = {Path(folder) for folder in folders} | {Path(folder).resolve() for folder in folders}
    return any(folder in place.parents for place in (path, path.resolve()) for folder in found)


def find(recordings: Sequence[Recording], component_id: str) -> Path | Elsewhere:
    """Return the file with the bytes of a component, or where they are instead.

    Args:
        recordings: of the session, the innermost first.

    Raises:
        CannotDefer: the script has changed or removed the file since.
    """
    for recording in recordings:
        upload = recording.upload(component_id)
        if upload is not None:
            path = upload.source(recording.file.enclosed.media)
            if upload.path:
                _check_unchanged(upload, path)
            return path
        if _is_new(recording, component_id) or recording.is_removed(component_id):
            return Elsewhere.NOWHERE
    return Elsewhere.SERVER


def remove(recording: Recording, component_id: str) -> None:
    """Let the bytes of a component not be on the server in the end.

    Raises:
        CannotDefer: the recording has ended.
        StorageError: the disk refuses.
    """
    recording.remove_upload(component_id)
    if not _is_new(recording, component_id) and not recording.is_removed(component_id):
        recording.add_follow_up(removal(component_id))


def _is_new(recording: Recording, component_id: str) -> bool:
    """Return whether the server cannot know the component yet."""
    return Identity("", (component_id,)) in recording.created


def _check_unchanged(upload: Upload, path: Path) -> None:
    try:
        with open_plain(path) as source:
            is_same = media.digest(source) == (upload.size, upload.sha256)
    except OSError:
        is_same = False
    if not is_same:
        raise CannotDefer(
            f"cannot read back the upload {upload.file_name}",
            why=f"{path} was changed or removed since, and the recording has no copy of it",
            hint="record with --copy-media",
        )
