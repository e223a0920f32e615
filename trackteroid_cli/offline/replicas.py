"""Replicas: engine files filled from a server, one folder for each server under the local state.

A pull makes a new file, a *generation*, and then names it in the file ``current``, so that what is
in use never changes and never holds half of a pull.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli import settings
from trackteroid_cli.errors import NotPulled, ReplicaError, ServerUnreachable
from trackteroid_cli.moments import ago
from trackteroid_cli.offline.holdings import SETTING, Holdings
from trackteroid_cli.settings import folder_name, home

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine

#: Every user of the server may ask the replica: it answers only on this machine, so its key is no
#: secret.
REPLICA_KEY = "replica-key"

#: The file that names the generation in use.
CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Replica:
    """A generation: its file, what it holds, and its size in bytes."""

    path: Path
    holdings: Holdings
    size: int


def folder(server_url: str) -> Path:
    """Return where the replica of the server is kept, whether there is one or not."""
    return home() / "replicas" / folder_name(server_url)


def current(server_url: str) -> Replica | None:
    """Return the replica of the server that is in use, or None where nothing was pulled yet.

    Raises:
        ReplicaError: it cannot be read.
    """
    replica_folder = folder(server_url)
    name = None
    while True:
        former, name = name, _current_name(replica_folder)
        if name is None:
            return None
        path = replica_folder / name
        # A pull that has just ended names another file and removes this one: look again.
        if path.exists() or name == former:
            return _read(path)


def required(server_url: str) -> Replica:
    """Return the replica of the server that is in use.

    Raises:
        NotPulled: there is none.
        ReplicaError: it cannot be read.
    """
    found = current(server_url)
    if found is None:
        raise NotPulled(
            f"there is no replica of {server_url.rstrip('/')}",
            why="nothing was pulled from it on this machine",
            hint="while the server can be reached, run: "
            + settings.online_command("trackteroid replica pull --project NAME")
            + ", or --all-projects",
        )
    return found


def mention_replica(error: ServerUnreachable) -> None:
    """Add to the hint of *error* that a replica of the server can answer, if there is one."""
    url, error.url = error.url, ""  # mention it once
    if not url:
        return
    with suppress(ReplicaError):
        found = current(url)
        if found is not None:
            pulled = ago(found.holdings.pulled)
            error.hint += f"; or add --offline: there is a replica, pulled {pulled}"


def open_engine(replica: Replica) -> Engine:
    """Return an engine on *replica*; the caller closes it.

    Raises:
        ReplicaError: the file cannot be opened.
    """
    from trackteroid_cli.engine.engine import Engine

    if not replica.path.exists():
        raise _unreadable(replica.path, "the file is gone; a pull may have replaced it just now")
    try:
        return Engine(replica.path, server_url=replica.holdings.server)
    except (sqlite3.Error, ValueError) as error:
        raise _unreadable(replica.path, str(error)) from error


def count_rows(replica: Replica) -> dict[str, int]:
    """Return how many rows of each entity type *replica* has, the largest number first.

    Types without rows are left out.

    Raises:
        ReplicaError: it cannot be read.
    """
    rows: dict[str, int] = {}
    with closing(open_engine(replica)) as opened:
        for family in opened.store.schema.families.values():
            if family.dense:
                continue
            name = f'"{family.discriminator}"' if family.polymorphic else f"'{family.root}'"
            counted = opened.store.connection.execute(
                f'SELECT {name}, count(*) FROM "{family.table}" GROUP BY 1 HAVING count(*)'
            )
            rows.update(counted)
    return dict(sorted(rows.items(), key=lambda each: (-each[1], each[0])))


def _current_name(replica_folder: Path) -> str | None:
    """Return the name of the generation in use."""
    try:
        return (replica_folder / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(replica_folder / CURRENT, error.strerror or str(error)) from error


def _read(path: Path) -> Replica:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            (text,) = connection.execute(
                "SELECT value FROM _setting WHERE name = ?", [SETTING]
            ).fetchone() or ("",)
        return Replica(path, Holdings.from_json(text), path.stat().st_size)
    except (sqlite3.Error, ValueError, OSError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, why: str) -> ReplicaError:
    return ReplicaError(
        f"cannot read the replica {path}",
        why=why,
        hint="run the same command again; if it is still so, remove the folder "
        f"{path.parent} and pull again with `trackteroid replica pull`",
    )
