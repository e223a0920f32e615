"""One request for a whole script leaves the server as a request for each of its commits does.

The real ``ftrack_api`` sends the commits one by one to one engine; what `operations.request` makes
of all of them goes to another in a single request.

What may differ, and is left out of the comparison (see `tests.recording.test_equality.rows`):

* the moment of a request, of which there is one instead of several;
* ids that the server gives out.

A `StatusChange` row that only a value in between would have caused is missing on both sides, for
``ftrack_api`` folds the updates within a commit as `operations.request` does; a status that lasted
to the end of a commit has its row on both.

What is checked when a request ends (required and unique values, references) is checked once instead
of once for each commit. So a script whose commit is refused when it runs directly may pass as a
batch, if a later commit puts right what was wrong. It is therefore the operations up to the refused
commit that have to be refused alike: for a fault of the same kind, as of several faults another one
may be named. Attributes that a server takes only from the request which
creates the entity (`bid` of a shot) are left out of the generated updates for the same reason.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import ftrack_api.exception
import ftrack_api.operation
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.generated import part
from tests.support.servers import Server, contents
from trackteroid_cli.batches.operations import Create, Delete, Operation, Update, identity
from trackteroid_cli.batches.squashing import Payload, squash
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.server.sandboxes import making
from trackteroid_cli.session.session import Session
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

#: A step of a script: its kind, and numbers that choose among what there is.
Step = tuple[str, int, int, int]

#: What can be created, and the types that it can be created below, all of them contexts first.
PARENTS = {
    "Folder": ("Project", "Folder"),
    "Sequence": ("Project", "Folder"),
    "Shot": ("Project", "Folder", "Sequence"),
    "Task": ("Project", "Folder", "Sequence", "Shot"),
    "Asset": ("Sequence", "Shot"),
    "AssetVersion": ("Asset",),
    "Note": ("Shot", "Task", "AssetVersion"),
    "Metadata": ("Project", "Shot", "Task", "AssetVersion"),
}

#: The reference or column that holds the parent, where it is not ``parent``.
PARENT_ATTRIBUTES = {"Asset": "parent", "AssetVersion": "asset", "Metadata": "parent_id"}

#: Few enough that two entities of one parent get the same now and then.
NAMES = tuple("abcdefghijkl")

TEXTS = ("", "x", "y", None)

DATES = tuple({"__type__": "datetime", "value": f"2026-0{n}-01T12:00:00"} for n in (1, 2, 3))


class World(NamedTuple):
    """The demo data that operations refer to."""

    entities: list[tuple[str, str]]
    references: dict[str, list[str]]

    def value(self, attribute: str, number: int) -> Any:
        """Return one of the values that *attribute* may be given."""
        if attribute in self.references:
            ids = self.references[attribute]
            return {
                "__entity_type__": attribute.capitalize(),
                "id": ids[number % len(ids)],
            }
        values: tuple[Any, ...] = {
            "name": NAMES,
            "status_id": tuple(self.references["status"]),
            "bid": (0, 3600, 7200),
            "start_date": DATES,
            "is_todo": (True, False),
        }.get(attribute, TEXTS)
        return values[number % len(values)]


#: What updates of a type may set: nothing that only the creating request may.
ATTRIBUTES = {
    "Project": ("name",),
    "Folder": ("name", "description", "priority"),
    "Sequence": ("name", "description", "priority"),
    "Shot": ("name", "description", "priority", "status", "status_id", "parent"),
    "Task": ("name", "description", "bid", "start_date", "status", "type", "parent"),
    "Asset": ("name",),
    "AssetVersion": ("comment", "status"),
    "Note": ("content", "is_todo"),
    "Metadata": ("value",),
}


class Script:
    """Turns steps into the operations that a script with them would record."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.entities = list(world.entities)
        self.keys = {entity: {"id": entity[1]} for entity in self.entities}
        self.commit = 1
        self.operations: list[Operation] = []

    def take(self, step: Step) -> None:
        """Do one step; one that finds nothing to work on does nothing."""
        kind, first, second, third = step
        if kind == "commit":
            self.commit += 1
        elif kind == "create":
            self._create(list(PARENTS)[first % len(PARENTS)], second, third)
        else:
            # The latest first, so that small numbers are about what the script made itself.
            entity = self.entities[-1 - first % len(self.entities)]
            if kind == "update":
                self._update(entity, second, third)
            else:
                self.operations.append(Delete(entity[0], self.keys[entity], self.commit))

    def _create(self, entity_type: str, parent: int, value: int) -> None:
        above = self._one_of(PARENTS[entity_type], parent)
        if above is None:
            return
        key = {"id": str(UUID(int=(0xABC << 112) + len(self.operations)))}
        data: dict[str, Any] = {PARENT_ATTRIBUTES.get(entity_type, "parent"): reference(above)}
        if entity_type == "Metadata":
            key = {"parent_id": above[1], "key": NAMES[value % len(NAMES)]}
            data = {"parent_type": above[0], "value": TEXTS[value % 3]}
        elif entity_type == "Note":
            data = {"parent_id": above[1], "parent_type": above[0], "content": "x"}
        elif entity_type == "AssetVersion":
            data["status_id"] = self.world.value("status_id", value)
        else:
            data["name"] = NAMES[value % len(NAMES)]
        entity = (entity_type, "/".join(key.values()))
        self.operations.append(Create(entity_type, key, data, self.commit))
        self.entities.append(entity)
        self.keys[entity] = key

    def _update(self, entity: tuple[str, str], attribute: int, value: int) -> None:
        names = ATTRIBUTES[entity[0]]
        name = names[attribute % len(names)]
        new: Any = self.world.value(name, value)
        if name == "parent":
            above = self._one_of(PARENTS[entity[0]], value)
            assert above is not None
            new = reference(above)
        self.operations.append(Update(entity[0], self.keys[entity], name, new, commit=self.commit))

    def _one_of(self, types: tuple[str, ...], number: int) -> tuple[str, str] | None:
        found = [entity for entity in reversed(self.entities) if entity[0] in types]
        return found[number % len(found)] if found else None


