"""What things cost, as ratios measured in one run; `make bench` prints them.

Machines are noisy: each pair of measurements is taken in turn, several times, and the median of the
ratios is printed, with the least and the greatest. Nothing is asserted.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROUNDS = 5

CREATES = """
import sys
import ftrack_api
session = ftrack_api.Session()
project = session.query('Project where name is "salt_and_ember"').one()
for number in range(int(sys.argv[1])):
    name = f"{sys.argv[2]}_{number}"
    session.create("Shot", {"name": name, "parent": project, "description": "wide"})
"""

#: Prints the CPU seconds of making and recording entities, or of just making them.
RECORDED_CREATES = """
import contextlib, sys, time
from pathlib import Path
import ftrack_api
from trackteroid_cli.recording.closing import save_batches
from trackteroid_cli.recording.deferred_sessions import deferred_sessions
from trackteroid_cli.recording.recordings import Recordings
from trackteroid_cli.recording.reports import configured
from trackteroid_cli.batches.spool import Spool
count, how = int(sys.argv[1]), sys.argv[2]
recording = Recordings(Path("recordings").absolute()).begin("bench", [], "", None)
kept = recording.keeping()
kept.__enter__()
deferred = deferred_sessions(recording.file) if how == "recorded" else contextlib.nullcontext()
with deferred as recorder:
    session = ftrack_api.Session()
    project = session.query('Project where name is "salt_and_ember"').one()
    started = time.process_time()
    for number in range(count):
        name = f"sh{number}"
        session.create("Shot", {"name": name, "parent": project, "description": "wide"})
    if recorder:
        session.commit()
        recorder.complete()
        save_batches(recording.file, Spool(Path("spool")), configured)
    print(time.process_time() - started)
"""

#: Prints the CPU seconds of one commit of so many creates: ftrack_api's own, or a replay.
COMMIT = """
import sys, time
import ftrack_api
session = ftrack_api.Session()
project = session.query('Project where name is "salt_and_ember"').one()
folder = session.create("Folder", {"name": sys.argv[2], "parent": project})
session.commit()
for number in range(int(sys.argv[1])):
    session.create("Shot", {"name": f"sh{number}", "parent": folder, "description": "wide"})
started = time.process_time()
session.commit()
print(time.process_time() - started)
"""
REPLAY = """
import sys, time
from pathlib import Path
from trackteroid_cli import settings
started = time.process_time()
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.replay.schedule import replay_file
with Connection(settings.server()) as connection:
    replay_file(Path(sys.argv[1]), connection)
