"""The pull: fill a draft with the answers of a server, then put it in use as the replica."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from trackteroid_cli import moments
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.errors import (
    AnswerLost,
    ExitCode,
    PullInterrupted,
    ReplicaBusy,
    ServerUnreachable,
)
from trackteroid_cli.files import (
    file_lock,
    make_folder,
    move_database,
    remove_database,
    storing,
    sync_folder,
    whole_file,
    write_whole,
)
from trackteroid_cli.offline import replicas
from trackteroid_cli.offline.holdings import Holdings, PulledExpression, PulledProject
from trackteroid_cli.offline.pull import scope as scopes
from trackteroid_cli.offline.pull.draft import Draft, State, open_draft
from trackteroid_cli.offline.pull.fetching import THREADS, Fetcher
from trackteroid_cli.offline.pull.job_queue import QueuedJob
from trackteroid_cli.offline.pull.plan import OWNERS_PER_QUERY, Include, Job
from trackteroid_cli.offline.pull.scope import RequestedScope, Scope
from trackteroid_cli.offline.pull.server_order import KeyPage
from trackteroid_cli.offline.replicas import Replica
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.expressions import listed
from trackteroid_cli.server.retry import RetryPolicy
from trackteroid_cli.server.schemas import ServerSchema
from trackteroid_cli.settings import Server, normalise_url, user_name

#: How many queries one request has.
_QUERIES_PER_REQUEST = 12

#: Called with the state of the pull and the number of contexts to expect, None if unknown.
Watch = Callable[[State, int | None], None]


@dataclass(frozen=True, slots=True)
class PullResult:
    """The result of a pull.

    Attributes:
        replica: the one that is in use now.
        new, changed, gone: the number of such rows.
        refused: root types that the server does not show to the user, and that are not held.
        resumed: whether it resumed a pull that was stopped.
    """

    replica: Replica
    new: int
    changed: int
    gone: int
    refused: tuple[str, ...]
    resumed: bool


def pull(
    server: Server, requested: RequestedScope, policy: RetryPolicy, watch: Watch | None = None
) -> PullResult:
    """Fill the replica of *server*, or bring it up to date.

    Args:
        server: where, and as whom.
        requested: what to pull besides the types that are held whole; if it is empty, all that the
            replica holds is pulled again.
        policy: how often to try again, and whether to stop.
        watch: called after every few answers.

    Raises:
        NotFound: the server does not know a project.
        InvalidExpression: it cannot read an expression.
        ReplicaBusy: another process pulls.
        ReplicaNewer: there is a replica that a newer version has pulled.
        PullInterrupted: the process is told to stop.
        ServerUnreachable, AnswerLost: the server is out of reach; a later call resumes the pull.
        ServerError: it refuses.
        StorageError: the disk refuses.
    """
    folder = replicas.folder(server.url)
    with _exclusive(folder), _hinting_at_resumption():
        former = replicas.sound(server.url)
        began = moments.now()
        with Connection(server) as connection:
            information = connection.server_information()
            schemas = list(connection.schema.documents)
            schema = Schema(schemas)
            from_scratch = former is None or _schema_hash(former) != schema.hash
            held = former.holdings if former else replicas.noted_holdings(server.url)
            scope = scopes.resolve(connection, schema, requested, held, from_scratch=from_scratch)
        base = None if from_scratch or former is None else former.path
        fingerprint = scope.fingerprint(schema, base.name if base else "")
        path = folder / "draft.sqlite"
        with open_draft(path, schemas, fingerprint=fingerprint, base=base, began=began) as (
            draft,
            resumed,
        ):
            if not resumed:
                draft.begin(list(_first_jobs(draft, scope)))
            _fetch_all(draft, server, _count_contexts(server, scope), policy, watch)
            holdings = _holdings(draft, server, scope, None if from_scratch else held)
            _fetch_order(draft, server, holdings, policy)
            draft.finish(holdings, information)
            state = draft.state
        _put_in_use(folder, path, began, holdings)
    replica = replicas.current(server.url)
    assert replica is not None
    return PullResult(
        replica, state.new, state.changed, state.gone, tuple(sorted(state.refused)), resumed
    )


def _first_jobs(draft: Draft, scope: Scope) -> Iterator[Job]:
    # The jobs added last are sent first: small tables come before the rows that refer to them.
    for selection in () if scope.every_project else scope.selections:
        if not draft.state.empty:
            # Rows that the expression no longer selects have changed, or are gone.
            ids = draft.stored_ids(selection.entity_type, selection.within)
            yield from draft.plan.id_jobs(selection.entity_type, ids, Include.PARTS)
        yield from draft.plan.expression_jobs(selection.entity_type, selection.within)
        if selection.follow:
            yield draft.plan.projection_job(
                selection.entity_type, selection.within, selection.follow
            )
    if scope.every_project:
        yield from draft.plan.all_jobs()
    else:
        yield from draft.plan.project_jobs(list(scope.projects))
        yield from draft.plan.base_jobs()


def _fetch_all(
    draft: Draft, server: Server, total: int | None, policy: RetryPolicy, watch: Watch | None
) -> None:
    """Send the queries of all jobs and store the answers, until no job is left."""
    under_way: set[int] = set()
    with Fetcher[list[QueuedJob]](server, policy, _schema_of(draft)) as fetcher:
        while not policy.stop.is_set():
            left = draft.queue.count() - len(under_way)
            if not left and not under_way:
                return
            while left and fetcher.free_slots:
                # Few queries are spread over the threads, many are sent together.
                limit = min(_QUERIES_PER_REQUEST, -(-left // THREADS))
                queued = draft.queue.next_jobs(limit, exclude=under_way)
                taken = {number for each in queued for number in each.numbers}
                under_way |= taken
                left -= len(taken)
                fetcher.send([draft.plan.expression(each.job) for each in queued], queued)
            answers = [
                (each, rows)
                for sent, results in fetcher.take()
                for each, rows in zip(sent, results, strict=True)
            ]
            if answers:
                draft.store_answers(answers)
                under_way.difference_update(*(each.numbers for each, _ in answers))
                if watch is not None:
                    watch(draft.state, total)
    raise PullInterrupted


def _fetch_order(draft: Draft, server: Server, holdings: Holdings, policy: RetryPolicy) -> None:
    """Fetch the keys of the rows in the server's order."""
    requests = draft.begin_order(holdings)
    with Fetcher[list[KeyPage]](server, policy, _schema_of(draft)) as fetcher:
        while not policy.stop.is_set():
            if not requests and not len(fetcher):
                return
            while requests and fetcher.free_slots:
                pages = requests.pop()
                fetcher.send([page.expression for page in pages], pages)
            for sent, results in fetcher.take():
                draft.store_keys(
                    (page, keys)
                    for page, keys in zip(sent, results, strict=True)
                    if keys is not None  # the server does not show this type to the user
                )
    raise PullInterrupted


