"""Origins: what a sandbox was made as, so that it can be made so again.

An origin is a file of its own beside the sandbox, so that it outlives a sandbox that is damaged. A
sandbox without one was made with the demo data.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trackteroid_cli.errors import StorageError, cause
from trackteroid_cli.files import write_whole

#: The version of the layout of the file.
_FORMAT = 1

DEMO, EMPTY, REPLICA = "demo", "empty", "replica"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a sandbox was made as.

    Attributes:
        data: `DEMO`, `EMPTY`, or `REPLICA`.
        schemas: the entity types in ftrack's JSON form; None for the usual ones.
        server: the URL of the server that the replica was pulled from.
        pulled: when it was pulled, in UTC, ISO 8601.
    """

    data: str = DEMO
    schemas: list[dict[str, Any]] | None = None
    server: str = ""
    pulled: str = ""

    def __str__(self) -> str:
        """Return what the sandbox holds when it is new, to be read after "it holds"."""
        if self.data == REPLICA:
            return f"what was pulled from {self.server} on {self.pulled[:16].replace('T', ' ')} UTC"
        held = "the demo data" if self.data == DEMO else "no data but the rows every server has"
        return f"{held}, with entity types of its own" if self.schemas else held


def origin_file(sandbox: Path) -> Path:
    """Return the file with the origin of *sandbox*."""
    return sandbox.with_suffix(".json")


def read_origin(sandbox: Path) -> Origin:
    """Return what the sandbox in the file *sandbox* was made as.

    Raises:
        StorageError: that cannot be told.
    """
    file = origin_file(sandbox)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document.pop("format") > _FORMAT:
            raise ValueError("a newer trackteroid has written it")
        return Origin(**document)
    except (FileNotFoundError, NotADirectoryError):
        return Origin()
    except OSError as error:
        raise StorageError(
            f"cannot tell what the sandbox {sandbox.stem} was made as",
            why=f"{file} cannot be read: {cause(error)}",
            hint="correct its permissions, or set TRACKTEROID_HOME to a folder of your own",
        ) from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise StorageError(
            f"cannot tell what the sandbox {sandbox.stem} was made as",
            why=f"{file} cannot be read: {cause(error)}",
            hint="remove it with `trackteroid sandbox remove`, and create it again",
        ) from error


def write_origin(sandbox: Path, origin: Origin) -> None:
    """Keep what the sandbox in the file *sandbox* is made as.

    Raises:
        OSError: the disk refuses.
    """
    if origin == Origin():
        origin_file(sandbox).unlink(missing_ok=True)
    else:
        write_whole(origin_file(sandbox), json.dumps({"format": _FORMAT, **asdict(origin)}))
