"""What changes the server at once: requests that a recording refuses, in the words of a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trackteroid_cli.batches.operations import Identity
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.server.actions import in_words

#: The actions that are for an entity: its type, and the key that names it.
#: Source: ``ftrack_api/session.py``.
_FOR = {
    "send_review_session_invite": ("ReviewSessionInvitee", "review_session_invitee_id"),
    "send_user_invite": ("User", "user_id"),
}

#: What to do instead of an action that is a part of something that can be recorded.
_INSTEAD = {
    "get_upload_metadata": "let ftrack_api upload it: add a component to the location of the "
    "server, which is recorded",
}

_AFTERWARDS = "do it after the batch is committed, outside of what is recorded"


def refused_call(entry: Mapping[str, object], name_of: Callable[[Identity], str]) -> CannotDefer:
    """Return the error for an entry of a raw ``session.call`` that changes the server.

    Args:
        name_of: returns the name of an entity, or '' if it is not known.
    """
    asked = in_words(entry)
    if not asked:
        return CannotDefer(
            f"cannot record the action {entry.get('action')!r} of a raw call",
            why="it may change the server at once, and cannot be kept for later",
            hint=f"{_AFTERWARDS}; creates, updates and deletes can be recorded",
        )
    given = str(entry.get("entity_type")), "entity_key"
    entity_type, key_name = _FOR.get(str(entry.get("action")), given)
    key = entry.get(key_name)
    name = name_of(Identity(entity_type, (key,))) if isinstance(key, str) else ""
    named = f"{asked} for {name}" if name else asked
    return CannotDefer(
        f"cannot {named} while recording",
        why="it changes the server at once and cannot be kept for later",
        hint=_INSTEAD.get(str(entry.get("action")), _AFTERWARDS),
    )
