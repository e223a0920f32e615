"""Responses made in this process, by adapters of `requests` that answer in place of a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import requests
from requests.adapters import BaseAdapter

from trackteroid_cli.settings import SANDBOX_SCHEME

#: Bytes of a body that are read at a time.
_CHUNK = 1 << 18


def body_of(request: requests.PreparedRequest) -> bytes:
    """Return the body of *request*."""
    body = request.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)


def chunks_of_body(request: requests.PreparedRequest) -> Iterator[bytes]:
    """Yield the body of *request* in pieces: it may be a file, or anything that yields pieces."""
    body: Any = request.body
    if body is None or isinstance(body, (str, bytes, bytearray)):
        yield body_of(request)
        return
    pieces = iter(lambda: body.read(_CHUNK), b"") if hasattr(body, "read") else iter(body)
    for piece in pieces:
        if not piece:
            return  # a text file ends so
        yield piece.encode() if isinstance(piece, str) else bytes(piece)


def streamed(
    request: requests.PreparedRequest, status: int, headers: Mapping[str, str], body: BinaryIO
) -> requests.Response:
    """Return the response to *request* with a body that is read as it is asked for."""
    response = requests.Response()
    response.request = request
    response.url = request.url or ""
    response.headers.update(headers)
    response.status_code, response.raw = status, body
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    return response


def answered(request: requests.PreparedRequest, status: int, body: bytes) -> requests.Response:
    """Return the response to *request* with an HTTP status and text in UTF-8."""
    response = requests.Response()
    response.request = request
    response.url = request.url or ""
    response.encoding = "utf-8"
    response.status_code, response._content = status, body
    return response


def mount_everywhere(session: requests.Session, adapter: BaseAdapter) -> None:
    """Make *adapter* answer every request of *session*."""
    for scheme in ("http://", "https://", SANDBOX_SCHEME):
        session.mount(scheme, adapter)
