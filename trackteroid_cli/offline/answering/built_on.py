"""Built on: the replica and the pending batches that an offline recording depends on.

The header of its batch says how old the replica was, and which of the batches that were pending it
needs: those that create or delete an entity that it mentions, set an attribute that it sets too, or
give up a name that it takes.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, TypedDict

from trackteroid_cli.batches.operations import (
    Delete,
    Identity,
    Operation,
    Update,
    from_json,
    identity,
    texts,
    to_json,
)
from trackteroid_cli.errors import TrackteroidError
from trackteroid_cli.offline import replicas
from trackteroid_cli.offline.answering.freed_names import FreedNames
from trackteroid_cli.offline.overlays import open_batch

if TYPE_CHECKING:
    from trackteroid_cli.batches.recordings.recording import Recording
    from trackteroid_cli.offline.answering.server import OfflineServer
    from trackteroid_cli.offline.holdings import Holdings
    from trackteroid_cli.offline.overlays import OverlaidBatch


class BuiltOn(TypedDict, total=False):
    """The parts of a header about what its batch is built on."""

    replica: str
    built_on: list[str]


def header_parts(server: OfflineServer | None, recording: Recording) -> BuiltOn:
    """Return the parts of a header about what *recording* is built on.

    Args:
        server: answered the session in place of the server; None if the server itself answered.
        recording: with the labels of the entities that it mentions.
    """
    if server is None:
        return {}
    return {
        "replica": _oldest_pull(server.replica.holdings, recording),
        "built_on": _needed_batches(recording, server),
    }


def _needed_batches(recording: Recording, server: OfflineServer) -> list[str]:
    """Return the ids of the batches laid over the replica that *recording* needs, in order."""
    if not server.overlaid:
        return []
    operations = [from_json(json.loads(text)) for text in recording.operations()]
    mentioned = {text for operation in operations for text in texts(to_json(operation))}
    updated = {_updated_attribute(each) for each in operations if isinstance(each, Update)}
    deleted = {identity(each) for each in operations if isinstance(each, Delete)}
    needed = set()
    with ExitStack() as stack:
        freed = None
        with suppress(TrackteroidError):  # the batch is made without a replica, too
            replica = replicas.current(server.url) or server.replica
            freed = FreedNames(stack.enter_context(closing(replicas.open_engine(replica))))
        for batch in server.overlaid:
            added = _operations(batch)
            if any(_is_needed(each, mentioned, updated, deleted) for each in added):
                needed.add(batch.entry.id)
            if freed is not None:
                freed.add_batch(batch.entry.id, added)
        if freed is not None:
            needed |= freed.taken_from(operations)
    return [batch.entry.id for batch in server.overlaid if batch.entry.id in needed]


def _is_needed(
    operation: Operation,
    mentioned: set[str],
    updated: set[tuple[Identity, str]],
    deleted: set[Identity],
) -> bool:
    """Return whether a recording builds on *operation*, apart from the names that it takes."""
    if isinstance(operation, Update):
        return _updated_attribute(operation) in updated or identity(operation) in deleted
    return mentioned.issuperset(operation.entity_key.values())


def _updated_attribute(operation: Update) -> tuple[Identity, str]:
    return identity(operation), operation.attribute_name


def _operations(overlaid: OverlaidBatch) -> list[Operation]:
    try:
        with open_batch(overlaid) as batch:
            return list(batch.operations())
    except TrackteroidError:
        return []  # it was thrown away since, or it is damaged, and was not seen either


def _oldest_pull(holdings: Holdings, recording: Recording) -> str:
    """Return when the oldest of the projects that *recording* mentions was pulled."""
    projects = {project.name: project.pulled for project in holdings.projects}
    moments = [
        projects[label.link[0]]
        for label in recording.labels.values()
        if label is not None and label.link and label.link[0] in projects
    ]
    return min(moments, default=holdings.oldest)
