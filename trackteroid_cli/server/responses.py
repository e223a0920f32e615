"""Adapters of `requests` that answer by themselves: what they share."""

from __future__ import annotations

from typing import Any

import requests


def body_of(request: requests.PreparedRequest) -> bytes:
    """Return what *request* carries."""
    body: Any = request.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)


def answered(request: requests.PreparedRequest, status: int, body: bytes) -> requests.Response:
    """Return the answer to *request* that has an HTTP status, and text in UTF-8."""
    response = requests.Response()
    response.request = request
    response.url = request.url or ""
    response.encoding = "utf-8"
    response.status_code, response._content = status, body
    return response
