"""Write the man pages and the completions from the definitions of the commands.

Run by `make docs`. A test writes them anew and compares, so that they cannot drift.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from typer.models import ArgumentInfo, CommandInfo, OptionInfo

from trackteroid_cli.cli import app as root
from trackteroid_cli.errors import ExitCode

ROOT = Path(__file__).resolve().parent.parent

ENVIRONMENT = {
    "FTRACK_SERVER": "URL of the ftrack server, or sandbox://NAME for an embedded one.",
    "FTRACK_API_KEY": "The API key; a sandbox needs none.",
    "FTRACK_API_USER": "The user to act as; the name of the login if it is not set.",
    "TRACKTEROID_HOME": "Moves all local state: the spool, sandboxes and caches. "
    "Default: the platform's folder for user data.",
    "TRACKTEROID_CONFIG": "The settings file, instead of config.toml in the platform's folder for "
    "settings (trackteroid doctor tells where that is). Its table [server] holds the texts url, "
    "user, and key or key_file (the name of a file with the key), for what the variables above "
    "leave open. A key must be readable by its owner only.",
    "TRACKTEROID_OFFLINE": "1: ask the replica on this machine, and no server.",
    "TRACKTEROID_WITHOUT_PENDING": "1: offline, leave out what waits to be committed.",
    "TRACKTEROID_RELATIONSHIPS": "A file of relations between entity types for scripts, instead of "
    "relationships.json or relationships.toml beside the settings file.",
    "NO_COLOR": "No colour on a terminal.",
}

#: What an argument with such a metavar is completed with.
BATCHES = frozenset({"BATCH", "BATCH|FILE"})


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


def trackteroid() -> Command:
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
            _command(f"{path} {info.callback.__name__}", info.callback, info.epilog or "")
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


# -- man pages -------------------------------------------------------------------------------------


def pages(command: Command) -> dict[str, str]:
    """Return the man pages by file name: one for *command*, one for each of its commands."""
    result = {f"{command.name}.1": "\n".join(_page(command)) + "\n"}
    for child in command.commands:
        result[f"{child.name.replace(' ', '-')}.1"] = "\n".join(_page(child)) + "\n"
    return result


def _page(command: Command) -> Iterator[str]:
    page = command.name.replace(" ", "-")
    yield f'.TH {page.upper()} 1 "" "trackteroid" "User commands"'
    yield ".SH NAME"
    yield f"{page} \\- {_roff(command.summary.rstrip('.'))}"
    yield ".SH SYNOPSIS"
    for each in [command] if command.name == "trackteroid" else (command.commands or [command]):
        yield f".B {each.name}"
        yield _roff(_synopsis(each))
        yield ".br"
    yield ".SH DESCRIPTION"
    yield _roff(command.summary)
    for paragraph in command.description:
        yield ".PP"
        yield _roff(paragraph)
    if command.name == "trackteroid":
        yield ".SH COMMANDS"
        for child in command.commands:
            yield from _entry(child.title, child.summary)
    for child in command.commands if command.name != "trackteroid" else ():
        yield f".SS {child.title}"
        yield _roff(" ".join([child.summary, *child.description]))
        yield from _parameters(child)
        if child.epilog:
            yield ".PP"
            yield _roff(child.epilog)
    if not command.commands or command.name == "trackteroid":
        yield ".SH OPTIONS"
        yield from _parameters(command)
    if command.name != "trackteroid" and command.epilog:
        yield ".SH EXAMPLES" if command.epilog.startswith("Example") else ".SH NOTES"
        yield _roff(re.sub(r"^Examples?: ", "", command.epilog))
    yield ".SH EXIT STATUS"
    for code in ExitCode:
        yield from _entry(str(int(code)), code.meaning)
    yield ".SH ENVIRONMENT"
    for variable, meaning in ENVIRONMENT.items():
        yield from _entry(variable, meaning)
    yield ".SH SEE ALSO"
    others = ("trackteroid", *(f"trackteroid-{name}" for name in root.COMMANDS))
    yield ", ".join(f"\\fB{_roff(other)}\\fR(1)" for other in others if other != page)


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


def _entry(term: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield f"\\fB{_roff(term)}\\fR"
    yield _roff(text[0].upper() + text[1:])


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", text)
    return f"\\&{text}" if text.startswith((".", "'")) else text


# -- completions -----------------------------------------------------------------------------------

# The names of batches are read from the names of files, so that no Python has to start.
_SPOOL = """\
    local home="$TRACKTEROID_HOME"
    if [ -z "$home" ]; then
        case "$OSTYPE" in
            darwin*) home="$HOME/Library/Application Support/trackteroid" ;;
            *) home="${XDG_DATA_HOME:-$HOME/.local/share}/trackteroid" ;;
        esac
    fi
