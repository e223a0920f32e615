"""The man pages and completions say what the commands are."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from trackteroid_cli.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "man" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module  # where dataclasses look for the module of their class
    spec.loader.exec_module(module)
    return module


def test_the_committed_man_pages_and_completions_are_what_the_commands_define(
    generator: ModuleType,
) -> None:
    for path, text in generator.files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is old: run `make docs`"


def test_no_page_is_left_of_a_command_that_is_gone(generator: ModuleType) -> None:
    expected = {path.name for path in generator.files()}
    found = {path.name for path in (ROOT / "man").glob("*.1")}
    found |= {path.name for path in (ROOT / "completions").iterdir()}
    assert found == expected


def test_every_option_has_help(generator: ModuleType) -> None:
    commands = [generator.trackteroid()]
    for command in commands:
        commands.extend(command.commands)
        assert command.summary
        assert all(option.help for option in command.options), command.name
        assert all(argument.help for argument in command.arguments), command.name


def test_the_readme_gives_every_exit_status_as_the_code_defines_it() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for code in ExitCode:
        assert f"| {int(code)} | {code.meaning} |" in readme


def test_man_pages_are_read_without_complaint() -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    for page in (ROOT / "man").glob("*.1"):
        finished = subprocess.run(
            [groff, "-man", "-Tutf8", "-ww", "-z", str(page)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.stderr == "", page.name


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
