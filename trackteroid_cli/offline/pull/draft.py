"""The draft: the replica in the making, with what is still to be asked for.

Each answer and the progress that it means are one transaction, so that a pull which was killed goes
on where it was.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from trackteroid_cli.engine.query.query import run_query
from trackteroid_cli.engine.schema.schema import TYPE_COLUMN, Schema
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.engine.storage.sql import constant, quoted
from trackteroid_cli.engine.storage.store import Store
from trackteroid_cli.engine.writing.import_rows import RowImporter
from trackteroid_cli.errors import ServerError
from trackteroid_cli.files import remove_database, storing
from trackteroid_cli.moments import age
from trackteroid_cli.offline.holdings import SETTING, Holdings
from trackteroid_cli.offline.pull.plan import OWNERS, Job, Plan, Reach, Source
from trackteroid_cli.offline.replicas import REPLICA_KEY

#: The setting that tells what a draft is for and how far it is.
_STATE = "pull"

#: Seconds after which a draft is begun anew: what it has is too old to be mixed with what is new.
_OLD = 24 * 60 * 60


@dataclass(slots=True)
class State:
    """How far a pull is.

    Attributes:
        purpose: tells drafts for different pulls apart.
        began: when it began, in UTC.
        empty: whether it began without any rows, so that none can be gone.
        new, changed, gone: how many rows so far.
        refused: root types that the server does not show to the user.
        rows: how many rows were answered so far.
        contexts: how many of them are contexts.
    """

    purpose: str
    began: str
    empty: bool
    new: int = 0
    changed: int = 0
    gone: int = 0
    refused: list[str] = field(default_factory=list)
    rows: int = 0
    contexts: int = 0


class Draft:
    """The store that a pull fills; use `opened`."""

    def __init__(self, store: Store, state: State) -> None:
        self.store = store
        self.state = state
        self.plan = Plan(store.schema)
        self._importer = RowImporter(store.schema)
        # Keys are random, so that rows go everywhere: room for more pages than usual, in KiB, and
        # fewer turns of writing them from the log into the file.
        store.connection.execute("PRAGMA cache_size = -16384")
        store.connection.execute("PRAGMA wal_autocheckpoint = 8192")

    def waiting(self) -> int:
        """Return how many jobs there are."""
        (number,) = self.store.connection.execute("SELECT count(*) FROM _pull_job").fetchone()
        return int(number)

    def jobs(self, number: int, *, but: Collection[int]) -> list[tuple[tuple[int, ...], Job]]:
        """Return some jobs with their numbers, what follows from the latest answers first.

        Args:
            number: how many at most.
            but: the numbers of jobs that are not wanted.

        Returns:
            One job may stand for several that ask for the same of a few owners each.
        """
        taken = set(but)
        wanted: list[tuple[tuple[int, ...], Job]] = []
        while len(wanted) < number:
            latest = self._waiting_jobs(taken, "", [], limit=1)
            if not latest:
                break
            numbers, job = self._joined(*latest[0], taken)
            taken.update(numbers)
            wanted.append((numbers, job))
        return wanted

    def _joined(self, number: int, job: Job, taken: Collection[int]) -> tuple[tuple[int, ...], Job]:
        """Return a job with as many like it as one query can ask for."""
        if not job.joinable or len(job.values) == OWNERS:
            return (number,), job
        numbers = {number: None}
        values = dict.fromkeys(job.values)
        room = OWNERS - len(values)
        for other, like in self._waiting_jobs(
            {*taken, number}, "AND shape = ? AND size <= ?", [job.shape, room], limit=room
        ):
            together = {**values, **dict.fromkeys(like.values)}
            if len(together) > OWNERS:
                break
            numbers[other] = None
            values = together
        return tuple(numbers), replace(job, values=tuple(values))

    def _waiting_jobs(
        self, taken: Collection[int], condition: str, values: list[Any], *, limit: int
    ) -> list[tuple[int, Job]]:
        found = self.store.connection.execute(
            "SELECT id, body FROM _pull_job WHERE id NOT IN (SELECT value FROM json_each(?)) "
            f"{condition} ORDER BY id DESC LIMIT {limit}",
            [json.dumps(list(taken)), *values],
        )
        return [(number, Job.from_json(json.loads(body))) for number, body in found]

    def local_ids(self, type_name: str, expression: str) -> list[str]:
        """Return the ids of the rows here that a query finds.

        Raises:
            ServerError: the server's schemas do not have what it names.
        """
        with _writing(), self.store.reading() as connection:
            answer = run_query(
                connection,
                self.store.schema,
                f"select id from {type_name} where id in (select id from {expression})",
            )
        return [entity["id"] for entity in answer["data"]]

    def settle(
        self, answers: Iterable[tuple[tuple[int, ...], Job, Sequence[Mapping[str, Any]] | None]]
    ) -> None:
        """Keep the answers to jobs, drop what they show to be gone, note what is to be asked next.

        Raises:
            ServerError: an answer does not fit the server's schemas.
            StorageError: the disk refuses.
        """
        with _writing(), self.store.writing() as connection:
            for numbers, job, rows in answers:
                done = [(number,) for number in numbers]
                connection.executemany("DELETE FROM _pull_job WHERE id = ?", done)
                if rows is None:
                    self._refuse(job)
                else:
                    self._settle(connection, job, rows)
            self._write_state(connection)

    def finish(self, holdings: Holdings, information: Mapping[str, Any]) -> None:
        """Make the draft a replica that can be moved to its place."""
        with _writing():
            with self.store.writing() as connection:
                connection.execute("DROP TABLE _pull_job")
                if self.state.empty:
                    _make_indexes(connection)
                connection.execute("DELETE FROM _setting WHERE name = ?", [_STATE])
                connection.execute(
                    "INSERT OR REPLACE INTO _api_key VALUES (?, NULL)", [REPLICA_KEY]
                )
                self.store.set_setting("server_information", json.dumps(information))
                self.store.set_setting(SETTING, holdings.to_json())
            self.store.analyze()
            self.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def begin(self, jobs: Iterable[Job]) -> None:
        """Note the first jobs of a pull."""
        with _writing(), self.store.writing() as connection:
            connection.execute(
                "CREATE TABLE _pull_job (id INTEGER PRIMARY KEY, "
                "shape TEXT NOT NULL, size INTEGER NOT NULL, body TEXT NOT NULL)"
            )
            if self.state.empty:
                _put_off_indexes(connection)
            connection.execute("CREATE INDEX _pull_job_shape ON _pull_job (shape, size)")
            self._add(connection, jobs)
            self._write_state(connection)

    # Answers.

    def _refuse(self, job: Job) -> None:
        root = self.plan.schema.types[job.entity_type].root
        if root not in self.state.refused:
            self.state.refused.append(root)

    def _settle(
        self, connection: sqlite3.Connection, job: Job, rows: Sequence[Mapping[str, Any]]
    ) -> None:
        if job.follow:
            self._add(connection, self.plan.next_pages(job, rows))
            self._add(connection, self._reached(rows))
            return
        source = self.plan.sources[job.entity_type]
        following = list(self.plan.next_pages(job, rows))
        following += self.plan.following(job, rows)
        if not self.state.empty:
            if job.reach is not Reach.ROW:
                following += self._owned_before(connection, source, rows, job.reach)
            following += self._drop_gone(connection, source, job, rows)
        taken = self._importer.import_rows(connection, rows)
        self.state.new += taken.new
        self.state.changed += taken.changed
        self.state.rows += len(rows)
        if source.root == "Context" and source.entity_type != "Project":
            self.state.contexts += len(rows)
        self._add(connection, following)

    def _add(self, connection: sqlite3.Connection, jobs: Iterable[Job]) -> None:
        rows = [(job.shape, len(job.values), json.dumps(job.as_json())) for job in jobs]
        connection.executemany("INSERT INTO _pull_job (shape, size, body) VALUES (?, ?, ?)", rows)

    def _reached(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Job]:
        """Yield what asks for the entities that the projections of an expression lead to."""
        reached: dict[str, dict[str, None]] = {}
        for row in rows:
            for entity in _nested(row):
                reached.setdefault(entity["__entity_type__"], {})[entity["id"]] = None
        for type_name, ids in reached.items():
            if self.plan.schema.types[type_name].primary_key == ("id",):
                yield from self.plan.named(type_name, ids, Reach.SELECTED)

    def _owned_before(
        self,
        connection: sqlite3.Connection,
        source: Source,
        rows: Sequence[Mapping[str, Any]],
        reach: Reach,
    ) -> Iterator[Job]:
        """Yield what asks for the rows that *rows* referred to until now, as they may be gone."""
        for root, way in self.plan.referring(source):
            key = source.key[0]
            before = connection.execute(
                f"SELECT DISTINCT {quoted(way.owner_column)} FROM {quoted(source.table)} "
                f"WHERE {quoted(key)} IN (SELECT value FROM json_each(?)) "
                f"AND {quoted(way.owner_column)} IS NOT NULL",
                [json.dumps([row[key] for row in rows])],
            )
            ids = {id_ for (id_,) in before} - {row.get(way.owner_column) for row in rows}
            yield from self.plan.named(root, ids, reach)

    def _drop_gone(
        self,
        connection: sqlite3.Connection,
        source: Source,
        job: Job,
        rows: Sequence[Mapping[str, Any]],
    ) -> Iterator[Job]:
        """Remove what *job* should have found and did not; yield what is to be asked about it."""
        if not source.complete or job.within:
            return
        more = any(True for _ in self.plan.next_pages(job, rows))
        conditions, values = self._scope(source, job, rows, more)
        key = ", ".join(map(quoted, source.key))
        held = connection.execute(
            f"SELECT {key} FROM {quoted(source.table)} WHERE {' AND '.join(conditions) or 'TRUE'}",
            values,
        )
        answered = {tuple(row[name] for name in source.key) for row in rows}
        yield from self._remove(connection, source, [key for key in held if key not in answered])

    def _scope(
        self, source: Source, job: Job, rows: Sequence[Mapping[str, Any]], more: bool
    ) -> tuple[list[str], list[Any]]:
        """Return the condition, with its values, that a row is among those that a page is of."""
        conditions = []
        values: list[Any] = []
        if source.kinds:
            conditions.append(f"{TYPE_COLUMN} IN ({', '.join(map(constant, source.kinds))})")
        if job.by:
            conditions.append(f"{quoted(job.by)} IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(self.plan.complete(job, rows)))
        if self.plan.is_paged(job):
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
        self, connection: sqlite3.Connection, source: Source, keys: Sequence[tuple[str, ...]]
    ) -> Iterator[Job]:
        """Remove rows, and those that belong to them; yield what asks for what they referred to."""
        if not keys:
            return
        names = " AND ".join(f"{quoted(name)} = ?" for name in source.key)
        for root, way in self.plan.referring(source):
            referred = [
                row
                for key in keys
                for row in connection.execute(
                    f"SELECT {quoted(way.owner_column)} FROM {quoted(source.table)} WHERE {names}",
                    key,
                )
            ]
            ids = [id_ for (id_,) in referred if id_ is not None]
            yield from self.plan.named(root, ids, Reach.PART)
        connection.executemany(f"DELETE FROM {quoted(source.table)} WHERE {names}", keys)
        self.state.gone += len(keys)
        if not source.has_id:
            return
        owners = json.dumps([key[0] for key in keys])
        for other, way in self.plan.belonging(source):
            kinds = (
                f" AND {TYPE_COLUMN} IN ({', '.join(map(constant, other.kinds))})"
                if other.kinds
                else ""
            )
            columns = ", ".join(map(quoted, other.key))
            orphans = connection.execute(
                f"SELECT {columns} FROM {quoted(other.table)} "
                f"WHERE {quoted(way.column)} IN (SELECT value FROM json_each(?)){kinds}",
                [owners],
            ).fetchall()
            yield from self._remove(connection, other, orphans)

    def _write_state(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO _setting VALUES (?, ?)",
            [_STATE, json.dumps(asdict(self.state))],
        )


@contextmanager
def opened(
    path: Path, schemas: Sequence[Mapping[str, Any]], *, purpose: str, base: Path | None, began: str
) -> Iterator[tuple[Draft, bool]]:
    """Give the draft at *path*, and whether it was there already, for the length of the block.

    Args:
        schemas: the server's.
        purpose: what the draft is for; one for anything else is begun anew.
        base: the replica that the draft starts as a copy of; None for an empty one.
        began: the present moment, in UTC.

    Raises:
        StorageError: the disk refuses.
    """
    with _writing():
        state = _state_of(path)
        resumed = state is not None and state.purpose == purpose and age(state.began) < _OLD
        if state is None or not resumed:
            remove_database(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            state = State(purpose, began, empty=base is None)
            if base is None:
                Store.create(path, Schema(schemas)).close()
            else:
                _copy(base, path)
        store = Store(path)
    try:
        yield Draft(store, state), resumed
    finally:
        store.close()


def _put_off_indexes(connection: sqlite3.Connection) -> None:
    """Note the indexes of an empty store and drop them: making them at the end is much faster."""
    connection.execute(
        "CREATE TABLE _pull_index AS SELECT name, sql FROM sqlite_master "
        "WHERE type = 'index' AND sql IS NOT NULL"
    )
    for (name,) in connection.execute("SELECT name FROM _pull_index").fetchall():
        connection.execute(f"DROP INDEX {quoted(name)}")


def _make_indexes(connection: sqlite3.Connection) -> None:
    """Make the indexes that `_put_off_indexes` dropped."""
    for (statement,) in connection.execute("SELECT sql FROM _pull_index").fetchall():
        connection.execute(statement)
    connection.execute("DROP TABLE _pull_index")


def _state_of(path: Path) -> State | None:
    """Return how far the draft at *path* is, or None if there is none that can be gone on with."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path)) as connection:
            (text,) = connection.execute(
                "SELECT value FROM _setting WHERE name = ?", [_STATE]
            ).fetchone() or ("",)
        return State(**json.loads(text))
    except (sqlite3.DatabaseError, ValueError, TypeError):
        return None


def _copy(base: Path, path: Path) -> None:
    with closing(sqlite3.connect(base)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)


def _nested(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the entities in *value*, at every depth, that have an id."""
    if isinstance(value, list):
        for each in value:
            yield from _nested(each)
    elif isinstance(value, dict):
        if "__entity_type__" in value and "id" in value:
            yield value
        for each in value.values():
            yield from _nested(each)


@contextmanager
def _writing() -> Iterator[None]:
    """Raise an error of this package where an answer cannot be written into the draft.

    Raises:
        ServerError: the answer does not fit the server's schemas.
        StorageError: the disk refuses.
    """
    with storing(
        "cannot write the replica",
        hint="make room or correct the permissions, or set TRACKTEROID_HOME; then run the same "
        "command again. The former replica, if there is one, stays in use",
        also=(sqlite3.OperationalError,),
    ):
        try:
            yield
        except EngineError as error:
            raise ServerError(
                "the server's answer does not fit its own schemas",
                why=error.content,
                hint="run the same command again; if it is still so, tell your ftrack "
                "administrator",
            ) from error
