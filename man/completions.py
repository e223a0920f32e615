"""Completions for bash, zsh and fish."""

from __future__ import annotations

import re
from collections.abc import Iterator

from man.commands import Command, Option

#: An argument with such a metavar is completed with the batches of the spool.
BATCHES = frozenset({"BATCH", "BATCH|FILE"})

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
