"""Predecessors: earlier batches that landed after a batch was recorded.

They were recorded first, so the values that they set are not somebody else's newer work: a batch
that was recorded later may change them again.
"""

from __future__ import annotations

from trackteroid_cli import moments
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.operations import Create, Identity, Update, identity, texts
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.errors import TrackteroidError
from trackteroid_cli.replay.comparing.equality import key_of


class Predecessors:
    """The values that batches of *spool* have set since the batch of *header* was recorded.

    The batches are read when they are first asked about, which few commits need.
    """

    def __init__(self, spool: Spool, header: Header) -> None:
        self._spool = spool
        self._header = header
        self._values: dict[tuple[Identity, str], list[object]] = {}
        #: The keys of what they create, and of all that they change.
        self._created: set[tuple[str, ...]] = set()
        self._changed: set[tuple[str, ...]] = set()
        #: These, each with a text of a value that it was given.
        self._texts: set[tuple[tuple[str, ...], str]] = set()
        self._is_read = False

    def values(self, entity: Identity, attribute: str) -> list[object]:
        """Return the values that an attribute was set to, in ftrack's JSON form."""
        self._read_all()
        return self._values.get((entity, attribute), [])

    def created(self, key: tuple[str, ...]) -> bool:
        """Return whether they create the entity with that key."""
        self._read_all()
        return key in self._created

    def changed(self, key: tuple[str, ...]) -> bool:
        """Return whether they create, change or delete the entity with that key."""
        self._read_all()
        return key in self._changed

    def refers(self, key: tuple[str, ...], id_: str) -> bool:
        """Return whether they let the entity with that key refer to the one with that id."""
        self._read_all()
        return (key, id_) in self._texts

    def _read_all(self) -> None:
        if self._is_read:
            return
        self._is_read = True
        for entry in self._spool.entries((State.COMMITTED,)):
            if entry.id < self._header.id and self._changed_since(entry):
                self._read(entry)

    def _changed_since(self, entry: Entry) -> bool:
        """Return whether the file was written to since; cheaper than to open it."""
        try:
            recorded = moments.parse(self._header.created)
            return entry.path.stat().st_mtime >= recorded.timestamp()
        except (OSError, ValueError):
            return False

    def _read(self, entry: Entry) -> None:
        try:
            with Batch(entry.path) as batch:
                journal = batch.journal()
                if journal.last is None or journal.last.when < self._header.created:
                    return
                for operation in batch.operations():
                    self._changed.add(key_of(operation.entity_key))
                    if isinstance(operation, Create):
                        self._created.add(key_of(operation.entity_key))
                    if isinstance(operation, Update):
                        for text in texts(operation.new_value):
                            self._texts.add((key_of(operation.entity_key), text))
                        key = identity(operation), operation.attribute_name
                        self._values.setdefault(key, []).append(operation.new_value)
        except TrackteroidError:
            return  # it cannot be read, so nothing is known of what it set
