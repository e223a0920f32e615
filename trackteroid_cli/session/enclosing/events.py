"""Events: what a script publishes, kept with a recording."""

from __future__ import annotations

from collections.abc import Mapping

from trackteroid_cli.batches.documents import read_operation
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, Kind, read_follow_up
from trackteroid_cli.errors import CannotDefer


def read_event(text: str) -> FollowUp:
    """Return the event that the JSON *text* is, as a client sends it.

    Raises:
        ValueError: it is none, or holds what no batch may.
    """
    return read_follow_up({"follow_up": str(Kind.PUBLISH), "data": read_operation(text)})


def no_json_form(event: Mapping[str, object], why: Exception) -> CannotDefer:
    """Return the error for an *event* that cannot be kept."""
    return CannotDefer(
        f"cannot record the event {event.get('topic')!r:.80}",
        why=str(why),
        hint="give it texts, finite numbers, booleans, and lists and dictionaries of them",
    )


def waits_for_reply(event: Mapping[str, object]) -> CannotDefer:
    """Return the error for an *event* whose publisher waits for a reply."""
    return CannotDefer(
        f"cannot publish the event {event.get('topic')!r:.80} while recording",
        why="it waits for a reply, and is published when the batch is committed",
        hint="publish it without on_reply, or after the batch is committed",
    )


def is_reply(event: Mapping[str, object]) -> CannotDefer:
    """Return the error for an *event* that is a reply."""
    return CannotDefer(
        f"cannot reply to the event {event.get('in_reply_to_event')!r:.80} while recording",
        why="somebody waits for the reply now, and what it tells of is only recorded",
        hint="reply to events outside of what is recorded",
    )
