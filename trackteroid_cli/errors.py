"""Errors raised on purpose, and what a message may hold. Any other error is a defect of ours.

* TrackteroidError          something was foreseen to go wrong                    exit 1
  - UsageError              wrong arguments                                       exit 2
    . InvalidOperation      an operation cannot be read                           exit 2
    . NoRelation            nothing leads from one entity type to another         exit 2
      - NoAttribute         a collection has no such attribute                    exit 2
    . AmbiguousRelation     several ways lead there                               exit 2
    . CriterionNotSupported an entity type does not have the criterion            exit 2
    . InvalidCriterion      a criterion was given values that it cannot take      exit 2
    . EntityCollectionOperationError  collections do not fit one another          exit 2
  - NotFound                no such batch, file or entity                         exit 4
    . AmbiguousBatch        a prefix or name means several batches                exit 4
    . NotPulled             the replica does not hold it                          exit 4
  - NotConfigured           settings are missing                                  exit 78
    . ExtraMissing          an optional part is not installed                     exit 78
  - BatchError              a batch cannot be read or written                     exit 1
    . BatchUnreadable       the file is damaged, foreign, or of a newer version   exit 1
    . BatchBusy             another process works on the batch                    exit 75
    . BatchDiscarded        the batch was thrown away                             exit 1
    . BatchInState          the batch's state does not allow it                   exit 1
    . BatchTwice            two files in the spool have one id                    exit 1
    . BatchFault            a defect of ours keeps it from being sent             exit 1
    . CannotRevert          what the batch did is not fully known                 exit 1
    . StorageError          the disk refuses                                      exit 1
  - ReplicaError            a replica cannot be read                              exit 1
    . ReplicaNewer          a newer version has pulled it                         exit 1
    . ReplicaBusy           another process pulls                                 exit 75
    . PullInterrupted       the process was told to stop                          exit 75
  - CannotDefer             what was asked for cannot be recorded                 exit 1
    . CannotReadBack        a query cannot see what is recorded                   exit 1
  - ScriptError             a program to be recorded cannot be run                exit 1
  - CommitError             a batch did not land                                  exit 1
    . ServerMismatch        the batch was recorded against another server         exit 1
    . BatchChanged          it does not hold what was reviewed                    exit 1
    . ConflictFound         the server shows what neither author nor batch knows  exit 3
    . MediaChanged          a file to upload is not what was recorded             exit 3
    . FollowUpsWait         it landed; what follows is still to be done           exit 75
    . FollowUpFailed        it landed; not all that follows was done              exit 1
    . WaitsForBatch         it needs a batch that has not landed                  exit 1
    . Interrupted           the process was told to stop                          exit 75
  - ServerError             the server did not do what was asked                  exit 1
    . ServerRefused         it answered, and refused                              exit 1
    . InvalidExpression     it cannot read the query                              exit 2
    . ServerUnreachable     the request did not reach it                          exit 75
      - ServerBusy          it wants fewer requests                               exit 75
      - Offline             an offline session does not ask it                    exit 75
      - WrongAddress        nothing there can be asked until a person sees to it  exit 78
    . AnswerLost            the request was sent and no answer came               exit 75
      - WrongAnswer         what answers is not ftrack, or is out of bounds       exit 78
    . CredentialsRejected   it does not accept the user or the key                exit 77
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging


class ExitCode(IntEnum):
    """The exit statuses of the command line."""

    OK = 0, "done, also when there was nothing to do"
    FAILED = 1, "failed: the script raised, the server refused a batch"
    USAGE = 2, "wrong usage"
    CONFLICT = 3, "conflict: a batch was held back"
    NOT_FOUND = 4, "no such batch, file or entity"
    TRY_AGAIN = (
        75,
        "the server cannot be reached or its answer was lost; batches stay, try again later",
    )
    CREDENTIALS = 77, "the server rejects the credentials"
    NOT_CONFIGURED = 78, "not configured"

    meaning: str

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        """Make a member that knows what it means."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


def logger(name: str) -> logging.Logger:
    """Return the logger *name*, whose messages hold `visible` texts."""
    import logging

    found = logging.getLogger(name)
    found.addFilter(_make_visible)
    return found


def _make_visible(record: logging.LogRecord) -> bool:
    record.msg, record.args = visible(record.getMessage()), ()
    return True


