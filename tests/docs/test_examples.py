"""The examples of the man pages run, with the exit status and the output that the pages tell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from man.commands import Command, read_commands
from man.pages import pages
from man.texts import TEXTS
from tests.conftest import CommandLine
from tests.docs.conftest import Put, Shell
from tests.docs.pages import examples, page
from tests.support.generated import some
from trackteroid_cli.batches.spool import State
from trackteroid_cli.engine.schema.standard import standard_schemas

#: Changes a shot, whatever the arguments are.
PUBLISH = """
import ftrack_api
session = ftrack_api.Session()
shot = session.query('Shot where project.name is "salt_and_ember"').first()
shot["description"] = "published"
session.commit()
"""

#: Creates a sequence; the second script creates a shot in it.
LAYOUT = """
import ftrack_api
session = ftrack_api.Session()
project = session.query('Project where name is "salt_and_ember"').one()
session.create("Sequence", {"name": "sq700", "parent": project})
session.commit()
"""
SHOT_IN_LAYOUT = """
import ftrack_api
session = ftrack_api.Session()
sequence = session.query('Sequence where name is "sq700"').one()
session.create("Shot", {"name": "sh700", "parent": sequence})
session.commit()
"""


class Preparations:
    """What the examples of a page find there, made before the first of them or before a later one.

    A method is named for the page; it takes the line that is about to run, '' before the first.
    """

    def __init__(self, command: CommandLine, put: Put) -> None:
        self.command, self.put = command, put
        command.script(PUBLISH, "publish.py")
        command.script(PUBLISH, "publishing.py")

    def before(self, name: str, line: str = "") -> None:
        """Prepare for a line of the page *name*."""
        prepare: Callable[[str], None] | None = getattr(self, name.replace("-", "_"), None)
        if prepare is not None:
            prepare(line)

    def trackteroid_record(self, line: str) -> None:
        if not line:
            self._pull()
            shell = self.command.script(
                f"#!/bin/sh\nexec {sys.executable} publish.py\n", "publish.sh"
            )
            shell.chmod(0o755)
        elif "--keep" in line:
            assert self.command("record", "-c", f"{PUBLISH}raise SystemExit(3)").returncode == 3
            (left,) = (Path(os.environ["TRACKTEROID_HOME"]) / "recordings").iterdir()
            left.rename(left.with_name(line.split()[-1]))

    def trackteroid_inspect(self, line: str) -> None:
        if not line:
            self.put("publish")
            self.put("edited", seen="what nobody ever wrote")
            self._put_file()

    def trackteroid_commit(self, line: str) -> None:
        if not line:
            self.put("publish")
            self._put_file()
        elif line == "trackteroid commit edited":
            self.put("edited", seen="what nobody ever wrote")
        elif "nightly" in line:
            self.put("nightly")

    def trackteroid_discard(self, line: str) -> None:
        if not line:
            for name in ("publish", "nightly"):
                self.put(name)
            self.put("committed", state=State.COMMITTED)

    def trackteroid_revert(self, line: str) -> None:
        if not line:
            for name in ("publish", "nightly"):
                self.put(name, seen="")
            assert self.command("commit", "--on-conflict", "overwrite").returncode == 0
            self.put("edited")

    def trackteroid_query(self, line: str) -> None:
        if "--offline" in line:
            self._pull()

    def trackteroid_sandbox(self, line: str) -> None:
        if "--from-replica" in line:
            self._pull()
        elif "--schemas" in line:
            schemas = json.dumps(list(standard_schemas()))
            self.command.script(schemas, line.partition("--schemas ")[2].split()[0])

    def _pull(self) -> None:
        assert self.command("replica", "pull", "--project", "salt_and_ember").returncode == 0

    def _put_file(self) -> None:
        self.put("carried", path=self.command.folder / "publish.dbm")


@pytest.fixture
def prepare(sandbox: CommandLine, put: Put) -> Preparations:
    return Preparations(sandbox, put)


def test_every_page_of_a_command_has_examples() -> None:
    assert {f"{name}.1" for name, texts in TEXTS.items() if texts.examples} == set(
        pages(read_commands())
    )


@pytest.mark.parametrize("name", some(list(TEXTS)))
def test_the_examples_of_a_command_run_with_the_exit_status_that_they_tell(
    name: str, shell: Shell, prepare: Preparations
) -> None:
    told = TEXTS[name].examples
    assert examples(f"{name}(1)") == [f"{each.line}" for each in told]
    prepare.before(name)
    if any(each.line.endswith("&") for each in told):  # what follows needs the same shell
        ran = shell("\n".join(f"{each.line}\n[ $? = {each.status} ] || exit 99" for each in told))
        assert ran.returncode == 0, ran.stdout
        return
    for each in told:
        prepare.before(name, each.line)
        ran = shell(each.line)
        assert ran.returncode == each.status, f"{each.line}\n{ran.stdout}"
        assert (f"Exit status {each.status}." in page(f"{name}(1)")) or not each.status


@pytest.mark.parametrize("command", read_commands().commands, ids=lambda command: command.title)
def test_the_examples_of_the_help_run(
    command: Command, shell: Shell, prepare: Preparations
) -> None:
    name = command.name.replace(" ", "-")
    prepare.before(name)
    for leaf in (command, *command.commands):
        for example in re.findall(r"`(trackteroid .*?)`", leaf.epilog):
            prepare.before(name, example)
            line = example
            if line.endswith("&"):  # a server: stop it once it has written its settings
                line += "\nuntil [ -s sandbox.env ]; do sleep 0.1; done\nkill $!"
            ran = shell(line)
            assert ran.returncode == 0, f"{line}\n{ran.stdout}"


def test_the_python_examples_run_as_they_stand_and_print_what_they_tell(
    sandbox: CommandLine,
) -> None:
    assert sandbox("replica", "pull", "--project", "salt_and_ember").returncode == 0
    found = [each for each in examples("trackteroid-python(7)") if "import" in each]
    assert len(found) == 8
    for example in found:
        told = re.findall(r"^print\(.*\)  # (.*)$", example, re.MULTILINE)
        printed = _run_python(example, sandbox).splitlines()
        assert len(told) == len(printed) == example.count("print("), example
        for expected, line in zip(told, printed, strict=True):
            beginning, more, _ = expected.partition("...")
            assert line.startswith(beginning) if more else line == expected, example


def test_the_relationship_file_can_be_used(sandbox: CommandLine) -> None:
    (text,) = [each for each in examples("trackteroid-python(7)") if each.startswith("{")]
    file = sandbox.folder / "relationships.json"
    file.write_text(text, encoding="utf-8")
    sandbox.environment["TRACKTEROID_RELATIONSHIPS"] = str(file)
    script = (
        "from trackteroid_cli import SCHEMA, Query, Shot\n"
        "print(Query(Shot, schema=SCHEMA.episodic))"
    )
    assert " from Shot" in _run_python(script, sandbox)


def _run_python(script: str, command: CommandLine) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=command.folder,
        env={**os.environ, **command.environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, f"{script}\n{ran.stderr}"
    return ran.stdout


def test_the_operations_of_the_batch_page_can_be_recorded(sandbox: CommandLine) -> None:
    (text,) = [each for each in examples("trackteroid-batch(5)") if each.startswith("{")]
    decoder, documents, rest = json.JSONDecoder(), list[Any](), text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        documents.append(document)
        rest = rest[end:].strip()
    ran = sandbox("record", "--jsonl", "-", stdin="\n".join(map(json.dumps, documents)))
    assert "1 create, 1 update" in ran.stderr


def test_the_examples_of_the_batch_page_run(shell: Shell, put: Put, sandbox: CommandLine) -> None:
    put("publish")
    put("carried", path=sandbox.folder / "publish.dbm")
    lines = [each for each in examples("trackteroid-batch(5)") if each.startswith("trackteroid")]
    assert len(lines) == 2
    for each in lines:
        ran = shell(f"set -e\n{each}")
        assert ran.returncode == 0, ran.stdout


def test_the_settings_file_of_its_page_is_understood(
    shell: Shell, sandbox: CommandLine, tmp_path: Path
) -> None:
    del sandbox.environment["FTRACK_SERVER"]
    (script,) = [each for each in examples("trackteroid-settings(5)") if "mkdir" in each]
    ran = shell(f"set -e\n{script}")
    assert ran.returncode == 0, ran.stdout
    checks = {
        each["check"]: each
        for each in sandbox.json("doctor", "--json", TRACKTEROID_OFFLINE="1")["checks"]
    }
    assert checks["settings file"]["detail"].endswith("config.toml has url, user, key")
    assert "https://studio.ftrackapp.com" in checks["configuration"]["detail"]


def test_the_commands_of_the_cron_page_run(
    shell: Shell, sandbox: CommandLine, put: Put, tmp_path: Path
) -> None:
    put("publish")
    blocks = examples("trackteroid-cron(7)")
    jobs = re.findall(r"^(?:[\d*/]+ ){5}(.*)$", "\n".join(blocks), re.MULTILINE)
    units = re.findall(r"^ExecStart=%h/.local/bin/(.*)$", "\n".join(blocks), re.MULTILINE)
    assert len(jobs) == 3
    assert len(units) == 1
    for line in [*jobs, *units]:
        ran = shell(line)
        assert (ran.returncode, line) == (0, line), ran.stdout
    config = tmp_path / ".config" / "trackteroid" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[server]\nurl = "sandbox://demo"\n', encoding="utf-8")
    (check,) = [each for each in blocks if "doctor" in each]
    ran = shell(check)
    assert ran.returncode == 0, ran.stdout


def test_the_story_of_the_offline_page_runs(shell: Shell, sandbox: CommandLine) -> None:
    sandbox.script(LAYOUT, "layout.py")
    sandbox.script(SHOT_IN_LAYOUT, "publish.py")
    lines = "\n".join(examples("trackteroid-offline(7)")).splitlines()
    printed = ""
    for line in filter(None, lines):
        ran = shell(line)
        assert ran.returncode == 0, f"{line}\n{ran.stdout}"
        printed += ran.stdout
    assert "sh700" in printed
    assert printed.count("committed\t") == 2
