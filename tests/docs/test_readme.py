"""The README is short, leads to every page, and shows what the commands really print."""

from __future__ import annotations

import re

from tests.docs.conftest import Shell
from tests.docs.pages import PAGES, ROOT

README = ROOT / "README.md"


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 150


def test_the_readme_gives_the_commands_that_continuous_integration_runs() -> None:
    readme = README.read_text("utf-8")
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    given = re.findall(r"^make (\w+)", readme, re.MULTILINE)
    assert "test" in given
    assert re.search(r"^make test$", ci, re.MULTILINE)
    assert all(f"\n{target}: " in makefile for target in given)


def test_the_readme_leads_to_every_page_and_to_none_that_is_not_there() -> None:
    linked = set(re.findall(r"\]\(man/([\w.-]+)\)", README.read_text("utf-8")))
    assert linked == {path.name for path in PAGES.values()}


def normalised(text: str) -> str:
    """Return *text* without what differs from run to run, and with spaces for tabs."""
    text = text.replace("\t", "  ")
    text = re.sub(r"\d{8}-\d{6}-[0-9a-z]{6}", "<id>", text)
    text = re.sub(r"digest    [0-9a-f]{32}", "digest    <digest>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d by \S+ on \S+", "<when> by <who>", text)
    return text.strip()


def test_the_transcript_is_what_the_commands_print(shell: Shell) -> None:
    (transcript,) = re.findall(r"```console\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", transcript, re.MULTILINE)
    assert len(steps) == transcript.count("$ ") == 4
    for command, shown in steps:
        ran = shell(command)
        assert ran.returncode == 0, ran.stdout
        # What is left out is shown as an ellipsis.
        pattern = re.escape(normalised(shown)).replace("…", ".*")
        assert re.fullmatch(pattern, normalised(ran.stdout), re.DOTALL), ran.stdout