#: The user and the password, or whatever stands in their place, before the host of a URL.
_CREDENTIALS = re.compile(r"(?<=//)(?:[^\s/?#\"']*|[^\s/@:]*:(?!\d+[/?#])[^\s@\"']*)@")


#: What a terminal obeys or nobody sees: control and format characters, without the two joiners that
#: scripts need; separators of lines and paragraphs; halves of characters.
#: Source: Unicode 15, general categories Cc, Cf, Cs, Zl, Zp.
UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e"
    r"\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)

_UNSEEN = re.compile(f"[{UNSEEN}]")


def visible(text: str) -> str:
    """Return *text* in one line, with escapes in place of what a terminal obeys or nobody sees."""
    if text.isprintable():
        return text
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def without_credentials(text: str) -> str:
    """Return *text* without the credentials in its URLs: ``https://***@studio.ftrackapp.com``."""
    return _CREDENTIALS.sub("***@", text) if "//" in text else text


def in_short(lines: Sequence[str], most: int = 3) -> str:
    """Return the first *most* of *lines* in one sentence, and how many more there are."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return "; ".join([*lines[:most], *more])


class TrackteroidError(Exception):
    """Base class: catch it to catch every error that we foresee.

    Its texts hold no credentials of URLs. As a text, it is one line that can be shown as it is.

    Args:
        what: what happened, in one line.
        why: the cause, as far as it is known.
        hint: what to do next.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        self.what, self.why, self.hint = map(without_credentials, (what, why, hint))
        super().__init__(visible(": ".join(part for part in (self.what, self.why) if part)))

    def as_json(self) -> dict[str, object]:
        """Return the error as ``--json`` shows it."""
        return {
            "what": self.what,
            "why": self.why,
            "next": self.hint,
            "exit": int(self.exit_code),
        }


class UsageError(TrackteroidError):
    """Arguments that make no sense."""

    exit_code = ExitCode.USAGE


class InvalidOperation(UsageError):
    """An operation cannot be read from its JSON form."""


class NoRelation(UsageError):
    """Nothing leads from one entity type to another, or to an attribute."""


class NoAttribute(NoRelation, AttributeError):
    """A collection has no attribute of that name; ``hasattr`` and ``getattr`` understand it."""


class AmbiguousRelation(UsageError):
    """Several ways lead from one entity type to another, and none is the obvious one."""


class CriterionNotSupported(UsageError):
    """An entity type does not have the criterion."""


class InvalidCriterion(UsageError):
    """A criterion was given values that it cannot take."""


class EntityCollectionOperationError(UsageError):
    """Collections do not fit the operation, or one another: those of two sessions, for one."""


class NotFound(TrackteroidError):
    """There is no such batch, file or entity."""

    exit_code = ExitCode.NOT_FOUND


class AmbiguousBatch(NotFound):
    """A prefix or a name means several batches."""


class NotPulled(NotFound):
    """A replica does not hold what is asked for; the hint names the pull that makes it hold it."""


class NotConfigured(TrackteroidError):
    """Settings that the command needs are missing."""

    exit_code = ExitCode.NOT_CONFIGURED


class ExtraMissing(NotConfigured):
    """An optional part of the package is not installed."""

    def __init__(self, extra: str, *, needed_for: str, missing: str) -> None:
        super().__init__(
            f"{needed_for} needs an optional part of trackteroid",
            why=f"the Python package {missing!r} is not installed",
            hint=f"install it with: pip install 'trackteroid-cli[{extra}]'",
        )


class BatchError(TrackteroidError):
    """A batch cannot be read or written."""


class BatchUnreadable(BatchError):
    """A file is damaged, is not a batch, or was written by a newer version."""


class BatchBusy(BatchError):
    """Another process works on the batch."""

    exit_code = ExitCode.TRY_AGAIN


class BatchDiscarded(BatchError):
    """The batch was thrown away, and must not be sent."""

    def __init__(self, batch_id: str, name: str) -> None:
        super().__init__(
            f"batch {batch_id} ({name}) is discarded",
            why="somebody threw it away, so it is not sent",
            hint=f"`trackteroid discard --restore {batch_id}` brings it back; then commit it",
        )


class BatchInState(BatchError):
    """A batch's state does not allow the operation."""


