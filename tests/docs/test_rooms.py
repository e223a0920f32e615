"""The table of rooms names every module, and upper rooms import lower ones only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "trackteroid_cli"


def floors() -> dict[str, int]:
    """Return the row of each room in the table, from the top."""
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("| room |")[2]
    rows = [line.split("|")[1] for line in table.split("\n\n")[0].splitlines()[2:]]
    rooms = ((row, name) for row, cell in enumerate(rows) for name in re.findall(r"`(\w+)", cell))
    return {name: row for row, name in rooms}


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(module: Path) -> Iterator[str]:
    """Yield the rooms that are imported as *module* is loaded."""
    for statement in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            parts = statement.module.split(".")
            if parts == ["trackteroid_cli"]:
                yield from (alias.name for alias in statement.names)
            elif parts[0] == "trackteroid_cli":
                yield parts[1]


def test_every_module_is_in_a_room_and_imports_lower_ones_only() -> None:
    floor = floors()
    modules = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "examples"]
    rooms = {room_of(path) for path in modules} - {"__init__", "__main__"}
    assert rooms == set(floor)
    upwards = {
        (room_of(path), name)
        for path in modules
        for name in imported(path)
        if room_of(path) in floor and name in floor and floor[name] < floor[room_of(path)]
    }
    assert not upwards
