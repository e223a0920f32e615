"""The man pages of section 1: what the commands define, with what `man.texts` adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from man import roff
from man.commands import Command
from man.texts import DATE, ENVIRONMENT, EXIT_STATUS, TEXTS, Example, Paragraph
from trackteroid_cli.errors import ExitCode


def pages(command: Command) -> dict[str, str]:
    """Return the man pages by file name: one for *command*, one for each of its commands."""
    return {
        f"{_page_name(each)}.1": "\n".join(_page(each, is_root=each is command)) + "\n"
        for each in (command, *command.commands)
    }


def _page_name(command: Command) -> str:
    return command.name.replace(" ", "-")


def _page(command: Command, *, is_root: bool) -> Iterator[str]:
    page = _page_name(command)
    texts = TEXTS[page]
    subcommands = [] if is_root else command.commands
    yield '.\\" Written by man/generate.py: change the command or man/texts.py, then `make docs`.'
    yield f'.TH {page.upper()} 1 "{DATE}" "trackteroid" "User Commands"'
    yield from (".nr HY 0", ".nh", ".ad l")  # names and commands are not broken, nor pulled apart
    yield ".SH NAME"
    yield f"{page} \\-"
    yield from roff.lines(command.summary.rstrip("."))
    yield ".SH SYNOPSIS"
    yield from _synopses(subcommands or [command])
    yield ".SH DESCRIPTION"
    yield from _paragraphs([command.summary, *command.description, *texts.description])
    if is_root:
        yield ".SH COMMANDS"
        for child in command.commands:
            yield from _entry(f"{_page_name(child)}(1)", child.summary)
    for child in subcommands:
        yield f".SS {child.title}"
        yield from _paragraphs([child.summary, *child.description])
    yield ".SH OPTIONS"
    for child in subcommands or [command]:
        if subcommands:
            yield f".SS {child.title}"
        yield from _parameters(child)
    for heading, paragraphs in texts.sections.items():
        yield f".SH {heading}"
        yield from _paragraphs(paragraphs)
    yield ".SH FILES"
    for file, meaning in texts.files.items():
        yield from _entry(file, meaning)
    yield ".SH ENVIRONMENT"
    for variable in texts.environment:
        yield from _entry(variable, ENVIRONMENT[variable])
    yield from _paragraphs(["`trackteroid-settings`(5) has all settings."], after_heading=False)
    yield ".SH EXIT STATUS"
    for status, meaning in ((int(code), f"{code.meaning}.") for code in ExitCode):
        yield from _entry(str(status), meaning)
    for status, meaning in EXIT_STATUS.items():
        yield from _entry(str(status), meaning)
    yield from _paragraphs(texts.exit_status, after_heading=False)
    yield ".SH EXAMPLES"
    for number, example in enumerate(texts.examples):
        yield from _example(example, after_heading=not number)
    yield ".SH SEE ALSO"
    yield from _see_also(texts.see_also)


def _synopses(commands: Iterable[Command]) -> Iterator[str]:
    for number, command in enumerate(commands):
        if number:
            yield ".br"
        yield f".B {command.name}"
        yield roff.protected(roff.prose(_synopsis(command)))


def _synopsis(command: Command) -> str:
    parts = ["[OPTIONS]"] + [argument.usage() for argument in command.arguments]
    if command.commands:
        parts.append("COMMAND [ARGS]...")
    return " ".join(parts)


def _parameters(command: Command) -> Iterator[str]:
    for argument in command.arguments:
        yield from _entry(argument.metavar, argument.help)
    for option in command.options:
        value = f" {option.value}" if option.value else ""
        yield from _entry(", ".join(option.names) + value, option.help)


def _paragraphs(paragraphs: Iterable[Paragraph], *, after_heading: bool = True) -> Iterator[str]:
    for paragraph in paragraphs:
        if isinstance(paragraph, str):
            if not after_heading:  # a heading makes the room that it needs
                yield ".PP"
            yield from roff.lines(paragraph)
        else:
            yield from _entry(*paragraph)
        after_heading = False


def _entry(term: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield f"\\fB{roff.code(term)}\\fR"
    yield from roff.lines(text[0].upper() + text[1:])


def _example(example: Example, *, after_heading: bool) -> Iterator[str]:
    told = f" Exit status {example.status}." if example.status else ""
    yield from _paragraphs([example.text + told], after_heading=after_heading)
    yield from (".RS 4", ".EX")
    for line in example.line.splitlines():
        yield roff.protected(roff.code(line))
    yield from (".EE", ".RE")


def _see_also(names: Iterable[str]) -> Iterator[str]:
    *others, last = names
    for name in (*(f"{other}," for other in others), last):
        page, _, section = name.partition("(")
        yield f".BR {roff.code(page)} ({section}"
