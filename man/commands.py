"""The commands as typer defines them: names, help, options and arguments, as plain data."""

from __future__ import annotations

import enum
import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from typer.models import ArgumentInfo, CommandInfo, OptionInfo

from trackteroid_cli.cli import app as root


@dataclass
class Option:
    """An option of a command."""

    names: list[str]
    help: str
    value: str = ""
    choices: list[str] = field(default_factory=list)


@dataclass
class Argument:
    """An argument of a command."""

    metavar: str
    help: str
    required: bool
    many: bool

    def usage(self) -> str:
        """Return how it stands in a usage line."""
        text = self.metavar + ("..." if self.many else "")
        return text if self.required else f"[{text}]"


@dataclass
class Command:
    """A command, as its function's signature defines it."""

    name: str
    summary: str
    description: list[str]
    epilog: str
    options: list[Option]
    arguments: list[Argument]
    commands: list[Command] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The last word of the name."""
        return self.name.rpartition(" ")[2]


def read_commands() -> Command:
    """Return the definition of the whole command line."""
    callback = root.app.registered_callback
    assert callback is not None
    assert callback.callback is not None
    command = _command("trackteroid", callback.callback, str(root.app.info.epilog))
    command.commands = [_subcommand(name) for name in root.COMMANDS]
    return command


def _subcommand(name: str) -> Command:
    app = importlib.import_module(f"trackteroid_cli.cli.{name}").app
    infos: list[CommandInfo] = app.registered_commands
    path = f"trackteroid {name}"
    if len(infos) == 1:
        info = infos[0]
        assert info.callback is not None
        return _command(path, info.callback, info.epilog or "")
    group = Command(path, str(app.info.help), [], str(app.info.epilog or ""), [], [])
    for info in infos:
        assert info.callback is not None
        group.commands.append(
            _command(
                f"{path} {info.name or info.callback.__name__}", info.callback, info.epilog or ""
            )
        )
    return group


def _command(name: str, function: Callable[..., object], epilog: str) -> Command:
    paragraphs = [" ".join(part.split()) for part in (inspect.getdoc(function) or "").split("\n\n")]
    command = Command(name, paragraphs[0], paragraphs[1:], epilog, [], [])
    hints = typing.get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        annotation = _annotated(hints[parameter.name])
        for info in getattr(annotation, "__metadata__", ()):
            kind = typing.get_args(annotation)[0]
            if isinstance(info, OptionInfo):
                command.options.append(_option(parameter, info, kind))
            elif isinstance(info, ArgumentInfo):
                command.arguments.append(_argument(parameter, info, kind))
    command.options.append(Option(["-h", "--help"], "Show a summary and exit."))
    return command


def _annotated(hint: object) -> object:
    """Return the annotated type: Python 3.10 makes it optional where the default is None."""
    candidates = (hint, *typing.get_args(hint))
    return next((each for each in candidates if hasattr(each, "__metadata__")), hint)


def _option(parameter: inspect.Parameter, info: OptionInfo, kind: object) -> Option:
    # In an annotation, typer takes the first name for a default until it looks closer.
    declared = [info.default, *(info.param_decls or ())]
    names = [name for name in declared if isinstance(name, str) and name.startswith("-")]
    names = names or [f"--{parameter.name.replace('_', '-')}"]
    choices = [str(member.value) for member in _enum(kind)]
    value = "" if kind is bool else (info.metavar or "|".join(choices) or parameter.name.upper())
    default = parameter.default
    if isinstance(default, enum.Enum):
        default = default.value
    text = str(info.help)
    if default not in (None, False, "", parameter.empty):
        text += f" Default: {default:g}." if isinstance(default, float) else f" Default: {default}."
    return Option(sorted(names, key=len), text, value, choices)


def _argument(parameter: inspect.Parameter, info: ArgumentInfo, kind: object) -> Argument:
    return Argument(
        metavar=str(info.metavar or parameter.name.upper()),
        help=str(info.help),
        required=parameter.default is parameter.empty,
        many="list" in str(kind),
    )


def _enum(kind: object) -> Iterator[enum.Enum]:
    for candidate in (kind, *typing.get_args(kind)):
        if isinstance(candidate, type) and issubclass(candidate, enum.Enum):
            yield from candidate