def _schema_of(draft: Draft) -> ServerSchema:
    """Return the schemas that answers for *draft* are checked against."""
    return ServerSchema(draft.store.schema.documents)


def _count_contexts(server: Server, scope: Scope) -> int | None:
    """Return how many contexts the pull selects; None if that is not known."""
    ids = list(scope.projects)
    conditions = [
        listed("project_id", ids[start : start + OWNERS_PER_QUERY])
        for start in range(0, len(ids), OWNERS_PER_QUERY)
    ]
    if not conditions or (scope.selections and not scope.every_project):
        return None
    # ftrack counts only in strict mode; this is the header that its JavaScript client sends.
    with Connection(server, headers={"ftrack-api-options": "strict:1"}) as connection:
        return scopes.count_contexts(connection, conditions)


def _holdings(draft: Draft, server: Server, scope: Scope, held: Holdings | None) -> Holdings:
    """Return what the draft holds when no job is left."""
    began = draft.state.began
    names = dict(
        draft.store.connection.execute("SELECT id, name FROM context WHERE _type = 'Project'")
    )
    projects = {each.id: each.pulled for each in held.projects} if held else {}
    projects.update(dict.fromkeys(names if scope.every_project else scope.projects, began))
    every_project = scope.every_project or bool(held and held.every_project)
    whole, scoped = draft.plan.whole, draft.plan.scoped
    if every_project:
        whole, scoped = (*whole, *scoped), ()
    expressions = {each.expression: each for each in held.expressions} if held else {}
    for selection in scope.selections:
        expressions[selection.expression] = PulledExpression(
            selection.expression, selection.entity_type, began
        )
    return Holdings(
        server=normalise_url(server.url),
        pulled=began,
        whole=tuple(each for each in whole if each not in draft.state.refused),
        scoped=tuple(each for each in scoped if each not in draft.state.refused),
        every_project=every_project,
        projects=tuple(
            PulledProject(id_, names[id_], pulled)
            for id_, pulled in sorted(projects.items(), key=lambda each: str(names.get(each[0])))
            if id_ in names
        ),
        expressions=tuple(expressions.values()),
    )


