"""Files: what is made below the home is private, and what is made elsewhere is the user's."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.batches import Put, new_scope
from tests.support.command_line import CommandLine

pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system has no such modes")

SCRIPT = """
import ftrack_api, sys
session = ftrack_api.Session()
session.create("Scope", {"name": sys.argv[1]})
session.commit()
open(sys.argv[1], "w").close()
"""

#: Each command makes other files.
STORY = [
    ("record", "-o", "out/batch.dbm", "script.py", "first"),
    ("record", "script.py", "second"),
    ("record", "--name", "third", "--exec", sys.executable, "script.py", "third"),
    ("commit", "script"),
    ("replica", "pull", "--project", "brightwater"),
    ("query", "--reuse", "Scope"),
    ("query", "--offline", "Scope"),
    ("discard", "third"),
    ("doctor",),
]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(folder: Path) -> tuple[set[int], set[int]]:
    """Return the modes of *folder* and of the folders below it, and those of the files."""
    folders = {mode(each) for each in (folder, *folder.rglob("*")) if each.is_dir()}
    return folders, {mode(each) for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("umask", ["000", "027"])
def test_the_home_is_for_its_owner_alone_whatever_the_umask(
    trackteroid: CommandLine, home: Path, umask: str
) -> None:
    trackteroid.prefix = ("sh", "-c", f'umask {umask}; exec "$@"', "sh")
    trackteroid.script(SCRIPT)
    for arguments in STORY:
        ran = trackteroid("--sandbox", *arguments)
        assert ran.returncode == 0, (arguments, ran.stderr)
    assert modes(home) == ({0o700}, {0o600})
    # What the user names, and what the script makes, is the user's.
    theirs = 0o666 & ~int(umask, 8)
    assert mode(trackteroid.folder / "out" / "batch.dbm") == theirs
    assert mode(trackteroid.folder / "first") == theirs


def test_what_is_new_in_a_home_that_is_open_is_private_and_doctor_names_the_rest(
    trackteroid: CommandLine, home: Path, put: Put
) -> None:
    old = put(new_scope(1), name="old").path
    for folder in (home, *old.relative_to(home).parents):
        (home / folder).chmod(0o775)
    old.chmod(0o644)
    new = put(new_scope(2), name="new").path
    assert mode(new) == 0o600
    said = {each["check"]: each for each in trackteroid.json("doctor", "--json")["checks"]}
    assert said["privacy"]["status"] == "warn"
    assert all(str(each) in said["privacy"]["detail"] for each in (home, home / "spool"))
    assert f"chmod -R go= {home}" in said["privacy"]["next"]
    assert mode(home) == 0o775
    subprocess.run(["chmod", "-R", "go=", str(home)], check=True)
    said = {each["check"]: each for each in trackteroid.json("doctor", "--json")["checks"]}
    assert said["privacy"]["status"] == "ok"


@pytest.mark.parametrize(
    ("shared", "folders", "files"),
    [(0o2770, 0o2770, 0o660), (0o770, 0o2770, 0o660), (0o2750, 0o2750, 0o640)],
)
def test_a_home_that_is_shared_with_a_group_stays_so(
    trackteroid: CommandLine, home: Path, shared: int, folders: int, files: int
) -> None:
    home.mkdir()
    home.chmod(shared)
    trackteroid.script(SCRIPT)
    assert trackteroid("--sandbox", *STORY[1]).returncode == 0
    assert modes(home) == ({shared, folders}, {files})
    said = {each["check"]: each for each in trackteroid.json("doctor", "--json")["checks"]}
    assert said["privacy"]["detail"] == f"only its group has access to {home}"


@pytest.mark.parametrize("mode_of_home", [0o755, 0o775, 0o2755, 0o750])
def test_a_umask_or_the_folder_above_does_not_share_a_home(
    home: Path, put: Put, mode_of_home: int
) -> None:
    home.mkdir()
    home.chmod(mode_of_home)
    assert mode(put(new_scope(1)).path) == 0o600
    assert mode(home / "spool") == 0o700
