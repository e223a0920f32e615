"""Local state that belongs to somebody else, or is none: every command says so, in one message."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.batches import Put
from tests.support.command_line import CommandLine, refused
from tests.support.owners import forbid_writing, open_folder, other_user
from tests.support.servers import Server
from trackteroid_cli.batches.operations import Update

CREATE = "import ftrack_api; s = ftrack_api.Session(); s.create('Scope', {'name': 'x'}); s.commit()"

OPERATION = '{"operation": "delete", "entity_type": "Shot", "entity_key": {"id": "1"}}'

#: These cannot do what they are asked for where nothing can be written.
NEEDING_TO_WRITE = [
    ("record", "-c", CREATE),
    ("record", "--offline", "-c", CREATE),
    ("commit",),
    ("discard", "publish"),
    ("replica", "pull"),
    ("--sandbox", "query", "Shot"),
    ("sandbox", "serve", "--port", "0"),
    ("sandbox", "reset"),
    ("--sandbox", "record", "-c", CREATE),
]

COMMANDS = [
    *NEEDING_TO_WRITE,
    ("record", "--jsonl", "-"),
    ("record", "--keep", "20260131-134501-417k2f"),
    ("inspect",),
    ("inspect", "publish"),
    ("commit", "--dry-run"),
    ("revert", "publish"),
    ("query", "Shot"),
    ("query", "--offline", "User"),
    ("replica", "status"),
    ("doctor",),
    ("--sandbox", "doctor"),
]


def closed(home: Path) -> None:
    """Let nobody look into it."""
    home.chmod(0o000)


def only_readable(home: Path) -> None:
    """Let everybody look into it, and nobody write."""
    forbid_writing(home)


def with_unreadable_files(home: Path) -> None:
    """Let everybody list what is there, and nobody read it."""
    for path in home.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o000)


def of_files_in_place_of_folders(home: Path) -> None:
    """Put a file where each folder is expected."""
    for folder in list(home.iterdir()):
        shutil.rmtree(folder)
        folder.write_text("")


HOMES: list[Callable[[Path], None]] = [
    closed,
    only_readable,
    with_unreadable_files,
    of_files_in_place_of_folders,
]


def test_local_state_of_somebody_else_is_a_message_in_every_command(
    connected: CommandLine, server: Server, put: Put, home: Path, demo_database: Path
) -> None:
    (shot,) = server.query("select id, description from Shot limit 1")
    put(Update("Shot", {"id": shot["id"]}, "description", "x", old_value=shot["description"]))
    assert connected("replica", "pull", "User").returncode == 0
    (home / "recordings").mkdir()
    (home / "sandboxes").mkdir()
    shutil.copy(demo_database, home / "sandboxes" / "demo.sqlite")
    for prepare in HOMES:
        with open_folder() as folder:
            shutil.copytree(home, folder / "home")
            stranger = other_user(connected, folder, folder / "home")
            prepare(folder / "home")
            for arguments in COMMANDS:
                stdin = OPERATION if "--jsonl" in arguments else None
                ran = stranger(*arguments, stdin=stdin)
                told = (prepare.__name__, arguments, ran.stderr)
                assert "Traceback" not in ran.stderr, told
                assert ran.returncode in (0, 1, 4), told
                if "doctor" in arguments:
                    assert ran.returncode == 1, told
                    assert "TRACKTEROID_HOME" in ran.stdout, told
                elif ran.returncode:
                    assert ran.stderr.count("error: ") == 1, told
                # Nothing is known to be damaged: no advice may cost what is there.
                assert "sandbox reset" not in ran.stderr, told
                assert "remove" not in ran.stderr, told
            for arguments in NEEDING_TO_WRITE:
                assert stranger(*arguments).returncode == 1, (prepare.__name__, arguments)


def test_a_full_disk_advises_to_make_room_and_not_to_reset(
    trackteroid: CommandLine, home: Path
) -> None:
    limited = (
        "import resource, runpy, sys; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000,) * 2); "
        "sys.argv[1:] = ['--sandbox', 'query', 'Shot']; "
        "runpy.run_module('trackteroid_cli', run_name='__main__')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", limited],
        cwd=trackteroid.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    refused(ran, 1, what="cannot make the sandbox", hint="make room")
    assert "reset" not in ran.stderr
    assert list((home / "sandboxes").glob("demo.*")) == [home / "sandboxes" / "demo.lock"]


def test_only_a_recording_that_is_damaged_is_advised_to_be_forgotten(
    trackteroid: CommandLine, home: Path
) -> None:
    left = "20260131-134501-417k2f"
    file = home / "recordings" / left / "recording.sqlite"
    file.mkdir(parents=True)  # SQLite cannot open it, as on a disk that has no room for its journal
    refused(trackteroid("inspect", left), 1, what="cannot read the recording", hint="make room")
    assert "trackteroid discard" not in trackteroid("inspect", left).stderr
    file.rmdir()
    file.write_bytes(b"not a recording" * 100)
    refused(trackteroid("inspect", left), 1, what="cannot read the rec", hint="trackteroid discard")
