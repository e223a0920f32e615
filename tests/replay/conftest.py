"""What the tests of crashes share: a workload, and proxies that are closed again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.replay.workload import Workload
from tests.support.faults import FaultyProxy, Plan
from tests.support.servers import Server
from trackteroid_cli.batches.spool import Spool


@pytest.fixture
def make_workload(
    home: Path, tmp_path: Path, demo_database: Path
) -> Iterator[Callable[[int], Workload]]:
    """Return a function that gives the workload of a seed, for the spool of the command line."""
    made: list[Workload] = []

    def make(seed: int) -> Workload:
        path = Path(shutil.copy(demo_database, tmp_path / f"twin-{len(made)}.sqlite"))
        made.append(Workload.beside(path, Spool(home / "spool"), seed))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def make_proxy(server: Server) -> Iterator[Callable[..., FaultyProxy]]:
    """Return a function that puts a proxy with a plan in front of `server`."""
    made: list[FaultyProxy] = []

    def make(plan: Plan, delay: float = 1.5, retry_after: int = 7) -> FaultyProxy:
        made.append(FaultyProxy(server.url, plan, delay=delay, retry_after=retry_after))
        return made[-1]

    yield make
    for each in made:
        each.close()
