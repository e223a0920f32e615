"""The man pages and completions say what the commands are, and can be read."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from man import generate
from man.commands import read_commands
from tests.docs.pages import PAGES, ROOT


def test_the_committed_man_pages_and_completions_are_what_the_commands_define() -> None:
    for path, text in generate.files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is old: run `make docs`"


def test_no_page_is_left_of_a_command_that_is_gone() -> None:
    expected = {path.name for path in generate.files()}
    found = {path.name for path in (ROOT / "man").glob("*.1")}
    found |= {path.name for path in (ROOT / "completions").iterdir()}
    assert found == expected


def test_every_option_has_help() -> None:
    commands = [read_commands()]
    for command in commands:
        commands.extend(command.commands)
        assert command.summary
        assert all(option.help for option in command.options), command.name
        assert all(argument.help for argument in command.arguments), command.name


@pytest.mark.parametrize(
    "reader",
    [("mandoc", "-Tlint"), ("man", "--warnings", "-l"), ("groff", "-man", "-Tutf8", "-ww", "-z")],
    ids=lambda reader: reader[0],
)
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_read_without_complaint_and_fit_a_terminal(
    name: str, reader: Sequence[str]
) -> None:
    if shutil.which(reader[0]) is None:
        pytest.skip(f"{reader[0]} is not installed")
    finished = subprocess.run(
        [*reader, str(PAGES[name])],
        env={**os.environ, "MANWIDTH": "80", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stderr == ""
    if reader[0] == "mandoc":
        assert finished.stdout == ""
    assert all(len(line) <= 80 for line in finished.stdout.splitlines())


def complete(words: str, home: Path) -> list[str]:
    """Return what bash offers after *words*."""
    script = f"""
        source {ROOT}/completions/trackteroid.bash
        COMP_WORDS=({words} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _trackteroid
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    finished = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "TRACKTEROID_HOME": str(home), "PATH": ""},
        executable=shutil.which("bash"),
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_options_values_and_batches_without_starting_python(
    home: Path,
) -> None:
    pending = home / "spool" / "pending"
    pending.mkdir(parents=True)
    (pending / "20260131-120000-123abc.publish.dbm").touch()
    assert {"record", "inspect", "commit", "query", "--sandbox"} <= set(
        complete("trackteroid", home)
    )
    assert complete("trackteroid commit", home) == ["20260131-120000-123abc", "publish"]
    assert "failed" in complete("trackteroid inspect --state", home)
    assert "jsonl" in complete("trackteroid query --format", home)
    assert {"serve", "reset"} <= set(complete("trackteroid sandbox", home))


@pytest.mark.parametrize(
    ("shell", "file"),
    [("bash", "trackteroid.bash"), ("zsh", "_trackteroid"), ("fish", "trackteroid.fish")],
)
def test_the_shell_reads_its_completions(shell: str, file: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    finished = subprocess.run(
        [shell, "-n", str(ROOT / "completions" / file)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
