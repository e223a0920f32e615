"""Missing rows: removed from the replica when an answer of the server lacks them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trackteroid_cli.engine.schema.schema import TYPE_COLUMN
from trackteroid_cli.engine.storage.sql import constant, quoted
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing.import_rows import Entity
from trackteroid_cli.offline.pull.plan import Include, Job, Plan, Source


class Removal(NamedTuple):
    """The number of rows that were removed, and the jobs for rows that may be gone with them."""

    rows: int
    jobs: list[Job]


def former_reference_jobs(
    connection: sqlite3.Connection,
    plan: Plan,
    source: Source,
    rows: Sequence[Entity],
    include: Include,
) -> Iterator[Job]:
    """Yield the jobs for the rows that *rows* owned until now by a reference: they may be gone."""
    for root, owned in plan.owned_references(source):
        key, column = source.key[0], owned.owner_column
        former = connection.execute(
            f"SELECT DISTINCT {quoted(column)} FROM {quoted(source.table)} "
            f"WHERE {quoted(key)} IN (SELECT value FROM json_each(?)) "
            f"AND {quoted(column)} IS NOT NULL",
            [json.dumps([row[key] for row in rows])],
        )
        ids = {id_ for (id_,) in former} - {row.get(column) for row in rows}
        yield from plan.id_jobs(root, ids, include)


def remove_missing(
    connection: sqlite3.Connection, plan: Plan, job: Job, rows: Sequence[Entity]
) -> Removal:
    """Remove the rows that *job* selects and that are not in *rows*, its answer."""
    source = plan.sources[job.entity_type]
    if not source.complete or job.within:
        return Removal(0, [])
    conditions, values = _page_conditions(plan, source, job, rows)
    key = ", ".join(map(quoted, source.key))
    held = connection.execute(
        f"SELECT {key} FROM {quoted(source.table)} WHERE {' AND '.join(conditions) or 'TRUE'}",
        values,
    )
    answered = {tuple(row[name] for name in source.key) for row in rows}
    return _remove(connection, plan, source, [key for key in held if key not in answered])


def _page_conditions(
    plan: Plan, source: Source, job: Job, rows: Sequence[Entity]
) -> tuple[list[str], list[Stored]]:
    """Return the SQL conditions for the rows that a page of *job* covers, and their values."""
    conditions = []
    values: list[Stored] = []
    if source.subtypes:
        conditions.append(f"{TYPE_COLUMN} IN ({', '.join(map(constant, source.subtypes))})")
    if job.by:
        conditions.append(f"{quoted(job.by)} IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(plan.complete_owners(job, rows)))
    if plan.is_paged(job):
        more = any(True for _ in plan.next_pages(job, rows))
        bounds = {
            ">": job.after,
            ">=": "" if job.after else job.low,
            "<": "" if more else job.high,
            "<=": rows[-1]["id"] if more else "",
        }
        for sign, bound in bounds.items():
            if bound:
                conditions.append(f"id {sign} ?")
                values.append(bound)
    return conditions, values


def _remove(
    connection: sqlite3.Connection, plan: Plan, source: Source, keys: Sequence[tuple[str, ...]]
) -> Removal:
    """Remove rows and the rows that they own; return the jobs for those owned by a reference."""
    if not keys:
        return Removal(0, [])
    jobs: list[Job] = []
    is_row = " AND ".join(f"{quoted(name)} = ?" for name in source.key)
    for root, owned in plan.owned_references(source):
        references = [
            row
            for key in keys
            for row in connection.execute(
                f"SELECT {quoted(owned.owner_column)} FROM {quoted(source.table)} WHERE {is_row}",
                key,
            )
        ]
        ids = [id_ for (id_,) in references if id_ is not None]
        jobs += plan.id_jobs(root, ids, Include.PARTS)
    connection.executemany(f"DELETE FROM {quoted(source.table)} WHERE {is_row}", keys)
    removed = len(keys)
    if not source.has_id:
        return Removal(removed, jobs)
    owners = json.dumps([key[0] for key in keys])
    for other, owned in plan.owned_sources(source):
        of_type = (
            f" AND {TYPE_COLUMN} IN ({', '.join(map(constant, other.subtypes))})"
            if other.subtypes
            else ""
        )
        columns = ", ".join(map(quoted, other.key))
        orphans = connection.execute(
            f"SELECT {columns} FROM {quoted(other.table)} "
            f"WHERE {quoted(owned.column)} IN (SELECT value FROM json_each(?)){of_type}",
            [owners],
        ).fetchall()
        further = _remove(connection, plan, other, orphans)
        removed += further.rows
        jobs += further.jobs
    return Removal(removed, jobs)
