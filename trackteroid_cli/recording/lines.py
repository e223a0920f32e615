"""Lines: the parts of a batch as JSON texts, such as `inspect BATCH --jsonl` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from trackteroid_cli.batches.documents import read_operation
from trackteroid_cli.batches.enclosures import media
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, read_follow_up
from trackteroid_cli.batches.enclosures.uploads import Upload, read_upload
from trackteroid_cli.batches.operations import Operation, from_json, to_json
from trackteroid_cli.errors import cause
from trackteroid_cli.files import open_plain

#: What a line may hold.
Part: TypeAlias = "Operation | Upload | FollowUp"


def write_line(part: Part) -> Mapping[str, object]:
    """Return what the line of *part* says."""
    if isinstance(part, Upload):
        return {"upload": part.to_json()}
    return part.to_json() if isinstance(part, FollowUp) else to_json(part)


def read_line(line: str) -> Part:
    """Return the part that *line* describes.

    Of an upload the line may say the path only: size and digest are those of the file.

    Raises:
        InvalidOperation, ValueError: it describes none; or the file is not the one it describes.
    """
    document = read_operation(line)
    if isinstance(document, Mapping) and "upload" in document:
        return _upload(document["upload"])
    if isinstance(document, Mapping) and "follow_up" in document:
        return read_follow_up(document)
    return from_json(document)


def _upload(document: object) -> Upload:
    if not isinstance(document, Mapping) or not isinstance(document.get("path"), str):
        raise ValueError("an upload needs the path of a file: a copy lies with its batch only")
    path = Path(document["path"]).absolute()
    try:
        with open_plain(path) as file:
            size, sha256 = media.digest(file)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {cause(error)}") from error
    found = {"file_name": path.name, "size": size, "sha256": sha256}
    upload = read_upload({**found, **document, "path": str(path)})
    if (upload.size, upload.sha256) != (size, sha256):
        raise ValueError(f"{path} is not the file that the line describes")
    return upload
