"""Generated programs read the same while they are recorded as in a direct run.

A program creates, updates, moves and deletes entities, commits, and queries in between. It runs
directly on one server, recorded on a twin, recorded on a replica and relayed from a client that is
not ours, and everything that it reads is compared, in order.
"""

from __future__ import annotations

import json
import os
import random
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeAlias

import ftrack_api
import pytest
from ftrack_api.exception import ServerError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from tests.offline.pull.comparing import pull_from
from tests.support.generated import part
from tests.support.servers import Server, ServerMaker, WebThread
from tests.support.sessions import Connect, close
from trackteroid_cli.batches.recordings.recording_file import RecordingFile
from trackteroid_cli.recording.relayed_session import RelayedSession
from trackteroid_cli.server.responses import answered
from trackteroid_cli.session.recorder import Recorder
from trackteroid_cli.session.session import Session
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

#: Programs in a large run, the steps of each, and the tests that they are shared among.
PROGRAMS, STEPS, SHARES = 100, 20, 4

#: What a program does in a step.
ACTIONS = [
    *["query"] * 8,
    *["commit"] * 5,
    *["create_context", "rename", "set_status", "describe"] * 2,
    *["move", "delete", "annotate", "tag", "set_frames", "publish", "assign", "unassign"],
    *["link", "list_shot", "log"],
]

OURS = 'project.name is "salt_and_ember"'

#: What programs ask, with names in place of the braces.
QUERIES = (
    'select name, status.name from Shot where parent.name is "{sequence}"',
    'select name from Shot where name is "{shot}"',
    'select name, parent.name from Task where parent.name is "{shot}" order by name',
    f'select name from Task where status.name is "{{status}}" and {OURS} order by name limit 5',
    'select name, children.name from Sequence where name is "{sequence}"',
    'select name, description from Shot where description like "%{word}%"',
    'select name from Shot where not (children[Task] any (status.name is "{status}")) '
    f"and {OURS}",
    'select name from TypedContext where parent.name is "{sequence}" order by name descending',
    'select name, link from Task where parent.parent.name is "{sequence}" order by name',
    'select name, versions.version from Asset where parent.name is "{shot}"',
    "select version, asset.name, comment from AssetVersion "
    'where asset.parent[Shot].name is "{shot}" order by version descending',
    "select version from AssetVersion where is_latest_version is true "
    'and asset.parent[Shot].name is "{shot}"',
    'select content, author.username from Note where content like "%{word}%"',
    'select name, notes.content from Task where notes any (content like "%{word}%")',
    f'select name from Task where assignments any (resource.username is "demo") and {OURS}',
    'select name, assignments.resource.username from Task where parent.name is "{shot}"',
    f"select name from Shot where {OURS} order by description, name limit 4 offset 2",
    'select name from Shot where parent.name is "{sequence}" limit 3',
    'select key, value from Metadata where key is "{word}"',
    'select name, metadata from Shot where metadata any (key is "{word}")',
    'select name, items.name from TypedContextList where name like "dailies%"',
    'select name from Task where ancestors any (name is "{sequence}") order by name',
    'select name from Sequence where descendants any (name is "{task}") order by name',
    'select name, custom_attributes from Shot where name is "{shot}"',
    'select name from Shot where custom_attributes any (key is "fend" and value > 1050)',
    'select name, incoming_links.from.name from Task where parent.name is "{shot}"',
    'select name from Shot where id in (select parent_id from Task where name is "{task}")',
    'select name, time_logged from Task where parent.name is "{shot}" order by name',
)

Step: TypeAlias = tuple[Any, ...]


