"""Batches of every sort of change, and what the server must hold once all of them are committed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.servers import Server, contents
from trackteroid_cli.batches.batch import Batch, encode_operations, write
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.ids import new_id
from trackteroid_cli.batches.operations import Create, Delete, Operation, Update, counts
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.batches.squashing import squash
from trackteroid_cli.engine.engine import Engine

#: The asset that every batch adds versions to.
ASSET = 'Asset where name is "animation" and parent.name is "sh010"'


@dataclass
class Workload:
    """Records batches for a server whose twin has committed all of them at once, without faults."""

    twin: Server
    spool: Spool
    chance: random.Random
    batches: list[str] = field(default_factory=list)

    @classmethod
    def beside(cls, database: Path, spool: Spool, seed: int) -> Workload:
        """Return one whose twin is kept in *database*, a copy of the demo data."""
        return cls(Server(Engine(database)), spool, random.Random(seed))

    def record(self, number: int, changes: int = 3) -> None:
        """Put *number* batches of several changes each into the spool."""
        for _ in range(number):
            operations: list[Operation] = []
            for commit in range(1, self.chance.randint(1, changes) + 1):
                change = self.chance.choice(CHANGES)
                new = [_numbered(each, commit) for each in change(self)]
                self.twin.call(*squash(new))
                operations += new
            versions = [_numbered(each, changes + 1) for each in version(self)]
            self.twin.call(*squash(versions))
            self.put(operations + versions)

    def record_unrelated(self) -> None:
        """Put a batch for each asset into the spool; they may be committed in any order."""
        assets = self.twin.query("select id from Asset order by id")
        shots = self.twin.query("select id, description from Shot order by id")
        for asset, shot in zip(assets, shots, strict=False):
            seen = Update("Shot", {"id": shot["id"]}, "description", "done", shot["description"])
            operations = [*new_shot(self), seen, *version(self, asset["id"])]
            self.twin.call(*squash(operations))
            self.put(operations)

    def put(self, operations: list[Operation]) -> None:
        header = Header(new_id(), f"batch {len(self.batches)}", "", counts=counts(operations))
        path = self.spool.place(header.id, header.name)
        write(path, header, encode_operations(operations), {})
        self.batches.append(header.id)

    def check(self, server: Server) -> None:
        """Check that all batches are on *server*, once each, and none is left anywhere."""
        entries = self.spool.entries()
        assert [entry.id for entry in entries] == sorted(self.batches)
        for entry in entries:
            with Batch(entry.path) as batch:
                journal = batch.journal()
            assert entry.state is State.COMMITTED, journal
            assert [each.outcome for each in journal].count("landed") == 1
        found, wanted = contents(server), contents(self.twin)
        assert {
            table: (found[table] - wanted[table], wanted[table] - found[table])
            for table in wanted
            if found[table] != wanted[table]
        } == {}
        numbers = [each["version"] for each in server.query(versions_of(self.asset()))]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))

    def close(self) -> None:
        self.twin.engine.close()

    def one(self, expression: str) -> dict[str, Any]:
        """Return one of the entities that *expression* finds on the twin."""
        return self.chance.choice(self.twin.query(expression))

    def asset(self) -> str:
        return str(self.twin.query(f"select id from {ASSET}")[0]["id"])

    def new_key(self) -> dict[str, str]:
        return {"id": str(uuid.UUID(int=self.chance.getrandbits(128), version=4))}

    def set(self, entity_type: str, name: str, value: Any, where: str = "") -> Update:
        """Return the update of an attribute of any entity of a type, as its author saw it."""
        found = self.one(f"select id, {name} from {entity_type} {where}")
        return Update(entity_type, {"id": found["id"]}, name, value, plain(found[name]))


def versions_of(asset: str) -> str:
    return f'select version from AssetVersion where asset_id is "{asset}"'


def plain(value: Any) -> Any:
    """Return a value as a recording has it: an entity by nothing but its key."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict) and "__entity_type__" in value:
        return reference(value["__entity_type__"], value["id"])
    return value


def reference(entity_type: str, entity_id: str) -> dict[str, str]:
    return {"__entity_type__": entity_type, "id": entity_id}


def _numbered(operation: Operation, commit: int) -> Operation:
    return replace(operation, commit=commit)


# -- the sorts of change ---------------------------------------------------------------------------


def version(work: Workload, asset: str = "") -> list[Operation]:
    """A version of the asset, with a note and metadata of its own."""
    key, note = work.new_key(), work.new_key()
    data = {**key, "asset": reference("Asset", asset or work.asset()), "comment": "by a fault"}
    metadata = {"parent_id": key["id"], "key": "farm"}
    return [
        Create("AssetVersion", key, data),
        Create("Note", note, {**note, "content": "look", "author": _user(work)}),
        Update("AssetVersion", key, "notes", [reference("Note", note["id"])], []),
        Create("Metadata", metadata, {**metadata, "parent_type": "AssetVersion", "value": "blue"}),
    ]


def _user(work: Workload) -> dict[str, str]:
    return reference("User", work.one("select id from User")["id"])


