"""The job queue: the queries that a pull has still to send, in a table of its draft."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from trackteroid_cli.engine.storage.store import Store
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.offline.pull.plan import OWNERS_PER_QUERY, Job


class QueuedJob(NamedTuple):
    """A job to send, and the numbers of the jobs in the queue that it stands for."""

    numbers: tuple[int, ...]
    job: Job


class JobQueue:
    """The jobs in *store*. Its writing methods are called in a transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, connection: sqlite3.Connection) -> None:
        """Create the table of the queue."""
        connection.execute(
            "CREATE TABLE _pull_job (id INTEGER PRIMARY KEY, "
            "shape TEXT NOT NULL, size INTEGER NOT NULL, body TEXT NOT NULL)"
        )
        connection.execute("CREATE INDEX _pull_job_shape ON _pull_job (shape, size)")

    def drop(self, connection: sqlite3.Connection) -> None:
        """Drop the table of the queue."""
        connection.execute("DROP TABLE _pull_job")

    def add(self, connection: sqlite3.Connection, jobs: Iterable[Job]) -> None:
        """Add *jobs*."""
        rows = [(job.shape, len(job.values), json.dumps(job.as_json())) for job in jobs]
        connection.executemany("INSERT INTO _pull_job (shape, size, body) VALUES (?, ?, ?)", rows)

    def remove(self, connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
        """Remove the jobs with *numbers*."""
        rows = [(number,) for number in numbers]
        connection.executemany("DELETE FROM _pull_job WHERE id = ?", rows)

    def count(self) -> int:
        """Return how many jobs there are."""
        (number,) = self._store.connection.execute("SELECT count(*) FROM _pull_job").fetchone()
        return int(number)

    def next_jobs(self, limit: int, *, exclude: Collection[int]) -> list[QueuedJob]:
        """Return some jobs, those that follow from the latest answers first.

        Args:
            limit: how many at most.
            exclude: the numbers of jobs to leave out.

        Returns:
            Each may stand for several jobs that select the same of a few owners.
        """
        taken = set(exclude)
        jobs: list[QueuedJob] = []
        while len(jobs) < limit:
            latest = self._select(taken, "", [], limit=1)
            if not latest:
                break
            joined = self._join_similar(*latest[0], taken)
            taken.update(joined.numbers)
            jobs.append(joined)
        return jobs

    def _join_similar(self, number: int, job: Job, taken: Collection[int]) -> QueuedJob:
        """Return a job joined with as many of its shape as fit into one query."""
        if not job.joinable or len(job.values) == OWNERS_PER_QUERY:
            return QueuedJob((number,), job)
        numbers = [number]
        values = dict.fromkeys(job.values)
        room = OWNERS_PER_QUERY - len(values)
        for other, similar in self._select(
            {*taken, number}, "AND shape = ? AND size <= ?", [job.shape, room], limit=room
        ):
            together = {**values, **dict.fromkeys(similar.values)}
            if len(together) > OWNERS_PER_QUERY:
                break
            numbers.append(other)
            values = together
        return QueuedJob(tuple(numbers), replace(job, values=tuple(values)))

    def _select(
        self, taken: Collection[int], condition: str, values: Sequence[Stored], *, limit: int
    ) -> list[tuple[int, Job]]:
        """Return the latest jobs that are not *taken*, with their numbers."""
        found = self._store.connection.execute(
            "SELECT id, body FROM _pull_job WHERE id NOT IN (SELECT value FROM json_each(?)) "
            f"{condition} ORDER BY id DESC LIMIT {limit}",
            [json.dumps(list(taken)), *values],
        )
        return [(number, Job.from_json(json.loads(body))) for number, body in found]