class BatchTwice(BatchError):
    """Several files in the spool have one id, so that it is not known which of them is meant."""

    def __init__(self, batch_id: str, name: str, files: Sequence[Any]) -> None:
        super().__init__(
            f"batch {batch_id} ({name}) is there {len(files)} times",
            why="these files have the same id: " + ", ".join(map(str, files)),
            hint="nothing was done with any of them; see what they hold with `trackteroid inspect "
            "FILE`, keep one, and move the others out of the spool",
        )


class BatchFault(BatchError):
    """An error that nobody foresaw kept one batch from being sent; others go on.

    Args:
        batch: what it is called.
        error: what was raised.
    """

    def __init__(self, batch: str, error: Exception) -> None:
        super().__init__(
            f"{batch} could not be handled",
            why=f"{type(error).__name__}: {error}",
            hint="this is a defect of trackteroid: please report it, with the batch if it may be "
            "shown; the batch waits, and the next commit finds out what the server has of it",
        )


class CannotRevert(BatchError):
    """What a batch did is not fully known, so it cannot be undone whole."""


class StorageError(BatchError):
    """The disk refuses: full, read-only, or not permitted."""


class ReplicaError(TrackteroidError):
    """A replica cannot be read."""


class ReplicaNewer(ReplicaError):
    """A replica is of a newer version than this one can read."""


class ReplicaBusy(ReplicaError):
    """Another process pulls into the same replica."""

    exit_code = ExitCode.TRY_AGAIN


class PullInterrupted(ReplicaError):
    """The process was told to stop; what was pulled is kept for the next one."""

    exit_code = ExitCode.TRY_AGAIN

    def __init__(self) -> None:
        super().__init__(
            "the pull was interrupted",
            why="the process was told to stop",
            hint="run the same command again: it goes on where it stopped; until then the former "
            "replica, if there is one, stays in use",
        )


class CannotDefer(TrackteroidError):
    """What was asked for changes the server at once, and cannot be recorded."""

    #: The line of the script that asked for it, once it is known.
    line = ""


class CannotReadBack(CannotDefer):
    """A query would have to see what the recording has committed, and cannot be answered so."""


class ScriptError(TrackteroidError):
    """A program to be recorded cannot be run."""


class CommitError(TrackteroidError):
    """A batch did not land."""


class ServerMismatch(CommitError):
    """The batch was recorded against another server."""


class BatchChanged(CommitError):
    """The operations of a batch are not those of the digest that was given.

    Args:
        digest: of the operations that the file holds; '' if it does not say.
    """

    def __init__(self, batch_id: str, name: str, digest: str) -> None:
        super().__init__(
            f"batch {batch_id} ({name}) is not the one that was reviewed",
            why=f"its digest is {digest}" if digest else "the file is older, and has no digest",
            hint=f"look at it again: `trackteroid inspect {batch_id}`",
        )


class ConflictFound(CommitError):
    """The server shows neither what the author saw nor what the batch wants.

    Args:
        conflicts: of the class `replay.conflicts.Conflict`.
        why: the same in a few words.
        lines: the same whole, a line for each.
    """

    exit_code = ExitCode.CONFLICT

    def __init__(
        self,
        batch_id: str,
        name: str,
        conflicts: Sequence[Any],
        why: str,
        lines: Sequence[str] = (),
    ) -> None:
        super().__init__(
            f"batch {batch_id} ({name}) is held back",
            why=why,
            hint=f"look at it with `trackteroid inspect {batch_id} --check`; then commit it with "
            "--on-conflict skip or overwrite, or discard it",
        )
        self.conflicts = conflicts
        self.lines = lines


class MediaChanged(CommitError):
    """What a batch is to upload is not what was recorded.

    Args:
        lines: a line for each file.
    """

    exit_code = ExitCode.CONFLICT

    def __init__(self, batch_id: str, name: str, lines: Sequence[str]) -> None:
        super().__init__(
            f"batch {batch_id} ({name}) is held back",
            why=in_short(lines),
            hint="nothing was sent; put the files back as they were and commit again, or discard "
            "the batch and record it anew",
        )
        self.lines = lines


class FollowUpsWait(CommitError):
    """A batch landed, but not all that it asks for afterwards was done.

    Args:
        waiting: what is still to be done, such as "2 things are".
        status: of what keeps it, where that needs a person.
    """

    exit_code = ExitCode.TRY_AGAIN

    def __init__(
        self,
        batch_id: str,
        name: str,
        waiting: str,
        why: str,
        status: ExitCode = ExitCode.TRY_AGAIN,
    ) -> None:
        self.exit_code = status
        super().__init__(
            f"batch {batch_id} ({name}) has landed, but {waiting} still to be done",
            why=why,
            hint="run the same command again: it goes on from there",
        )


