"""Replicas: engine files filled from a server, one folder for each server under the local state.

A pull makes a new file, a *generation*, and then names it in the file ``current``, so that what is
in use never changes and never holds half of a pull. Whoever may read it can use it: it is opened
without locks, and nothing is ever written beside it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli import settings
from trackteroid_cli.errors import (
    NotPulled,
    ReplicaError,
    ReplicaNewer,
    ServerUnreachable,
    cause,
)
from trackteroid_cli.files import home
from trackteroid_cli.moments import ago
from trackteroid_cli.offline.holdings import SETTING, Holdings, NewerFormat
from trackteroid_cli.settings import folder_name

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine

#: Every user of the server may ask the replica: it answers only on this machine, so its key is no
#: secret.
REPLICA_KEY = "replica-key"

#: The file that names the generation in use.
CURRENT = "current"

#: The file that tells what it holds, for the pull that repairs it.
NOTED = "holdings.json"


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
        try:
            return _read(path)
        except ReplicaError:
            # A pull that has just ended names another file and removes this one: look again.
            if name == former:
                raise


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


def sound(server_url: str) -> Replica | None:
    """Return the replica of the server that is in use; None if there is none, or it is damaged.

    Raises:
        ReplicaNewer: a newer version has pulled it: it may be sound for that.
    """
    try:
        found = current(server_url)
        if found is None:
            return None
        with closing(open_engine(found)) as engine, reading(found.path):
            return found if engine.store.is_sound() else None
    except ReplicaNewer:
        raise
    except ReplicaError:
        return None


def noted_holdings(server_url: str) -> Holdings | None:
    """Return what the replica of the server holds, also if it is damaged; None if nobody knows."""
    with suppress(ReplicaError):
        found = current(server_url)
        if found is not None:
            return found.holdings
    with suppress(OSError, ValueError):
        return Holdings.from_json((folder(server_url) / NOTED).read_text(encoding="utf-8"))
    return None


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

    with reading(replica.path):
        return Engine(replica.path, server_url=replica.holdings.server, is_finished=True)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise one clear error where the block cannot read the replica at *path*.

    Raises:
        ReplicaError: that error.
    """
    try:
        yield
    except (sqlite3.Error, OSError, ValueError) as error:
        raise unreadable(path, error) from error


def count_rows(replica: Replica) -> dict[str, int]:
    """Return how many rows of each entity type *replica* has, the largest number first.

    Types without rows are left out.

    Raises:
        ReplicaError: it cannot be read.
    """
    rows: dict[str, int] = {}
    with closing(open_engine(replica)) as opened, reading(replica.path):
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
    file = replica_folder / CURRENT
    with reading(file):
        try:
            return file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None


def _read(path: Path) -> Replica:
    from trackteroid_cli.engine.storage.store import connect_reading

    with reading(path):
        path.open("rb").close()  # SQLite does not tell why a file cannot be opened
    with reading(path), closing(connect_reading(path)) as connection:
        (text,) = connection.execute(
            "SELECT value FROM _setting WHERE name = ?", [SETTING]
        ).fetchone() or ("",)
        return Replica(path, Holdings.from_json(text), path.stat().st_size)


def unreadable(path: Path, error: Exception) -> ReplicaError:
    """Return the error that the replica at *path* cannot be read, because of *error*."""
    if isinstance(error, NewerFormat):
        return ReplicaNewer(
            f"cannot read the replica {path}",
            why=str(error),
            hint="upgrade trackteroid on this machine; the replica is left as it is",
        )
    pull = settings.online_command("trackteroid replica pull")
    hint = f"run the same command again; if it is still so, pull again with: {pull}"
    if isinstance(error, PermissionError):
        hint = f"ask its owner to let you read it, or set TRACKTEROID_HOME and run: {pull}"
    return ReplicaError(f"cannot read the replica {path}", why=cause(error), hint=hint)
