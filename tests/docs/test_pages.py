"""Commands, settings, JSON keys and the Python API are documented on the pages they belong to."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ftrack_api
import pytest

import trackteroid_cli
from man.commands import read_commands
from tests.conftest import CommandLine
from tests.docs.conftest import Put
from tests.docs.pages import PAGES, ROOT, page, plain, sections, words
from trackteroid_cli import settings
from trackteroid_cli.batches.operations import Delete
from trackteroid_cli.batches.spool import State
from trackteroid_cli.cli.app import COMMANDS
from trackteroid_cli.errors import ExitCode
from trackteroid_cli.fluent.collections.collection import EntityCollection
from trackteroid_cli.fluent.query import Query
from trackteroid_cli.session.session import Session

PACKAGE = ROOT / "trackteroid_cli"

#: What only tests set, or what others read.
NOT_SETTINGS = frozenset({"TRACKTEROID_KILL_AT"})

#: Values that are ftrack's, not ours: attributes, entity types, keys of entities.
FTRACKS = frozenset(
    {
        "entity_key",
        "entity_data",
        "old_value",
        "new_value",
        "seen",
        "recorded",
        "now",
        "wanted",
        "rows",
        "lost",
    }
)


# -- commands --------------------------------------------------------------------------------------


def test_every_command_has_a_page_with_all_of_its_options_and_arguments() -> None:
    for command in (root := read_commands(), *root.commands):
        name = f"{command.name.replace(' ', '-')}(1)"
        for each in [command] if command is root else [command, *command.commands]:
            # The options of a group's commands are in subsections with their names.
            text = sections(name)["OPTIONS" if each is command else each.title]
            for option in each.options:
                term = ", ".join(option.names) + (f" {option.value}" if option.value else "")
                assert f"\n{term}\n" in text, (name, term)
            assert all(f"\n{argument.metavar}\n" in text for argument in each.arguments), name
    assert {f"trackteroid-{name}(1)" for name in COMMANDS} < set(PAGES)


@pytest.mark.parametrize("name", [name for name in PAGES if name.endswith("(1)")])
def test_a_page_of_a_command_has_its_sections_and_every_exit_status(name: str) -> None:
    found = sections(name)
    expected = ("DESCRIPTION", "OPTIONS", "FILES", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES")
    assert set(expected) < set(found)
    for code in ExitCode:
        meaning = re.escape(f"{code.meaning[0].upper()}{code.meaning[1:]}.").replace(r"\ ", r"\s")
        assert re.search(rf"^{int(code)}\n{meaning}$", found["EXIT STATUS"], re.MULTILINE), code


# -- settings --------------------------------------------------------------------------------------


def environment_variables() -> set[str]:
    """Return the names of settings in the package's code."""
    pattern = re.compile(r"(?:FTRACK|TRACKTEROID)_[A-Z_]+|NO_COLOR")
    return {
        node.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and pattern.fullmatch(node.value)
    } - NOT_SETTINGS


def test_every_environment_variable_is_on_the_page_of_settings_and_none_that_nothing_reads() -> (
    None
):
    found = sections("trackteroid-settings(5)")
    told = re.findall(r"^[A-Z_]{5,}$", found["The server"] + found["This machine"], re.MULTILINE)
    assert set(told) == environment_variables()


def test_every_setting_of_the_file_is_on_its_page() -> None:
    told = re.findall(
        r"^\w+$", sections("trackteroid-settings(5)")["THE SETTINGS FILE"], re.MULTILINE
    )
    assert tuple(told) == settings._KEYS


def test_every_folder_of_the_local_state_is_on_the_page_of_settings(
    sandbox: CommandLine, put: Put, home: Path
) -> None:
    put("publish")
    for arguments in (["commit"], ["query", "Shot", "--reuse"], ["replica", "pull"]):
        assert sandbox(*arguments).returncode == 0
    text = sections("trackteroid-settings(5)")["FILES"]
    assert len(folders := [path.name for path in home.iterdir()]) == 4
    assert all(f"\n{name}/" in text for name in folders)
    assert all(f"spool/{path.name}" in text for path in (home / "spool").iterdir())


# -- JSON ------------------------------------------------------------------------------------------


def keys(document: Any) -> Iterator[str]:
    """Yield every key in a JSON value that is ours."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield key
            if key not in FTRACKS:
                yield from keys(value)
    elif isinstance(document, list):
        for item in document:
            yield from keys(item)


def check_documented(document: Any, *headings: str) -> None:
    """Check that all keys of *document* are words of the page's sections *headings*."""
    found = set(keys(document))
    assert found, headings
    known = set[str]().union(*(words("trackteroid-batch(5)", each) for each in headings))
    assert found <= known, (headings, found - known)


@pytest.fixture
def batches(sandbox: CommandLine, put: Put) -> CommandLine:
    """The command line with a batch in conflict, one to discard, and one that deletes."""
    put("edited", seen="what nobody ever wrote")
    put("unwanted")
    note = sandbox("query", "Note", "--limit", "1", "-f", "ids").stdout.strip()
    put("removal", Delete("Note", {"id": note}, commit=1))
    sandbox.script(
        "import ftrack_api\n"
        "session = ftrack_api.Session()\n"
        "project = session.query('Project').first()\n"
        "folder = session.create('Folder', {'name': 'extra', 'parent': project})\n"
        "session.commit()\n"
        "folder['description'] = 'more'\n"
        "session.commit()\n",
        "publish.py",
    )
    assert sandbox("record", "publish.py").returncode == 0
    return sandbox


