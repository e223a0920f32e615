"""The policy of a commit: what to do about conflicts, other servers, large batches and outages."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from trackteroid_cli.replay.delivery.upload_policy import UploadPolicy
from trackteroid_cli.server.retry import RetryPolicy


class OnConflict(str, Enum):
    """What to do where the server shows neither what the author saw nor what the batch wants."""

    STOP = "stop"  #: hold the whole batch back
    SKIP = "skip"  #: send the rest
    OVERWRITE = "overwrite"  #: send all the same


@dataclass(frozen=True, slots=True)
class Policy:
    """How to replay batches.

    Attributes:
        on_conflict: what to do about conflicts.
        server_changed: whether a batch may go to another server than it was recorded against.
        passing_over: whether to leave a batch of the spool for another server alone, in place of
            the error that it is.
        chunk_size: how many operations a request may have; 0 for all in one.
        digest: how the digest of the operations has to begin; '' for any.
        retry: how often to try again, and when to stop.
        uploads: how to upload files.
    """

    on_conflict: OnConflict = OnConflict.STOP
    server_changed: bool = False
    passing_over: bool = False
    chunk_size: int = 0
    digest: str = ""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    uploads: UploadPolicy = field(default_factory=UploadPolicy)
