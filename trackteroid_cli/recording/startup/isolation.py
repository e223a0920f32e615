"""Isolation: processes that a recorded program starts and in which nothing would record.

Needs the standard library of Python 3.7 only.
"""

from __future__ import annotations

import os
import re

if False:  # for type checkers; importing them takes time
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

#: The environment variable that says where a process records to.
RECORDING = "TRACKTEROID_RECORDING"

_PYTHON = re.compile(r"(python|pypy|hython|mayapy)[\d.]*w?(\.exe)?", re.IGNORECASE)

#: Options without which Python reads neither ``PYTHONPATH`` nor ``sitecustomize``.
_ISOLATING = frozenset("IES")

#: Options that end the list of options, or take a value.
_WITH_VALUE = frozenset("cmWX")

WHAT_ISOLATED = "cannot record a program that starts an isolated Python process"
WHY_ISOLATED = "with the options -I, -E and -S nothing keeps it from writing to the server at once"

WHAT_ENVIRONMENT = "cannot record a program that starts a process with another environment"
WHY_ENVIRONMENT = (
    f"without {RECORDING} and PYTHONPATH nothing keeps it from writing to the server at once"
)

#: The audit events of a process that starts, and the position of its environment among their
#: arguments.
EVENTS = {"subprocess.Popen": 3, "os.posix_spawn": 2, "os.exec": 2, "os.spawn": 3}


def check(event: str, args: tuple[Any, ...], refuse: Callable[[str, str], Exception]) -> None:
    """Refuse what would start a process in which nothing records.

    Args:
        event, args: an audit event of Python.
        refuse: takes what is refused and why; returns the error to raise, once it is noted.

    Raises:
        Exception: the event does.
    """
    program, argv = args[1:3] if event == "os.spawn" else args[:2]
    environment = args[EVENTS[event]]
    arguments = [_text(each) for each in argv] if isinstance(argv, (list, tuple)) else [_text(argv)]
    name = _text(program) or (arguments or [""])[0]
    if is_isolated(name, arguments[1:]):
        raise refuse(WHAT_ISOLATED, WHY_ISOLATED)
    if environment is not None and hasattr(environment, "keys"):
        variables = {_text(each) for each in environment.keys()}  # noqa: SIM118
        if RECORDING not in variables and (_is_python(name) or "FTRACK_API_KEY" in variables):
            raise refuse(WHAT_ENVIRONMENT, WHY_ENVIRONMENT)


def is_isolated(program: str, arguments: Sequence[str]) -> bool:
    """Return whether a program is a Python that would not import what records in it.

    Args:
        program: its name or path; of a script, what its first line names counts.
    """
    if _is_python(program):
        return _isolates(arguments)
    words = _first_line(program).split()
    while words and (os.path.basename(words[0]) in ("env", "-S") or "=" in words[0]):  # noqa: PTH119
        words.pop(0)
    return bool(words) and _is_python(words[0]) and _isolates(words[1:])


def _first_line(program: str) -> str:
    """Return what the first line of a script says to run it with, or ''."""
    try:
        with open(program, "rb") as file:  # noqa: PTH123
            line = file.readline(512)
    except OSError:
        return ""
    return os.fsdecode(line[2:]) if line.startswith(b"#!") else ""


def _is_python(program: str) -> bool:
    return _PYTHON.fullmatch(os.path.basename(program)) is not None  # noqa: PTH119


def _isolates(options: Iterable[str]) -> bool:
    for option in options:
        if not option.startswith("-") or option in ("-", "--"):
            return False
        letters = option[1:] if not option.startswith("--") else ""
        for letter in letters:
            if letter in _ISOLATING:
                return True
            if letter in _WITH_VALUE:
                return False
    return False


def _text(value: object) -> str:
    return os.fsdecode(value) if isinstance(value, (str, bytes, os.PathLike)) else ""
