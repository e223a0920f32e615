"""The draft: the replica that a pull builds, with the jobs that are left.

Each answer is stored in one transaction with the progress of the pull, so that a killed pull can be
resumed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trackteroid_cli.engine.query.query import run_query
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.engine.storage.sql import quoted
from trackteroid_cli.engine.storage.store import Store, connect_reading
from trackteroid_cli.engine.writing.import_rows import Entity, RowImporter
from trackteroid_cli.errors import ServerError
from trackteroid_cli.files import make_file, make_folder, remove_database, storing
from trackteroid_cli.moments import age
from trackteroid_cli.offline.holdings import SETTING, Holdings
from trackteroid_cli.offline.pull import server_order
from trackteroid_cli.offline.pull.job_queue import JobQueue, QueuedJob
from trackteroid_cli.offline.pull.missing_rows import former_reference_jobs, remove_missing
from trackteroid_cli.offline.pull.plan import Include, Job, Plan
from trackteroid_cli.offline.pull.server_order import KeyPage
from trackteroid_cli.offline.pulled_moments import note_rows
from trackteroid_cli.offline.replicas import REPLICA_KEY

#: The name of the setting that stores the state of a pull.
_STATE = "pull"

#: Seconds after which a draft is not resumed: its rows are too old to be mixed with new ones.
_MAX_AGE = 24 * 60 * 60


@dataclass(slots=True)
class State:
    """The progress of a pull.

    Attributes:
        fingerprint: of what is pulled; a pull resumes only a draft with the same one.
        began: when it began, in UTC.
        empty: whether it began without any rows, so that none can be gone.
        new, changed, gone: the number of such rows so far.
        refused: root types that the server does not show to the user.
        rows: the number of rows in the answers so far.
        contexts: how many of them are contexts.
    """

    fingerprint: str
    began: str
    empty: bool
    new: int = 0
    changed: int = 0
    gone: int = 0
    refused: list[str] = field(default_factory=list)
    rows: int = 0
    contexts: int = 0

    def to_json(self) -> str:
        """Return the state as a JSON object."""
        document = asdict(self)
        return json.dumps({"purpose": document.pop("fingerprint"), **document})

    @classmethod
    def from_json(cls, text: str) -> State:
        """Return the state that `to_json` wrote.

        Raises:
            ValueError, TypeError, LookupError: *text* holds something else.
        """
        document = json.loads(text)
        return cls(document.pop("purpose"), **document)


class Draft:
    """The store that a pull fills; use `open_draft`."""

    def __init__(self, store: Store, state: State) -> None:
        self.store = store
        self.state = state
        self.plan = Plan(store.schema)
        self.queue = JobQueue(store)
        self._importer = RowImporter(store.schema)
        # Keys are random, so that rows are written to pages everywhere: keep more pages than usual
        # in memory (KiB), and copy them less often from the log into the file.
        store.connection.execute("PRAGMA cache_size = -16384")
        store.connection.execute("PRAGMA wal_autocheckpoint = 8192")
        # SQLite notes the pages of a table that is dropped, which may be large.
        store.connection.execute("PRAGMA temp_store = FILE")

    def begin(self, jobs: Iterable[Job]) -> None:
        """Store the first jobs of a pull."""
        with _reporting_errors(), self.store.writing() as connection:
            if self.state.empty:
                _drop_indexes(connection)
            self.queue.create(connection)
            self.queue.add(connection, jobs)
            self._write_state(connection)

    def stored_ids(self, type_name: str, expression: str) -> list[str]:
        """Return the ids of the stored rows that a query finds.

        Raises:
            ServerError: it names what the server's schemas do not have.
        """
        with _reporting_errors(), self.store.reading() as connection:
            answer = run_query(
                connection,
                self.store.schema,
                f"select id from {type_name} where id in (select id from {expression})",
            )
        return [entity["id"] for entity in answer["data"]]

    def store_answers(self, answers: Iterable[tuple[QueuedJob, Sequence[Entity] | None]]) -> None:
        """Store the answers to jobs, remove rows that are gone, and add the jobs that follow.

        Raises:
            ServerError: an answer does not fit the server's schemas.
            StorageError: the disk refuses.
        """
        with _reporting_errors(), self.store.writing() as connection:
            for (numbers, job), rows in answers:
                self.queue.remove(connection, numbers)
                if rows is None:
                    self._note_refused(job)
                else:
                    self._store_answer(connection, job, rows)
            self._write_state(connection)

    def begin_order(self, holdings: Holdings) -> list[list[KeyPage]]:
        """Return the queries for the order of the rows, by request, when no job is left."""
        with _reporting_errors(), self.store.writing() as connection:
            return server_order.begin(connection, self.plan, holdings)

    def store_keys(self, answers: Iterable[tuple[KeyPage, Sequence[Entity]]]) -> None:
        """Store keys in the server's order."""
        with _reporting_errors(), self.store.writing() as connection:
            for page, rows in answers:
                server_order.store(connection, page, rows)

    def finish(self, holdings: Holdings, information: Mapping[str, object]) -> None:
        """Turn the draft into a replica that can be moved to its place."""
        with _reporting_errors():
            with self.store.writing() as connection:
                self.queue.drop(connection)
                server_order.put_in_order(connection)
                if self.state.empty:
                    _create_indexes(connection)
                connection.execute("DELETE FROM _setting WHERE name = ?", [_STATE])
                connection.execute(
                    "INSERT OR REPLACE INTO _api_key VALUES (?, NULL)", [REPLICA_KEY]
                )
                self.store.set_setting("server_information", json.dumps(information))
                self.store.set_setting(SETTING, holdings.to_json())
            self.store.analyze()
            self.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _note_refused(self, job: Job) -> None:
        root = self.plan.schema.types[job.entity_type].root
        if root not in self.state.refused:
            self.state.refused.append(root)

    def _store_answer(
        self, connection: sqlite3.Connection, job: Job, rows: Sequence[Entity]
    ) -> None:
        jobs = list(self.plan.next_pages(job, rows))
        if job.follow:
            self.queue.add(connection, jobs)
            self.queue.add(connection, self._nested_jobs(rows))
            return
        source = self.plan.sources[job.entity_type]
        own = self.plan.own_rows(job, rows)
        jobs += self.plan.following_jobs(job, own)
        if not self.state.empty:
            if job.include is not Include.KEYLESS:
                jobs += former_reference_jobs(connection, self.plan, source, own, job.include)
            removal = remove_missing(connection, self.plan, job, rows)
            self.state.gone += removal.rows
            jobs += removal.jobs
        if source.has_id and job.include in (Include.PARTS, Include.PARTS_AND_OWNERS):
            note_rows(connection, (row["id"] for row in own), self.state.began)
        imported = self._importer.import_rows(connection, own)
        self.state.new += imported.new
        self.state.changed += imported.changed
        self.state.rows += len(own)
        if source.root == "Context" and source.entity_type != "Project":
            self.state.contexts += len(own)
        self.queue.add(connection, jobs)

    def _nested_jobs(self, rows: Iterable[Entity]) -> Iterator[Job]:
        """Yield the jobs for the entities that the projections of an expression lead to."""
        ids: dict[str, dict[str, None]] = {}
        for row in rows:
            for entity in _nested_entities(row):
                ids.setdefault(entity["__entity_type__"], {})[entity["id"]] = None
        for type_name, found in ids.items():
            if self.plan.schema.types[type_name].primary_key == ("id",):
                yield from self.plan.id_jobs(type_name, found, Include.PARTS_AND_OWNERS)

    def _write_state(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO _setting VALUES (?, ?)", [_STATE, self.state.to_json()]
        )


