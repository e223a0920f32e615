"""Replay: a batch goes to the server in one request, exactly once.

The journal of a batch tells what was tried. It is written before the request and after the answer,
so that whoever comes next knows whether the server may have the batch, and asks it before sending.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackteroid_cli import settings
from trackteroid_cli.batch import (
    Attempt,
    Batch,
    Header,
    append_attempt,
    created_now,
    encode_operations,
    write,
)
from trackteroid_cli.errors import (
    AnswerLost,
    BatchError,
    BatchUnreadable,
    CredentialsRejected,
    NotFound,
    ServerMismatch,
    ServerRefused,
    ServerUnreachable,
    TrackteroidError,
)
from trackteroid_cli.operations import Create, Delete, Operation, identity, request
from trackteroid_cli.spool import Entry, Spool, State

if TYPE_CHECKING:
    from trackteroid_cli.connection import Connection

#: Errors after which trying the next batch is no use either.
_HOPELESS = (ServerUnreachable, AnswerLost, CredentialsRejected)

#: How many entities one query asks for.
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a batch.

    ``outcome`` is ``landed``, ``refused`` or ``unknown``, or None where nothing was sent.
    """

    id: str
    name: str
    state: State
    outcome: str | None = None
    reason: str | None = None
    conflicts: list[Any] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    error: TrackteroidError | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the result as ``commit --json`` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state.value,
            "outcome": self.outcome,
            "reason": self.reason,
            "conflicts": self.conflicts,
        }


def waiting(spool: Spool) -> list[Entry]:
    """Return the batches that a commit takes: those that wait, and those that a dead one left."""
    return spool.entries((State.PENDING, State.COMMITTING))


def commit(
    spool: Spool, targets: Iterable[Entry | Path], connection: Connection
) -> Iterator[Result]:
    """Replay batches of *spool*, or in files, in the given order; yield what became of each.

    When the server cannot be reached or rejects the credentials, the rest is not tried.
    """
    hopeless: TrackteroidError | None = None
    for target in targets:
        if hopeless is not None:
            yield _untried(target, hopeless)
            continue
        if isinstance(target, Path):
            result = _commit_file(spool, target, connection)
        else:
            result = _commit_entry(spool, target, connection)
        if isinstance(result.error, _HOPELESS):
            hopeless = result.error
        yield result


def replay_file(path: Path, connection: Connection, spool: Spool | None = None) -> Result:
    """Replay the batch in the file *path*; one that landed before is not sent again.

    Raises:
        TrackteroidError: the batch did not land; the file is kept.
    """
    result = _commit_file(spool or Spool(settings.home() / "spool"), path, connection)
    if result.error is not None:
        raise result.error
    return result


def foretell(targets: Iterable[Entry | Path]) -> Iterator[Result]:
    """Yield what `commit` would send, without sending anything or asking a server."""
    for target in targets:
        path = target if isinstance(target, Path) else target.path
        try:
            with Batch(path) as batch:
                header, journal = batch.header, batch.journal()
        except TrackteroidError as error:
            yield _untried(target, error)
            continue
        done = bool(journal) and journal[-1].outcome == "landed"
        state = State.COMMITTED if done else State.PENDING
        state = state if isinstance(target, Path) else target.state
        yield Result(header.id, header.name, state, counts=header.counts)


def _untried(target: Entry | Path, error: TrackteroidError) -> Result:
    if isinstance(target, Path):
        return Result(str(target), target.stem, State.PENDING, None, error.why, error=error)
    return Result(target.id, target.name, target.state, None, error.why, error=error)


def _commit_entry(spool: Spool, entry: Entry, connection: Connection) -> Result:
    if entry.state is State.COMMITTED:
        return Result(entry.id, entry.name, entry.state, "landed", "it was committed before")
    try:
        with spool.claim(entry) as claim:
            result = _result(claim.path, entry.id, entry.name, connection)
            claim.outcome = result.state
            return result
    except NotFound as error:
        done = [each for each in spool.entries((State.COMMITTED,)) if each.id == entry.id]
        return _commit_entry(spool, done[0], connection) if done else _untried(entry, error)
    except BatchError as error:
        return _untried(entry, error)


def _commit_file(spool: Spool, path: Path, connection: Connection) -> Result:
    """Replay a batch that is no part of the spool.

    A file that Trackteroid left has no journal to keep an attempt in: it is taken into the spool.
    """
    try:
        with Batch(path) as batch:
            header, legacy = batch.header, batch.legacy is not None
        if legacy:
            with spool.lock(header.id):
                entry = take_in(path, spool)
            return _commit_entry(spool, entry, connection)
        with spool.lock(header.id):  # which also keeps off whoever commits it from the spool
            return _result(path, header.id, header.name, connection)
    except TrackteroidError as error:
        return _untried(path, error)


def take_in(path: Path, spool: Spool) -> Entry:
    """Copy the batch at *path* into *spool*, unless it is there already, and return its place."""
    with Batch(path) as batch:
        header = batch.header
        for entry in spool.entries():
            if entry.id == header.id:
                return entry
        place = spool.place(header.id, header.name)
        write(place, header, encode_operations(batch.operations()), batch.labels())
    return spool.find(header.id)


