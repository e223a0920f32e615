"""Relationship files: a studio's own relations between entity types.

The file is JSON or TOML. ``TRACKTEROID_RELATIONSHIPS`` names it; otherwise it is
``relationships.json`` or ``relationships.toml`` beside the settings file. Its form is::

    {"entities": {"AssetVersion": {"Sequence": ["asset.parent[Sequence]", "asset.parent.parent"]}},
     "overrides": [{"name": "episodic", "entities": {...}, "inherit": true}]}

``entities`` has a path, or a list of paths, for each source and target type. Each of the
``overrides`` is a table of its own, which extends ``entities`` unless ``inherit`` is false.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from trackteroid_cli import settings
from trackteroid_cli.errors import NotConfigured

#: Source type -> target type -> paths.
RelationTable: TypeAlias = dict[str, dict[str, tuple[str, ...]]]

DEFAULT = "default"


def find_file() -> Path | None:
    """Return the relationship file, or None if there is none."""
    named = os.environ.get("TRACKTEROID_RELATIONSHIPS")
    if named:
        return Path(named).expanduser().absolute()
    folder = settings.config_file().parent
    candidates = (folder / name for name in ("relationships.json", "relationships.toml"))
    return next((file for file in candidates if file.exists()), None)


def read_file(file: Path) -> list[tuple[str, RelationTable]]:
    """Return the names and tables in *file*; see `read_mapping`.

    Raises:
        NotConfigured: the file cannot be read, or its form is wrong.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        document = _toml(text) if file.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise _unusable(str(file), getattr(error, "strerror", None) or str(error)) from error
    return read_mapping(document, str(file))


def read_mapping(document: object, source: str) -> list[tuple[str, RelationTable]]:
    """Return the names and tables in *document*, the default table first.

    Args:
        source: the name of the document in an error.

    Raises:
        NotConfigured: the form of the document is wrong.
    """
    document = _checked_mapping(document, "the whole", source, ("entities", "overrides"))
    default = _parse_table(document.get("entities", {}), "'entities'", source)
    tables = {DEFAULT: default}
    overrides = document.get("overrides", [])
    if not isinstance(overrides, (list, tuple)):
        raise _unusable(source, "'overrides' is not a list")
    for number, override in enumerate(overrides, 1):
        what = f"override {number}"
        override = _checked_mapping(override, what, source, ("name", "entities", "inherit"))
        name = override.get("name")
        if not isinstance(name, str) or not name:
            raise _unusable(source, f"{what} has no name")
        if name in tables:
            raise _unusable(source, f"{what} is called {name!r}, as another one is")
        own = _parse_table(override.get("entities", {}), f"'entities' of {name!r}", source)
        tables[name] = _merge(default, own) if override.get("inherit", True) else own
    return list(tables.items())


def _merge(below: RelationTable, above: RelationTable) -> RelationTable:
    return {
        name: {**below.get(name, {}), **above.get(name, {})}
        for name in dict.fromkeys([*below, *above])
    }


def _parse_table(value: object, what: str, source: str) -> RelationTable:
    return {
        name: {
            target: _parse_paths(path, f"{name} to {target} in {what}", source)
            for target, path in _checked_mapping(targets, f"{name} in {what}", source).items()
        }
        for name, targets in _checked_mapping(value, what, source).items()
    }


def _parse_paths(value: object, what: str, source: str) -> tuple[str, ...]:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, (list, tuple)) or not paths:
        raise _unusable(source, f"{what} is neither a path nor a list of them")
    if not all(isinstance(path, str) and path for path in paths):
        raise _unusable(source, f"{what} has something else than texts")
    return tuple(paths)


def _checked_mapping(
    value: object, what: str, source: str, known: tuple[str, ...] | None = None
) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise _unusable(source, f"{what} is not a table of names")
    unknown = [name for name in value if known is not None and name not in known]
    if unknown:
        raise _unusable(source, f"{what} has {unknown[0]!r}, which means nothing here")
    return value


def _toml(text: str) -> dict[str, object]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    document: dict[str, object] = tomllib.loads(text)
    return document


def _unusable(source: str, why: str) -> NotConfigured:
    return NotConfigured(
        f"cannot use {source}",
        why=why,
        hint="relationships are {'entities': {source type: {target type: path}}, 'overrides': "
        "[{'name': …, 'entities': …, 'inherit': true}]}",
    )
