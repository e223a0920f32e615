"""Servers that cannot be reached, do not answer, or answer something else: each is told apart."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
from collections.abc import Callable

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from tests.support.batches import Put, new_scope, states
from tests.support.command_line import CommandLine, refused
from tests.support.faults import Fault, FaultyProxy, is_write
from tests.support.servers import Server
from tests.support.strangers import SELF_SIGNED, answering, saying, stranger
from trackteroid_cli import settings
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.errors import (
    AnswerLost,
    ServerError,
    ServerUnreachable,
    WrongAddress,
    WrongAnswer,
)
from trackteroid_cli.server import failures
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.transport import NotSent

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


def test_what_passes_by_itself_is_told_apart_from_what_needs_a_person(
    connected: CommandLine, server: Server, put: Put, spool: Spool
) -> None:
    put(new_scope(1))
    tls = server.url.replace("http:", "https:")
    nobody = f"http://127.0.0.1:{unused_port()}"
    for url, status, why, hint in (
        (nobody, 75, "refused", "check the address"),
        ("http://no-such-host.invalid", 78, "", "correct FTRACK_SERVER"),
        (f"http://{'a' * 64}.example", 78, "not the address of a server", "correct FTRACK_SERVER"),
        ("http://studio:port", 78, "not the address of a server", "correct FTRACK_SERVER"),
        (tls, 78, "SSL", "may need http://"),
    ):
        ran = connected("commit", "--retries", "0", FTRACK_SERVER=url)
        refused(ran, status, what=f"cannot reach {url}", why=why, hint=hint)
    assert server.writes == []
    assert states(spool) == {"pending": ["publish"]}


def test_names_that_cannot_be_resolved_for_a_while_pass_by_themselves() -> None:
    for number, kind in (
        (socket.EAI_AGAIN, ServerUnreachable),
        (socket.EAI_FAIL, ServerUnreachable),
        (socket.EAI_NONAME, WrongAddress),
    ):
        try:
            raise NewConnectionError(None, "no") from socket.gaierror(number, "no")  # type: ignore[arg-type]
        except NewConnectionError as error:
            found = MaxRetryError(None, "/api", error)  # type: ignore[arg-type]
        told = failures.explain("http://x", NotSent(requests.ConnectionError(found)))
        assert type(told) is kind


def test_a_certificate_that_nobody_trusts_needs_a_person(
    connected: CommandLine, put: Put, spool: Spool
) -> None:
    put(new_scope(1))
    with stranger(answering("200 OK", body=b"[{}]"), tls=True) as server:
        ran = connected("commit", "--retries", "3", FTRACK_SERVER=server.url)
        refused(ran, 78, what="cannot reach", why="self", hint="REQUESTS_CA_BUNDLE")
        assert server.seen == []
        trusting = {"FTRACK_SERVER": server.url, "REQUESTS_CA_BUNDLE": str(SELF_SIGNED)}
        assert connected("doctor", **trusting).stdout.count("answers, in") == 1
        assert len(server.seen) == 1
    assert states(spool) == {"pending": ["publish"]}


@pytest.mark.parametrize("at", ["hello", "request"])
def test_a_secured_connection_that_breaks_passes_by_itself(
    at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(SELF_SIGNED))

    def leave(connection: socket.socket) -> None:
        if at == "hello":
            connection.recv(1)  # the client has begun to speak
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with stranger(leave, tls=True, early=leave if at == "hello" else None) as server:
        connection = Connection(settings.Server(server.url, "ada", "key"))
        kind = ServerUnreachable if at == "hello" else AnswerLost
        with connection, pytest.raises(kind) as caught:
            connection.call([{"action": "query_server_information"}])
    assert type(caught.value) is kind
    assert int(caught.value.exit_code) == 75


def test_a_secured_answer_that_is_garbled_leaves_the_outcome_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What left may have been carried out, whatever the library calls its error."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(SELF_SIGNED))

    def garble(connection: socket.socket) -> None:
        raw = socket.socket(fileno=connection.detach())
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        raw.close()

    with stranger(garble, tls=True) as server:
        connection = Connection(settings.Server(server.url, "ada", "key"))
        with connection, pytest.raises(AnswerLost):
            connection.call([{"action": "query_server_information"}])
        assert len(server.seen) == 1


PAGE = b"<!DOCTYPE html><html><body>Welcome</body></html>"


@pytest.mark.parametrize(
    ("status", "body", "code", "hint"),
    [
        ("200 OK", PAGE, 78, "open it in a browser"),
        ("200 OK", b"", 78, "open it in a browser"),
        ("204 No Content", b"", 78, "correct FTRACK_SERVER"),
        ("200 OK", b"{}", 78, "correct FTRACK_SERVER"),
        ("200 OK", b'"hello"', 78, "correct FTRACK_SERVER"),
        ("200 OK", b'[{"data": ', 75, "run the same command again"),
        ("400 Bad Request", PAGE, 78, "correct FTRACK_SERVER"),
        ("401 Unauthorized", PAGE, 78, "a login of its own"),
        ("403 Forbidden", PAGE, 78, "firewall"),
        ("403 Forbidden", b'{"detail": "no"}', 77, "FTRACK_API_KEY"),
        ("404 Not Found", PAGE, 78, "correct FTRACK_SERVER"),
        ("404 Not Found", b'{"detail": "Not Found"}', 78, "correct FTRACK_SERVER"),
        ("404 Not Found", b"[]", 78, "correct FTRACK_SERVER"),
        ("405 Method Not Allowed", b"no", 78, "correct FTRACK_SERVER"),
        ("407 Proxy Authentication Required", PAGE, 78, "of the proxy"),
        ("408 Request Timeout", b"slow", 75, "try again later"),
        ("429 Too Many Requests", PAGE, 75, "a little later"),
        ("500 Internal Server Error", PAGE, 75, "try again later"),
        ("500 Internal Server Error", b"[]", 75, "try again later"),
        ("502 Bad Gateway", PAGE, 75, "try again later"),
        ("503 Service Unavailable", b"{}", 75, "try again later"),
        ("504 Gateway Timeout", b"", 75, "try again later"),
    ],
)
def test_a_page_in_place_of_an_answer_is_told_by_what_to_do(
    status: str, body: bytes, code: int, hint: str
) -> None:
    with (
        stranger(answering(status, body=body)) as server,
        Connection(settings.Server(server.url, "ada", "key")) as connection,
        pytest.raises(ServerError) as caught,
    ):
        connection.call([{"action": "query_server_information"}])
    assert int(caught.value.exit_code) == code, caught.value
    assert hint in caught.value.hint


def test_what_does_not_speak_http_needs_a_person() -> None:
    with (
        stranger(saying(b"\x15\x03\x01\x00\x02\x02\x50", lambda _: b"")) as server,
        Connection(settings.Server(server.url, "ada", "key")) as connection,
        pytest.raises(WrongAnswer, match="does not speak http") as caught,
    ):
        connection.call([{"action": "query_server_information"}])
    assert "https://" in caught.value.hint


def test_a_page_during_a_commit_is_neither_a_landing_nor_tried_again_at_once(
    connected: CommandLine,
    make_proxy: Callable[..., FaultyProxy],
    server: Server,
    put: Put,
    spool: Spool,
) -> None:
    put(new_scope(1))
    proxy = make_proxy(lambda _, body: Fault.GARBAGE_AFTER if is_write(body) else Fault.NONE)
    ran = connected("commit", "--retries", "3", "--json", FTRACK_SERVER=proxy.url)
    (told,) = json.loads(ran.stdout)["batches"]
    assert (told["state"], told["outcome"]) == ("pending", "unknown")
    refused(without_output(ran), 78, what="cannot be read", hint="open it in a browser")
    assert connected("commit").returncode == 0
    assert len(server.writes) == 1
    assert states(spool) == {"committed": ["publish"]}


PROXY = "http://ada:pr0xy-pw@127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("scheme", "status", "code", "hint"),
    [
        ("http", "407 Proxy Authentication Required", 78, "of the proxy"),
        ("http", "403 Forbidden", 78, "firewall"),
        ("http", "502 Bad Gateway", 75, "try again later"),
        ("https", "407 Proxy Authentication Required", 78, "the proxy refuses"),
        ("https", "403 Forbidden", 78, "the proxy refuses"),
        ("https", "503 Service Unavailable", 75, "run the same command again"),
    ],
)
def test_a_proxy_is_named_wherever_one_is_set(
    connected: CommandLine, scheme: str, status: str, code: int, hint: str
) -> None:
    with stranger(answering(status, body=PAGE)) as proxy:
        address = PROXY.format(port=proxy.address.split(":")[1])
        ran = connected(
            "query",
            "Shot",
            FTRACK_SERVER=f"{scheme}://studio.invalid",
            **{f"{scheme}_proxy": address, "no_proxy": ""},
        )
    refused(ran, code, what="studio.invalid", why=f"through the proxy {proxy.url}", hint=hint)
    assert "pr0xy-pw" not in ran.stderr


@pytest.mark.parametrize(
    ("proxy", "code", "hint"),
    [
        ("http://127.0.0.1:{port}", 75, "run the same command again"),
        ("127.0.0.1:{port}", 75, "run the same command again"),
        ("http://no-such-proxy.invalid:3128", 78, "the address of the proxy"),
        ("http://[", 78, "the address of the proxy"),
        ("nonsense://x:1", 78, "the address of the proxy"),
    ],
)
def test_a_proxy_that_cannot_be_reached_is_not_taken_for_the_server(
    connected: CommandLine, proxy: str, code: int, hint: str
) -> None:
    address = proxy.format(port=unused_port())
    ran = connected(
        "query", "Shot", FTRACK_SERVER="http://studio.invalid", http_proxy=address, no_proxy=""
    )
    refused(ran, code, what="studio.invalid", why="through the proxy", hint=hint)


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
