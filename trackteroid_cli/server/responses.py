"""Responses made in this process, by adapters of `requests` that answer in place of a server."""

from __future__ import annotations

import requests
from requests.adapters import BaseAdapter

from trackteroid_cli.settings import SANDBOX_SCHEME


def body_of(request: requests.PreparedRequest) -> bytes:
    """Return the body of *request*."""
    body = request.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)


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
