"""The pull: ask, keep, ask what follows, until nothing is left; then put the new replica in use."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from trackteroid_cli import moments
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.errors import (
    AnswerLost,
    PullInterrupted,
    ReplicaBusy,
    ServerUnreachable,
)
from trackteroid_cli.files import remove_database, storing, sync_folder, write_whole
from trackteroid_cli.offline import replicas
from trackteroid_cli.offline.holdings import Holdings, PulledExpression, PulledProject
from trackteroid_cli.offline.pull import scope as scopes
from trackteroid_cli.offline.pull.draft import Draft, State, opened
from trackteroid_cli.offline.pull.fetching import THREADS, Fetching
from trackteroid_cli.offline.pull.plan import OWNERS, Job, Reach
from trackteroid_cli.offline.pull.scope import Scope, Wanted
from trackteroid_cli.offline.replicas import Replica
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.expressions import listed
from trackteroid_cli.server.retry import RetryPolicy
from trackteroid_cli.settings import Server, normalise_url, user_name

#: How many queries one request has.
_QUERIES = 12

#: Told the state of the pull, and how many contexts there will be; None where that is not known.
Watch = Callable[[State, int | None], None]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull brought.

    Attributes:
        replica: what is in use now.
        new, changed, gone: how many rows.
        refused: root types that the server does not show to the user, and that are not held.
        resumed: whether it went on where another was stopped.
    """

    replica: Replica
    new: int
    changed: int
    gone: int
    refused: tuple[str, ...]
    resumed: bool


def pull(server: Server, wanted: Wanted, policy: RetryPolicy, watch: Watch | None = None) -> Pulled:
    """Fill the replica of *server*, or bring it up to date.

    Args:
        wanted: what to pull besides the types that are held whole; nothing stands for all that is
            held.
        policy: how often to try again, and whether to stop.
        watch: told how far it is, after every few answers.

    Raises:
        NotFound: the server does not know a project.
        InvalidExpression: it cannot read an expression.
        ReplicaBusy: another process pulls.
        PullInterrupted: the process was told to stop.
        ServerUnreachable, AnswerLost: the server is out of reach; the same call goes on later.
        ServerError: it refuses.
        StorageError: the disk refuses.
    """
    place = replicas.folder(server.url)
    with _alone(place), _continuable():
        former = replicas.current(server.url)
        began = moments.now()
        with Connection(server) as connection:
            information = connection.server_information()
            schemas = list(connection.schema.documents)
            schema = Schema(schemas)
            anew = former is None or _schema_hash(former) != schema.hash
            held = former.holdings if former else None
            scope = scopes.resolve(connection, schema, wanted, held, anew=anew)
        base = None if anew or former is None else former.path
        purpose = scope.purpose(schema, base.name if base else "")
        path = place / "draft.sqlite"
        with opened(path, schemas, purpose=purpose, base=base, began=began) as (draft, resumed):
            if not resumed:
                draft.begin(list(_first_jobs(draft, scope)))
            _run(draft, server, _total(server, scope), policy, watch)
            holdings = _holdings(draft, server, scope, None if anew else held)
            draft.finish(holdings, information)
            state = draft.state
        _put_in_use(place, path, began)
    replica = replicas.current(server.url)
    assert replica is not None
    return Pulled(
        replica, state.new, state.changed, state.gone, tuple(sorted(state.refused)), resumed
    )


def _first_jobs(draft: Draft, scope: Scope) -> Iterator[Job]:
    # The latest is asked for first: small tables come before what refers to them.
    for selection in () if scope.every_project else scope.selections:
        if not draft.state.empty:
            # What is not selected any more has changed, or is gone.
            ids = draft.local_ids(selection.entity_type, selection.within)
            yield from draft.plan.named(selection.entity_type, ids, Reach.PART)
        yield from draft.plan.selected(selection.entity_type, selection.within)
        if selection.follow:
            yield draft.plan.leading(selection.entity_type, selection.within, selection.follow)
    if scope.every_project:
        yield from draft.plan.everything()
    else:
        yield from draft.plan.projects(list(scope.projects))
        yield from draft.plan.basis()


