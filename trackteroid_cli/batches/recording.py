"""Recording: a batch in the making, in memory."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trackteroid_cli import settings
from trackteroid_cli.batches import batch as batch_file
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.labels import Label, references
from trackteroid_cli.batches.operations import (
    UNSET,
    Create,
    Delete,
    Identity,
    from_json,
    identity,
    values_set,
)
from trackteroid_cli.batches.placements import PLACEMENT_TYPE, Placements
from trackteroid_cli.errors import CannotDefer


@dataclass(slots=True)
class EncodedCommit:
    """One commit of a session, ready to join a recording.

    Attributes:
        operations: the operations, in their order.
        kinds: the kind of each operation.
        created: the entities that it creates, and the positions of these operations.
        changed: the entities that it updates or deletes.
        missing_old_values: the updates without an old value: entity, attribute, position.
        placements: the placements that it adds or deletes, as `Placements.change` takes them.
    """

    operations: list[bytes] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    created: list[tuple[Identity, int]] = field(default_factory=list)
    changed: list[Identity] = field(default_factory=list)
    missing_old_values: list[tuple[Identity, str, int]] = field(default_factory=list)
    placements: list[tuple[str, Mapping[str, object] | None]] = field(default_factory=list)


class Recording:
    """The operations that sessions have committed so far, in the order of the commits.

    Several sessions may record into one.
    """

    def __init__(self) -> None:
        self.operations: list[bytes] = []
        self.counts = {"create": 0, "update": 0, "delete": 0}
        self.commits = 0
        #: Entities that exist only in this recording, and the positions of their creates.
        self.created: dict[Identity, int] = {}
        #: Attributes of these that the script has read and that the server will set.
        self.provisional: dict[Identity, dict[str, object]] = {}
        #: Types, by id, of entities that the server makes besides, with other ids than shown here.
        self.side_effects: dict[str, str] = {}
        #: Labels of the other entities that the operations mention; None if not known yet.
        self.labels: dict[Identity, Label | None] = {}
        #: Attributes that were changed without having been read: the position of the update.
        self.missing_old_values: dict[tuple[Identity, str], int] = {}
        #: Locations of components, as far as the recording has changed them.
        self.placements = Placements()
        #: The last recorded value of each attribute, as far as `value_of` has read the operations.
        self._values: dict[tuple[Identity, str], object] = {}
        self._read = 0
        #: Held while a commit is added: sessions in several threads may record into one.
        self.lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of operations."""
        return len(self.operations)

    def continue_from(self, path: Path, server_url: str) -> None:
        """Start with the operations of the batch at *path*.

        Raises:
            CannotDefer: it was sent already, or it is for another server than *server_url*.
        """
        with Batch(path) as earlier:
            _refuse_to_continue(earlier, server_url)
            operations = list(earlier.operations())
            self.operations.extend(batch_file.encode_operations(operations))
            for position, operation in enumerate(operations):
                if isinstance(operation, Create):
                    self.created[identity(operation)] = position
                    if operation.provisional:
                        self.provisional[identity(operation)] = operation.provisional
                if operation.entity_type != PLACEMENT_TYPE:
                    continue
                if isinstance(operation, Create):
                    self.placements.change(operation.entity_key["id"], operation.entity_data)
                elif isinstance(operation, Delete):
                    self.placements.change(operation.entity_key["id"], None)
            self.counts.update(earlier.header.counts)
            self.commits = max((each.commit for each in operations), default=0)
            self.labels.update(earlier.labels())

    def add_commit(self, commit: EncodedCommit) -> None:
        """Add one commit; the caller holds `lock`."""
        self.commits += 1
        for entity, position in commit.created:
            self.created[entity] = len(self) + position
        for entity in commit.changed:
            if entity not in self.created:
                self.labels.setdefault(entity, None)
        for entity, attribute, position in commit.missing_old_values:
            if entity not in self.created:
                self.missing_old_values.setdefault((entity, attribute), len(self) + position)
        self.operations.extend(commit.operations)
        for kind, number in Counter(commit.kinds).items():
            self.counts[kind] += number
        for key, entity_data in commit.placements:
            self.placements.change(key, entity_data)

    def value_of(self, entity: Identity, attribute: str) -> object:
        """Return the value that was recorded last, in JSON form, or `UNSET`."""
        added, self._read = self.operations[self._read :], len(self.operations)
        for operation in map(from_json, map(json.loads, added)):
            owner = identity(operation)
            for name, value in values_set(operation).items():
                self._values[owner, name] = value
        return self._values.get((entity, attribute), UNSET)

    def set_old_value(self, position: int, value: object) -> None:
        """Set the old value of the update at *position*, in JSON form."""
        self._add(position, "old_value", value)

    def note_provisional(
        self, entity: Identity, attribute: str, value: object, label: Label | None = None
    ) -> None:
        """Note that the script has read an attribute that the server will set.

        Args:
            entity: one that the recording creates.
            value: as it would be set now, in JSON form.
            label: of the entity that the value refers to.
        """
        self.provisional.setdefault(entity, {}).setdefault(attribute, value)
        for mentioned in references(value):
            if mentioned not in self.created and self.labels.get(mentioned) is None:
                self.labels[mentioned] = label

    def save(self, path: Path, header: Header, *, replace: bool = False) -> None:
        """Write the batch to *path*, whole or not at all.

        Raises:
            StorageError: the file cannot be written.
        """
        for entity, values in self.provisional.items():
            self._add(self.created[entity], "provisional", values)
        labels = {
            entity: label
            for entity, label in self.labels.items()
            if label is not None and entity not in self.created
        }
        batch_file.write(path, header, self.operations, labels, replace=replace)

    def _add(self, position: int, name: str, value: object) -> None:
        """Add a part to the operation at *position*."""
        document = json.loads(self.operations[position])
        document[name] = value
        encoded = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        self.operations[position] = encoded.encode("utf-8", "surrogatepass")


def _refuse_to_continue(batch: Batch, server_url: str) -> None:
    url = settings.normalise_url(server_url)
    if batch.journal().may_have_landed:
        why = "it was sent to the server already, and what it holds would be applied twice"
    elif batch.header.server and batch.header.server != url:
        why = f"it was recorded against {batch.header.server}, and this session is at {url}"
    else:
        return
    raise CannotDefer(
        f"cannot add to {batch.path}",
        why=why,
        hint="record into another file, or replace this one with clear=True",
    )
