"""Several users of one machine: a replica that one of them pulls serves those who may read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.batches import everything_below
from tests.support.command_line import CommandLine, refused
from tests.support.owners import allow_writing, forbid_writing, open_folder, other_user

RENAME = """
import ftrack_api
session = ftrack_api.Session()
session.query("Shot").first()["description"] = "seen offline"
session.commit()
print(len(session.query("Shot where description is 'seen offline'").all()))
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user of the machine can reach."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def reader(pulled: CommandLine, home: Path, shared: Path) -> CommandLine:
    """A user with local state of their own, for whom somebody else has pulled the replica."""
    (home / "replicas").rename(shared / "replicas")
    forbid_writing(shared / "replicas")
    own = shared / "reader"
    own.mkdir()
    own.chmod(0o777)
    (own / "replicas").symlink_to(shared / "replicas")
    return other_user(pulled, own, own)


def test_a_replica_that_a_user_may_only_read_answers_and_is_recorded_against(
    reader: CommandLine, shared: Path
) -> None:
    before = everything_below(shared / "replicas")
    asked = reader("query", "--offline", "Shot", "--format", "ids")
    assert asked.returncode == 0, asked.stderr
    assert len(asked.stdout.split()) > 5
    for _ in range(2):  # the second one sees the batch of the first
        recorded = reader("record", "--offline", reader.script(RENAME))
        assert (recorded.returncode, recorded.stdout) == (0, "1\n"), recorded.stderr
    seen = reader("query", "--offline", "Shot where description is 'seen offline'")
    assert seen.stdout.count("\n") == 1, seen.stderr
    status = reader("replica", "status", "--json")
    assert status.returncode == 0, status.stderr
    assert reader("doctor").stdout.count("ok\treplica") == 1
    assert everything_below(shared / "replicas") == before


def test_local_state_that_a_user_may_only_read_answers_and_takes_a_recording_in_a_file(
    pulled: CommandLine, home: Path, shared: Path
) -> None:
    assert pulled("record", "--offline", pulled.script(RENAME)).returncode == 0
    home.rename(shared / "home")
    forbid_writing(shared / "home")
    own = shared / "reader"
    own.mkdir()
    own.chmod(0o777)
    reader = other_user(pulled, own, shared / "home")
    before = everything_below(shared / "home")
    seen = reader("query", "--offline", "Shot where description is 'seen offline'")
    assert (seen.returncode, seen.stdout.count("\n")) == (0, 1), seen.stderr
    recorded = reader("record", "--offline", "-o", own / "mine.dbm", reader.script(RENAME))
    assert (recorded.returncode, recorded.stdout) == (0, "1\n"), recorded.stderr
    assert (own / "mine.dbm").exists()
    assert everything_below(shared / "home") == before


@pytest.mark.parametrize("readable", [True, False])
def test_a_pull_lets_those_read_it_who_may_look_into_its_folder(
    reader: CommandLine, pulled: CommandLine, shared: Path, readable: bool
) -> None:
    allow_writing(shared / "replicas")
    (folder,) = (shared / "replicas").iterdir()
    folder.chmod(0o755 if readable else 0o700)
    puller = replace(pulled, environment={**pulled.environment, "TRACKTEROID_HOME": str(shared)})
    assert puller("replica", "pull").returncode == 0
    used = [*folder.glob("*.sqlite"), folder / "current"]
    assert {path.stat().st_mode & 0o777 for path in used} == {0o644 if readable else 0o600}
    asked = reader("query", "--offline", "Shot", "--format", "ids")
    if readable or os.geteuid() != 0:
        assert asked.returncode == 0, asked.stderr
    else:
        refused(asked, 1, what="cannot read the replica", why="Permission denied", hint="let you")