def _run(
    draft: Draft, server: Server, total: int | None, policy: RetryPolicy, watch: Watch | None
) -> None:
    """Send what is to be asked and keep the answers, until nothing is left."""
    under_way: set[int] = set()
    with Fetching(server, policy) as fetching:
        while not policy.stop.is_set():
            left = draft.waiting() - len(under_way)
            if not left and not under_way:
                return
            while left and fetching.free:
                # Few queries are spread over the threads, many are sent together.
                number = min(_QUERIES, -(-left // THREADS))
                jobs = draft.jobs(number, but=under_way)
                taken = {each for numbers, _ in jobs for each in numbers}
                under_way |= taken
                left -= len(taken)
                fetching.send([draft.plan.expression(job) for _, job in jobs], jobs)
            answers = [
                (numbers, job, rows)
                for jobs, results in fetching.take()
                for (numbers, job), rows in zip(jobs, results, strict=True)
            ]
            if answers:
                draft.settle(answers)
                under_way.difference_update(*(numbers for numbers, _, _ in answers))
                if watch is not None:
                    watch(draft.state, total)
    raise PullInterrupted


def _total(server: Server, scope: Scope) -> int | None:
    """Return how many contexts the pull asks for, where the server tells."""
    ids = list(scope.projects)
    conditions = [
        listed("project_id", ids[start : start + OWNERS]) for start in range(0, len(ids), OWNERS)
    ]
    if not conditions or (scope.selections and not scope.every_project):
        return None
    # ftrack counts for clients that are strict; this is how its JavaScript client says so.
    with Connection(server, headers={"ftrack-api-options": "strict:1"}) as connection:
        return scopes.count(connection, conditions)


def _holdings(draft: Draft, server: Server, scope: Scope, held: Holdings | None) -> Holdings:
    """Return what the draft holds once nothing is left to be asked."""
    began = draft.state.began
    there = dict(
        draft.store.connection.execute("SELECT id, name FROM context WHERE _type = 'Project'")
    )
    projects = {each.id: each.pulled for each in held.projects} if held else {}
    projects.update(dict.fromkeys(there if scope.every_project else scope.projects, began))
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
            PulledProject(id_, there[id_], pulled)
            for id_, pulled in sorted(projects.items(), key=lambda each: str(there.get(each[0])))
            if id_ in there
        ),
        expressions=tuple(expressions.values()),
    )


def _put_in_use(place: Path, draft: Path, began: str) -> None:
    """Name the draft as the replica in use, and remove the others."""
    with storing(
        f"cannot put the replica in {place} in use",
        hint="make room or correct the permissions, then run the same command again",
    ):
        moment = began.translate(dict.fromkeys(map(ord, ":-.")))
        number = 1
        while (place / f"{moment}-{number}.sqlite").exists():
            number += 1
        generation = place / f"{moment}-{number}.sqlite"
        draft.rename(generation)
        remove_database(draft)  # what SQLite had put beside it
        sync_folder(place)
        write_whole(place / replicas.CURRENT, generation.name + "\n")
        for other in place.glob("*.sqlite"):
            if other != generation:
                _try_to_remove(other)


def _try_to_remove(generation: Path) -> None:
    """Remove a former replica, unless the system keeps it for a process that has it open."""
    try:
        remove_database(generation)
    except PermissionError:
        return


def _schema_hash(former: Replica) -> str:
    with closing(replicas.open_engine(former)) as engine:
        return engine.store.schema.hash


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Keep other pulls of the same server away for the length of the block.

    Raises:
        ReplicaBusy: another process pulls.
        StorageError: the disk refuses.
    """
    import filelock

    owner = place / "pulling"
    lock = filelock.FileLock(place / "pull.lock", timeout=0)
    try:
        with storing(
            f"cannot write in {place}",
            hint="make room or correct the permissions, or set TRACKTEROID_HOME",
        ):
            place.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
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
    finally:
        lock.release()


def _describe(owner: Path) -> str:
    """Return who pulls, as they wrote into the file *owner*."""
    try:
        who = json.loads(owner.read_text(encoding="utf-8"))
        return f"process {who['pid']} of {who['user']} on {who['host']}, since {who['began']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it holds the lock"


@contextmanager
def _continuable() -> Iterator[None]:
    """Say that a pull whose server is out of reach can be gone on with."""
    try:
        yield
    except (ServerUnreachable, AnswerLost) as error:
        if isinstance(error, ServerUnreachable):
            error.url = ""  # asking the replica is no way to refresh it
        error.hint = (
            "run the same command again when the server can be reached: it goes on where it "
            "stopped. Until then the former replica, if there is one, stays in use"
        )
        raise