@contextmanager
def open_draft(
    path: Path,
    schemas: Sequence[Mapping[str, object]],
    *,
    fingerprint: str,
    base: Path | None,
    began: str,
) -> Iterator[tuple[Draft, bool]]:
    """Yield the draft at *path*, and whether it is resumed; close it afterwards.

    Args:
        path: the file of the draft.
        schemas: the server's.
        fingerprint: of what is pulled; a draft with another one is replaced.
        base: the replica that a new draft is a copy of; None for an empty draft.
        began: the present moment, in UTC.

    Raises:
        StorageError: the disk refuses.
    """
    with _reporting_errors():
        state = _read_state(path)
        resumed = (
            state is not None and state.fingerprint == fingerprint and age(state.began) < _MAX_AGE
        )
        if state is None or not resumed:
            remove_database(path)
            make_folder(path.parent)
            state = State(fingerprint, began, empty=base is None)
            make_file(path)
            if base is None:
                Store.create(path, Schema(schemas)).close()
            else:
                _copy(base, path)
        store = Store(path)
    try:
        yield Draft(store, state), resumed
    finally:
        store.close()


def _drop_indexes(connection: sqlite3.Connection) -> None:
    """Drop the indexes of an empty store: it is much faster to create them at the end."""
    connection.execute(
        "CREATE TABLE _pull_index AS SELECT name, sql FROM sqlite_master "
        "WHERE type = 'index' AND sql IS NOT NULL"
    )
    for (name,) in connection.execute("SELECT name FROM _pull_index").fetchall():
        connection.execute(f"DROP INDEX {quoted(name)}")


def _create_indexes(connection: sqlite3.Connection) -> None:
    """Create the indexes that `_drop_indexes` dropped."""
    for (statement,) in connection.execute("SELECT sql FROM _pull_index").fetchall():
        connection.execute(statement)
    connection.execute("DROP TABLE _pull_index")


def _read_state(path: Path) -> State | None:
    """Return the state of the draft at *path*; None if there is no draft to resume."""
    if not path.exists():
        return None
    try:
        with closing(Store(path)) as store:
            return State.from_json(store.get_setting(_STATE)) if store.is_sound() else None
    except (sqlite3.DatabaseError, ValueError, TypeError, LookupError):
        return None


def _copy(base: Path, path: Path) -> None:
    with closing(connect_reading(base)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)


def _nested_entities(value: object) -> Iterator[Entity]:
    """Yield the entities with an id in *value*, at every depth."""
    if isinstance(value, list):
        for each in value:
            yield from _nested_entities(each)
    elif isinstance(value, dict):
        if "__entity_type__" in value and "id" in value:
            yield value
        for each in value.values():
            yield from _nested_entities(each)


@contextmanager
def _reporting_errors() -> Iterator[None]:
    """Raise an error of this package when an answer cannot be written into the draft.

    Raises:
        ServerError: the answer does not fit the server's schemas.
        StorageError: the disk refuses.
    """
    with storing(
        "cannot write the replica",
        hint="make room or correct the permissions, or set TRACKTEROID_HOME; then run the same "
        "command again. The former replica, if there is one, stays in use",
        also=(sqlite3.Error,),
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
