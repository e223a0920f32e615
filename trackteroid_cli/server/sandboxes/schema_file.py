"""Files with the entity types of another server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trackteroid_cli.errors import UsageError, cause

_HINT = (
    "save what the server's action query_schemas answers: a JSON list of schemas; ftrack_api keeps "
    "one as ftrack_api_schema_cache.json"
)


def read_schemas(file: Path) -> list[dict[str, Any]]:
    """Return the schemas in *file*: what the action ``query_schemas`` of a server answers.

    Raises:
        UsageError: the file cannot be read, or no server can be made with what it holds.
    """
    from trackteroid_cli.engine.storage.schema_check import UnusableSchemas, checked_schemas

    try:
        documents = checked_schemas(json.loads(file.read_bytes()))
    except UnusableSchemas as error:
        raise UsageError(
            f"the entity types in {file} cannot be used", why=str(error), hint=_HINT
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"cannot read entity types from {file}", why=cause(error), hint=_HINT
        ) from error
    return [dict(document) for document in documents]
