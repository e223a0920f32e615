"""The addresses below ``/component``, for the HTTP application and the in-process adapter.

Source: ``ftrack_api/accessor/server.py``; ``ftrack_api/entity/location.py``; RFC 9110 for ranges
and tags.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple
from urllib.parse import quote

from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.media import pictures
from trackteroid_cli.engine.media.content import Content
from trackteroid_cli.engine.media.uploads import Upload, content_type
from trackteroid_cli.engine.storage import addresses
from trackteroid_cli.engine.storage.errors import (
    EngineError,
    NotFound,
    PermissionDenied,
    ValidationError,
)

#: What ftrack's JavaScript client shows where there is no picture.
PLACEHOLDER = "/img/thumbnail2.png"

#: Where a client puts bytes; the other addresses are read.
UPLOAD = "upload"

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
#: Pixels of a thumbnail: those that ftrack's clients ask for, and those that they get at most.
_USUAL_SIZE, _LARGEST_SIZE = 300, 2048

_LENGTH = re.compile(r"[0-9]{1,18}")

#: What a browser may show; anything else it saves, since a page from here could use the API.
_SHOWN = re.compile(r"(image/(?!svg)|video/|audio/).*")


class FileRequest(NamedTuple):
    """A request to ``/component/ACTION``; *headers* have lower-case names."""

    method: str
    action: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


class FileAnswer(NamedTuple):
    """A status, headers and a body, which the receiver closes."""

    status: int
    headers: dict[str, str]
    body: BinaryIO


class Slice(io.RawIOBase):
    """The next *size* bytes of *file*, which is closed with it, and after the last of them."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._file, self._left = file, size

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Read into *buffer*; return the number of bytes.

        Raises:
            OSError: the file is shorter than it should be, or cannot be read.
        """
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._file.read(min(len(view), self._left)) if self._left else b""
        if self._left and view and not data:
            raise OSError("the file is shorter than it was when it was stored")
        view[: len(data)] = data
        self._left -= len(data)
        if not self._left:
            self._file.close()
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def respond(engine: Engine, request: FileRequest) -> FileAnswer:
    """Answer a request that has no body."""
    if (request.action, request.method) not in _READERS:
        return _refusal(405, EngineError(f"{request.method} is not for this address."))
    try:
        with engine.refusing():
            return _READERS[request.action, request.method](engine, request)
    except EngineError as error:
        return refused(error)


def placeholder(request: FileRequest) -> FileAnswer:
    """Answer with what is shown where there is no picture; it needs no credentials."""
    return _picture(request, pictures.PLACEHOLDER)


def begin_upload(engine: Engine, request: FileRequest) -> Upload:
    """Return what takes the body of a request to put bytes.

    Raises:
        EngineError: the request is refused.
    """
    if request.method != "PUT":
        raise PermissionDenied(f"{request.method} is not for this address: PUT the bytes there.")
    length = request.headers.get("content-length", "")
    with engine.refusing():
        return Upload(
            engine.media,
            request.query,
            announced=int(length) if _LENGTH.fullmatch(length) else None,
            content_md5=request.headers.get("content-md5", ""),
        )


def take(engine: Engine, upload: Upload, data: bytes) -> None:
    """Take a piece of the body of an upload.

    Raises:
        EngineError: there is too much of it, or it cannot be kept.
    """
    with engine.refusing():
        upload.write(data)


def end_upload(engine: Engine, upload: Upload) -> FileAnswer:
    """Keep the bytes of an upload whose body has come whole.

    Raises:
        EngineError: they are not those that were announced, or cannot be kept.
    """
    with engine.refusing():
        return _answer(200, {"ETag": f'"{upload.finish()}"'})


def refused(error: EngineError) -> FileAnswer:
    """Return the answer to a request that is refused."""
    return _refusal(error.status, error)


def _refusal(status: int, error: EngineError) -> FileAnswer:
    return _answer(
        status, {"Content-Type": "application/json"}, json.dumps(error.payload()).encode("ascii")
    )


def _answer(status: int, headers: dict[str, str], body: bytes = b"") -> FileAnswer:
    return FileAnswer(status, {**headers, "Content-Length": str(len(body))}, io.BytesIO(body))


def _check_reader(engine: Engine, request: FileRequest) -> None:
    query = request.query
    if "signature" not in query:
        engine.authenticate(query.get("username", ""), query.get("apiKey", ""))
    elif not addresses.is_signed(engine.media.secret, request.action, query):
        raise PermissionDenied("This address has expired, or is not one that this server gave out.")


def _get(engine: Engine, request: FileRequest) -> FileAnswer:
    _check_reader(engine, request)
    content = engine.media.find(_component_id(request))
    if content is None:
        raise _no_file(request)
    headers = {
        **_of_file(content.file_name),
        "Accept-Ranges": "bytes",
        "ETag": f'"{content.e_tag}"',
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return FileAnswer(304, headers, io.BytesIO())
    start, end, status = 0, content.size, 200
    asked = _asked_range(request, content)
    if asked is not None:
        start, end = asked
        if start >= end:
            return _answer(416, {"Content-Range": f"bytes */{content.size}"})
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.size}"
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return FileAnswer(status, headers, io.BytesIO())
    try:
        file = content.open()
    except FileNotFoundError as error:
        raise _no_file(request) from error
    file.seek(start)
    return FileAnswer(status, headers, io.BufferedReader(Slice(file, end - start)))


def _asked_range(request: FileRequest, content: Content) -> tuple[int, int] | None:
    """Return the first byte that is asked for and the one after the last; None for all."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or asked[0] == "bytes=-":
        return None
    if request.headers.get("if-range") not in (None, f'"{content.e_tag}"'):
        return None
    first, last = asked.groups()
    if not first:
        return max(content.size - int(last), 0), content.size
    return int(first), min(int(last) + 1, content.size) if last else content.size


