"""Addresses of files and widgets, signed with a secret of the sandbox: who has one may use it.

Such an address needs no credentials. It is good for what its query says, and until its ``expires``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Mapping
from urllib.parse import urlencode

#: The setting of a database that has the secret; there is none where no bytes are kept.
SECRET = "media_secret"

_DAY = 24 * 60 * 60

#: Seconds that the address of a widget is good for.
_WIDGET_SECONDS = 6 * 60


def read_secret(connection: sqlite3.Connection) -> str:
    """Return the secret of a database, or ''."""
    row = connection.execute("SELECT value FROM _setting WHERE name = ?", [SECRET]).fetchone()
    return row[0] if row else ""


def address(server_url: str, action: str, query: Mapping[str, object], secret: str = "") -> str:
    """Return an absolute address.

    Args:
        server_url: of the server.
        action: ``get``, ``thumbnail`` or ``upload``.
        query: its parameters.
        secret: signs it; '' for an address that needs credentials.
    """
    fields = {name: str(value) for name, value in query.items()}
    if secret:
        # The same for a whole day, so that equal questions have equal answers.
        fields["expires"] = str((int(time.time()) // _DAY + 2) * _DAY)
        fields["signature"] = _signature(secret, action, fields)
    return f"{server_url.rstrip('/')}/component/{action}?{urlencode(fields)}"


def widget_address(server_url: str, name: str, query: Mapping[str, str], secret: str) -> str:
    """Return the absolute address of the widget *name* with the parameters *query*.

    Source: ``ftrack_api/session.py``, `get_widget_url`: it is good for six minutes.
    """
    fields = {**query, "expires": str(int(time.time()) + _WIDGET_SECONDS)}
    fields["signature"] = _signature(secret, f"widget/{name}", fields)
    return f"{server_url.rstrip('/')}/widget/{name}?{urlencode(fields)}"


def is_signed(secret: str, action: str, query: Mapping[str, str]) -> bool:
    """Return whether *query* was signed for *action* with *secret*, and has not expired."""
    fields = {name: value for name, value in query.items() if name != "signature"}
    given = query.get("signature", "").encode("utf-8", "replace")
    if not hmac.compare_digest(_signature(secret, action, fields).encode(), given):
        return False
    return time.time() < int(fields["expires"])


def _signature(secret: str, action: str, fields: Mapping[str, str]) -> str:
    signed = json.dumps([action, sorted(fields.items())]).encode()
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
