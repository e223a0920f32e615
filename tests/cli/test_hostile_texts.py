"""No text, wherever it is from, can write to a terminal or forge a line of a review."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import shutil
import tempfile
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from tests.support.command_line import SECRET, CommandLine
from tests.support.generated import part
from trackteroid_cli.batches.batch import append_attempt, encode_operations, write
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.ids import new_id
from trackteroid_cli.batches.journal import Attempt, Outcome
from trackteroid_cli.batches.labels import Label
from trackteroid_cli.batches.operations import (
    Create,
    Delete,
    Identity,
    Operation,
    Update,
    counts,
    to_json,
)
from trackteroid_cli.cli import app
from trackteroid_cli.errors import visible

CLI = Path(app.__file__).parent

#: What a terminal obeys, what moves or hides text, and what looks like our own words.
TRICKS = (
    *("\n", "\r\n", "\t", "\v", "\f", "\b", "\a", "\0", "\x1b[2J", "\x1b]0;title\a", "\x7f"),
    *("\x85", "\x9b1m", "\u2028", "\u2029", "\u202e", "\u2066", "\u2069", "\u200e", "\u200b"),
    *("\ufeff", "\xad", "\U000e0041", "\udc80", "\x1c", "[red]", ":bug:", "\\", "\n+ Shot  sh010"),
    *("\n next: chmod -R 777 /", "1 create; one request", "é", "\N{GRINNING FACE}", " "),
)

NOW = "2026-01-31T13:45:01.417Z"

texts = st.lists(st.sampled_from(TRICKS) | st.characters(), min_size=1, max_size=6).map("".join)


def is_harmless(character: str) -> bool:
    return character in "\n\t\u200c\u200d" or unicodedata.category(character) not in (
        *("Cc", "Cf", "Cs", "Zl", "Zp"),
    )


def as_key(text: str) -> str:
    """Return *text* as a key that questions can name: no half of a character, no last backslash."""
    return text.encode(errors="ignore").decode() + "."


def operations_of(text: str) -> list[Operation]:
    key, id_ = {"id": str(uuid.uuid4())}, as_key(text)
    return [
        Create("Scope", key, {**key, "name": text, f"a{text}": text}),
        Create(f"Scope{text}", {"id": f"b{id_}"}, {"name": text}),
        Update("Shot", {"id": "none"}, f"c{text}", [text], old_value=text),
        Create("Metadata", {"parent_id": "none", "key": id_}, {"value": text}),
        Delete("Note", {"id": f"d{id_}"}),
    ]


def put(home: Path, text: str) -> tuple[str, list[Operation]]:
    """Put a batch into the spool below *home* with *text* wherever a text can stand.

    Beside it lies one that cannot be read, for what a message quotes.
    """
    operations = operations_of(text)
    header = Header(
        id=new_id(),
        name=text,
        created=NOW,
        user=text,
        host=text,
        argv=[text, f"--{text}={text}"],
        api_user=text,
        counts=counts(operations),
        built_on=[text],
    )
    labels = {
        Identity("Note", (f"d{as_key(text)}",)): Label(text, (text, text)),
        Identity("Shot", ("none",)): Label(text),
    }
    plain = text.replace("/", "").replace("\0", "").encode("utf-8", "surrogateescape")
    path = home / "spool" / "pending" / f"{header.id}.{plain[:99].decode('utf-8', 'ignore')}.dbm"
    write(path, header, encode_operations(operations), labels)
    damaged = replace(header, id=new_id(), created=text)
    write(path.with_name(f"{damaged.id}.damaged.dbm"), damaged, [], {})
    # The journal of somebody who tried to commit it.
    for outcome in (Outcome.UNREACHED, Outcome.HELD):
        append_attempt(path, Attempt(NOW, outcome, user=text, host=text, server=text, reason=text))
    return header.id, operations


class Stream(io.TextIOWrapper):
    """What a command writes to: a pipe, or a terminal."""

    def __init__(self, terminal: bool) -> None:
        self.content = io.BytesIO()
        self._terminal = terminal
        super().__init__(self.content, encoding="utf-8", errors="backslashreplace", newline="")

    def isatty(self) -> bool:
        return self._terminal

    def text(self) -> str:
        self.flush()
        return self.content.getvalue().decode()


def shown(*arguments: str, terminal: bool = False) -> tuple[str, str]:
    """Run a command in this process; return what it writes to its two streams."""
    out, err = Stream(terminal), Stream(terminal)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        app.run(arguments)
    return out.text(), err.text()


def shape(written: str) -> list[int]:
    """Return, of each line, how many tabs part its texts."""
    return [line.count("\t") for line in written.split("\n")]


def commands(batch: str, text: str) -> Iterator[tuple[str, ...]]:
    """Yield every command that shows something of a batch, or of what was asked for."""
    yield from [
        ("inspect",),
        ("inspect", batch),
        ("inspect", batch, "--check"),
        ("inspect", f"no{text}"),
    ]
    yield from [("inspect", "--json"), ("inspect", batch, "--json"), ("inspect", batch, "--jsonl")]
    yield from [("commit", "--dry-run"), ("commit", "--dry-run", "--json"), ("doctor",)]
    yield from [("doctor", "--json"), ("commit",), ("commit", "--retry-failed", "--json")]
    yield from [
        ("inspect",),
        ("revert", batch),
        ("discard", batch),
        ("discard", "--restore", batch),
    ]
    yield from [("query", f"Scope!{text}"), ("record", "--jsonl", f"/none/{text}"), (f"no{text}",)]


@pytest.fixture
def sandboxes(demo_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a sandbox that every home here shares."""
    monkeypatch.setenv("FTRACK_SERVER", "sandbox://demo")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "9999")
    folder = tmp_path / "sandboxes"
    folder.mkdir()
    shutil.copy(demo_database, folder / "demo.sqlite")
    return folder