"""


def completions(command: Command) -> dict[str, str]:
    """Return the completion scripts by file name."""
    return {
        "trackteroid.bash": _bash(command),
        "_trackteroid": _zsh(command),
        "trackteroid.fish": _fish(command),
    }


def _leaves(command: Command) -> Iterator[tuple[str, Command]]:
    """Yield each command below *command* that takes options, with the words that name it."""
    for child in command.commands:
        yield child.name.partition(" ")[2], child
        yield from _leaves(child)


def _bash(command: Command) -> str:
    names = " ".join(child.title for child in command.commands)
    lines = [
        "# bash completion of trackteroid; written by man/generate.py",
        "_trackteroid_batches() {",
        _SPOOL.rstrip(),
        "    local file name",
        '    for file in "$home"/spool/*/*.dbm; do',
        '        [ -e "$file" ] || continue',
        '        name="${file##*/}"',
        '        name="${name%.dbm}"',
        '        printf "%s\\n%s\\n" "${name%%.*}" "${name#*.}"',
        "    done",
        "}",
        "",
        "_trackteroid() {",
        '    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"',
        '    local command="" word words=""',
        '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        '        case "$command $word" in',
    ]
    for path, _ in _leaves(command):
        parent, _, last = path.rpartition(" ")
        lines.append(f'            "{parent} {last}") command="{path}" ;;')
    lines += [
        "        esac",
        "    done",
        '    case "$command:$previous" in',
    ]
    for path, child in _leaves(command):
        for option in child.options:
            patterns = "|".join(f'"{path}:{name}"' for name in option.names)
            if option.choices:
                words = " ".join(option.choices)
                reply = f'COMPREPLY=($(compgen -W "{words}" -- "$current"))'
                lines.append(f"        {patterns}) {reply}; return ;;")
            elif option.value.startswith("FILE"):
                lines.append(
                    f'        {patterns}) COMPREPLY=($(compgen -f -- "$current")); return ;;'
                )
            elif option.value:
                lines.append(f"        {patterns}) COMPREPLY=(); return ;;")
    lines += ["    esac", '    case "$command" in']
    top = " ".join(name for option in command.options for name in option.names)
    lines.append(f'        "") words="{names} {top}" ;;')
    for path, child in _leaves(command):
        words = " ".join(
            [each.title for each in child.commands]
            + [name for option in child.options for name in option.names]
        )
        lines.append(f'        "{path}")')
        lines.append(f'            words="{words}"')
        if _takes_batches(child):
            lines.append(
                '            [ "${current#-}" = "$current" ] && words="$(_trackteroid_batches)"'
            )
        lines.append("            ;;")
    lines += [
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        "complete -o default -o bashdefault -F _trackteroid trackteroid",
        "",
    ]
    return "\n".join(lines)


def _zsh(command: Command) -> str:
    lines = [
        "#compdef trackteroid",
        "# zsh completion of trackteroid; written by man/generate.py",
        "_trackteroid_batches() {",
        _SPOOL.rstrip(),
        "    local -a files names",
        '    files=("$home"/spool/*/*.dbm(N:t:r))',
        "    names=(${files%%.*} ${files#*.})",
        "    compadd -a names",
        "    _files -g '*.dbm'",
        "}",
        "",
    ]
    for path, child in [("", command), *_leaves(command)]:
        name = "_trackteroid" + "".join(f"_{word}" for word in path.split())
        lines.append(f"{name}() {{")
        specs = [_zsh_option(option) for option in child.options]
        if child.commands:
            lines.append("    local -a commands")
            lines.append("    commands=(")
            lines += [
                f"        {_single(each.title + ':' + each.summary.rstrip('.'))}"
                for each in child.commands
            ]
            lines.append("    )")
            specs += ["'1:command:->command'", "'*::argument:->argument'"]
            lines.append("    local state line curcontext=$curcontext")
        elif _takes_batches(child):
            specs.append("'*:batch:_trackteroid_batches'")
        elif path == "record":
            specs.append("'*:file:_files'")
        lines.append("    _arguments -C \\")
        lines.append(" \\\n".join(f"        {spec}" for spec in specs))
        if child.commands:
            lines += [
                '    case "$state" in',
                "        command) _describe command commands ;;",
                f'        argument) (( $+functions[{name}_$line[1]] )) && "{name}_$line[1]" ;;',
                "    esac",
            ]
        lines += ["}", ""]
    lines += ['_trackteroid "$@"', ""]
    return "\n".join(lines)


def _zsh_option(option: Option) -> str:
    names = option.names[0] if len(option.names) == 1 else "{" + ",".join(option.names) + "}"
    text = re.sub(r"([\[\]:])", r"\\\1", option.help.replace("`", ""))
    value = ""
    if option.choices:
        value = f":value:({' '.join(option.choices)})"
    elif option.value.startswith("FILE"):
        value = ":file:_files"
    elif option.value:
        value = f":{option.value.lower()}: "
    quoted = _single(f"[{text}]{value}")
    return f"{names}{quoted}"


def _fish(command: Command) -> str:
    names = " ".join(child.title for child in command.commands)
    lines = [
        "# fish completion of trackteroid; written by man/generate.py",
        "function __trackteroid_batches",
        "    set -l home $TRACKTEROID_HOME",
        '    if test -z "$home"',
        "        if test (uname) = Darwin",
        '            set home "$HOME/Library/Application Support/trackteroid"',
        '        else if test -n "$XDG_DATA_HOME"',
        '            set home "$XDG_DATA_HOME/trackteroid"',
        "        else",
        '            set home "$HOME/.local/share/trackteroid"',
        "        end",
        "    end",
        "    for file in $home/spool/*/*.dbm",
        "        set -l name (string replace -r '.*/' '' $file | string replace -r '\\.dbm$' '')",
        "        string replace -r '\\..*' '' $name",
        "        string replace -r '^[^.]*\\.' '' $name",
        "    end",
        "end",
        "",
        f"set -l commands {names}",
    ]
    top = "not __fish_seen_subcommand_from $commands"
    for option in command.options:
        lines.append(f'complete -c trackteroid -n "{top}" {_fish_option(option)}')
    for child in command.commands:
        lines.append(
            f'complete -c trackteroid -n "{top}" -f -a {child.title} -d {_single(child.summary)}'
        )
    for path, child in _leaves(command):
        seen = " && ".join(f"__fish_seen_subcommand_from {word}" for word in path.split())
        if child.commands:
            inner = " ".join(each.title for each in child.commands)
            lines.append(
                f'complete -c trackteroid -n "{seen} && not __fish_seen_subcommand_from {inner}" '
                f'-f -a "{inner}"'
            )
        for option in child.options:
            lines.append(f'complete -c trackteroid -n "{seen}" {_fish_option(option)}')
        if _takes_batches(child):
            lines.append(f'complete -c trackteroid -n "{seen}" -a "(__trackteroid_batches)"')
    return "\n".join(lines) + "\n"


def _fish_option(option: Option) -> str:
    parts = []
    for name in option.names:
        parts.append(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}")
    if option.choices:
        parts.append(f"-x -a {_single(' '.join(option.choices))}")
    elif option.value.startswith("FILE"):
        parts.append("-r -F")
    elif option.value:
        parts.append("-x")
    parts.append(f"-d {_single(option.help.replace('`', ''))}")
    return " ".join(parts)


def _takes_batches(command: Command) -> bool:
    return any(argument.metavar in BATCHES for argument in command.arguments)


def _single(text: str) -> str:
    return "'" + text.replace("'", "\u2019") + "'"


def files() -> dict[Path, str]:
    """Return the content of every generated file by its path."""
    command = trackteroid()
    return {
        **{ROOT / "man" / name: text for name, text in pages(command).items()},
        **{ROOT / "completions" / name: text for name, text in completions(command).items()},
    }


def main() -> None:
    """Write all files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
