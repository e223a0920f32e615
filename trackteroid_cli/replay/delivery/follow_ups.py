"""The follow-ups of one batch: done once, in order, after the batch has landed.

Before one is begun, the batch notes it. One that was begun and not ended, because the commit was
killed or the answer was lost, is found out about where the server can tell; else it is not done
again, and said so: a mail or an event cannot be taken back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import requests

from trackteroid_cli import settings
from trackteroid_cli.batches.batch import Batch, append_step
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, Kind, in_words
from trackteroid_cli.batches.enclosures.steps import Stage, Step, ended, followed
from trackteroid_cli.errors import (
    AnswerLost,
    CredentialsRejected,
    FollowUpFailed,
    FollowUpsWait,
    Interrupted,
    ServerRefused,
    ServerUnreachable,
    TrackteroidError,
)
from trackteroid_cli.kill_points import kill_point
from trackteroid_cli.replay.delivery.transfer import keyless_session
from trackteroid_cli.server import failures
from trackteroid_cli.server.events.publisher import Publisher
from trackteroid_cli.server.expressions import quoted
from trackteroid_cli.server.retry import RetryPolicy, retrier

if TYPE_CHECKING:
    from trackteroid_cli.server.connection import Connection

_UNCERTAIN = "it may have been done or not, and is not done twice"


def waiting(batch: Batch) -> int:
    """Return how many follow-ups of *batch* are still to be done."""
    if not batch.header.follow_ups:
        return 0
    return batch.header.follow_ups - len(ended(batch.steps()))


def follow_up(batch: Batch, connection: Connection, retry: RetryPolicy) -> None:
    """Do what *batch*, which has landed, asks for, and has not been done.

    Raises:
        FollowUpsWait: some could not be done now.
        FollowUpFailed: the server refused some, or nobody knows whether they were done.
    """
    if not waiting(batch):
        return
    _FollowUps(batch, connection, retry).do_all()


class _FollowUps:
    """What is to be done about the follow-ups of one batch."""

    def __init__(self, batch: Batch, connection: Connection, retry: RetryPolicy) -> None:
        self._batch = batch
        self._connection = connection
        self._retry = retry
        self._server = settings.normalise_url(connection.server.url)

    def do_all(self) -> None:
        """Do each that is not done yet, in order."""
        known = followed(self._batch.steps())
        listed = self._batch.follow_ups()
        failed: list[str] = []
        with Publisher(self._connection.server, timeout=self._connection.timeout) as publisher:
            for position, each in enumerate(listed):
                step = known.get(position)
                if step is not None and step.stage is Stage.FOLLOWED:
                    continue
                was_begun = step is not None and step.stage is Stage.FOLLOWING
                try:
                    reason = self._do(position, each, publisher, was_begun=was_begun)
                except TrackteroidError as error:
                    header = self._batch.header
                    text = _waiting_in_words(len(listed) - position)
                    why = error.why if not isinstance(error, Interrupted) else error.what
                    raise FollowUpsWait(
                        header.id, header.name, text, "; ".join([*failed, why]), error.exit_code
                    ) from error
                if reason:
                    failed.append(f"{in_words(each)}: {reason}")
        if failed:
            header = self._batch.header
            raise FollowUpFailed(header.id, header.name, "; ".join(failed))

    def _do(self, position: int, each: FollowUp, publisher: Publisher, *, was_begun: bool) -> str:
        """Do one follow-up; return what went wrong for good, or ''."""
        if was_begun and not self._may_be_repeated(each):
            self._note(Stage.FOLLOWED, position, _UNCERTAIN)
            return _UNCERTAIN
        self._retry.stop.check()

        reason = ""
        try:
            if not (was_begun and self._is_done(each)):
                lost = retrier(self._retry)(self._once, position, each, publisher)
                kill_point("followed")
                if lost is not None and self._may_be_repeated(each):
                    raise lost  # the next commit finds out
                reason = f"{lost.why}; {_UNCERTAIN}" if lost is not None else ""
        except ServerRefused as error:
            reason = error.why
        self._note(Stage.FOLLOWED, position, reason)
        kill_point("follow-up noted")
        return reason

    def _once(self, position: int, each: FollowUp, publisher: Publisher) -> AnswerLost | None:
        """Ask for a follow-up; return the error if the answer was lost.

        That is not raised, as whoever tries again what was raised must not ask for it again.

        Raises:
            ServerUnreachable, CredentialsRejected: nothing was asked for.
            ServerRefused: the server refuses.
        """
        if each.kind is Kind.PUBLISH:
            publisher.connect()  # which changes nothing yet
        self._note(Stage.FOLLOWING, position)
        kill_point("following")
        try:
            self._send(each, publisher)
        except (ServerUnreachable, CredentialsRejected) as error:
            self._note(Stage.WAITING, position, error.why)
            raise
        except AnswerLost as error:
            return error
        return None

    def _send(self, each: FollowUp, publisher: Publisher) -> None:
        if each.kind is Kind.PUBLISH:
            publisher.publish(each.data)
        elif each.kind is Kind.REQUEST:
            self._connection.call([each.data])
        else:
            remove_media(self._connection, each.entity_id)

    def _may_be_repeated(self, each: FollowUp) -> bool:
        """Return whether doing it again, or finding out about it, does no harm."""
        return each.kind is Kind.REMOVE or each.data.get("action") == "encode_media"

    def _is_done(self, each: FollowUp) -> bool:
        """Return whether the server has done it, of one that may be repeated.

        The data of the job that encodes says what it encodes.
        """
        if each.kind is Kind.REMOVE:
            return False
        (found,) = self._connection.call(
            [
                {
                    "action": "query",
                    "expression": "select data from Job where data like "
                    f"{quoted(f'%{each.entity_id}%')}",
                }
            ]
        )
        return any(_encodes(job.get("data"), each.entity_id) for job in found["data"])

    def _note(self, stage: Stage, position: int, reason: str = "") -> None:
        append_step(self._batch.path, Step.now(stage, position, self._server, reason))


def remove_media(connection: Connection, component_id: str) -> None:
    """Remove the bytes of a component from the location of the server; none there is as well.

    Raises:
        ServerUnreachable: the request may not have arrived.
        ServerRefused: the server refuses.
    """
    server = connection.server
    try:
        with keyless_session() as session:
            response = session.get(
                f"{server.url}/component/remove",
                params={
                    "id": component_id,
                    "username": server.api_user,
                    "apiKey": server.api_key,
                },
                timeout=connection.timeout,
            )
    except requests.RequestException as error:
        raise failures.explain(server.url, error, timeout=connection.timeout) from error
    if response.ok or response.status_code in (404, 410):
        return
    why = f"HTTP status {response.status_code}"
    if response.status_code >= requests.codes.server_error:
        raise ServerUnreachable(f"cannot remove a file from {server.url}", why=why, url=server.url)
    raise ServerRefused("MediaError", why, what="the server refused to remove a file")


def _encodes(data: object, component_id: str) -> bool:
    try:
        document: Mapping[str, Any] = json.loads(data) if isinstance(data, str) else {}
        return document.get("source_component_id") == component_id
    except (ValueError, AttributeError):
        return False


def _waiting_in_words(number: int) -> str:
    return "one thing is" if number == 1 else f"{number} things are"
