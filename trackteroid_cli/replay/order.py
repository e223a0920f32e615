"""The order of batches: which earlier batch keeps another one waiting.

Batches go in recorded order. One that needs an entity of an earlier batch that has not landed waits
behind it; unrelated ones go on.
"""

from __future__ import annotations

from functools import cached_property

from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.operations import Create, Identity, identity, texts, to_json
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.errors import BatchBusy, TrackteroidError, WaitsForBatch


class Order:
    """The batches of *spool* that have not landed, and what each of them creates.

    Their operations are only read if there are several.
    """

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self._landed: set[str] = set()

    def note_landed(self, entry: Entry) -> None:
        """Note that nobody needs to wait for *entry* any more."""
        self._landed.add(entry.id)

    def check(self, batch: Batch, entry: Entry) -> None:
        """Check that *batch*, which is *entry* in the spool, may be sent now.

        Raises:
            BatchBusy: an earlier batch that changes the same entities is being committed.
            WaitsForBatch: it needs an earlier batch that has not landed.
        """
        self._refuse_to_overtake(batch, entry)
        behind = self._blocking(batch, entry)
        if behind is not None:
            raise _waits(batch, entry, behind)

    def _refuse_to_overtake(self, batch: Batch, entry: Entry) -> None:
        entries = self.spool.entries((State.COMMITTING,))
        earlier = [each for each in entries if each.id < entry.id and each.id not in self._landed]
        if not earlier:
            return
        changed = set(map(identity, batch.operations()))
        for other in earlier:
            if not changed.isdisjoint(_changed_by(other)):
                raise BatchBusy(
                    f"batch {entry.id} ({entry.name}) waits behind {other.id}",
                    why=f"{other.id} ({other.name}) changes the same entities, and its commit has "
                    "not ended",
                    hint="run the same command again a little later",
                )

    def _blocking(self, batch: Batch, entry: Entry) -> Entry | None:
        """Return an earlier batch that has not landed and that *batch* needs.

        That is one that it was built on, or that creates an entity that it mentions. A discarded
        batch is needed for what it creates; the comparison finds what it would only have changed.
        """
        built_on = batch.header.built_on
        for id_ in built_on:
            other = self._unlanded.get(id_)
            if other is not None and self._still_waits(other):
                return other
        for other in self.spool.entries((State.DISCARDED,)) if built_on else ():
            if other.id in built_on and _mentions(batch, set(_created_keys(other))):
                return other
        created = self._created_by_others
        if not created:
            return None
        for operation in batch.operations():
            for text in texts(to_json(operation)):
                other = created.get(text)
                if other is not None and other.id < entry.id and self._still_waits(other):
                    return other
        return None

    def _still_waits(self, other: Entry) -> bool:
        """Return whether *other* has not landed since, not by another process either."""
        if other.id in self._landed:
            return False
        now = self.spool.current(other.id)
        if now is None or now.state is State.COMMITTED:
            self._landed.add(other.id)
            return False
        return True

    @cached_property
    def _unlanded(self) -> dict[str, Entry]:
        states = (State.PENDING, State.COMMITTING, State.FAILED)
        return {entry.id: entry for entry in self.spool.entries(states)}

    @cached_property
    def _created_by_others(self) -> dict[str, Entry]:
        created: dict[str, Entry] = {}
        for entry in self._unlanded.values() if len(self._unlanded) > 1 else ():
            for key in _created_keys(entry):
                created.setdefault(key, entry)
        return created


def _waits(batch: Batch, entry: Entry, behind: Entry) -> WaitsForBatch:
    other = f"{behind.id} ({behind.name})"
    if behind.state is State.DISCARDED:
        return WaitsForBatch(
            entry.id,
            entry.name,
            behind=behind.id,
            why=f"it needs what {other} creates, which was discarded",
            hint=f"bring that back with `trackteroid discard --restore {behind.id}`, "
            f"or discard this one too: `trackteroid discard {entry.id}`",
        )
    built = behind.id in batch.header.built_on
    return WaitsForBatch(
        entry.id,
        entry.name,
        behind=behind.id,
        why=f"it {f'was built on {other}' if built else f'needs what {other} creates'}, "
        "which has not landed",
    )


def _mentions(batch: Batch, keys: set[str]) -> bool:
    return any(not keys.isdisjoint(texts(to_json(operation))) for operation in batch.operations())


def _created_keys(entry: Entry) -> list[str]:
    try:
        with Batch(entry.path) as batch:
            return [
                operation.entity_key["id"]
                for operation in batch.operations()
                if isinstance(operation, Create) and "id" in operation.entity_key
            ]
    except TrackteroidError:
        return []  # it cannot be read, or has just left: what needs it is unknown


def _changed_by(entry: Entry) -> set[Identity]:
    try:
        with Batch(entry.path) as batch:
            return set(map(identity, batch.operations()))
    except TrackteroidError:
        return set()  # it has just been settled