def reference(entity: tuple[str, str]) -> dict[str, str]:
    return {"__entity_type__": entity[0], "id": entity[1]}


def by_commit(operations: list[Operation]) -> list[list[Operation]]:
    commits: dict[int, list[Operation]] = {}
    for operation in operations:
        commits.setdefault(operation.commit, []).append(operation)
    return list(commits.values())


class Sides:
    """Two engines with the demo data: one for ``ftrack_api``, one for a single request."""

    def __init__(self, session: Session, direct: Engine, single: Engine, demo: Path) -> None:
        self.session, self.demo = session, demo
        self.direct, self.single = direct, single
        #: What ``ftrack_api`` sent, commit by commit.
        self.sent: list[list[Payload]] = []
        call = session.call

        def noting_call(data: Any) -> Any:
            if any(entry["action"] in ("create", "update", "delete") for entry in data):
                self.sent.append(json.loads(session.encode(data)))
            return call(data)

        session.call = noting_call  # type: ignore[method-assign]

    def reset(self) -> None:
        """Put both engines back to the demo data, and let the session forget."""
        for engine in (self.direct, self.single):
            with (
                closing(sqlite3.connect(self.demo)) as source,
                closing(sqlite3.connect(engine.store.path)) as target,
            ):
                source.backup(target)
        self.sent.clear()
        self.session.recorded_operations.clear()
        self.session._local_cache.clear()

    def commit(self, operations: list[Operation]) -> str:
        """Commit *operations* as ``ftrack_api`` does; return the kind of a refusal, or ''."""
        for operation in operations:
            self.session.recorded_operations.push(recorded(operation))
        try:
            self.session.commit()
        except ftrack_api.exception.ServerError as error:
            return str(error).removeprefix("Server reported error: ").partition("(")[0]
        finally:
            self.session.recorded_operations.clear()  # also where there was nothing to send
        return ""

    def send(self, operations: list[Operation]) -> str:
        """Send *operations* as one request; return the kind of a refusal, or ''."""
        payloads = squash(operations)
        try:
            if payloads:
                self.single.call(payloads, user=SANDBOX_USER, key=SANDBOX_KEY)
        except EngineError as error:
            return str(error.payload()["exception"])
        return ""


def recorded(operation: Operation) -> Any:
    """Return ftrack's own object for *operation*."""
    if isinstance(operation, Create):
        return ftrack_api.operation.CreateEntityOperation(
            operation.entity_type, operation.entity_key, operation.entity_data
        )
    if isinstance(operation, Update):
        return ftrack_api.operation.UpdateEntityOperation(
            operation.entity_type,
            operation.entity_key,
            operation.attribute_name,
            None,
            operation.new_value,
        )
    return ftrack_api.operation.DeleteEntityOperation(operation.entity_type, operation.entity_key)


