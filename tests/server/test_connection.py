"""Servers that cannot be reached, do not answer, or answer something else: each is told apart."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable

import pytest

from tests.support.batches import Put, new_scope, states
from tests.support.command_line import CommandLine, refused
from tests.support.faults import Fault, FaultyProxy, is_write
from tests.support.servers import Server
from trackteroid_cli.batches.spool import Spool

LOST = "what the server already has is not sent twice"


@pytest.mark.parametrize(
    ("fault", "what", "why", "hint", "outcome"),
    [
        (Fault.DROP_AFTER, "did not answer", "", LOST, "unknown"),
        (Fault.RESET_AFTER, "did not answer", "reset", LOST, "unknown"),
        (Fault.DELAY_BEFORE, "did not answer", "no answer in 1 s", LOST, "unknown"),
        (Fault.DELAY_AFTER, "did not answer", "no answer in 1 s", LOST, "unknown"),
        (Fault.TRUNCATE, "did not answer", "", LOST, "unknown"),
        (Fault.BAD_GATEWAY_BEFORE, "cannot be read", "status 502", "try again later", "unknown"),
        (Fault.BAD_GATEWAY_AFTER, "cannot be read", "status 502", "try again later", "unknown"),
        (Fault.GARBAGE_AFTER, "cannot be read", "not ftrack's JSON", "try again", "unknown"),
        (Fault.BUSY, "wants fewer requests", "429", "a little later", None),
    ],
)
def test_each_fault_has_its_message_and_nothing_is_sent_twice(
    connected: CommandLine,
    make_proxy: Callable[..., FaultyProxy],
    server: Server,
    put: Put,
    spool: Spool,
    fault: Fault,
    what: str,
    why: str,
    hint: str,
    outcome: str | None,
) -> None:
    put(new_scope(1))
    faults = [fault]
    plan = lambda _, body: faults.pop() if faults and is_write(body) else Fault.NONE  # noqa: E731
    connected.environment["FTRACK_SERVER"] = make_proxy(plan, 2).url
    # Only a delay is to end by the time-out, however busy the machine is.
    timeout = "1" if fault in (Fault.DELAY_BEFORE, Fault.DELAY_AFTER) else "60"
    ran = connected("commit", "--retries", "0", "--timeout", timeout, "--json")
    (told,) = json.loads(ran.stdout)["batches"]
    assert (told["state"], told["outcome"]) == ("pending", outcome)
    refused(without_output(ran), 75, what=what, why=why, hint=hint)
    assert connected("commit").returncode == 0
    assert len(server.writes) == 1
    assert states(spool) == {"committed": ["publish"]}


def without_output(ran: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess(ran.args, ran.returncode, "", ran.stderr)


def test_a_name_that_does_not_resolve_and_a_port_without_tls_are_told_apart(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    put(new_scope(1))
    tls = server.url.replace("http:", "https:")
    nowhere = "http://no-such-host.invalid"
    for url, why in ((nowhere, ""), (tls, "SSL"), (f"http://127.0.0.1:{unused_port()}", "refused")):
        connected.environment["FTRACK_SERVER"] = url
        ran = connected("commit", "--retries", "0")
        refused(ran, 75, what=f"cannot reach {url}", why=why, hint="check the address")
    assert server.writes == []
    assert states(spool) == {"pending": ["publish"]}


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("status", [401, 403])
def test_a_gate_that_rejects_the_credentials_is_told_apart(
    connected: CommandLine,
    make_proxy: Callable[..., FaultyProxy],
    put: Put,
    spool: Spool,
    status: int,
) -> None:
    put(new_scope(1))
    fault = Fault.UNAUTHORIZED if status == 401 else Fault.FORBIDDEN
    connected.environment["FTRACK_SERVER"] = make_proxy(lambda *_: fault).url
    refused(connected("commit"), 77, what="rejects the credentials", hint="FTRACK_API_KEY")
    assert states(spool) == {"pending": ["publish"]}
