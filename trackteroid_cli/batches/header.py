"""The header of a batch: where it came from."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from trackteroid_cli import moments, settings
from trackteroid_cli.batches.ids import new_id
from trackteroid_cli.masking import masked
from trackteroid_cli.version import __version__

#: The version of the layout. A file with a later one is refused, never guessed at.
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Header:
    """Where a batch came from.

    Attributes:
        id: sortable by the time of recording; see `ids.new_id`.
        name: what people call the batch.
        created: when it was recorded; UTC, ISO 8601.
        user, host: who recorded it, and where.
        argv: the arguments of the program.
        script_digest: SHA-256 of the script; '' where there was none.
        server: the URL that the session was connected to; '' where the file does not say.
        api_user: the user on the server.
        version: of this package.
        counts: the number of operations of each kind.
        replica: for a batch recorded offline, when the data that its author saw was pulled; in the
            form of *created*.
        built_on: for a batch recorded offline, the ids of the pending batches that created or
            changed what it mentions.
        uploads, follow_ups: the numbers of these.
        digest: SHA-256 of the operations, the uploads and the follow-ups, each with a line feed
            behind it; set when the file is written, '' in files of earlier versions.
        format: the version of the layout; 1 of a batch that has operations only.
    """

    id: str
    name: str
    created: str
    user: str = ""
    host: str = ""
    argv: list[str] = field(default_factory=list)
    script_digest: str = ""
    server: str = ""
    api_user: str = ""
    version: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    replica: str = ""
    built_on: list[str] = field(default_factory=list)
    uploads: int = 0
    follow_ups: int = 0
    digest: str = ""
    format: int = 1

    @property
    def totals(self) -> dict[str, int]:
        """The numbers of operations of each kind, and of uploads and follow-ups where there are."""
        besides = {"upload": self.uploads, "follow_up": self.follow_ups}
        return {**self.counts, **{kind: number for kind, number in besides.items() if number}}


def make_header(
    name: str,
    counts: dict[str, int],
    *,
    argv: Sequence[str],
    server: str = "",
    api_user: str = "",
    script_digest: str = "",
    secrets: Iterable[str] = (),
    replica: str = "",
    built_on: Sequence[str] = (),
    uploads: int = 0,
    follow_ups: int = 0,
    batch_id: str = "",
) -> Header:
    """Return the header of a batch recorded now, by this user on this machine.

    Args:
        name: what to call the batch.
        counts: the number of operations of each kind.
        argv: the arguments of the program that made them.
        server: URL of the server that it was connected to; '' if there was none.
        api_user: its user on that server.
        script_digest: as in `Header`.
        secrets: API keys to mask in *argv*, besides what is named like a secret there.
        replica, built_on, uploads, follow_ups: as in `Header`.
        batch_id: its id, which `Spool.new_id` gives to a batch of a spool; else one is made.
    """
    return Header(
        id=batch_id or new_id(),
        name=name,
        created=moments.now(),
        user=settings.user_name(),
        host=socket.gethostname(),
        argv=masked(argv, secrets),
        script_digest=script_digest,
        server=settings.normalise_url(server) if server else "",
        api_user=api_user,
        version=__version__,
        counts=counts,
        replica=replica,
        built_on=list(built_on),
        uploads=uploads,
        follow_ups=follow_ups,
    )
