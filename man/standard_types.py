"""Writes the module that names ftrack's standard entity types, from the standard schemas.

Run it as ``make docs`` does; a test compares the module with what it would write.
"""

from __future__ import annotations

from pathlib import Path

from trackteroid_cli.engine.standard import standard_schemas

TARGET = Path(__file__).parents[1] / "trackteroid_cli" / "fluent" / "standard_types.py"


def text() -> str:
    """Return the content of the module."""
    lines = [
        '"""Entity types of every ftrack server; written by man/standard_types.py.',
        "",
        "Naming them here spares a connection, and lets editors complete them. What a server has",
        "indeed, its schema says.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from trackteroid_cli.fluent.entity_types import EntityType",
        "",
    ]
    names = sorted(document["id"] for document in standard_schemas())
    lines += [f'{name} = EntityType("{name}")' for name in names]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the module."""
    TARGET.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
