"""Lineage: what a batch that is recorded offline goes on from.

That is how old the replica was that its author saw, and which of the batches that waited then it
needs: they created or deleted something that it mentions, or set what it sets again.
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
    from trackteroid_cli.batches.recording import Recording
    from trackteroid_cli.offline.holdings import Holdings
    from trackteroid_cli.offline.overlays import OverlaidBatch
    from trackteroid_cli.offline.server import OfflineServer


class Lineage(TypedDict, total=False):
    """The parts of a header that tell it."""

    replica: str
    built_on: list[str]


def lineage(server: OfflineServer | None, recording: Recording) -> Lineage:
    """Return what *recording* goes on from.

    Args:
        server: what the session has asked in place of the server; None if it has asked the server.
        recording: with the names of what it mentions.
    """
    if server is None:
        return {}
    return {
        "replica": _pulled(server.replica.holdings, recording),
        "built_on": list(_needed(recording, server.laid)),
    }


def _needed(recording: Recording, laid: Iterable[OverlaidBatch]) -> Iterable[str]:
    """Yield the ids of the batches in *laid* that *recording* needs."""
    operations = [from_json(json.loads(text)) for text in recording.operations] if laid else []
    mentioned = {text for operation in operations for text in texts(to_json(operation))}
    updated = {_place(each) for each in operations if isinstance(each, Update)}
    deleted = {identity(each) for each in operations if isinstance(each, Delete)}
    for other in laid:
        for operation in _operations(other):
            if isinstance(operation, Update):
                needed = _place(operation) in updated or identity(operation) in deleted
            else:
                needed = mentioned.issuperset(operation.entity_key.values())
            if needed:
                yield other.entry.id
                break


def _place(operation: Update) -> tuple[Identity, str]:
    return identity(operation), operation.attribute_name


def _operations(laid: OverlaidBatch) -> list[Operation]:
    try:
        with Batch(laid.entry.path) as batch:
            return list(batch.operations())
    except TrackteroidError:
        return []  # it has been settled meanwhile


def _pulled(holdings: Holdings, recording: Recording) -> str:
    """Return when the oldest of the projects that *recording* mentions was pulled."""
    projects = {project.name: project.pulled for project in holdings.projects}
    moments = [
        projects[label.link[0]]
        for label in recording.labels.values()
        if label is not None and label.link and label.link[0] in projects
    ]
    return min(moments, default=holdings.oldest)
