"""Provenance: where a batch comes from, as its header tells."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterable, Sequence

from trackteroid_cli import settings
from trackteroid_cli.batches.batch import Header, created_now
from trackteroid_cli.batches.spool import new_id
from trackteroid_cli.version import __version__


def make_header(
    name: str,
    counts: dict[str, int],
    *,
    argv: Sequence[str],
    server: str = "",
    api_user: str = "",
    source: bytes = b"",
    secrets: Iterable[str] = (),
    replica: str = "",
    built_on: Sequence[str] = (),
) -> Header:
    """Return the header of a batch that is recorded now, by this user on this machine.

    Args:
        name: what to call the batch.
        counts: the number of operations of each kind.
        argv: the arguments of the program that made them.
        server: URL of the server that it was connected to; '' where it needed none.
        api_user: the user that it was there.
        source: its text, where there is one.
        secrets: API keys, which are blotted out of *argv*: a batch holds none.
        replica: offline, when what its author saw was pulled.
        built_on: offline, the batches that it goes on from.
    """
    for secret in secrets:
        if len(secret) > 3:
            argv = [text.replace(secret, "***") for text in argv]
    return Header(
        id=new_id(),
        name=name,
        created=created_now(),
        user=settings.user_name(),
        host=socket.gethostname(),
        argv=list(argv),
        script_digest=hashlib.sha256(source).hexdigest() if source else "",
        server=settings.normalise_url(server) if server else "",
        api_user=api_user,
        version=__version__,
        counts=counts,
        replica=replica,
        built_on=list(built_on),
    )
