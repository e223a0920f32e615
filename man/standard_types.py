"""Writes the module that names ftrack's standard entity types, and its stub, from their schemas.

Run it as ``make docs`` does; a test compares the files with what it would write.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trackteroid_cli.engine.standard import standard_schemas

MODULE = Path(__file__).parents[1] / "trackteroid_cli" / "fluent" / "standard_types.py"

HEAD = '''"""Entity types of every ftrack server; written by man/standard_types.py.

Naming them here spares a connection; the stub lets editors complete their attributes. What a server
has indeed, its schema says.
"""

from __future__ import annotations

from trackteroid_cli.fluent.entity_types import {}

'''


def files() -> dict[Path, str]:
    """Return the content of the module and of its stub."""
    documents = sorted(standard_schemas(), key=lambda document: str(document["id"]))
    names = [f'{each["id"]} = EntityType("{each["id"]}")' for each in documents]
    stubs = [line for document in documents for line in _stub(document)]
    return {
        MODULE: HEAD.format("EntityType") + "\n".join(names) + "\n",
        MODULE.with_suffix(".pyi"): HEAD.format("EntityType, Path") + "\n".join(stubs),
    }


def _stub(document: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that tell editors of a type and of its attributes."""
    name = document["id"]
    yield f"class _{name}(EntityType):"
    for attribute in sorted(document["properties"]):
        if not keyword.iskeyword(attribute):
            yield f"    {attribute}: Path"
    yield ""
    yield f"{name}: _{name}"
    yield ""


def main() -> None:
    """Write the files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
