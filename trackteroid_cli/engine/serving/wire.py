"""Requests and responses as bytes, for the HTTP application and the in-process adapter.

Source: ``ftrack_api/session.py``, `call`, for headers and for the form of errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.events.updates import Tokens
from trackteroid_cli.engine.storage.errors import EngineError, ValidationError

OK = 200


def respond(
    engine: Engine,
    headers: Mapping[str, str],
    body: bytes,
    review: Callable[[Sequence[Mapping[str, object]]], None] | None = None,
) -> tuple[int, bytes]:
    """Answer one ``POST /api``.

    Args:
        engine: executes the operations.
        headers: the request's, in any case: ``ftrack-user``, ``ftrack-api-key``, and optionally
            ``ftrack-strict-api``, ``ftrack-api-options``, ``ftrack-clienttoken`` and
            ``ftrack-pushtoken``.
        body: a JSON list of operations, in UTF-8.
        review: called with the results, one for each operation, before they are encoded.

    Returns:
        The HTTP status and a JSON body: a list of results, or one object that describes an error.
        An error has the status 200 unless the client asked for strict mode, as with ftrack.
    """
    fields = {name.lower(): value for name, value in headers.items()}
    strict = _is_strict(fields)
    try:
        results = engine.call(
            _read(body),
            user=fields.get("ftrack-user", ""),
            key=fields.get("ftrack-api-key", ""),
            strict=strict,
            tokens=Tokens(_token(fields, "client"), _token(fields, "push")),
        )
    except EngineError as error:
        answer: object = error.payload()
        status = error.status if strict else OK
    else:
        answer, status = results, OK
        if review is not None:
            review(results)
    return status, _encoded(answer)


def authenticate(
    engine: Engine, headers: Mapping[str, str], query: Mapping[str, str]
) -> bytes | None:
    """Return why a request is refused, as JSON; None if its credentials are valid.

    Args:
        engine: knows the users.
        headers: the request's, in any case; the Python client has ``ftrack-user`` and
            ``ftrack-api-key`` there.
        query: the parameters of its URL; the JavaScript client has ``api_user`` and ``api_key``
            there.
    """
    fields = {name.lower(): value for name, value in headers.items()}
    try:
        engine.authenticate(
            fields.get("ftrack-user") or query.get("api_user", ""),
            fields.get("ftrack-api-key") or query.get("api_key", ""),
        )
    except EngineError as error:
        return _encoded(error.payload())
    return None


def _encoded(answer: object) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode("ascii")


def _token(fields: Mapping[str, str], name: str) -> str | None:
    """Return the token *name*; the JavaScript client sends one that it lacks as ``undefined``."""
    token = fields.get(f"ftrack-{name}token", "")
    return token if token not in ("", "undefined") else None


def _read(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValidationError(
            f"The body of a request is a JSON list of operations. It cannot be read: {error}"
        ) from error


def _is_strict(fields: Mapping[str, str]) -> bool:
    if fields.get("ftrack-strict-api", "").lower() == "true":
        return True
    return re.search(r"\bstrict\s*[:=]\s*1\b", fields.get("ftrack-api-options", "")) is not None
