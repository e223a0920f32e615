"""Write the module of ftrack's standard entity types, and its stub, from their schemas.

``make docs`` runs it; a test compares the files with what it would write.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.schema.standard import standard_schemas

MODULE = Path(__file__).parents[1] / "trackteroid_cli" / "fluent" / "types" / "standard_types.py"

HEAD = '''"""Entity types that every ftrack server has; written by man/standard_types.py.

Scripts import these types without a connection; the stub lets editors complete their attributes.
The schema of a server decides which types and attributes it really has.
"""

from __future__ import annotations

from trackteroid_cli.fluent.types.entity_types import {}

'''


def files() -> dict[Path, str]:
    """Return the text of the module and of its stub, by file."""
    documents = sorted(standard_schemas(), key=lambda document: str(document["id"]))
    names = [f'{each["id"]} = EntityType("{each["id"]}")' for each in documents]
    schema = Schema(documents)
    stubs = [line for document in documents for line in _stub(document, schema)]
    return {
        MODULE: HEAD.format("EntityType") + "\n".join(names) + "\n",
        MODULE.with_suffix(".pyi"): HEAD.format("EntityType, Path") + "\n".join(stubs),
    }


def _stub(document: dict[str, Any], schema: Schema) -> Iterator[str]:
    """Yield the lines of the stub for one type, with the attributes that it does not inherit."""
    name = document["id"]
    wider = [each for each in schema.types if each != name and schema.is_kind_of(name, each)]
    base = min(wider, key=lambda each: len(schema.concrete_types(each)), default=None)
    inherited = schema.types[base] if base else ()
    own = [
        attribute
        for attribute in sorted(document["properties"])
        if attribute not in inherited and not keyword.iskeyword(attribute)
    ]
    yield f"class _{name}({f'_{base}' if base else 'EntityType'}):" + ("" if own else " ...")
    yield from (f"    {attribute}: Path" for attribute in own)
    yield ""
    yield f"{name}: _{name}"
    yield ""


def main() -> None:
    """Write both files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