@pytest.mark.parametrize("terminal", [False, True])
def test_no_text_of_a_batch_is_obeyed_or_makes_a_line(
    sandboxes: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    @settings(max_examples=part(10), deadline=None)
    @example("".join(TRICKS))
    @given(texts)
    def every_command_keeps_its_shape(text: str) -> None:
        shapes = []
        for each in (text, "harmless"):
            with tempfile.TemporaryDirectory() as folder:
                monkeypatch.setenv("TRACKTEROID_HOME", folder)
                (Path(folder) / "sandboxes").symlink_to(sandboxes)
                batch, operations = put(Path(folder), each)
                found: list[Any] = []
                for arguments in commands(batch, each.replace("\0", "")):
                    out, err = shown(*arguments, terminal=terminal)
                    assert all(map(is_harmless, out + err)), (arguments, out, err)
                    if "--json" in arguments:
                        json.loads(out)
                    else:
                        found.append((len(found), shape(out), shape(err)))
                    if "--jsonl" in arguments[2:]:
                        written = [json.loads(line) for line in out.splitlines()]
                        assert written == [to_json(operation) for operation in operations]
            shapes.append(found)
        assert shapes[0] == shapes[1]

    every_command_keeps_its_shape()


def test_a_real_terminal_and_a_log_file_get_no_control_characters(
    trackteroid: CommandLine, home: Path
) -> None:
    batch, _ = put(home, "".join(TRICKS))
    for arguments in (("inspect",), ("inspect", batch)):
        written = trackteroid.on_terminal(*arguments, NO_COLOR="1").replace("\r\n", "\n")
        assert all(map(is_harmless, written)), written
    log = trackteroid.folder / "log"
    trackteroid("--sandbox", "commit", "--log-file", log)
    assert all(map(is_harmless, log.read_text()))
    lines = log.read_text().split("\n")[:-1]
    assert batch in [json.loads(line)["id"] for line in lines]


def test_words_of_a_server_and_credentials_are_shown_in_one_line(trackteroid: CommandLine) -> None:
    ran = trackteroid(
        "query", "Shot", FTRACK_SERVER="http://127.0.0.1:1/\u202e\x1b[2J", FTRACK_API_KEY=SECRET
    )
    assert len(ran.stderr.splitlines()) == 3
    assert all(map(is_harmless, ran.stderr))


@given(st.characters())
def test_what_is_escaped_is_what_nobody_sees(character: str) -> None:
    assert (visible(character) == character) == (is_harmless(character) and character not in "\n\t")


def test_only_one_module_writes_for_commands() -> None:
    """A new command has no other way to write than the one that escapes."""
    streams = {"stdout", "stderr", "__stdout__", "__stderr__"}
    allowed = {"flush", "isatty", "fileno"}
    for path in CLI.rglob("*.py"):
        if path.name == "output.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                assert node.value.attr not in streams or node.attr in allowed, path
            if isinstance(node, ast.Name):
                assert node.id not in ("print", "Console"), path
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("echo", "secho", "_results", "_console"), path


def test_a_warning_about_a_batch_that_is_not_seen_offline_is_one_line(
    trackteroid: CommandLine, home: Path
) -> None:
    trackteroid("--sandbox", "replica", "pull", "--project", "brightwater")
    put(home, "".join(TRICKS))
    ran = trackteroid("--sandbox", "query", "--offline", "Shot", "--format", "ids")
    assert ran.returncode == 0, ran.stderr
    assert sum("is not seen offline" in line for line in ran.stderr.split("\n")) == 2
    assert all(": " in line or not line for line in ran.stderr.split("\n"))
    assert all(map(is_harmless, ran.stderr))
