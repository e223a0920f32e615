"""The actions of ftrack's API other than queries and writes, in the words of a message.

Source: ``ftrack_api/session.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

_WORDS = {
    "add_user_security_role": "add a security role to a user",
    "complete_multipart_upload": "complete an upload",
    "compute_rollups": "compute roll-ups",
    "configure_totp": "configure one-time passwords",
    "create": "create an entity by a raw call",
    "delayed_job": "run a job on the server",
    "delete": "delete an entity by a raw call",
    "encode_media": "encode media",
    "generate_signed_url": "get the address of a file",
    "get_upload_metadata": "upload a file to the server",
    "get_widget_url": "get the address of a widget",
    "grant_user_security_role_project": "grant a security role for a project",
    "permissions": "ask for permissions",
    "remove_user_security_role": "remove a security role of a user",
    "revoke_user_security_role_project": "revoke a security role for a project",
    "send_review_session_invite": "send an invitation to a review session",
    "send_user_invite": "send an invitation",
    "update": "update an entity by a raw call",
    "update_user_security_role": "change a security role of a user",
}


def in_words(entry: Mapping[str, object]) -> str:
    """Return what an *entry* of a request asks for, such as "encode media"; '' if unknown."""
    action = entry.get("action")
    if action == "reset_remote":
        return f"reset the {entry.get('reset_type', 'value')}".replace("_", " ")
    return _WORDS.get(action, "") if isinstance(action, str) else ""
