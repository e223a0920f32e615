"""The rooms are those of the pictures in CONTRIBUTING; imports go down, also inside functions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "trackteroid_cli"
PICTURES = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

#: Modules of the package without what is only an example, by their dotted names below it.
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if path.parent.name != "examples"
}

#: Boxes and levels that a reader of the graph of imports has to keep in mind, at most.
BOXES, LEVELS, MODULES_IN_A_FOLDER = 19, 11, 12


def floors() -> list[set[str]]:
    """Return the rooms of each row of the table, from the top."""
    table = PICTURES.partition("| room |")[2].partition("\n\n")[0]
    return [set(re.findall(r"`(\w+)/`", row.split("|")[1])) for row in table.splitlines()[2:]]


def floors_inside() -> dict[str, list[set[str]]]:
    """Return, by room, its folders from the top; '*' is the room's own modules."""
    picture = PICTURES.partition("stands for its modules):")[2].split("```")[1]
    rooms = (line.partition("/") for line in picture.strip().splitlines())
    return {
        room: [set(re.findall(r"\w+(?=/)|\*", floor)) for floor in rest.split(">")]
        for room, _, rest in rooms
    }


def imported(module: str) -> Iterator[str]:
    """Yield the modules of the package that *module* imports, wherever it does."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, below = name.partition(".")
            if package == "trackteroid_cli":
                yield below if below in MODULES else below.rpartition(".")[0]


def box(module: str) -> str:
    """Return the room or the top module that *module* is a part of."""
    return module.partition(".")[0] or "__init__"


def folder(module: str) -> str:
    """Return the folder inside of its room that *module* lies in, '*' for the room itself."""
    path = MODULES[module].relative_to(PACKAGE)
    return path.parts[1] if len(path.parts) > 2 else "*"


IMPORTS = {name: set(imported(name)) for name in MODULES}


def test_every_folder_is_in_the_pictures() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {"examples"}
    assert folders == set().union(*floors())
    inside: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        if len(path.relative_to(PACKAGE).parts) > 2:
            inside.setdefault(box(name), {"*"}).add(folder(name))
    assert {room: set().union(*parts) for room, parts in floors_inside().items()} == inside


def test_rooms_import_lower_ones_only() -> None:
    level = {room: number for number, row in enumerate(floors()) for room in row}
    assert not [
        (name, target)
        for name, targets in IMPORTS.items()
        for target in targets
        if box(name) in level
        and box(target) in level
        and box(name) != box(target)
        and level[box(target)] <= level[box(name)]
    ]


@pytest.mark.parametrize("room", floors_inside())
def test_folders_of_a_room_import_lower_ones_only(room: str) -> None:
    level = {part: number for number, row in enumerate(floors_inside()[room]) for part in row}
    assert not [
        (name, target)
        for name, targets in IMPORTS.items()
        for target in targets
        if box(name) == box(target) == room
        and folder(name) != folder(target)
        and level[folder(target)] <= level[folder(name)]
    ]


def test_nothing_imports_itself_by_way_of_others() -> None:
    for graph in (IMPORTS, between_boxes()):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(" -> ".join(error.args[1]))


def test_the_house_stays_small_enough_to_be_kept_in_mind() -> None:
    graph = between_boxes()
    levels: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        levels[name] = 1 + max((levels[each] for each in graph.get(name, ())), default=0)
    assert len(levels) <= BOXES
    assert max(levels.values()) <= LEVELS
    crowded = {
        str(place.relative_to(PACKAGE)): number
        for place in {path.parent for path in MODULES.values()} - {PACKAGE / "cli"}
        if (number := sum(each.name != "__init__.py" for each in place.glob("*.py")))
        > MODULES_IN_A_FOLDER
    }
    assert not crowded


def between_boxes() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {box(name): set() for name in MODULES}
    for name, targets in IMPORTS.items():
        graph[box(name)] |= {box(target) for target in targets} - {box(name)}
    return graph


def test_the_modules_to_look_at_first_exist() -> None:
    table = PICTURES.partition("| question |")[2].partition("\n\n")[0]
    named = re.findall(r"`([\w/]+\.py)`", table)
    assert named
    assert not [name for name in named if not (PACKAGE / name).is_file()]
