"""Uploads: where a client may put the bytes of a component, and what becomes of what it puts there.

The address says all that is known of the upload and is signed; so nothing is stored before bytes
come, and they may come before the component, more than once, and in parts in any order.

Source: ``ftrack_api/accessor/server.py``; the uploader of ftrack's JavaScript client.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import secrets
import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from trackteroid_cli.engine.media.folder import Draft
from trackteroid_cli.engine.media.media import Announced, Media, Part
from trackteroid_cli.engine.storage import addresses
from trackteroid_cli.engine.storage.errors import PermissionDenied, ValidationError

#: As many as S3 takes.
MOST_PARTS = 10_000

#: The largest size that the database can hold.
_LARGEST = 2**63 - 1

_LONGEST_NAME = 255


class UploadRequest(NamedTuple):
    """What a client announces, and what the address of an upload says."""

    component_id: str
    file_name: str
    size: int
    #: The MD5 of the bytes in base64, or ''.
    checksum: str = ""
    #: In parts: which upload they belong to, and which of them.
    upload_id: str = ""
    part: int = 0

    def query(self) -> dict[str, object]:
        """Return the query of the address."""
        names = {"id": self.component_id, "name": self.file_name, "size": self.size}
        optional = {"md5": self.checksum, "upload": self.upload_id, "part": self.part}
        return {**names, **{name: value for name, value in optional.items() if value}}


def read_request(sent: Mapping[str, object]) -> tuple[UploadRequest, int]:
    """Return what a client announces, and the number of parts: 0 for none.

    Raises:
        ValidationError: it makes no sense.
    """
    component_id, file_name = _text(sent, "component_id"), _text(sent, "file_name")
    size = _number(sent.get("file_size"), "file_size", _LARGEST)
    checksum = sent.get("checksum") or ""
    if checksum and _md5(checksum) is None:
        raise ValidationError(f'The "checksum" of an upload is an MD5 in base64. Got "{checksum}"')
    parts = sent.get("parts")
    number = 0 if parts is None else _number(parts, "parts", MOST_PARTS)
    return UploadRequest(component_id, file_name, size, str(checksum)), number


def _text(sent: Mapping[str, object], name: str) -> str:
    """Return a text of what was *sent*, if the database and an address can have it."""
    value = sent.get(name)
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= _LONGEST_NAME
        or any(each == "\0" or "\ud800" <= each <= "\udfff" for each in value)
    ):
        raise ValidationError(
            f'The "{name}" of an upload is text of at most {_LONGEST_NAME} characters. '
            f'Got "{value}"'
        )
    return value


def _number(value: object, name: str, most: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValidationError(
            f'The "{name}" of an upload is a whole number up to {most}. Got "{value}"'
        )
    return value


def _md5(text: object) -> bytes | None:
    """Return the MD5 that is *text* in base64, or None if it is none."""
    try:
        digest = base64.b64decode(str(text).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    return digest if len(digest) == 16 else None


def metadata(secret: str, server_url: str, request: UploadRequest, parts: int) -> dict[str, object]:
    """Return where to put the bytes, as ftrack answers ``get_upload_metadata``."""
    if parts > 1:
        upload_id = secrets.token_urlsafe(24)
        return {
            "component_id": request.component_id,
            "upload_id": upload_id,
            "urls": [
                {
                    "part_number": part,
                    "signed_url": _address(
                        secret,
                        server_url,
                        request._replace(checksum="", upload_id=upload_id, part=part),
                    ),
                }
                for part in range(1, parts + 1)
            ],
        }
    headers = {"Content-Type": content_type(request.file_name)}
    if request.checksum:
        headers["Content-MD5"] = request.checksum
    return {
        "component_id": request.component_id,
        "url": _address(secret, server_url, request),
        "headers": headers,
    }


def content_type(file_name: str) -> str:
    """Return the media type of a file with that name."""
    return mimetypes.guess_type(f"_{file_name}", strict=False)[0] or "application/octet-stream"


def _address(secret: str, server_url: str, request: UploadRequest) -> str:
    return addresses.address(server_url, "upload", request.query(), secret)


class Upload:
    """Bytes that arrive at an address. Nothing is left of them unless `finish` returns.

    Args:
        media: keeps them.
        query: that of the address.
        announced: the length that the request itself announces, if it does.
        content_md5: its header ``Content-MD5``, or ''.

    Raises:
        PermissionDenied: the address is not one that this server gave out, or has expired.
        ValidationError: the request cannot have the right bytes.
        OSError: the disk refuses.
    """

    def __init__(
        self,
        media: Media,
        query: Mapping[str, str],
        *,
        announced: int | None = None,
        content_md5: str = "",
    ) -> None:
        self._media = media
        self.request = _read_address(media.secret, query)
        self._checksums = [each for each in (content_md5.strip(), self.request.checksum) if each]
        if any(_md5(each) is None for each in self._checksums):
            raise ValidationError(f'Content-MD5 is an MD5 in base64. Got "{content_md5}"')
        if announced is not None and not self._fits(announced):
            raise ValidationError(_wrong_size(announced, self.request.size))
        self._draft: Draft = media.folder.draft(self.request.size)

    def write(self, data: bytes) -> None:
        """Take *data*.

        Raises:
            ValidationError: there are more bytes than were announced.
            OSError: the disk refuses.
        """
        self._draft.write(data)

    def finish(self) -> str:
        """Keep the bytes, once all have come, and return their tag.

        Raises:
            ValidationError: they are not those that were announced.
            OSError, sqlite3.Error: the disk or the database refuses.
        """
        request, draft = self.request, self._draft
        if not self._fits(draft.size):
            raise ValidationError(_wrong_size(draft.size, request.size))
        if any(_md5(each) != draft.md5 for each in self._checksums):
            raise ValidationError("The bytes are not those of the MD5 that was announced.")
        draft.finish()
        if request.part:
            upload = Announced(
                request.upload_id, request.component_id, request.file_name, request.size
            )
            self._media.keep_part(draft, upload, request.part)
        else:
            self._media.keep(draft, request.component_id, request.file_name)
        return draft.md5.hex()

    def discard(self) -> None:
        """Drop what has come, unless `finish` has kept it."""
        self._draft.discard()

    def _fits(self, size: int) -> bool:
        """Return whether so many bytes can be all that belong to the address."""
        return size <= self.request.size if self.request.part else size == self.request.size


def _wrong_size(size: int, announced: int) -> str:
    return (
        f"{size} bytes came where {announced} were announced. "
        "Ask for upload metadata with the right file_size."
    )


def _read_address(secret: str, query: Mapping[str, str]) -> UploadRequest:
    if not addresses.is_signed(secret, "upload", query):
        raise PermissionDenied(
            "This is no address of an upload, or it has expired. Ask for upload metadata again."
        )
    return UploadRequest(
        query["id"],
        query["name"],
        int(query["size"]),
        query.get("md5", ""),
        query.get("upload", ""),
        int(query.get("part", 0)),
    )


def complete(
    media: Media, connection: sqlite3.Connection, component_id: str, upload_id: str, sent: object
) -> None:
    """Put an upload together, inside a writing transaction; do nothing if that is done already.

    Args:
        sent: what the client says of the parts: ``[{"part_number", "e_tag"}]``.

    Raises:
        ValidationError: parts are missing, or are not those that came.
    """
    if not isinstance(sent, list) or not sent or not all(isinstance(each, dict) for each in sent):
        raise ValidationError('The "parts" of an upload are a list of part_number and e_tag.')
    upload = media.upload(connection, upload_id)
    if upload is None or upload.component_id != component_id:
        raise ValidationError(f"No part of an upload '{upload_id}' of '{component_id}' has come.")
    if upload.is_complete:
        return
    arrived: dict[object, Part] = {part.number: part for part in media.parts(connection, upload_id)}
    parts = sorted({_part(arrived, each) for each in sent})
    size = sum(part.size for part in parts)
    if size != upload.size:
        raise ValidationError(_wrong_size(size, upload.size))
    media.complete(connection, upload, parts)


def _part(arrived: Mapping[object, Part], sent: Mapping[str, object]) -> Part:
    number = sent.get("part_number")
    found = arrived.get(number) if type(number) is int else None
    if found is None or str(sent.get("e_tag")).strip('"') != found.md5:
        raise ValidationError(
            f"Part {number} of the upload has not come, or has other bytes than its e_tag says. "
            f"Put it again."
        )
    return found