class FollowUpFailed(CommitError):
    """A batch landed, but the server refused something that it asks for afterwards."""

    def __init__(self, batch_id: str, name: str, why: str) -> None:
        super().__init__(
            f"batch {batch_id} ({name}) has landed, but not all that it asks for was done",
            why=why,
            hint="do by hand what is missing; the batch itself is complete",
        )


class WaitsForBatch(CommitError):
    """A batch needs an earlier one that has not landed."""

    def __init__(self, batch_id: str, name: str, *, behind: str, why: str, hint: str = "") -> None:
        super().__init__(
            f"batch {batch_id} ({name}) waits behind {behind}",
            why=why,
            hint=hint or f"see to {behind} first: `trackteroid inspect {behind}`",
        )


class Interrupted(CommitError):
    """The process was told to stop; what it had begun is settled, the rest was not tried."""

    exit_code = ExitCode.TRY_AGAIN

    def __init__(self) -> None:
        super().__init__(
            "the commit was interrupted",
            why="the process was told to stop",
            hint="run the same command again; batches that were not tried wait",
        )


class ServerError(TrackteroidError):
    """The server did not do what was asked."""


class ServerRefused(ServerError):
    """The server answered, and refused.

    Args:
        kind: ftrack's name for the error, such as ``ValidationError``.
        content: ftrack's own words.
    """

    def __init__(self, kind: str, content: str, *, what: str = "the server refused the request"):
        super().__init__(
            what,
            why=f"{kind}: {content}",
            hint="the server changed nothing; correct what it names and try again",
        )
        self.kind = kind
        self.content = content


class InvalidExpression(ServerError):
    """The server cannot read a query expression."""

    exit_code = ExitCode.USAGE

    def __init__(self, content: str) -> None:
        super().__init__(
            "the query cannot be read",
            why=content,
            hint="correct the expression; an example: "
            "trackteroid query \"Shot where name like 'sh%'\"",
        )


class ServerUnreachable(ServerError):
    """A request did not reach the server.

    Args:
        url: of the server; '' where the network is not at fault.
    """

    exit_code = ExitCode.TRY_AGAIN

    def __init__(self, what: str, *, why: str = "", hint: str = "", url: str = "") -> None:
        super().__init__(what, why=why, hint=hint)
        self.url = url


class ServerBusy(ServerUnreachable):
    """The server did not carry out a request, because it gets too many.

    Args:
        retry_after: seconds to wait, if the server says so.
    """

    def __init__(self, url: str, *, retry_after: float | None) -> None:
        super().__init__(
            f"{url} wants fewer requests",
            why="it answered 429, too many requests",
            hint="run the same command again a little later",
        )
        self.retry_after = retry_after


class Offline(ServerUnreachable):
    """What was asked for needs the server, which an offline session does not ask."""

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(
            what,
            why=why or "the session is offline: it asks the replica, and no server",
            hint=hint
            or "do it when the server can be reached, without --offline and TRACKTEROID_OFFLINE",
        )


class WrongAddress(ServerUnreachable):
    """No request can reach the server until a person corrects something.

    Its name does not resolve, its certificate is not trusted, a proxy refuses: trying again does
    not help.
    """

    exit_code = ExitCode.NOT_CONFIGURED


class AnswerLost(ServerError):
    """A request was sent and no answer came: it may or may not have been carried out."""

    exit_code = ExitCode.TRY_AGAIN


class WrongAnswer(AnswerLost):
    """What came back is not an answer of ftrack, and trying again does not help.

    It leads somewhere else, is a page, has no end, or has not the form of an answer. Whether the
    request was carried out is not known, as of any answer that is lost.
    """

    exit_code = ExitCode.NOT_CONFIGURED


class CredentialsRejected(ServerError):
    """The server does not accept the user or the API key."""

    exit_code = ExitCode.CREDENTIALS


def cause(error: BaseException) -> str:
    """Return why *error* happened, in the system's or the library's own words."""
    return getattr(error, "strerror", None) or getattr(error, "why", "") or str(error)


def close_names(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Return the names of *known* that *name* was probably meant to be, the closest first."""
    import difflib

    by_folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=most)
    return [by_folded[each] for each in close]
