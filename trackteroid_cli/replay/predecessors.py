"""Predecessors: earlier batches that landed after a batch was recorded.

Their author recorded them first, so what they set is not somebody else's newer work: a batch that
was recorded after them may change it again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from trackteroid_cli.batches.batch import Batch, Header
from trackteroid_cli.batches.operations import Identity, Update, identity
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.errors import TrackteroidError


class Predecessors:
    """What the committed batches of *spool* have set since the batch of *header* was recorded.

    They are looked at only when they are asked about, which few commits need to.
    """

    def __init__(self, spool: Spool, header: Header) -> None:
        self._spool = spool
        self._header = header
        self._values: dict[tuple[Identity, str], list[Any]] | None = None

    def values(self, entity: Identity, attribute: str) -> list[Any]:
        """Return the values that they gave to an attribute, in ftrack's JSON form."""
        if self._values is None:
            self._values = {}
            for entry in self._spool.entries((State.COMMITTED,)):
                if entry.id < self._header.id and self._changed_since(entry):
                    self._read(entry)
        return self._values.get((entity, attribute), [])

    def _changed_since(self, entry: Entry) -> bool:
        """Return whether the file was written to since; cheaper than to open it."""
        try:
            recorded = datetime.fromisoformat(self._header.created.replace("Z", "+00:00"))
            return entry.path.stat().st_mtime >= recorded.timestamp()
        except (OSError, ValueError):
            return False

    def _read(self, entry: Entry) -> None:
        assert self._values is not None
        try:
            with Batch(entry.path) as batch:
                journal = batch.journal()
                if not journal or journal[-1].when < self._header.created:
                    return
                for operation in batch.operations():
                    if isinstance(operation, Update):
                        key = identity(operation), operation.attribute_name
                        self._values.setdefault(key, []).append(operation.new_value)
        except TrackteroidError:
            return  # it cannot be read, so nothing is known of what it set