def _put_in_use(folder: Path, draft: Path, began: str, holdings: Holdings) -> None:
    """Make the draft the replica in use, and remove the others."""
    with storing(
        f"cannot put the replica in {folder} in use",
        hint="make room or correct the permissions, then run the same command again",
    ):
        moment = began.translate(dict.fromkeys(map(ord, ":-.")))
        number = 1
        while (folder / f"{moment}-{number}.sqlite").exists():
            number += 1
        generation = folder / f"{moment}-{number}.sqlite"
        # Whoever may look into the folder may read what is in use.
        mode = 0o600 | folder.stat().st_mode & 0o444
        draft.chmod(mode)
        move_database(draft, generation)
        sync_folder(folder)
        write_whole(folder / replicas.NOTED, holdings.to_json())
        with whole_file(folder / replicas.CURRENT, replace=True) as file:
            file.write_text(generation.name + "\n", encoding="utf-8")
            file.chmod(mode)
        for other in folder.glob("*.sqlite"):
            if other != generation:
                _try_to_remove(other)


def _try_to_remove(generation: Path) -> None:
    """Remove a former replica, unless the system prevents it, as where a process has it open."""
    with suppress(OSError):
        remove_database(generation)


def _schema_hash(former: Replica) -> str:
    with closing(replicas.open_engine(former)) as engine:
        return engine.store.schema.hash


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Hold the lock that allows only one pull of a server at a time.

    Raises:
        ReplicaBusy: another process pulls.
        StorageError: the disk refuses.
    """
    import filelock

    owner = folder / "pulling"
    with ExitStack() as held:
        with storing(
            f"cannot write in {folder}",
            hint="make room or correct the permissions, or set TRACKTEROID_HOME",
        ):
            make_folder(folder)
            try:
                held.enter_context(file_lock(folder / "pull.lock", timeout=0))
            except filelock.Timeout:
                raise ReplicaBusy(
                    "another process pulls from this server",
                    why=_describe(owner),
                    hint="wait for it to finish; then, if something is still missing, run the same "
                    "command again",
                ) from None
            me = {"user": user_name(), "host": socket.gethostname(), "pid": os.getpid()}
            write_whole(owner, json.dumps({**me, "began": moments.now()}))
        yield


def _describe(owner: Path) -> str:
    """Return who holds the lock, as the file *owner* says."""
    try:
        who = json.loads(owner.read_text(encoding="utf-8"))
        return f"process {who['pid']} of {who['user']} on {who['host']}, since {who['began']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it holds the lock"


@contextmanager
def _hinting_at_resumption() -> Iterator[None]:
    """Add to an error of a server out of reach that the pull can be resumed."""
    try:
        yield
    except (ServerUnreachable, AnswerLost) as error:
        if isinstance(error, ServerUnreachable):
            error.url = ""  # querying the replica does not refresh it
        resumed = "it goes on where it stopped. Until then the former replica, if there is one, "
        if error.exit_code is ExitCode.TRY_AGAIN:
            when = f"run the same command again when the server can be reached: {resumed}"
        else:
            when = f"{error.hint}. Then run the same command again: {resumed}"
        error.hint = f"{when}stays in use"
        raise