def _of_file(file_name: str) -> dict[str, str]:
    """Return the headers for a file with that name."""
    kind = content_type(file_name)
    how = "inline" if _SHOWN.fullmatch(kind) else "attachment"
    return {
        "Content-Type": kind,
        "Content-Disposition": f"{how}; filename*=UTF-8''{quote(file_name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }


def _thumbnail(engine: Engine, request: FileRequest) -> FileAnswer:
    _check_reader(engine, request)
    content = engine.media.find(request.query.get("id", ""))
    size = _size(request.query.get("size", ""))
    found = pictures.thumbnail(engine.media.folder, content, size) if content else None
    return _picture(request, found or pictures.PLACEHOLDER)


def _size(text: str) -> int:
    if not text:
        return _USUAL_SIZE
    if not _LENGTH.fullmatch(text) or not int(text):
        raise ValidationError(f'The "size" of a thumbnail is a number of pixels. Got "{text}"')
    return min(int(text), _LARGEST_SIZE)


def _picture(request: FileRequest, picture: pictures.Picture) -> FileAnswer:
    answer = _answer(200, {"Content-Type": f"image/{picture.kind}"}, picture.data)
    return answer if request.method == "GET" else answer._replace(body=io.BytesIO())


def _remove(engine: Engine, request: FileRequest) -> FileAnswer:
    user, key = request.query.get("username", ""), request.query.get("apiKey", "")
    if not engine.remove_file(request.query.get("id", ""), user=user, key=key):
        raise _no_file(request)
    return _answer(200, {})


def _component_id(request: FileRequest) -> str:
    found = request.query.get("id", "")
    if not found:
        raise ValidationError("Say which component: id=…")
    return found


def _no_file(request: FileRequest) -> NotFound:
    return NotFound(f"The component '{request.query.get('id')}' has no file on this server.")


_READERS = {
    ("get", "GET"): _get,
    ("get", "HEAD"): _get,
    ("remove", "GET"): _remove,
    ("thumbnail", "GET"): _thumbnail,
    ("thumbnail", "HEAD"): _thumbnail,
}
