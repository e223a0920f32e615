"""Follow-ups: what a batch asks for once it has landed, in the order in which the script asked.

Source: ``ftrack_api/event/base.py`` for the form of an event; ``ftrack_api/session.py`` and
``ftrack_api/accessor/server.py`` for the requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from trackteroid_cli.batches.enclosures.uploads import is_id_of_ftrack

#: The actions of ftrack that a batch may ask for, each with what it is for.
REQUESTS = {
    "encode_media": "component_id",
    "send_review_session_invite": "review_session_invitee_id",
    "send_user_invite": "user_id",
}

#: The parts of an event; a client drops one with others.
_EVENT = frozenset({"topic", "id", "data", "sent", "source", "target", "inReplyToEvent"})


class Kind(str, Enum):
    """What a follow-up does."""

    PUBLISH = "publish"  #: publishes an event; its data is the event
    REQUEST = "request"  #: asks the server for an action; its data is the entry of the request
    REMOVE = "remove"  #: removes bytes from the location of the server; its data names a component

    def __str__(self) -> str:
        """Return the word, as files and JSON hold it."""
        return self.value


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One thing to be done, once, after the batch has landed."""

    kind: Kind
    data: Mapping[str, Any]

    def to_json(self) -> dict[str, object]:
        """Return the follow-up as a batch holds it."""
        return {"follow_up": str(self.kind), "data": dict(self.data)}

    @property
    def entity_id(self) -> str:
        """The id of the entity that it is for; '' of an event."""
        if self.kind is Kind.PUBLISH:
            return ""
        name = "component_id" if self.kind is Kind.REMOVE else REQUESTS[self.data["action"]]
        return str(self.data[name])


def read_follow_up(document: object) -> FollowUp:
    """Return the follow-up that *document* describes.

    Raises:
        ValueError: it describes none that a batch may ask for.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("data"), Mapping):
        raise ValueError("a follow-up is damaged")
    kind, data = Kind(document.get("follow_up")), document["data"]
    if kind is Kind.PUBLISH:
        if not (isinstance(data.get("topic"), str) and _EVENT.issuperset(data)):
            raise ValueError("a follow-up is damaged: it publishes what is no event")
        return FollowUp(kind, data)
    if kind is Kind.REQUEST and data.get("action") not in REQUESTS:
        raise ValueError(f"a follow-up asks for {data.get('action')!r:.60}, which no batch may")
    name = "component_id" if kind is Kind.REMOVE else REQUESTS[data["action"]]
    if not is_id_of_ftrack(data.get(name)):
        raise ValueError(f"a follow-up is damaged: {name!r} is {data.get(name)!r:.60}")
    return FollowUp(kind, data)


def in_words(each: FollowUp, name: str = "") -> str:
    """Return what a follow-up does, such as "publish the event studio.published".

    Args:
        name: of the entity that it is for, if it is known.
    """
    whose = name or each.entity_id
    if each.kind is Kind.PUBLISH:
        return f"publish the event {each.data['topic']}"
    if each.kind is Kind.REMOVE:
        return f"remove the file of component {whose}"
    asked = {
        "encode_media": "encode the media of component",
        "send_review_session_invite": "send an invitation to a review session, to",
        "send_user_invite": "send an invitation to user",
    }[each.data["action"]]
    return f"{asked} {whose}"
