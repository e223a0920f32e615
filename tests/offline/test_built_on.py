"""What an offline recording needs of the batches that wait, and what is said of those not seen."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.offline.conftest import Offline
from tests.support.batches import Put
from tests.support.command_line import CommandLine
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.batches.operations import Create, Delete, Operation, Update
from trackteroid_cli.batches.spool import State
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.offline.answering.freed_names import FreedNames
from trackteroid_cli.offline.overlays import apply_operations, copied_engine

SESSION = """
import ftrack_api
session = ftrack_api.Session()
shot = session.query('Shot where project.name is "salt_and_ember" and name is "sh010"').first()
"""

FREE = {
    "rename": SESSION + "shot['name'] = 'sh010_old'\nsession.commit()\n",
    "delete": SESSION + "session.delete(shot)\nsession.commit()\n",
    "move": SESSION
    + "shot['parent'] = session.query('Sequence where id is_not ' + shot['parent_id']).first()\n"
    + "session.commit()\n",
}

TAKE = """
import ftrack_api
session = ftrack_api.Session()
parent = session.get("Sequence", {parent!r})
session.create("Shot", {{"name": {name!r}, "parent": parent, "project": parent["project"]}})
session.commit()
"""


@pytest.mark.parametrize("how", FREE)
def test_a_batch_needs_the_one_that_freed_the_name_that_it_takes(
    offline: Offline, server: Server, how: str
) -> None:
    (shot,) = server.query(
        'select parent_id from Shot where project.name is "salt_and_ember" and name is "sh010"'
    )[:1]
    assert offline("record", offline.script(FREE[how], "free.py")).returncode == 0
    for name in ("SH010", "sh010_another"):
        taken = TAKE.format(parent=shot["parent_id"], name=name)
        ran = offline("record", offline.script(taken, f"{name}.py"))
        assert ran.returncode == 0, ran.stderr
    free, take, another = offline.json("inspect", "--json")
    assert take["built_on"] == [free["id"]]
    assert another["built_on"] == []


@pytest.mark.parametrize("damage", [b"not a batch" * 100, b""], ids=["garbage", "empty"])
def test_a_damaged_batch_that_waits_is_not_seen_and_said_so(
    offline: Offline, pulled: CommandLine, put: Put, server: Server, damage: bytes
) -> None:
    shot = server.query('select id from Shot where project.name is "salt_and_ember"')[0]["id"]
    change = Update("Shot", {"id": shot}, "description", "unseen", old_value="")
    for name in ("damaged", "sound"):
        put(change, name=name, server=server.url)
    done = put(change, name="done", server=server.url, state=State.COMMITTED)
    bad, *_ = (path for path in done.path.parent.parent.rglob("*damaged*"))
    for path in (bad, done.path):
        path.write_bytes(damage)
    found = offline("query", "Shot where description is unseen")
    assert found.returncode == 0
    assert found.stdout.count("\n") == 1
    for name in ("damaged", "done"):
        assert f"({name}) is not seen offline: cannot read " in found.stderr
    assert "(sound)" not in found.stderr
    recorded = offline("record", offline.script(SESSION + "shot['description'] = 'x'"))
    assert "(damaged) is not seen offline" in recorded.stderr
    without = offline("query", "--without-pending", "Shot").stderr
    assert "(damaged)" not in without
    assert "(done) is not seen offline" in without


SEQUENCES = [f"00000000-0000-4000-8000-{number:012}" for number in (1, 2)]
SHOTS = [f"00000000-0000-4000-9000-{number:012}" for number in range(1, 4)]
NAMES = ["a", "b", "A"]


@settings(
    max_examples=part(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_batch_that_can_only_land_after_another_one_takes_a_name_of_it(
    server: Server, tmp_path: Path, data: st.DataObject
) -> None:
    """A batch frees names, a second one takes some: it needs the first if it is refused without."""
    number = next(_NUMBERS)
    project = server.query("select id from Project")[0]["id"]
    above = [_create("Sequence", key, key, project, project) for key in SEQUENCES]
    with copied_engine(server.engine, tmp_path / f"{number}.sqlite") as base:
        _land(base, [*above, *_shots(project, data.draw(_placed(SHOTS[:2])))])
        first = data.draw(st.lists(_changes(SHOTS[:2]), min_size=1, max_size=3))
        with copied_engine(base, tmp_path / f"{number}-first.sqlite") as after_first:
            if not _land(after_first, first):
                return
            second = _shots(project, data.draw(_placed(SHOTS[2:])))
            if not _land(after_first, second):
                return
        names = FreedNames(base)
        names.add_batch("first", first)
        needed = names.taken_from(second)
        assert needed == (set() if _land(base, second) else {"first"})


_NUMBERS = itertools.count()


def _placed(shots: list[str]) -> st.SearchStrategy[list[tuple[str, str, str]]]:
    """Return shots, each with a sequence and a name."""
    places = (
        st.tuples(st.just(key), st.sampled_from(SEQUENCES), st.sampled_from(NAMES)) for key in shots
    )
    return st.tuples(*places).map(list)


def _shots(project: str, placed: list[tuple[str, str, str]]) -> list[Operation]:
    return [_create("Shot", key, name, parent, project) for key, parent, name in placed]


def _create(kind: str, key: str, name: str, parent: str, project: str) -> Operation:
    data = {"id": key, "name": name, "parent_id": parent, "project_id": project}
    return Create(kind, {"id": key}, data)


def _changes(shots: list[str]) -> st.SearchStrategy[Operation]:
    keys = st.sampled_from(shots).map(lambda key: {"id": key})
    parents = st.sampled_from(SEQUENCES).map(lambda key: {"__entity_type__": "Context", "id": key})
    return st.one_of(
        st.builds(Update, st.just("Shot"), keys, st.just("name"), st.sampled_from(NAMES)),
        st.builds(Update, st.just("Shot"), keys, st.just("parent"), parents),
        st.builds(Delete, st.just("Shot"), keys),
    )


def _land(engine: Engine, operations: list[Operation]) -> bool:
    """Apply *operations* if the engine does not refuse them; return whether it did not."""
    try:
        apply_operations(engine, operations, user="demo", moment="2026-01-31T13:45:01Z")
    except EngineError:
        return False
    return True
