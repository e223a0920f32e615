"""The results of a request, each checked against the entry that it answers.

Only they say that the server has applied a request: an answer that merely looks like one, such as
that of a gateway, must not make a batch count as landed.

Source: ``ftrack_api/session.py``, ``commit`` and ``merge``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackteroid_cli.batches.squashing import Payload
    from trackteroid_cli.server.schemas import ServerSchema


def doubt(payloads: Sequence[Payload], results: Sequence[object], schema: ServerSchema) -> str:
    """Return why *results* do not say that the server has applied *payloads*; '' if they do."""
    if len(results) != len(payloads):
        return f"it has {len(results)} results for {len(payloads)} operations"
    for payload, result in zip(payloads, results, strict=True):
        if not _confirms(payload, result, schema):
            key = ", ".join(payload["entity_key"])
            return f"it does not confirm the {payload['action']} of {payload['entity_type']} {key}"
    return ""


def _confirms(payload: Payload, result: object, schema: ServerSchema) -> bool:
    if not isinstance(result, Mapping) or result.get("action") != payload["action"]:
        return False
    data = result.get("data")
    if payload["action"] == "delete":
        return bool(data)
    if not isinstance(data, Mapping):
        return False
    names = schema.primary_key(payload["entity_type"])
    told = {str(data[name]) for name in names if name in data}
    return bool(told) and told <= set(payload["entity_key"])
