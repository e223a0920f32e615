"""What the tests of crashes share: a workload whose twin has committed everything."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.replay.workload import Workload
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
