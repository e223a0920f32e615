"""Many processes read and write one sandbox for a while; nothing may fail, or be lost.

Half of them reach it over HTTP, the others in their own process. Each keeps what was acknowledged,
and afterwards all of that has to be there.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from trackteroid_cli.server import sandbox
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_SCHEME, SANDBOX_USER

NAME = "soak"

#: Steps that each process takes, however little time there is.
_LEAST = 40

#: Seconds between two looks at the memory of the server.
_INTERVAL = 0.5


@dataclass
class Acknowledged:
    """What the server told one process that it has done."""

    requests: int = 0
    errors: list[str] = field(default_factory=list)
    #: The last name that each entity was given; None once it was deleted.
    tasks: dict[str, str | None] = field(default_factory=dict)
    versions: list[int] = field(default_factory=list)
    #: Kilobytes that the process had when a tenth of the time was over, and at the end.
    memory: list[int] = field(default_factory=list)


@dataclass
class Report:
    """What became of a run."""

    seconds: float
    requests: int
    errors: list[str]
    lost: list[str]
    created: int
    deleted: int
    versions: int
    #: Kilobytes of the server's process, in the course of time; none where that cannot be told.
    memory: list[int]
    #: Kilobytes of each process that has the sandbox in itself: early, and at the end.
    workers: list[list[int]]
    #: The largest that the log beside the database was, in bytes.
    log: int

    def lines(self) -> Iterator[str]:
        """Yield the report as text."""
        yield f"requests       {self.requests} ({self.requests / self.seconds:.0f}/s)"
        yield f"errors         {len(self.errors)} {self.errors[:3] or ''}"
        yield f"acknowledged   {self.created} creates, {self.deleted} deletes, " + (
            f"{self.versions} versions"
        )
        yield f"lost           {len(self.lost)} {self.lost[:3] or ''}"
        if self.memory:
            tenth = max(1, len(self.memory) // 10)
            parts = (self.memory[tenth], self.memory[len(self.memory) // 2], self.memory[-1])
            yield "server's RSS   {} kB early, {} kB in the middle, {} kB at the end".format(*parts)
        yield f"workers' RSS   {self.workers} kB early and at the end, in process"
        yield f"largest log    {self.log / 1e6:.1f} MB"


def run(home: Path, *, seconds: float, processes: int = 8) -> Report:
    """Let *processes* use a new sandbox below *home* for so many seconds."""
    environment = {**os.environ, "TRACKTEROID_HOME": str(home)}
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    with _serving(environment) as (server, url):
        project = _prepare(url)
        workers = [
            context.Process(
                target=_work,
                args=(number, url if number % 2 else SANDBOX_SCHEME + NAME, project, seconds),
                kwargs={"results": results, "home": str(home)},
            )
            for number in range(processes)
        ]
        started = time.monotonic()
        for worker in workers:
            worker.start()
        memory, log = [], 0
        file = home / "sandboxes" / f"{NAME}.sqlite-wal"
        found: list[Acknowledged] = []
        while len(found) < processes:
            time.sleep(_INTERVAL)
            memory.append(_memory_of(server.pid))
            log = max(log, file.stat().st_size if file.exists() else 0)
            while not results.empty():
                found.append(results.get())
            if len(found) < processes and not any(worker.is_alive() for worker in workers):
                break
        for worker in workers:
            worker.join()
        died = [f"process {worker.exitcode}" for worker in workers if worker.exitcode]
        elapsed = time.monotonic() - started
    return Report(
        seconds=elapsed,
        requests=sum(each.requests for each in found),
        errors=[error for each in found for error in each.errors] + died,
        lost=_lost(home, found),
        created=sum(len(each.tasks) for each in found),
        deleted=sum(name is None for each in found for name in each.tasks.values()),
        versions=sum(len(each.versions) for each in found),
        memory=[kilobytes for kilobytes in memory if kilobytes],
        workers=[each.memory for each in found if each.memory],
        log=log,
    )


class Client:
    """Sends operations as a client of ftrack does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        sandbox.mount(self._session)

    def call(self, *operations: dict[str, Any]) -> list[Any]:
        """Return the results; raise what the server answers instead of them."""
        answer = self._session.post(
            f"{self._url}/api",
            data=json.dumps(operations),
            headers={
                "ftrack-user": SANDBOX_USER,
                "ftrack-api-key": SANDBOX_KEY,
                "Content-Type": "application/json",
            },
            timeout=60,
        )
        results = json.loads(answer.content)
        if not isinstance(results, list):
            raise RuntimeError(str(results))
        return results

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the entities that *expression* finds."""
        found: list[dict[str, Any]] = self.call({"action": "query", "expression": expression})[0][
            "data"
        ]
        return found


def _create(type_name: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": type_name, "entity_data": data}


def _prepare(url: str) -> str:
    """Create what the processes share, and return its project."""
    project = str(uuid.uuid4())
    Client(url).call(
        _create("Project", id=project, name="soak"),
        _create("Shot", id=f"{project}-shot", name="shared", parent_id=project),
        _create("Asset", id=f"{project}-asset", name="shared", context_id=f"{project}-shot"),
    )
    return project


def _work(number: int, url: str, project: str, seconds: float, *, results: Any, home: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TRACKTEROID_HOME"] = home
    done = Acknowledged()
    chance = random.Random(number)
    client = Client(url)
    steps = (_add, _add, _rename, _delete, _publish, _read, _read, _read, _search)
    own = f"{project}-{number}"
    client.call(_create("Shot", id=own, name=f"shot{number}", parent_id=project))
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds or done.requests < _LEAST:
        if not done.memory and passed > seconds / 10 and url.startswith(SANDBOX_SCHEME):
            done.memory.append(_memory_of(os.getpid()))
        try:
            chance.choice(steps)(client, done, chance, own)
        except (RuntimeError, ValueError, requests.RequestException, AssertionError) as error:
            done.errors.append(f"{number}: {error!r}"[:300])
        done.requests += 1
    if done.memory:
        done.memory.append(_memory_of(os.getpid()))
    results.put(done)


def _add(client: Client, done: Acknowledged, chance: random.Random, own: str) -> None:
    made = {str(uuid.uuid4()): f"task{chance.random()}" for _ in range(chance.randint(1, 5))}
    client.call(*(_create("Task", id=key, name=name, parent_id=own) for key, name in made.items()))
    done.tasks.update(made)


def _rename(client: Client, done: Acknowledged, chance: random.Random, own: str) -> None:
    _add(client, done, chance, own)
    key, name = next(reversed(done.tasks)), f"renamed{chance.random()}"
    client.call(
        {
            "action": "update",
            "entity_type": "Task",
            "entity_key": [key],
            "entity_data": {"name": name},
        }
    )
    done.tasks[key] = name
    assert client.query(f"select name from Task where id is {key}")[0]["name"] == name


def _delete(client: Client, done: Acknowledged, chance: random.Random, own: str) -> None:
    _add(client, done, chance, own)
    key = next(reversed(done.tasks))
    client.call({"action": "delete", "entity_type": "Task", "entity_key": [key]})
    done.tasks[key] = None
    assert not client.query(f"Task where id is {key}")


def _publish(client: Client, done: Acknowledged, chance: random.Random, own: str) -> None:
    asset = own[:36] + "-asset"
    result = client.call(
        _create("AssetVersion", asset_id=asset, comment=f"{chance.random()}"),
        _create("Note", content="soak", parent_id=own, parent_type="Shot"),
    )
    done.versions.append(result[0]["data"]["version"])


def _read(client: Client, done: Acknowledged, chance: random.Random, own: str) -> None:
    offset = chance.randrange(max(1, len(done.tasks)))
    client.query(
        "select name, status.name, parent.name, project.name from Task "
        f"where parent_id is {own} order by name offset {offset} limit 50"
    )


def _search(client: Client, done: Acknowledged, chance: random.Random, own: str) -> None:
    client.query(
        chance.choice(
            (
                f"select version, asset.name from AssetVersion where asset_id is {own[:36]}-asset "
                "order by version descending limit 20",
                "Shot where custom_attributes any (key is fstart and value is 1001)",
                "Task where assignments any (resource.username is emil.sorokin)",
                "Sequence where descendants any (name is animation)",
                f"select content from Note where parent_id is {own} limit 20",
            )
        )
    )


def _lost(home: Path, found: list[Acknowledged]) -> list[str]:
    """Return what was acknowledged and is not so in the database, which is read as it is."""
    from trackteroid_cli.engine.engine import Engine

    file = home / "sandboxes" / f"{NAME}.sqlite"
    with closing(Engine(file)) as engine:
        connection = engine.store.connection
        names = dict(connection.execute("SELECT id, name FROM context WHERE _type = 'Task'"))
        lost = [
            f"{key}: {name} is {names.get(key)}"
            for each in found
            for key, name in each.tasks.items()
            if names.get(key) != name
        ]
        made = sorted(number for each in found for number in each.versions)
        stored = connection.execute(
            "SELECT version FROM asset_version v JOIN asset a ON a.id = v.asset_id "
            "WHERE a.name = 'shared' ORDER BY version"
        ).fetchall()
        if made != [number for (number,) in stored] or len(set(made)) < len(made):
            lost.append(f"{len(made)} versions acknowledged, {len(stored)} stored")
        (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        return lost if told == "ok" else [*lost, told]


def _memory_of(pid: int) -> int:
    """Return the resident memory of a process in kilobytes; 0 where that cannot be told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) if found else 0


@contextmanager
def _serving(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "trackteroid_cli", "sandbox", "serve", NAME, "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline() for _ in range(3)]
            yield process, lines[0].strip().partition("=")[2]
        finally:
            process.terminate()


def main(arguments: list[str]) -> None:
    """Run it as the arguments say and print the report; the status is 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks soak")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--processes", type=int, default=8)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        report = run(Path(folder), seconds=options.seconds, processes=options.processes)
    print("\n".join(report.lines()))
    sys.exit(1 if report.errors or report.lost else 0)
