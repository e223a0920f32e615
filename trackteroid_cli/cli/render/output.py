"""Output: results to standard output, everything about the run to standard error.

Tables and colour on a terminal, plain lines with tabs in a pipe. Nothing else writes for a command:
here every text, which may come from anyone, loses what a terminal would obey (see `visible`), and
keeps to its line.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain
from typing import TYPE_CHECKING, TextIO

from trackteroid_cli.errors import (
    UNSEEN,
    ConflictFound,
    ServerUnreachable,
    TrackteroidError,
    visible,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

#: In JSON, whose own ends of lines stay.
_UNSEEN_IN_JSON = re.compile(f"(?!\n)[{UNSEEN}]")

#: What lies between the ends of lines, and the tabs, of a text.
_WITHIN_LINES = re.compile(r"(?:(?!\r?\n|\t).)+", re.DOTALL)

#: How many lines a message shows of a long list.
_LINES = 20


@dataclass
class Output:
    """The two streams of a command.

    With ``as_json`` a program reads the results: errors go to standard output as well, as JSON.
    """

    as_json: bool = False
    quiet: bool = False

    @property
    def terminal(self) -> bool:
        """Whether standard output is a terminal, with a person in front of it."""
        return sys.stdout.isatty()

    @property
    def is_utf8(self) -> bool:
        """Whether standard output can show every character."""
        return self._results.encoding.lower().replace("-", "") == "utf8"

    @cached_property
    def _results(self) -> TextIO:
        """Standard output; a character that its encoding lacks is written as an escape."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        return sys.stdout

    @cached_property
    def _console(self) -> Console:
        """Standard output, for a person."""
        return _console(self._results, soft_wrap=True)

    @cached_property
    def _notes(self) -> Console:
        return _console(sys.stderr, soft_wrap=True)

    @cached_property
    def progress_console(self) -> Console:
        """Standard error, for a bar of progress."""
        return _console(sys.stderr)

    # -- results -----------------------------------------------------------------------------------

    def line(self, text: str = "") -> None:
        """Write one line of a result."""
        self._results.write(visible(text) + "\n")

    def styled(self, text: Text) -> None:
        """Write one line of a result, a `Text` of rich."""
        self._console.print(_visible_text(text))

    def tree(self, tree: Tree) -> None:
        """Write a tree of rich whose labels are texts, each in a line."""
        self._console.print(_visible_tree(tree))

    def python(self, code: str) -> None:
        """Write Python code, which is ours, in colour for a person."""
        if not self.terminal:
            for line in code.splitlines():
                self.line(line)
            return
        from rich.syntax import Syntax

        self._console.print(Syntax(code, "python", background_color="default"))

    def document(self, value: object) -> None:
        """Write *value* as JSON."""
        self._results.write(json_text(value, ensure_ascii=not self.is_utf8, indent=2) + "\n")

    def json_line(self, value: object) -> None:
        """Write *value* as one line of JSON Lines."""
        self._results.write(json_text(value, ensure_ascii=not self.is_utf8) + "\n")

    def csv(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write *rows* of texts as CSV, in which a text may have several lines."""
        import csv

        writer = csv.writer(self._results, lineterminator="\n")
        writer.writerows(map(_in_its_lines, row) for row in chain([columns], rows))

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, whole: str = ""
    ) -> None:
        """Write *rows* of texts: a table on a terminal, lines with tabs elsewhere.

        Args:
            whole: the column whose texts stand in one line, to be copied.
        """
        if not self.terminal:
            for row in rows:
                self.row(row)
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(Text(visible(column)), overflow="fold", no_wrap=column == whole)
        for row in rows:
            table.add_row(*(Text(_cell(cell)) for cell in row))
        _console(self._results).print(table)

    def row(self, cells: Sequence[str]) -> None:
        """Write one line of texts, apart from a table: with tabs where no person reads it."""
        between = "  " if self.terminal else "\t"
        self._results.write(between.join(map(_cell, cells)) + "\n")

    # -- about the run -----------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Write a notice about the run, unless the command is quiet."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Write a warning, also when the command is quiet."""
        sys.stdout.flush()
        sys.stderr.write(visible(text) + "\n")
        sys.stderr.flush()

    def error(self, error: TrackteroidError) -> None:
        """Write the error that ended the command, as JSON too if a program reads."""
        _mention_replica(error)
        if self.as_json:
            self.document({"error": error.as_json()})
        self.report(error)

    def report(self, error: TrackteroidError) -> None:
        """Write an error for a person: what went wrong, why, and what to do next."""
        _mention_replica(error)
        sys.stdout.flush()
        from rich.text import Text

        def say(style: str, head: str, text: str) -> None:
            self._notes.print(Text.assemble((head, style), f" {_in_one_line(text)}"))

        say("bold red", "error:", error.what)
        reasons = [error.why] if error.why else []
        if isinstance(error, ConflictFound) and error.lines:
            reasons = shortened(error.lines)
        for number, reason in enumerate(reasons):
            say("bold", "      " if number else "  why:", reason)
        if error.hint:
            say("bold", " next:", error.hint)


def _mention_replica(error: TrackteroidError) -> None:
    """Complete the hint of an error with the replica, where the network is at fault."""
    if isinstance(error, ServerUnreachable):
        from trackteroid_cli.offline.replicas import mention_replica

        mention_replica(error)


def _console(file: TextIO, *, soft_wrap: bool = False) -> Console:
    """Return a console that styles nothing where NO_COLOR is set, not even in bold."""
    from rich.console import Console

    return Console(
        file=file,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        highlight=False,
        soft_wrap=soft_wrap,
    )


def json_text(value: object, *, ensure_ascii: bool = False, indent: int | None = None) -> str:
    """Return *value* as JSON in which what a terminal would obey stands as an escape."""
    text = json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)
    return _UNSEEN_IN_JSON.sub(_json_escape, text)


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _cell(text: str) -> str:
    return visible(" ".join(text.split()))


