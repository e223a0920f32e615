"""Every command, once, in an interpreter of its own: as people and cron start it."""

from __future__ import annotations

from tests.support.command_line import CommandLine
from trackteroid_cli.cli.app import COMMANDS

RECORD = (
    "import ftrack_api; session = ftrack_api.Session(); "
    "session.create('Scope', {'name': 'dailies'}); session.commit()"
)

#: Each builds on those before it, on one sandbox.
STORY = [
    ("doctor",),
    ("sandbox", "reset"),
    ("record", "-c", RECORD),
    ("inspect", "code"),
    ("commit", "code"),
    ("query", "Scope", "--format", "json"),
    ("revert", "code"),
    ("discard", "revert-code"),
    ("replica", "pull", "--project", "brightwater"),
    ("demo",),
]


def test_every_command_runs_in_a_fresh_interpreter(trackteroid: CommandLine) -> None:
    assert {command for command, *_ in STORY} == set(COMMANDS)
    for arguments in STORY:
        ran = trackteroid.fresh("--sandbox", *arguments)
        assert ran.returncode == 0, (arguments, ran.stderr)
        assert "Traceback" not in ran.stderr
