"""What changes the server at once: requests that a recording refuses, in the words of a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trackteroid_cli.batches.operations import Identity
from trackteroid_cli.errors import CannotDefer

#: What each action of a raw ``session.call`` does, and the key that names whom it is for.
#: Source: ``ftrack_api/session.py``.
_ACTIONS = {
    "delayed_job": ("run a job on the server", "", ""),
    "encode_media": ("encode media", "", ""),
    "get_upload_metadata": ("upload a file to the server", "", ""),
    "send_review_session_invite": (
        "send an invitation to a review session",
        "ReviewSessionInvitee",
        "review_session_invitee_id",
    ),
    "send_user_invite": ("send an invitation", "User", "user_id"),
}

_AFTERWARDS = "do it after the batch is committed, outside of what is recorded"


def changes_at_once(asked: str, whose: str = "") -> CannotDefer:
    """Return the error for what was *asked* for, such as "encode media".

    Args:
        whose: the name of the entity that it is for, if it is known.
    """
    named = f"{asked} for {whose}" if whose else asked
    return CannotDefer(
        f"cannot {named} while recording",
        why="it changes the server at once and cannot be kept for later",
        hint=_AFTERWARDS,
    )


def refused_call(entry: Mapping[str, object], name_of: Callable[[Identity], str]) -> CannotDefer:
    """Return the error for an entry of a raw ``session.call`` that changes the server.

    Args:
        name_of: returns the name of an entity, or '' if it is not known.
    """
    action = entry.get("action")
    if action == "reset_remote":
        kind = str(entry.get("reset_type", "")).replace("_", " ")
        entity_type, key = str(entry.get("entity_type")), entry.get("entity_key")
        asked = f"reset the {kind}" if kind else "reset a value"
    elif action in _ACTIONS:
        asked, entity_type, key_name = _ACTIONS[str(action)]
        key = entry.get(key_name)
    else:
        return CannotDefer(
            f"cannot record the action {action!r} of a raw call",
            why="it may change the server at once, and cannot be kept for later",
            hint=f"{_AFTERWARDS}; creates, updates and deletes can be recorded",
        )
    name = name_of(Identity(entity_type, (key,))) if isinstance(key, str) else ""
    return changes_at_once(asked, name)
