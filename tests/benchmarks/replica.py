"""What a pull costs, compared with fetching the same pages and throwing them away."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from trackteroid_cli.engine.writing.import_rows import import_rows
from trackteroid_cli.server.sandboxes import making

#: Contexts of the two productions: the second is so many times the first.
SMALL, LARGE = 20_000, 100_000

TASKS = 4
ROUNDS = 3

#: Pulls everything, then sends the same requests and drops the answers; prints the seconds of both,
#: and by how many bytes the memory of the process grew during the pull.
PULL = r"""
import json, re, resource, time
from trackteroid_cli import settings
from trackteroid_cli.offline.pull import pull as pulling
from trackteroid_cli.offline.pull.fetching import Fetcher
from trackteroid_cli.server.retry import RetryPolicy
from trackteroid_cli.offline.pull.scope import RequestedScope
def peak():
    try:  # a process inherits the other figure from the one that started it
        status = open("/proc/self/status", encoding="ascii").read()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
requests = open("requests.jsonl", "w+", encoding="utf-8")
send = Fetcher.send
sent = 0
def noting(self, expressions, label):
    global sent
    sent += 1
    requests.write(json.dumps(expressions) + "\n")
    send(self, expressions, label)
Fetcher.send = noting
started = time.perf_counter()
pulled = pulling.pull(settings.server(), RequestedScope(every_project=True), RetryPolicy())
seconds = time.perf_counter() - started
memory = peak()
Fetcher.send = send
requests.seek(0)
started = time.perf_counter()
with Fetcher(settings.server(), RetryPolicy()) as fetcher:
    while sent:
        while fetcher.free_slots and (line := requests.readline()):
            fetcher.send(json.loads(line), None)
        sent -= len(fetcher.take())
requests.close()
fetching_seconds = time.perf_counter() - started
print(json.dumps([seconds, fetching_seconds, memory, pulled.new]))
"""


class Cost(NamedTuple):
    """Seconds of a pull and of fetching alone, bytes of memory, rows."""

    pull: float
    fetch: float
    memory: int
    rows: int


def pulling(
    folder: Path,
    environment: dict[str, str],
    run: Callable[..., str],
    report: Callable[[str, str, str], None],
) -> None:
    """Measure pulls of a small and of a large production, each from a server of its own.

    Args:
        folder: for the script.
        environment: of the processes; its TRACKTEROID_HOME is used.
        run: runs Python with arguments and more of an environment, and returns what it prints.
        report: told what was measured, the result, and what it should be.
    """
    script = folder / "pull.py"
    script.write_text(PULL, encoding="utf-8")
    costs: dict[int, list[Cost]] = {}
    for contexts in (SMALL, LARGE):
        home = folder / f"replicas-{contexts}"
        with _serving(home, contexts, environment) as settings:
            for turn in range(ROUNDS):
                place = {**settings, "TRACKTEROID_HOME": str(home / f"turn-{turn}")}
                measured = Cost(*json.loads(run(str(script), **place)))
                costs.setdefault(contexts, []).append(measured)
    small, large = (costs[contexts] for contexts in (SMALL, LARGE))
    report(
        f"pull of {LARGE:,} contexts ({large[0].rows:,} rows)",
        f"{statistics.median(each.pull for each in large):.1f} s",
        "",
    )
    report(
        "speed of the pull / of fetching the same pages and dropping them",
        f"{statistics.median(each.fetch / each.pull for each in large):.2f} x",
        "at least 0.8 x",
    )
    per_row = [statistics.median(each.pull / each.rows for each in some) for some in (large, small)]
    report(
        f"time for a row among {LARGE:,} contexts / among {SMALL:,}",
        f"{per_row[0] / per_row[1]:.2f} x",
        "about 1 x",
    )
    memory = [statistics.median(each.memory for each in some) for some in (large, small)]
    report(
        f"memory for {LARGE:,} contexts / for {SMALL:,}",
        f"{memory[0] / memory[1]:.2f} x ({memory[0] / 1e6:.0f} MB)",
        "about 1 x",
    )


@contextmanager
def _serving(home: Path, contexts: int, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Serve a production from another process; give the settings that reach it."""
    environment = {**environment, "TRACKTEROID_HOME": str(home)}
    name = "production"
    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.replica", str(contexts)],
        env=environment,
        check=True,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "trackteroid_cli", "sandbox", "serve", name, "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        told = (line.removeprefix("export ").strip().partition("=") for line in lines)
        yield {variable: value for variable, _, value in told}
    finally:
        process.terminate()
        process.wait()


def make(contexts: int) -> None:
    """Make a sandbox of one project with so many contexts, and an assignment for each task."""
    engine = making.open_engine("production")
    generator = random.Random(1)
    (project,) = engine.store.connection.execute(
        "SELECT id FROM context WHERE _type = 'Project' ORDER BY name LIMIT 1"
    ).fetchone()
    users = engine.store.connection.execute("SELECT id FROM resource").fetchall()
    entities: list[dict[str, Any]] = []
    for shot in range(contexts // (TASKS + 1)):
        shot_id = str(uuid.UUID(int=generator.getrandbits(128)))
        common = {"project_id": project, "context_type": "task", "description": "wide"}
        entities.append(
            {
                "__entity_type__": "Shot",
                "id": shot_id,
                "name": f"sh{shot:05}",
                "parent_id": project,
                "object_type_id": engine.store.schema.types["Shot"].classifiers["object_type_id"],
                **common,
            }
        )
        for task in range(TASKS):
            task_id = str(uuid.UUID(int=generator.getrandbits(128)))
            entities.append(
                {
                    "__entity_type__": "Task",
                    "id": task_id,
                    "name": f"task{task}",
                    "parent_id": shot_id,
                    "object_type_id": engine.store.schema.types["Task"].classifiers[
                        "object_type_id"
                    ],
                    "bid": 3600.0 * task,
                    **common,
                }
            )
            entities.append(
                {
                    "__entity_type__": "Appointment",
                    "id": str(uuid.UUID(int=generator.getrandbits(128))),
                    "context_id": task_id,
                    "resource_id": users[(shot + task) % len(users)][0],
                    "type": "assignment",
                }
            )
    with engine.store.writing() as connection:
        import_rows(connection, engine.store.schema, entities)
    engine.close()


if __name__ == "__main__":
    make(int(sys.argv[1]))
