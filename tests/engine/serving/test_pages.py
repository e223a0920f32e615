"""Programs and pages of this machine may ask a server on it; pages of other servers may not."""

from __future__ import annotations

import http.client
import json
from contextlib import closing

import pytest

from tests.support.servers import Server
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

CREDENTIALS = (("ftrack-user", SANDBOX_USER), ("ftrack-api-key", SANDBOX_KEY))


def ask(
    server: Server, *headers: tuple[str, str], method: str = "POST", path: str = "/api"
) -> http.client.HTTPResponse:
    """Return the answer to a request with those headers; a POST writes."""
    body = json.dumps(
        [{"action": "create", "entity_type": "Scope", "entity_data": {"name": "stolen"}}]
    )
    with closing(http.client.HTTPConnection(server.url.removeprefix("http://"))) as connection:
        connection.putrequest(method, path, skip_host=True)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            connection.putheader(name, value)
        connection.endheaders(body.encode())
        return connection.getresponse()


def status_of(server: Server, *headers: tuple[str, str]) -> int:
    """Return the status of a write with those headers, and with the well-known key."""
    return ask(server, *CREDENTIALS, *headers).status


def test_a_sandbox_answers_to_the_names_of_this_machine_only(server: Server) -> None:
    port = server.url.rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "", "@"):
        assert status_of(server, ("Host", host)) == 403, host
    assert status_of(server, ("Host", "evil.example"), ("X-Forwarded-Host", "localhost")) == 403
    assert server.query("select id from Scope where name is stolen") == []
    for host in (f"127.0.0.1:{port}", f"LOCALHOST:{port}", "localhost", f"[::1]:{port}"):
        assert status_of(server, ("Host", host)) == 200, host


def test_a_sandbox_does_not_answer_pages_of_other_servers(server: Server) -> None:
    host = server.url.removeprefix("http://")
    for origin in (
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://localhost:3000.evil.example",
        "file://localhost",
    ):
        assert status_of(server, ("Host", host), ("Origin", origin)) == 403, origin
    both = (("Origin", f"http://{host}"), ("Origin", "https://evil.example"))
    assert status_of(server, ("Host", host), *both) == 403
    assert server.query("select id from Scope where name is stolen") == []


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:9"])
def test_a_page_that_this_machine_serves_can_ask_and_read_the_answer(
    server: Server, origin: str
) -> None:
    host = server.url.removeprefix("http://")
    asked = "content-type,ftrack-api-key,ftrack-clienttoken,ftrack-pushtoken,ftrack-user"
    before = ask(
        server,
        ("Host", host),
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", asked),
        method="OPTIONS",
    )
    assert before.status == 200
    assert "POST" in (before.getheader("Access-Control-Allow-Methods") or "")
    assert before.getheader("Access-Control-Allow-Headers") == asked
    answer = ask(server, *CREDENTIALS, ("Host", host), ("Origin", origin))
    assert answer.status == 200
    for each in (before, answer):
        assert each.getheader("Access-Control-Allow-Origin") == origin
        assert each.getheader("Access-Control-Allow-Credentials") == "true"
    assert len(server.query("select id from Scope where name is stolen")) == 1


def test_a_page_of_another_server_is_not_told_that_it_may_ask(server: Server) -> None:
    refused = ask(
        server,
        ("Host", server.url.removeprefix("http://")),
        ("Origin", "https://evil.example"),
        ("Access-Control-Request-Method", "POST"),
        method="OPTIONS",
    )
    assert refused.status == 403
    assert refused.getheader("Access-Control-Allow-Origin") is None
