"""The engine's folders import lower ones only: schema < storage < writing and query < the top."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import trackteroid_cli.engine

ENGINE = Path(trackteroid_cli.engine.__file__).parent
PACKAGE = trackteroid_cli.engine.__name__

#: The folders that the modules of a folder may import; '' is the top of the engine.
MAY_IMPORT = {
    "schema": {"schema"},
    "storage": {"schema", "storage"},
    "query": {"schema", "storage", "query"},
    "writing": {"schema", "storage", "writing"},
    "": {"schema", "storage", "query", "writing", ""},
}


def layer_of(path: Path) -> str:
    parts = path.relative_to(ENGINE).parts
    return parts[0] if len(parts) > 1 else ""


def module_of(path: Path) -> str:
    return ".".join((PACKAGE, *path.relative_to(ENGINE).with_suffix("").parts))


def imported(path: Path) -> Iterator[Path]:
    """Yield the engine's modules that *path* imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(PACKAGE):
            continue
        base = ENGINE.joinpath(*str(node.module).split(".")[2:])
        if base.is_dir():
            found = [(base / f"{alias.name}.py") for alias in node.names]
            yield from (name if name.exists() else base / "__init__.py" for name in found)
        else:
            yield base.with_suffix(".py")


def test_folders_import_lower_ones_only() -> None:
    modules = [path for path in ENGINE.rglob("*.py") if path.name != "__init__.py"]
    assert {layer_of(path) for path in modules} == set(MAY_IMPORT)
    upwards = {
        (module_of(path), module_of(target))
        for path in modules
        for target in imported(path)
        if layer_of(target) not in MAY_IMPORT[layer_of(path)]
    }
    assert not upwards


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {path: set(imported(path)) for path in ENGINE.rglob("*.py")}
    while leaves := [path for path, targets in graph.items() if not targets & graph.keys()]:
        for path in leaves:
            del graph[path]
    assert not sorted(map(module_of, graph))


def test_no_folder_has_more_than_twelve_modules() -> None:
    for folder in (ENGINE, *(path for path in ENGINE.rglob("*") if path.is_dir())):
        modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= 12, folder.name