def _result(path: Path, batch_id: str, name: str, connection: Connection) -> Result:
    """Replay the batch at *path*; what goes wrong becomes a part of the result."""
    counts: dict[str, int] = {}
    try:
        with Batch(path) as batch:
            counts = batch.header.counts
            replay(batch, connection)
    except ServerRefused as error:
        return Result(
            batch_id, name, State.FAILED, "refused", error.why, counts=counts, error=error
        )
    except AnswerLost as error:
        return Result(
            batch_id, name, State.PENDING, "unknown", error.why, counts=counts, error=error
        )
    except TrackteroidError as error:
        state = State.FAILED if isinstance(error, BatchUnreadable) else State.PENDING
        return Result(batch_id, name, state, None, error.why, counts=counts, error=error)
    return Result(batch_id, name, State.COMMITTED, "landed", counts=counts)


def replay(batch: Batch, connection: Connection) -> None:
    """Bring *batch* to the server of *connection*, unless it is there already.

    Raises:
        ServerMismatch: the batch was recorded against another server.
        ServerRefused: the server refused it; nothing of it was applied.
        ServerUnreachable: it was not sent.
        AnswerLost: it was sent, and whether it was applied is found out by the next attempt.
    """
    check_server(batch.header, connection)
    operations = list(batch.operations())
    journal = batch.journal()
    if journal and journal[-1].outcome == "landed":
        return
    if journal and journal[-1].outcome in ("sending", "unknown") and landed(operations, connection):
        _note(batch, connection, "landed", "the server had it from an earlier attempt")
        return
    payloads = request(operations)
    if payloads:
        _send(batch, connection, payloads)
    _note(batch, connection, "landed")


def _send(batch: Batch, connection: Connection, payloads: list[dict[str, Any]]) -> None:
    _note(batch, connection, "sending")
    try:
        connection.call(payloads)
    except (ServerUnreachable, CredentialsRejected) as error:
        _note(batch, connection, "unreached", error.why)
        raise
    except AnswerLost as error:
        _note(batch, connection, "unknown", error.why)
        raise
    except ServerRefused as error:
        _note(batch, connection, "refused", error.why)
        raise ServerRefused(
            error.kind,
            error.content,
            what=f"the server refused batch {batch.header.id} ({batch.header.name})",
        ) from error


def check_server(header: Header, connection: Connection) -> None:
    """Refuse a batch that was recorded against another server than that of *connection*."""
    url = settings.normalise_url(connection.server.url)
    if header.server and header.server != url:
        raise ServerMismatch(
            f"batch {header.id} ({header.name}) is for another server",
            why=f"it was recorded against {header.server}, and FTRACK_SERVER is {url}",
            hint=f"set FTRACK_SERVER={header.server} and commit again",
        )


def landed(operations: list[Operation], connection: Connection) -> bool:
    """Return whether the server shows the effects of *operations*.

    It applies a request whole or not at all, so one trace is enough: an entity that the batch
    creates is there, or one that it deletes is gone. A batch that only updates leaves no certain
    trace, and may be sent again: setting the same values twice is as good as once.
    """
    gone = {identity(each) for each in operations if isinstance(each, Delete)}
    made = {identity(each) for each in operations if isinstance(each, Create)}
    created = [
        each for each in operations if isinstance(each, Create) and identity(each) not in gone
    ]
    if created:
        return _any_exists(created, connection)
    deleted = [
        each for each in operations if isinstance(each, Delete) and identity(each) not in made
    ]
    return bool(deleted) and not _any_exists(deleted, connection)


def _any_exists(operations: Iterable[Create | Delete], connection: Connection) -> bool:
    by_type: dict[str, list[dict[str, str]]] = {}
    for operation in operations:
        by_type.setdefault(operation.entity_type, []).append(operation.entity_key)
    for entity_type, keys in by_type.items():
        for start in range(0, len(keys), _PAGE):
            expression = _any_of(entity_type, keys[start : start + _PAGE])
            if connection.call([{"action": "query", "expression": expression}])[0]["data"]:
                return True
    return False


def _any_of(entity_type: str, keys: list[dict[str, str]]) -> str:
    names = list(keys[0])
    if len(names) == 1:
        ids = ", ".join(f'"{key[names[0]]}"' for key in keys)
        condition = f"{names[0]} in ({ids})"
    else:
        condition = " or ".join(
            "({})".format(" and ".join(f'{name} is "{part}"' for name, part in key.items()))
            for key in keys
        )
    return f"select {', '.join(names)} from {entity_type} where {condition} limit 1"


def _note(batch: Batch, connection: Connection, outcome: str, reason: str = "") -> None:
    append_attempt(
        batch.path,
        Attempt(
            when=created_now(),
            outcome=outcome,
            user=settings.user_name(),
            host=socket.gethostname(),
            server=settings.normalise_url(connection.server.url),
            reason=reason,
        ),
    )
