"""Uploads: bytes that a batch brings to the location of the server when it is committed.

The bytes are in the file of the author, or in a copy that lies with the batch; the batch itself has
their size and digest only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TypeGuard

#: What ids of ftrack are made of; some of them are no UUIDs.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
#: How long the name of a file may be.
MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class Upload:
    """The bytes of one component.

    Attributes:
        component_id: which names the bytes in the location of the server.
        file_name: what the server is told that the file is called.
        size: in bytes.
        sha256: the digest of the bytes, in hexadecimal digits.
        path: of the author's file; '' if a copy lies with the batch.
    """

    component_id: str
    file_name: str
    size: int
    sha256: str
    path: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the upload as a batch holds it."""
        return {name: value for name, value in asdict(self).items() if value != ""}

    def source(self, media: Path) -> Path:
        """Return the file with the bytes.

        Args:
            media: the folder of the copies that lie with the batch.
        """
        return Path(self.path) if self.path else media / self.sha256


def _is_absolute(path: str) -> bool:
    """Return whether *path* names one file on the platform that it is of, whichever that is."""
    return PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()


def is_id_of_ftrack(value: object) -> TypeGuard[str]:
    """Return whether *value* may be the id of an entity."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def read_upload(document: object) -> Upload:
    """Return the upload that *document* describes.

    Raises:
        ValueError: it describes none.
    """
    if not isinstance(document, Mapping):
        raise ValueError("an upload is damaged")
    component_id, sha256 = document.get("component_id"), document.get("sha256")
    file_name, size = document.get("file_name", ""), document.get("size")
    path = document.get("path", "")
    if not is_id_of_ftrack(component_id):
        raise ValueError(f"an upload is damaged: 'component_id' is {component_id!r:.60}")
    # A copy is named by it: nothing else may become the name of a file.
    if not (isinstance(sha256, str) and _DIGEST.fullmatch(sha256)):
        raise ValueError(f"an upload is damaged: 'sha256' is {sha256!r:.60}")
    if not (isinstance(size, int) and not isinstance(size, bool) and size >= 0):
        raise ValueError(f"an upload is damaged: 'size' is {size!r:.60}")
    if not (isinstance(file_name, str) and 0 < len(file_name) <= MAX_NAME):
        raise ValueError(f"an upload is damaged: 'file_name' is {file_name!r:.60}")
    if not isinstance(path, str) or "\0" in path or (path and not _is_absolute(path)):
        raise ValueError(f"an upload is damaged: 'path' is {path!r:.60}")
    return Upload(component_id, file_name, size, sha256, path)
