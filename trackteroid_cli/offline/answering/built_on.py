"""Built on: the replica and the pending batches that an offline recording depends on.

The header of its batch says how old the replica was, and which of the batches that were pending it
needs: those that create or delete an entity that it mentions, or set an attribute that it sets too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict

from trackteroid_cli.batches.batch import Batch
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
        "built_on": list(_needed_batches(recording, server.overlaid)),
    }


def _needed_batches(recording: Recording, overlaid: Iterable[OverlaidBatch]) -> Iterable[str]:
    """Yield the ids of the *overlaid* batches that *recording* needs."""
    operations = (
        [from_json(json.loads(text)) for text in recording.operations()] if overlaid else []
    )
    mentioned = {text for operation in operations for text in texts(to_json(operation))}
    updated = {_updated_attribute(each) for each in operations if isinstance(each, Update)}
    deleted = {identity(each) for each in operations if isinstance(each, Delete)}
    for batch in overlaid:
        for operation in _operations(batch):
            if isinstance(operation, Update):
                needed = _updated_attribute(operation) in updated or identity(operation) in deleted
            else:
                needed = mentioned.issuperset(operation.entity_key.values())
            if needed:
                yield batch.entry.id
                break


def _updated_attribute(operation: Update) -> tuple[Identity, str]:
    return identity(operation), operation.attribute_name


def _operations(overlaid: OverlaidBatch) -> list[Operation]:
    try:
        with Batch(overlaid.entry.path) as batch:
            return list(batch.operations())
    except TrackteroidError:
        return []  # its file has moved or gone since the overlay was made


def _oldest_pull(holdings: Holdings, recording: Recording) -> str:
    """Return when the oldest of the projects that *recording* mentions was pulled."""
    projects = {project.name: project.pulled for project in holdings.projects}
    moments = [
        projects[label.link[0]]
        for label in recording.labels.values()
        if label is not None and label.link and label.link[0] in projects
    ]
    return min(moments, default=holdings.oldest)