print(time.process_time() - started)
"""


class Bench:
    """Runs processes in *folder*, against the server that the environment names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "TRACKTEROID_HOME": str(folder / "home"),
            "FTRACK_API_SCHEMA_CACHE_PATH": str(folder),
        }

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    def run(self, *arguments: str, **environment: str) -> str:
        finished = subprocess.run(
            [sys.executable, *arguments],
            env={**self.environment, **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode:
            sys.exit(f"{arguments}: {finished.stderr}")
        return finished.stdout

    def trackteroid(self, *arguments: str, **environment: str) -> str:
        return self.run("-m", "trackteroid_cli", *arguments, **environment)

    def cpu(self, *arguments: str, **environment: str) -> float:
        """Return the CPU seconds of a whole process."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.run(*arguments, **environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def wall(self, *arguments: str, **environment: str) -> float:
        """Return the seconds that a whole process takes."""
        started = time.perf_counter()
        self.run(*arguments, **environment)
        return time.perf_counter() - started


def paired(first: Callable[[], float], second: Callable[[], float], rounds: int = ROUNDS) -> str:
    """Measure in turn and return the ratio of the first to the second."""
    first(), second()
    ratios = [first() / second() for _ in range(rounds)]
    return f"{statistics.median(ratios):.2f} x   ({min(ratios):.2f} to {max(ratios):.2f})"


def report(what: str, result: str, target: str) -> None:
    print(f"{what:<68} {result:<32} {target}", flush=True)


def recording(bench: Bench) -> None:
    """What recording adds to making entities."""
    inside = bench.write("inside.py", RECORDED_CREATES)

    def seconds(how: str) -> float:
        return float(bench.run(inside, "10000", how))

    report(
        "record 10,000 creates / the same creates, not recorded (CPU)",
        paired(lambda: seconds("recorded"), lambda: seconds("bare")),
        "at most 1.15 x",
    )
    bare = bench.write("bare.py", CREATES)
    committing = bench.write("committing.py", CREATES + "session.commit()\n")
    out = bench.folder / "out.dbm"

    def record(count: str) -> float:
        out.unlink(missing_ok=True)
        record = ("-m", "trackteroid_cli", "record", "-o", str(out))
        return bench.cpu(*record, committing, count, "sh")

    report(
        "the same as whole processes, `record` and python (CPU)",
        paired(lambda: record("10000"), lambda: bench.cpu(bare, "10000", "sh")),
        "",
    )
    report(
        "record 50,000 creates / record 10,000 (CPU)",
        paired(lambda: record("50000"), lambda: record("10000"), rounds=2),
        "at most 6 x",
    )


def replaying(bench: Bench) -> None:
    """What a replay costs the client, compared with the commit of ftrack_api."""
    commit = bench.write("commit.py", COMMIT)
    replay = bench.write("replay.py", REPLAY)
    committing = bench.write("committing.py", CREATES + "session.commit()\n")
    turn = iter(range(1000))

    def replayed() -> float:
        name = f"replayed{next(turn)}"
        batch = str(bench.folder / f"{name}.dbm")
        bench.trackteroid("record", "-o", batch, committing, "10000", name)
        return float(bench.run(replay, batch))

    def committed() -> float:
        return float(bench.run(commit, "10000", f"committed{next(turn)}"))

    report(
        "replay 10,000 operations / the same commit by ftrack_api (CPU)",
        paired(replayed, committed, rounds=3),
        "at most 0.125 x",
    )


def listing(bench: Bench) -> None:
    """What listing what waits costs, for small and for large batches."""
    for operations in (1, 200):
        home = bench.folder / f"home-{operations}"
        _fill_spool(home, batches=1000, operations=operations)

        def list_all(home: Path = home) -> float:
            return bench.wall("-m", "trackteroid_cli", "inspect", TRACKTEROID_HOME=str(home))

        seconds = [list_all() - bench.wall("-c", "pass") for _ in range(ROUNDS)]
        report(
            f"list 1,000 pending batches of {operations} operations, beyond Python's start",
            f"{statistics.median(seconds):.2f} s",
            "under 0.5 s",
        )


def _fill_spool(home: Path, *, batches: int, operations: int) -> None:
    from trackteroid_cli.batches.batch import encode_operations, write
    from trackteroid_cli.batches.header import Header
    from trackteroid_cli.batches.ids import new_id
    from trackteroid_cli.batches.operations import Create
    from trackteroid_cli.batches.spool import Spool

    made = [
        Create("Shot", {"id": str(number)}, {"name": "x" * 200}) for number in range(operations)
    ]
    texts = encode_operations(made)
    counts = {"create": operations, "update": 0, "delete": 0}
    spool = Spool(home / "spool")
    for _ in range(batches):
        header = Header(new_id(), "publish", "2026-01-31T12:00:00.000Z", counts=counts)
        write(spool.place(header.id, header.name), header, texts, {})


def starting(bench: Bench) -> None:
    """What it takes to say anything at all."""
    report(
        'trackteroid --version / python -c "import typer, rich" (wall)',
        paired(
            lambda: bench.wall("-m", "trackteroid_cli", "--version"),
            lambda: bench.wall("-c", "import typer, rich"),
            rounds=15,
        ),
        "at most 1.35 x",
    )


def querying(bench: Bench) -> None:
    """A question over 100,000 tasks, in engine time."""
    from tests.benchmarks.large import PROJECT, USERNAME, large_engine

    engine = large_engine(bench.folder / "large.sqlite")
    expression = (
        "select name, status.name, parent.name from Task "
        f'where project.name is "{PROJECT}" '
        f'and assignments any (resource.username is "{USERNAME}")'
    )
    for tail in ("", " offset 0 limit 500"):
        seconds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            engine.call(
                [{"action": "query", "expression": expression + tail}], user="demo", key="demo-key"
            )
            seconds.append(time.perf_counter() - started)
        report(
            f"query 100,000 tasks by project and assignee{tail and ', first page'}",
            f"{statistics.median(seconds) * 1000:.0f} ms",
            "under 100 ms",
        )
    engine.close()


def million(bench: Bench) -> None:
    """What a million entities cost, in engine time."""
    from tests.benchmarks.million import measure

    measure(bench.folder, report)


def collections(bench: Bench) -> None:
    """What collections of 10,000 entities cost, beside plain loops over the same entities."""
    from tests.benchmarks.collections import measured

    bounded = ("collection.name", "collection.filter(by name)")
    with measured(bench.folder / "collections") as actions:
        for what, (through_collection, through_loop) in actions.items():
            target = "at most 3 x" if what in bounded else ""
            report(f"{what} / a plain loop", paired(through_collection, through_loop), target)


def reading_back(bench: Bench) -> None:
    """What queries of a recording cost that see, or need not see, its own commits."""
    from tests.benchmarks.reading_back import measured

    with measured(bench.folder, bench.environment) as queries:
        for what, (recorded, direct, requests) in queries.items():
            report(
                f"query {what}, while recording / directly",
                f"{paired(recorded, direct)}, {requests()} requests",
                "at most 1 x" if "nothing" in what else "at most 2 x",
            )


def pulling(bench: Bench) -> None:
    """What a pull costs, beside fetching the same pages and dropping them."""
    from tests.benchmarks import replica

    replica.pulling(bench.folder, bench.environment, bench.run, report)


@contextmanager
def serving(bench: Bench) -> Iterator[None]:
    """Serve a sandbox from another process, and point *bench* at it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trackteroid_cli", "sandbox", "serve", "--port", "0"],
        env=bench.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        for _ in range(3):
            name, _, value = process.stdout.readline().removeprefix("export ").partition("=")
            bench.environment[name] = value.strip()
        yield
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Run the benchmarks named as arguments, or all; `soak` runs by itself, and takes options."""
    if sys.argv[1:2] == ["soak"]:
        from tests.benchmarks import soak

        soak.main(sys.argv[2:])
    queries = (querying, million, collections, reading_back)
    every = (starting, listing, recording, replaying, *queries, pulling)
    benchmarks = {each.__name__: each for each in every}
    wanted = sys.argv[1:] or list(benchmarks)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        with serving(bench):
            for name in wanted:
                benchmarks[name](bench)


if __name__ == "__main__":
    main()