@pytest.fixture
def sides(home: Path, tmp_path: Path, demo_database: Path) -> Iterator[Sides]:
    direct, single = making.path("direct"), tmp_path / "single.sqlite"
    direct.parent.mkdir(parents=True)
    for path in (direct, single):
        shutil.copy(demo_database, path)
    session = Session(server_url="sandbox://direct", auto_connect_event_hub=False)
    with closing(Engine(direct)) as one, closing(Engine(single)) as other:
        yield Sides(session, one, other, demo_database)
    session.close()


@pytest.fixture
def world(sides: Sides) -> World:
    def ids(expression: str) -> list[str]:
        asked = [{"action": "query", "expression": expression}]
        answer = sides.single.call(asked, user=SANDBOX_USER, key=SANDBOX_KEY)
        return sorted(entity["id"] for entity in answer[0]["data"])

    in_project = "where project.name is salt_and_ember"
    entities = [("Project", id_) for id_ in ids("Project where name is salt_and_ember")]
    entities += [("Task", id_) for id_ in ids(f"Task {in_project}")[:2]]
    entities += [("Sequence", id_) for id_ in ids(f"Sequence {in_project}")[:2]]
    entities += [("Shot", id_) for id_ in ids(f"Shot {in_project}")[:3]]
    return World(
        entities,
        {name: ids(name.capitalize())[:4] for name in ("status", "priority", "type")},
    )


def steps() -> st.SearchStrategy[list[Step]]:
    kinds = st.sampled_from(["create"] * 4 + ["update"] * 5 + ["commit"] * 3 + ["delete"])
    few = st.integers(0, 11)
    return st.lists(st.tuples(kinds, few, few, few), min_size=6, max_size=30)


#: A shot of the script's own gets two statuses in one commit, with something else in between, and
#: one in each of the next two.
STATUSES: list[Step] = [
    ("create", 2, 0, 0),
    ("update", 0, 3, 1),
    ("update", 1, 1, 1),
    ("update", 0, 3, 2),
    ("commit", 0, 0, 0),
    ("update", 0, 3, 3),
    ("commit", 0, 0, 0),
    ("update", 0, 3, 0),
]
#: Something is made, changed and removed in one commit, and made again in the next.
VANISHING: list[Step] = [
    ("create", 2, 0, 0),
    ("update", 0, 1, 1),
    ("delete", 0, 0, 0),
    ("commit", 0, 0, 0),
    ("create", 2, 0, 0),
]

SEARCHED = settings(
    max_examples=part(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@SEARCHED
@given(steps())
@example(STATUSES)
@example(VANISHING)
def test_one_request_leaves_what_one_for_each_commit_leaves(
    sides: Sides, world: World, steps: list[Step]
) -> None:
    sides.reset()
    script = Script(world)
    for step in steps:
        script.take(step)
    landed: list[Operation] = []
    for commit in by_commit(script.operations):
        refused = sides.commit(commit)
        if refused:
            assert sides.send(landed + commit) == refused
            return
        landed += commit
    assert sides.send(landed) == ""
    assert contents(Server(sides.single)) == contents(Server(sides.direct))


@SEARCHED
@given(steps())
@example(STATUSES)
@example(VANISHING)
def test_the_request_is_what_ftrack_api_sends_commit_by_commit(
    sides: Sides, world: World, steps: list[Step]
) -> None:
    sides.reset()
    script = Script(world)
    for step in steps:
        script.take(step)
    for commit in by_commit(script.operations):
        sides.commit(commit)  # refused or not: what it sends is all that matters here
    assert squash(script.operations) == [entry for sent in sides.sent for entry in sent]


def test_the_scripts_generated_here_do_all_kinds_of_things(world: World) -> None:
    script = Script(world)
    for number in range(40):
        script.take((("create", "update", "delete", "commit")[number % 4], number, number, number))
    assert {type(operation) for operation in script.operations} == {Create, Update, Delete}
    assert len({identity(operation)[0] for operation in script.operations}) > 4
    assert len(by_commit(script.operations)) > 4
