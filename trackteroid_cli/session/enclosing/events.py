"""Events: what a script publishes, kept with a recording."""

from __future__ import annotations

from collections.abc import Callable

from trackteroid_cli.batches.documents import read_operation
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, Kind, read_follow_up
from trackteroid_cli.errors import CannotDefer


def read_event(encode: Callable[[], str], topic: object, *, waits: bool) -> FollowUp:
    """Return an event as it can be kept.

    Args:
        encode: returns its JSON text, as a client sends it.
        topic: of the event.
        waits: whether who publishes it waits for a reply.

    Raises:
        CannotDefer: it cannot be published later, or holds what no batch may.
    """
    if waits:
        raise CannotDefer(
            f"cannot publish the event {topic!r:.80} while recording",
            why="it waits for a reply, and is published when the batch is committed",
            hint="publish it without on_reply, or after the batch is committed",
        )
    try:
        document = {"follow_up": str(Kind.PUBLISH), "data": read_operation(encode())}
        event = read_follow_up(document)
    except (TypeError, ValueError, RecursionError) as error:
        raise CannotDefer(
            f"cannot record the event {topic!r:.80}",
            why=str(error),
            hint="give it texts, finite numbers, booleans, and lists and dictionaries of them",
        ) from error
    if event.data.get("inReplyToEvent") is not None:
        raise CannotDefer(
            f"cannot reply to the event {event.data['inReplyToEvent']!r:.80} while recording",
            why="somebody waits for the reply now, and what it tells of is only recorded",
            hint="reply to events outside of what is recorded",
        )
    return event
