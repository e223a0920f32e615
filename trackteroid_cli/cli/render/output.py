"""Output: results to standard output, everything about the run to standard error.

Tables and colour on a terminal, plain lines with tabs in a pipe.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from trackteroid_cli.errors import ConflictFound, ServerUnreachable, TrackteroidError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


#: Control characters, but for tabs and ends of lines, and what is shown in their place.
_CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {9, 10}, "\N{REPLACEMENT CHARACTER}")

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

    @cached_property
    def results(self) -> TextIO:
        """Standard output; a character that its encoding lacks is written as an escape."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        return sys.stdout

    @cached_property
    def console(self) -> Console:
        """Standard output, for a person."""
        return _console(self.results, soft_wrap=True)

    @cached_property
    def _notes(self) -> Console:
        return _console(sys.stderr, soft_wrap=True)

    def line(self, text: str = "") -> None:
        """Write one line of a result."""
        self.results.write(text + "\n")

    def styled(self, text: Text) -> None:
        """Write one line of a result, a `Text` of rich."""
        text.plain = _harmless(text.plain)
        self.console.print(text)

    def document(self, value: object) -> None:
        """Write *value* as JSON."""
        self.line(json.dumps(value, ensure_ascii=not self._is_utf8, indent=2))

    def json_line(self, value: object) -> None:
        """Write *value* as one line of JSON Lines."""
        self.line(json.dumps(value, ensure_ascii=not self._is_utf8))

    @property
    def _is_utf8(self) -> bool:
        return self.results.encoding.lower().replace("-", "") == "utf8"

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
            table.add_column(column, overflow="fold", no_wrap=column == whole)
        for row in rows:
            table.add_row(*(Text(_harmless(cell)) for cell in row))
        _console(self.results).print(table)

    def row(self, cells: Sequence[str]) -> None:
        """Write one line of texts, apart from a table: with tabs where no person reads it."""
        between = "  " if self.terminal else "\t"
        self.line(between.join(" ".join(_harmless(cell).split()) for cell in cells))

    def note(self, text: str) -> None:
        """Write a notice about the run, unless the command is quiet."""
        if not self.quiet:
            sys.stdout.flush()
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def warn(self, text: str) -> None:
        """Write a warning, also when the command is quiet."""
        sys.stdout.flush()
        sys.stderr.write(_harmless(text) + "\n")
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
        from rich.markup import escape

        parts = [f"[bold red]error:[/] {escape(error.what)}"]
        if isinstance(error, ConflictFound) and error.lines:
            first, *others = map(escape, shortened(error.lines))
            parts.append(f"  [bold]why:[/] {first}")
            parts += [f"       {other}" for other in others]
        elif error.why:
            parts.append(f"  [bold]why:[/] {escape(_indented(error.why))}")
        if error.hint:
            parts.append(f" [bold]next:[/] {escape(_indented(error.hint))}")
        for part in parts:
            self._notes.print(_harmless(part))


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


def _harmless(text: str) -> str:
    """Return *text* without control characters: it may come from anyone."""
    return text.translate(_CONTROLS)


def _indented(text: str) -> str:
    return text.replace("\n", "\n       ")


def shortened(lines: Sequence[str]) -> list[str]:
    """Return *lines*, each without line breaks; of many the first ones and how many follow."""
    shown = [" ".join(line.split()) for line in lines[:_LINES]]
    return [*shown, f"and {len(lines) - _LINES} more"] if len(lines) > _LINES else shown


def plural(number: int, noun: str) -> str:
    """Return ``1 batch``, ``2 batches``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith(('ch', 's', 'x')) else 's'}"


def counted(counts: dict[str, int]) -> str:
    """Return ``8 create, 3 update, 1 delete``, leaving out what there is none of."""
    return ", ".join(f"{number} {kind}" for kind, number in counts.items() if number) or "nothing"