class Program:
    """One program, which draws what it does from the seed of each step: the same on any session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._number = 0
        self._names = {
            "Sequence": ["sq010", "sq010", "sq020"],
            "Shot": ["sh010", "sh020"],
            "Task": ["compositing", "lighting", "animation"],
        }

    def step(self, action: str, seed: int) -> list[Step]:
        """Take a step, and return what it reads."""
        self._number += 1
        self._chance = random.Random(seed)
        self.read: list[Step] = []
        getattr(self, action)()
        return self.read

    def commit(self) -> None:
        self.session.commit()

    def query(self) -> None:
        expression = self._chance.choice(QUERIES).format(
            sequence=self._name("Sequence"),
            shot=self._name("Shot"),
            task=self._name("Task"),
            status=self._chance.choice(["Not started", "In progress", "Completed"]),
            word=self._chance.choice(["hero", "wide", "red"]),
        )
        request = json.dumps([{"action": "query", "expression": expression}])
        response = self.session._request.post(f"{self.session.server_url}/api", data=request)
        answer = response.json()
        assert isinstance(answer, list), answer
        found = [_without_keys(entity) for entity in answer[0]["data"]]
        self.read.append((expression, found))

    def create_context(self) -> None:
        kind, parent_kind = self._chance.choice([("Shot", "Sequence"), ("Task", "Shot")])
        parent = self._one(parent_kind)
        if parent is not None:
            name = self._new_name(kind)
            self.session.create(kind, {"name": name, "parent": parent, "description": "wide"})

    def rename(self) -> None:
        kind = self._chance.choice(["Sequence", "Shot", "Task"])
        entity = self._one(kind)
        if entity is not None:
            entity["name"] = self._new_name(kind)

    def set_status(self) -> None:
        entity = self._one(self._chance.choice(["Shot", "Task"]))
        if entity is not None:
            name = self._chance.choice(["Not started", "In progress", "Completed"])
            entity["status"] = self.session.query(f'Status where name is "{name}"').first()

    def describe(self) -> None:
        entity = self._one(self._chance.choice(["Sequence", "Shot", "Task"]))
        if entity is not None:
            entity["description"] = f"{self._chance.choice(['hero', 'red'])} {self._number}"

    def move(self) -> None:
        shot, sequence = self._one("Shot"), self._one("Sequence")
        if shot is not None and sequence is not None:
            shot["name"], shot["parent"] = self._new_name("Shot"), sequence

    def delete(self) -> None:
        entity = self._one(self._chance.choice(["Shot", "Task", "Task"]))
        if entity is not None:
            self.session.delete(entity)

    def annotate(self) -> None:
        entity = self._one(self._chance.choice(["Shot", "Task"]))
        if entity is not None:
            user = self.session.query('User where username is "demo"').one()
            entity.create_note(f"{self._chance.choice(['hero', 'red'])} {self._number}", user)

    def tag(self) -> None:
        shot = self._one("Shot")
        if shot is not None:
            shot["metadata"][self._chance.choice(["hero", "wide"])] = str(self._number)

    def set_frames(self) -> None:
        shot = self._one("Shot")
        if shot is not None:
            shot["custom_attributes"]["fend"] = 1040 + self._number

    def publish(self) -> None:
        shot = self._one("Shot")
        if shot is None:
            return
        asset = self.session.query(f'Asset where parent.id is "{shot["id"]}"').first()
        if asset is None:
            kind = self.session.query("AssetType").first()
            data = {"name": f"asset{self._number}", "parent": shot, "type": kind}
            asset = self.session.create("Asset", data)
        self.session.create("AssetVersion", {"asset": asset, "comment": f"at {self._number}"})

    def assign(self) -> None:
        task = self._one("Task")
        if task is not None:
            user = self.session.query('User where username is "demo"').one()
            data = {"context": task, "resource": user, "type": "assignment"}
            self.session.create("Appointment", data)

    def unassign(self) -> None:
        found = self.session.query(
            f'Appointment where context[Task].{OURS} and resource.username is "demo"'
        ).first()
        if found is not None:
            self.session.delete(found)

    def link(self) -> None:
        tasks = self._all("Task")[:2]
        if len(tasks) == 2:
            self.session.create("TypedContextLink", {"from": tasks[0], "to": tasks[1]})

    def list_shot(self) -> None:
        shot = self._one("Shot")
        if shot is not None:
            category = self.session.query("ListCategory").first()
            project = self.session.query('Project where name is "salt_and_ember"').one()
            data = {"name": f"dailies {self._number}", "project": project, "category": category}
            self.session.create("TypedContextList", data)["items"].append(shot)

    def log(self) -> None:
        task = self._one("Task")
        if task is not None:
            user = self.session.query('User where username is "demo"').one()
            data = {"context": task, "user": user, "duration": 60.0 * self._number}
            self.session.create("Timelog", data)

    def _name(self, kind: str) -> str:
        return self._chance.choice(self._names[kind])

    def _new_name(self, kind: str) -> str:
        name = f"{kind.lower()}_{self._number}"
        self._names[kind] += [name, name]
        return name

    def _all(self, kind: str) -> list[Any]:
        below = {"Shot": "Sequence", "Task": "Shot"}.get(kind)
        where = f'parent.name is "{self._name(below)}"' if below else 'name like "sq%"'
        found = self.session.query(f"{kind} where {where} and {OURS} order by name").all()
        self.read.append((kind, [entity["name"] for entity in found]))
        return list(found)

    def _one(self, kind: str) -> Any:
        found = self._all(kind)
        return found[self._chance.randrange(len(found))] if found else None


def _without_keys(value: Any) -> Any:
    """Return an entity without ids, which are drawn anew in each run.

    Collections stand in no order of their own, and are sorted.
    """
    if isinstance(value, list):
        return sorted(map(_without_keys, value), key=repr)
    if isinstance(value, dict):
        names = (name for name in value if not name.endswith("id"))
        return {name: _without_keys(value[name]) for name in names}
    return value


class Relaying(BaseAdapter):
    """Sends the requests of a client where `record` answers them."""

    def __init__(self, recording: RelayedSession) -> None:
        super().__init__()
        self._recording = recording

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        body = request.body or b"[]"
        status, answer = self._recording.answer(
            request.headers, body.encode() if isinstance(body, str) else body, os.getpid()
        )
        return answered(request, status, answer)

    def close(self) -> None:
        """Nothing is open."""


class Ended(Exception):
    """The program has ended."""


@pytest.mark.parametrize("share", range(SHARES))
def test_a_recorded_program_reads_what_a_direct_run_reads(
    web_thread: WebThread,
    demo_database: Path,
    server: Server,
    connect: Connect,
    tmp_path_factory: pytest.TempPathFactory,
    share: int,
) -> None:
    pull_from(server, every_project=True)

    class Runs(RuleBasedStateMachine):
        """One program, run directly and recorded in each way, step by step."""

        def __init__(self) -> None:
            super().__init__()
            self.ending = ExitStack()
            self.blocks = ExitStack()
            folder = tmp_path_factory.mktemp("twins")
            make_twin = ServerMaker(web_thread, demo_database, folder)
            self.ending.callback(make_twin.close)
            sessions = [connect(make_twin()), connect(make_twin()), connect(offline=True)]
            for number, session in enumerate(sessions):
                self.ending.callback(close, session)
                if number:
                    batch = folder / f"{number}.dbm"
                    self.blocks.enter_context(session.deferred_operations(batch))
            sessions.append(self.relayed(make_twin(), folder / "relayed.sqlite"))
            self.direct, *self.recorded = map(Program, sessions)
            self.over = False

        def relayed(self, server: Server, path: Path) -> Any:
            """Return a session of `ftrack_api` itself, as a started process has it."""
            own = ftrack_api.Session(
                server.url, SANDBOX_KEY, SANDBOX_USER, auto_connect_event_hub=False, plugin_paths=[]
            )
            recorder = Recorder(RecordingFile(path, durable=False))
            recording = RelayedSession(recorder, server.url, SANDBOX_KEY, SANDBOX_USER)
            self.ending.callback(recorder.file.close)
            self.ending.callback(recording.close)
            self.ending.callback(own.close)
            own._request.mount(server.url, Relaying(recording))
            return own

        @rule(action=st.sampled_from(ACTIONS), seed=st.integers(0, 2**32))
        def step(self, action: str, seed: int) -> None:
            if self.over:
                return
            try:
                expected = self.direct.step(action, seed)
            except ServerError:
                self.over = True  # nobody knows of it while recording
                return
            for program in self.recorded:
                assert program.step(action, seed) == expected

        def teardown(self) -> None:
            self.direct.session.recorded_operations.clear()
            with suppress(Ended), self.blocks:  # no batch is saved
                raise Ended
            self.ending.close()

    run_state_machine_as_test(
        Runs,
        settings=settings(
            max_examples=-(-part(PROGRAMS) // SHARES),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
