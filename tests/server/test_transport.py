"""A key goes to its server and nowhere else, and no answer takes for ever or all of the memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import ftrack_api.exception
import pytest
import requests

from tests.support.batches import Put, new_scope, states
from tests.support.command_line import CommandLine
from tests.support.strangers import Reply, answering, saying, stranger
from trackteroid_cli import settings
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.errors import AnswerLost, NotConfigured, WrongAnswer
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.session.session import Session

KEY = "5ec2e7-0f-this-server"

REDIRECTS = (
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent",
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def server_at(url: str) -> settings.Server:
    return settings.Server(url, "ada", KEY)


@pytest.mark.parametrize("status", REDIRECTS)
def test_no_kind_of_redirect_is_followed(status: str) -> None:
    with (
        stranger(answering("200 OK", body=b"[{}]")) as thief,
        stranger(answering(f"{status} Elsewhere", f"Location: {thief.url}/api")) as server,
        Connection(server_at(server.url)) as connection,
    ):
        with pytest.raises(WrongAnswer, match="wants the request to go to"):
            connection.call([{"action": "query_server_information"}])
        assert thief.seen == []


@pytest.mark.parametrize(
    "goal", ["", "/login", "//[", "\u00e9", "javascript:x", "http://[::1", "http://x/$(touch y)"]
)
def test_a_redirect_to_nowhere_is_told_too(goal: str) -> None:
    with (
        stranger(answering("302 Found", f"Location: {goal}")) as server,
        Connection(server_at(server.url)) as connection,
        pytest.raises(WrongAnswer, match="wants the request to go to"),
    ):
        connection.call([{"action": "query_server_information"}])


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "Shot"),
        ("commit", "--retries", "0"),
        ("replica", "pull", "--all-projects", "--retries", "0"),
        ("record", "-c", "import ftrack_api; ftrack_api.Session()"),
        ("doctor",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_redirect_is_never_followed_and_is_told_with_where_it_leads(
    trackteroid: CommandLine, put: Put, spool: Spool, arguments: tuple[str, ...]
) -> None:
    put(new_scope(1))
    with stranger(answering("200 OK", body=b"[{}]")) as thief:
        goal = f"Location: http://ada:pw@{thief.address}/api?ticket=t0p-5ecret"
        with stranger(answering("307 Temporary Redirect", goal)) as server:
            trackteroid.environment = {
                "FTRACK_SERVER": server.url,
                "FTRACK_API_KEY": KEY,
                "FTRACK_API_USER": "ada",
            }
            ran = trackteroid(*arguments)
        assert thief.seen == []
        assert KEY in server.seen[0]
    told = ran.stdout + ran.stderr
    assert f"wants the request to go to {thief.url}/api" in told
    assert "t0p-5ecret" not in told
    assert "pw@" not in told
    assert f"FTRACK_SERVER={thief.url}" in told
    if arguments[0] != "record":  # which has the exit status of the script
        assert ran.returncode == 78, told
        assert "Traceback" not in told
    assert states(spool) == {"pending": ["publish"]}


def test_a_session_of_our_own_keeps_its_key_from_where_it_is_redirected(tmp_path: Path) -> None:
    with (
        stranger(answering("200 OK", body=b"[{}]")) as thief,
        stranger(answering("308 Elsewhere", f"Location: {thief.url}/api")) as server,
    ):
        with pytest.raises(WrongAnswer) as caught:
            Session(server.url, KEY, "ada", schema_cache_path=str(tmp_path))
        assert isinstance(caught.value, ftrack_api.exception.ServerError)
        assert thief.seen == []


def test_the_event_hub_keeps_its_key_from_where_it_is_redirected(session: Session) -> None:
    hub = session.event_hub
    with (
        stranger(answering("200 OK", body=b"id:60:60:websocket")) as thief,
        stranger(answering("302 Elsewhere", f"Location: {thief.url}/x")) as server,
    ):
        hub.server = hub.server._replace(port=int(server.address.split(":")[1]))
        with pytest.raises(ftrack_api.exception.EventHubConnectionError, match="to go to"):
            hub.connect()
        assert len(server.seen) == 1
        assert thief.seen == []


def test_a_redirect_of_a_commit_leaves_its_outcome_to_be_found_out(
    connected: CommandLine, put: Put, spool: Spool
) -> None:
    entry = put(new_scope(1))
    with stranger(answering("307 Away", "Location: http://127.0.0.1:9/api")) as server:
        ran = connected("commit", "--retries", "2", FTRACK_SERVER=server.url)
    assert ran.returncode == 78
    assert len(server.seen) == 1  # not tried again: nothing will have changed
    with Batch(entry.path) as batch:
        assert not batch.journal().landed
    assert connected("commit").returncode == 0
    assert states(spool) == {"committed": ["publish"]}


# -- bounds ----------------------------------------------------------------------------------------


def endless(part: bytes, pause: float = 0.0) -> Callable[[int], bytes]:
    def more(_: int) -> bytes:
        time.sleep(pause)
        return part

    return more


TRICKLES = {
    "body": saying(HEAD + b"Content-Length: 999999\r\n\r\n[", endless(b" ", 0.02)),
    "chunks": saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", endless(b"1\r\n \r\n", 0.02)),
    "no length": saying(HEAD + b"Connection: close\r\n\r\n[", endless(b" ", 0.02)),
    "head": saying(HEAD, endless(b"x", 0.02)),
    "continue": saying(b"", endless(b"HTTP/1.1 100 Continue\r\n\r\n", 0.02)),
    "line": saying(b"H", endless(b"T", 0.02)),
}


@pytest.mark.parametrize("reply", TRICKLES.values(), ids=TRICKLES)
def test_an_answer_that_never_ends_is_given_up_when_its_time_is_over(
    reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.ANSWER_SECONDS, "0.3")
    with (
        stranger(reply) as server,
        Connection(server_at(server.url)) as connection,
        pytest.raises(AnswerLost, match=r"0\.3 s") as caught,
    ):
        connection.call([{"action": "query_server_information"}])
    assert int(caught.value.exit_code) == 75
    assert settings.ANSWER_SECONDS in caught.value.hint


def test_the_time_of_an_answer_goes_with_the_time_out_where_no_setting_says() -> None:
    with (
        stranger(TRICKLES["body"]) as server,
        Connection(server_at(server.url), timeout=0.05) as connection,
        pytest.raises(AnswerLost, match=r"no whole answer in 0\.5 s"),
    ):
        connection.call([{"action": "query_server_information"}])


def zipped(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body) + packer.flush()


#: Few bytes that are many once they are decompressed.
BOMB = zipped(b"[" + b" " * 50_000_000)


HUGE = {
    "endless body": saying(HEAD + b"Connection: close\r\n\r\n[", endless(b" " * 65536)),
    "endless chunks": saying(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", endless(b"1000\r\n" + b" " * 4096 + b"\r\n")
    ),
    "endless continue": saying(b"", endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 500)),
    "length": saying(HEAD + b"Content-Length: 99999999999\r\n\r\n[", endless(b" " * 65536)),
    "gzip": answering("200 OK", "Content-Encoding: gzip", body=BOMB),
    "gzip of nothing": saying(
        HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
        endless(b"\x00\x00\x00\xff\xff" * 10_000),
    ),
}


@pytest.mark.parametrize("reply", HUGE.values(), ids=HUGE)
def test_an_answer_that_is_too_large_is_given_up(
    reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.ANSWER_MEGABYTES, "0.5")
    with (
        stranger(reply) as server,
        Connection(server_at(server.url)) as connection,
        pytest.raises(WrongAnswer, match="too large") as caught,
    ):
        connection.call([{"action": "query_server_information"}])
    assert int(caught.value.exit_code) == 78
    assert settings.ANSWER_MEGABYTES in caught.value.hint


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "nonsense"])
def test_an_answer_is_not_decompressed_in_a_way_that_was_not_asked_for(encoding: str) -> None:
    reply = answering("200 OK", f"Content-Encoding: {encoding}", body=b"[{}]")
    with (
        stranger(reply) as server,
        Connection(server_at(server.url)) as connection,
        pytest.raises(WrongAnswer, match="not asked for"),
    ):
        connection.call([{"action": "query_server_information"}])


def test_a_session_of_our_own_has_the_same_bounds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for reply, name, error in (
        (TRICKLES["body"], settings.ANSWER_SECONDS, requests.ReadTimeout),
        (HUGE["gzip"], settings.ANSWER_MEGABYTES, WrongAnswer),
    ):
        monkeypatch.setenv(name, "0.3")
        with stranger(reply) as server, pytest.raises(error):
            Session(server.url, KEY, "ada", schema_cache_path=str(tmp_path))


def test_an_answer_within_bounds_is_read_however_it_is_packed() -> None:
    body = b'[{"version": "4.13.0", "note": "' + b"x" * 100_000 + b'"}]'
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (body[:7], body[7:]))
    for reply in (
        answering("200 OK", body=body),
        answering("200 OK", "Content-Encoding: gzip", body=zipped(body)),
        answering("200 OK", "Content-Encoding: deflate", body=zlib.compress(body)),
        saying(HEAD + b"Connection: close\r\n\r\n" + body, lambda _: b""),
        saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", lambda _: b""),
    ):
        with stranger(reply) as server, Connection(server_at(server.url)) as connection:
            assert connection.server_information()["version"] == "4.13.0"


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_a_bomb_takes_little_memory() -> None:
    with stranger(answering("200 OK", "Content-Encoding: gzip", body=BOMB)) as server:
        script = (
            "import resource, sys\n"
            "from trackteroid_cli.server.connection import Connection\n"
            "from trackteroid_cli.settings import Server\n"
            "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
            "before = peak()\n"
            "try: Connection(Server(sys.argv[1], 'ada', 'k')).server_information()\n"
            "except Exception as error: print(type(error).__name__)\n"
            "print(peak() - before < 30)\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", script, server.url],
            env={**os.environ, settings.ANSWER_MEGABYTES: "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.stdout.split() == ["WrongAnswer", "True"], ran.stderr


@pytest.mark.parametrize("name", [settings.ANSWER_SECONDS, settings.ANSWER_MEGABYTES])
@pytest.mark.parametrize("value", ["0", "-1", "soon", "inf", "nan"])
def test_bounds_that_make_no_sense_are_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(NotConfigured, match=name):
        settings.answer_bounds()
