"""Errors: their exit codes, how they are shown, and wrong usage."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.support.command_line import CommandLine, refused
from trackteroid_cli import errors
from trackteroid_cli.cli.app import COMMANDS
from trackteroid_cli.errors import ExitCode, TrackteroidError


def subclasses(kind: type[TrackteroidError]) -> Iterator[type[TrackteroidError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from subclasses(each)


def test_the_tree_of_errors_lists_each_class_its_base_and_its_exit_code() -> None:
    listed = re.findall(r"^( *)[*.-] (\w+) +\S.*\bexit (\d+)$", errors.__doc__ or "", re.M)
    above: list[str] = []
    told = {}
    for indentation, name, code in listed:
        level = len(indentation) // 2
        above = [*above[:level], name]
        told[name] = (above[level - 1] if level else "Exception", int(code))
    assert told == {
        kind.__name__: (kind.__bases__[0].__name__, int(kind.exit_code))
        for kind in subclasses(TrackteroidError)
        if kind.__module__ == errors.__name__
    }


def test_every_error_has_an_exit_code_that_is_documented() -> None:
    for kind in subclasses(TrackteroidError):
        assert isinstance(kind.exit_code, ExitCode)
        assert kind.exit_code is not ExitCode.OK
        assert kind.__doc__
    assert {int(code): code.meaning for code in ExitCode} == {
        0: "done, also when there was nothing to do",
        1: "failed: the script raised, the server refused a batch",
        2: "wrong usage",
        3: "conflict: a batch was held back",
        4: "no such batch, file or entity",
        75: "the server cannot be reached or its answer was lost; batches stay, try again later",
        77: "the server rejects the credentials",
        78: "not configured",
    }


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["inspect", "--bogus"], "No such option: --bogus"),
        (["commit", "--timeout", "soon"], "--timeout"),
        (["commit", "--timeout", "0"], "--timeout"),
        (["inpsect"], "No such command 'inpsect'"),
        (["query", "--format"], "--format"),
    ],
)
def test_wrong_usage_is_told_to_people_and_with_json_to_programs(
    trackteroid: CommandLine, arguments: list[str], what: str
) -> None:
    plain = trackteroid(*arguments)
    assert plain.stdout == ""
    refused(plain, 2, what=what, hint="--help` shows what it takes")
    told = trackteroid(*arguments[:1], "--json", *arguments[1:])
    assert list(json.loads(told.stdout)) == ["error"]
    refused(told, 2, what=json.loads(told.stdout)["error"]["what"], hint="--help`")


def test_help_is_for_every_command_and_a_call_without_one_shows_it(
    trackteroid: CommandLine,
) -> None:
    bare = trackteroid()
    assert bare.returncode == 2
    for command in COMMANDS:
        assert command in bare.stdout + bare.stderr
        shown = trackteroid(command, "--help")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert f"trackteroid {command}" in shown.stdout
    assert trackteroid("--version").stdout.startswith("trackteroid ")


def test_words_are_shown_as_they_are_and_never_obeyed(trackteroid: CommandLine) -> None:
    ran = trackteroid("inspect", "[red]/\x1b[31m[/red]")
    refused(ran, 4, what=r"cannot read [red]/\x1b[31m[/red]", why="no such file")
