"""Requests: actions of a raw ``session.call`` that can wait, kept with a recording.

Source: ``ftrack_api/session.py``, ``encode_media`` and ``send_user_invites``, for the form of an
entry and of its answer.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping
from typing import NamedTuple

from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, Kind, read_follow_up
from trackteroid_cli.batches.operations import Identity
from trackteroid_cli.batches.recordings.recording import Recording
from trackteroid_cli.errors import CannotDefer, CannotReadBack

#: Requests that are answered with a job.
_WITH_JOB = "encode_media"

#: The types of the entities that requests are for.
_TYPES = {"send_review_session_invite": "ReviewSessionInvitee", "send_user_invite": "User"}
_COMPONENT = "FileComponent"

#: How a client asks whether a job is there. Source: ``ftrack_api/session.py``, ``get``.
_THE_JOB = re.compile(
    r'(?:select id from )?Job where \(id is "([\w-]+)"\)(?:\s+(?:offset|limit)\s+\d+)*\s*'
)

#: What in a query leads to jobs, and the texts in it, which do not.
_JOBS = re.compile(r"\b(Job|JobComponent|jobs?|job_components)\b")
_TEXTS = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')


class KeptRequest(NamedTuple):
    """A request that is kept.

    Attributes:
        job_id: of the job that it is answered with, which only the recording knows; '' of none.
    """

    follow_up: FollowUp
    job_id: str

    @property
    def answer(self) -> dict[str, object]:
        """What the server would answer now."""
        action = self.follow_up.data["action"]
        return {"action": action, **({"job_id": self.job_id} if self.job_id else {"sent": True})}


def read_request(entry: Mapping[str, object]) -> KeptRequest:
    """Return the request that an *entry* of a raw call is, in JSON form.

    Raises:
        CannotDefer: the entry is not one that a server would take.
    """
    follow_up = FollowUp(Kind.REQUEST, entry)
    try:
        read_follow_up(follow_up.to_json())
    except ValueError as error:
        raise CannotDefer(
            f"cannot record the action {entry['action']!r} of a raw call",
            why=str(error),
            hint="correct the entry; a server would refuse it too",
        ) from error
    return KeptRequest(follow_up, str(uuid.uuid4()) if entry["action"] == _WITH_JOB else "")


def mention_enclosed(recording: Recording) -> None:
    """Note that *recording* mentions the entities of its uploads and follow-ups."""
    for upload in recording.file.enclosed.uploads(recording.server):
        recording.mention(Identity(_COMPONENT, (upload.component_id,)))
    for follow_up in recording.file.enclosed.follow_ups(recording.server):
        if follow_up.kind is not Kind.PUBLISH:
            entity_type = _TYPES.get(str(follow_up.data.get("action")), _COMPONENT)
            recording.mention(Identity(entity_type, (follow_up.entity_id,)))


def asked_for_job(expression: str, jobs: Collection[str]) -> str:
    """Return the id of the one of *jobs* that a query asks for, and for no more than its id; ''."""
    found = _THE_JOB.fullmatch(expression)
    return found[1] if found and found[1] in jobs else ""


def check_query(expression: str, jobs: Collection[str]) -> None:
    """Check that a query needs no job of a kept request to be answered.

    Args:
        jobs: their ids.

    Raises:
        CannotReadBack: it does.
    """
    if any(job in expression for job in jobs) or _JOBS.search(_TEXTS.sub("", expression)):
        raise CannotReadBack(
            "cannot ask for jobs after media was encoded",
            why="the server begins that job when the batch is committed, and gives it another id; "
            "until then it waits",
            hint="do not wait for the job in what is recorded; look at it after the commit",
        )
