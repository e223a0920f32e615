"""Helpers for tests of replicas: a pull in this process, and all rows of an engine."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.servers import Server as Served
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.offline import replicas
from trackteroid_cli.offline.pull.pull import PullResult, pull
from trackteroid_cli.offline.pull.scope import RequestedScope
from trackteroid_cli.offline.replicas import REPLICA_KEY, Replica
from trackteroid_cli.server.retry import RetryPolicy
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER, Server

Rows = dict[str, list[tuple[Any, ...]]]


def pull_from(
    server: Served,
    *expressions: str,
    projects: tuple[str, ...] = (),
    every_project: bool = False,
) -> PullResult:
    """Pull the named projects and expressions, or all that is held."""
    requested = RequestedScope(projects, every_project, expressions)
    policy = RetryPolicy(longest_wait=0.01)
    return pull(Server(server.url, SANDBOX_USER, SANDBOX_KEY), requested, policy)


def rows_of(engine: Engine) -> Rows:
    """Return the rows of every table, except those that an engine keeps about itself."""
    connection = engine.store.connection
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' "
        "AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_%' ESCAPE '\\'"
    ).fetchall()
    return {
        table: sorted(connection.execute(f'SELECT * FROM "{table}"'), key=repr)
        for (table,) in tables
    }


def rows_in(replica: Replica) -> Rows:
    """Return the rows of every table of a replica."""
    with closing(replicas.open_engine(replica)) as engine:
        return rows_of(engine)


def query(replica: Replica, expression: str) -> list[dict[str, Any]]:
    """Return the answer of the replica to the user of the tests."""
    with closing(replicas.open_engine(replica)) as engine:
        entities: list[dict[str, Any]] = engine.call(
            [{"action": "query", "expression": expression}], user=SANDBOX_USER, key=REPLICA_KEY
        )[0]["data"]
    return entities


def names(replica: Replica, expression: str) -> list[str]:
    """Return the sorted names of the entities in the answer of the replica."""
    return sorted(entity["name"] for entity in query(replica, expression))


def generations(server: Served) -> list[str]:
    """Return the names of the databases in the folder of the server's replica."""
    return sorted(each.name for each in folder(server).glob("*.sqlite"))


def folder(server: Served) -> Path:
    """Return the folder of the server's replica."""
    return replicas.folder(server.url)