def test_every_key_of_a_review_is_documented(batches: CommandLine) -> None:
    check_documented(batches.json("inspect", "--json"), "inspect --json")
    for name in ("publish", "edited", "removal"):
        document = batches.json("inspect", name, "--json")
        check_documented(document, "inspect --json", "inspect BATCH --json", "OPERATIONS")
        for line in batches("inspect", name, "--jsonl").stdout.splitlines():
            check_documented(json.loads(line), "OPERATIONS")
    document = batches.json("inspect", "edited", "--check", "--json")
    assert document["conflicts"]
    check_documented(document["conflicts"], "inspect BATCH --check --json")


def test_every_key_of_a_commit_its_log_and_its_file_is_documented(
    batches: CommandLine, home: Path
) -> None:
    document = batches.json("commit", "--json", "--log-file", "log")
    assert document["exit"] == 3
    conflicts = [each.pop("conflicts") for each in document["batches"]]
    check_documented({"conflicts": [], **document}, "commit --json")
    check_documented(conflicts, "inspect BATCH --check --json")
    for line in (batches.folder / "log").read_text(encoding="utf-8").splitlines():
        check_documented({**json.loads(line), "conflicts": []}, "commit --log-file")
    seen = set()
    for path in (home / "spool").rglob("*.dbm"):
        for key, value in sqlite3.connect(path).execute("SELECT key, value FROM Dict"):
            kind = key.decode().partition("/")[0]
            seen.add(kind)
            assert re.search(rf"^{kind}(/|$)", sections("trackteroid-batch(5)")["THE FILE"], re.M)
            check_documented(
                json.loads(value),
                {"operation": "OPERATIONS", "entity": "THE FILE", "kept": "THE FILE"}.get(
                    kind, kind
                ),
                *(["OPERATIONS"] if kind == "kept" else []),
            )
    assert seen == {"__batch__", "operation", "entity", "journal", "kept"}


def test_every_key_of_the_other_commands_is_documented(batches: CommandLine) -> None:
    check_documented(batches.json("discard", "unwanted", "--json"), "discard --json")
    assert batches("commit", "publish").returncode == 0
    reverted = batches.json("revert", "publish", "--json")
    assert reverted["batch"]
    check_documented(reverted, "revert --json", "inspect --json")
    pull = ["replica", "pull", "--project", "salt_and_ember", "Status", "--json"]
    pulled = batches.json(*pull)
    assert pulled["projects"]
    assert pulled["expressions"]
    check_documented(pulled, "replica pull --json", "replica status --json")
    check_documented(batches.json("replica", "status", "--json"), "replica status --json")
    for sandbox in batches.json("sandbox", "list", "--json"):
        check_documented(sandbox, "sandbox list --json")
    check_documented(batches.json("doctor", "--json"), "doctor --json")
    (entity,) = batches.json("query", "Project", "--limit", "1", "-f", "json")
    assert "__entity_type__" in words("trackteroid-batch(5)", "query --format json") & set(entity)
    check_documented(batches.json("inspect", "nothing", "--json"), "Errors")


def test_every_command_that_prints_json_has_its_section() -> None:
    root = read_commands()
    told = "\n".join(sections("trackteroid-batch(5)"))
    for command in [leaf for child in root.commands for leaf in (child, *child.commands)]:
        names = {name for option in command.options for name in option.names}
        if "--json" in names:
            assert f"{command.name.removeprefix('trackteroid ')} --json" in told


def test_every_state_is_documented() -> None:
    assert {state.value for state in State} <= words("trackteroid-batch(5)", "inspect --json")


# -- Python ----------------------------------------------------------------------------------------


def test_the_page_of_the_python_api_names_every_part_of_it() -> None:
    told = words("trackteroid-python(7)")
    assert set(trackteroid_cli.__all__) <= told
    public = {name for name in dir(EntityCollection) if not name.startswith("_")}
    public |= {name for name in dir(Query) if not name.startswith(("_", "not_by_"))}
    added = inspect.signature(Session).parameters.keys()
    added -= inspect.signature(ftrack_api.Session).parameters.keys()
    own = {"deferred_operations", "reconnect_and_commit", "reusing_query_results", "reconnect"}
    assert public | added | own <= told, (public | added | own) - told


# -- pages -----------------------------------------------------------------------------------------


def references(name: str) -> list[str]:
    """Return the pages of ours that SEE ALSO of a page lists."""
    return re.findall(r"trackteroid[\w-]*\(\d\)", sections(name)["SEE ALSO"])


def test_every_page_is_found_from_the_others() -> None:
    listed = {name: references(name) for name in PAGES}
    assert {other for others in listed.values() for other in others} == set(PAGES)
    assert all(name not in others for name, others in listed.items())
    assert all(len(set(others)) == len(others) for others in listed.values())
    assert {*listed["trackteroid(1)"], "trackteroid(1)"} == set(PAGES)


def test_a_page_is_named_in_its_title_and_its_head() -> None:
    for name in PAGES:
        stem, section = name[:-1].split("(")
        assert f"\n.TH {stem.upper()} {section} " in f"\n{page(name)}"
        assert plain(sections(name)["NAME"]).strip().startswith(f"{stem} -")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="reads pyproject.toml with tomllib")
def test_the_wheel_installs_every_page_and_every_completion() -> None:
    import tomllib

    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = document["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    expected = {
        f"man/{path.name}": f"share/man/man{path.suffix[1:]}/{path.name}" for path in PAGES.values()
    }
    assert {source: target for source, target in shared.items() if "/man/" in target} == expected
    completions = {f"completions/{path.name}" for path in (ROOT / "completions").iterdir()}
    assert shared.keys() == expected.keys() | completions