def _in_one_line(text: str) -> str:
    """Return a text of somebody else that may have several lines, in one."""
    return visible(re.sub(r"\s*[\r\n]\s*", " ", text))


def _in_its_lines(text: str) -> str:
    return _WITHIN_LINES.sub(lambda found: visible(found[0]), text)


def _visible_text(text: Text) -> Text:
    """Return *text* as `visible` does, with the styles where they were."""
    shown = visible(text.plain)
    if shown == text.plain:
        return text
    places = list(accumulate((len(visible(each)) for each in text.plain), initial=0))
    spans = [each._replace(start=places[each.start], end=places[each.end]) for each in text.spans]
    return type(text)(shown, style=text.style, spans=spans)


def _visible_tree(tree: Tree) -> Tree:
    """Make the labels of *tree* visible, and return it."""
    from rich.text import Text

    assert isinstance(tree.label, Text)
    tree.label = _visible_text(tree.label)
    for each in tree.children:
        _visible_tree(each)
    return tree


def shortened(lines: Sequence[str]) -> list[str]:
    """Return *lines*, each without line breaks; of many the first ones and how many follow."""
    shown = [" ".join(line.split()) for line in lines[:_LINES]]
    return [*shown, f"and {len(lines) - _LINES} more"] if len(lines) > _LINES else shown


def plural(number: int, noun: str) -> str:
    """Return ``1 batch``, ``2 batches``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith(('ch', 's', 'x')) else 's'}"


#: What is counted besides operations.
_NOUNS = {"upload": "upload", "follow_up": "follow-up"}


def counted(counts: dict[str, int]) -> str:
    """Return ``8 create, 3 update, 2 uploads``, leaving out what there is none of."""
    shown = (
        plural(number, _NOUNS[kind]) if kind in _NOUNS else f"{number} {kind}"
        for kind, number in counts.items()
        if number
    )
    return ", ".join(shown) or "nothing"