def note_on_shot(work: Workload) -> list[Operation]:
    key = work.new_key()
    added = reference("Note", key["id"])
    seen = work.set("Shot", "notes", None)
    seen = Update(*_parts(seen), [*seen.old_value, added], seen.old_value)
    return [Create("Note", key, {**key, "content": "again", "author": _user(work)}), seen]


def _parts(update: Update) -> tuple[str, dict[str, str], str]:
    return update.entity_type, update.entity_key, update.attribute_name


def metadata_of_shot(work: Workload) -> list[Operation]:
    """Metadata that is new, changed, removed, or removed and set again."""
    shot = work.one("select id from Shot")["id"]
    name = work.chance.choice(["reel", "camera"])
    key = {"parent_id": shot, "key": name}
    value = str(work.chance.random())
    there = work.twin.query(
        f'select value from Metadata where parent_id is "{shot}" and key is "{name}"'
    )
    create = Create("Metadata", key, {**key, "parent_type": "Shot", "value": value})
    if not there:
        return [create]
    return work.chance.choice(
        [
            [Update("Metadata", key, "value", value, there[0]["value"])],
            [Delete("Metadata", key)],
            [Delete("Metadata", key), create],
        ]
    )


def custom_attribute_of_shot(work: Workload) -> list[Operation]:
    shot = work.one("select id from Shot")["id"]
    configuration = work.one('CustomAttributeConfiguration where key is "fstart"')["id"]
    key = {"configuration_id": configuration, "entity_id": shot}
    found = work.twin.query(
        "select value from ContextCustomAttributeValue where "
        f'configuration_id is "{configuration}" and entity_id is "{shot}"'
    )
    value = work.chance.randint(1000, 2000)
    return [Update("ContextCustomAttributeValue", key, "value", value, found[0]["value"])]


def new_shot(work: Workload) -> list[Operation]:
    """A shot with a custom attribute, and a task in it with an assignment."""
    shot, task, assignment = work.new_key(), work.new_key(), work.new_key()
    parent = reference("Sequence", work.one("select id from Sequence")["id"])
    kind = reference("Type", work.one("select id from Type where name is Compositing")["id"])
    configuration = work.one('CustomAttributeConfiguration where key is "handles"')["id"]
    value = {"configuration_id": configuration, "entity_id": shot["id"]}
    name = shot["id"][:8]
    inside = {**task, "name": "roto", "parent": reference("Shot", shot["id"]), "type": kind}
    who = {"context": reference("Task", task["id"]), "resource": _user(work)}
    return [
        Create("Shot", shot, {**shot, "name": name, "parent": parent}),
        Update("ContextCustomAttributeValue", value, "value", 12),
        Create("Task", task, inside),
        Create("Appointment", assignment, {**assignment, "type": "assignment", **who}),
    ]


def description(work: Workload) -> list[Operation]:
    return [work.set("Shot", "description", f"seen {work.chance.random()}")]


def date(work: Workload) -> list[Operation]:
    value = f"2026-02-{work.chance.randint(1, 28):02}T09:00:00"
    return [work.set("Task", "start_date", {"__type__": "datetime", "value": value})]


def status(work: Workload) -> list[Operation]:
    chosen = work.one('select id from Status where name in ("In progress", "Pending review")')
    return [work.set("Task", "status", reference("Status", chosen["id"]))]


def items_of_list(work: Workload) -> list[Operation]:
    seen = work.set("AssetVersionList", "items", None)
    key = work.one("select id from AssetVersion")["id"]
    item = reference("AssetVersion", key)
    others = [each for each in seen.old_value if each["id"] != key]
    value = others if len(others) < len(seen.old_value) else [*others, item]
    return [Update(*_parts(seen), value, seen.old_value)]


def comes_and_goes(work: Workload) -> list[Operation]:
    key = work.new_key()
    return [Create("Scope", key, {**key, "name": key["id"]}), Delete("Scope", key)]


def less_of_everything(work: Workload) -> list[Operation]:
    """A task is changed, and deleted with what hangs on it; so is a note."""
    change = work.set("Task", "description", "going")
    note = work.one("select id from Note where in_reply_to_id is None")
    return [change, Delete("Task", change.entity_key), Delete("Note", {"id": note["id"]})]


def shot_with_tasks(work: Workload) -> list[Operation]:
    """A task of a shot is changed, another is made there, and the shot deleted with both."""
    shot = work.one('select id from Shot where name is_not "sh010"')["id"]
    change = work.set("Task", "description", "still", f'where parent_id is_not "{shot}"')
    tasks = work.twin.query(f'select id, description from Task where parent_id is "{shot}"')
    gone = [
        Update("Task", {"id": task["id"]}, "description", "soon gone", task["description"])
        for task in tasks[:1]
    ]
    return [change, *gone, *new_scope(work), Delete("Shot", {"id": shot})]


def new_scope(work: Workload) -> list[Operation]:
    key = work.new_key()
    return [Create("Scope", key, {**key, "name": key["id"]})]


CHANGES: tuple[Callable[[Workload], list[Operation]], ...] = (
    version,
    note_on_shot,
    metadata_of_shot,
    metadata_of_shot,
    custom_attribute_of_shot,
    new_shot,
    description,
    date,
    status,
    items_of_list,
    comes_and_goes,
    less_of_everything,
    shot_with_tasks,
)
