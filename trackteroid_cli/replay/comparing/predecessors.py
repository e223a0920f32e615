"""Predecessors: earlier batches that landed after a batch was recorded.

They were recorded first, so the values that they set are not somebody else's newer work: a batch
that was recorded later may change them again.
"""

from __future__ import annotations

from trackteroid_cli import moments
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.operations import Identity, Update, identity
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.errors import TrackteroidError


class Predecessors:
    """The values that batches of *spool* have set since the batch of *header* was recorded.

    The batches are read when they are first asked about, which few commits need.
    """

    def __init__(self, spool: Spool, header: Header) -> None:
        self._spool = spool
        self._header = header
        self._values: dict[tuple[Identity, str], list[object]] | None = None

    def values(self, entity: Identity, attribute: str) -> list[object]:
        """Return the values that an attribute was set to, in ftrack's JSON form."""
        if self._values is None:
            self._values = {}
            for entry in self._spool.entries((State.COMMITTED,)):
                if entry.id < self._header.id and self._changed_since(entry):
                    self._read(entry)
        return self._values.get((entity, attribute), [])

    def _changed_since(self, entry: Entry) -> bool:
        """Return whether the file was written to since; cheaper than to open it."""
        try:
            recorded = moments.parse(self._header.created)
            return entry.path.stat().st_mtime >= recorded.timestamp()
        except (OSError, ValueError):
            return False

    def _read(self, entry: Entry) -> None:
        assert self._values is not None
        try:
            with Batch(entry.path) as batch:
                journal = batch.journal()
                if journal.last is None or journal.last.when < self._header.created:
                    return
                for operation in batch.operations():
                    if isinstance(operation, Update):
                        key = identity(operation), operation.attribute_name
                        self._values.setdefault(key, []).append(operation.new_value)
        except TrackteroidError:
            return  # it cannot be read, so nothing is known of what it set
