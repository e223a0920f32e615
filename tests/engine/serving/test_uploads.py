"""What comes to the addresses of files over raw HTTP: in parts, again, wrong, cut off, hostile."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.storage import addresses
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

CREDENTIALS = {"username": SANDBOX_USER, "apiKey": SANDBOX_KEY}


def announce(server: Server, size: int, **more: Any) -> dict[str, Any]:
    operation = {
        "action": "get_upload_metadata",
        "component_id": str(uuid4()),
        "file_name": "plate.mov",
        "file_size": size,
        **more,
    }
    found: dict[str, Any] = server.call(operation)[0]
    return found


def read(server: Server, component_id: str, **headers: str) -> requests.Response:
    return requests.get(
        f"{server.url}/component/get", params={"id": component_id, **CREDENTIALS}, headers=headers
    )


def files(server: Server) -> set[str]:
    """Return the names of all files that are kept, or in the making."""
    folder = server.engine.media.folder.path
    return {path.name for path in folder.glob("**/*") if path.is_file()}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def complete(server: Server, told: dict[str, Any], parts: Any) -> Any:
    return server.call(
        {
            "action": "complete_multipart_upload",
            "component_id": told["component_id"],
            "upload_id": told["upload_id"],
            "parts": parts,
        }
    )[0]


def put_parts(told: dict[str, Any], chunks: list[bytes]) -> list[dict[str, Any]]:
    """Put the parts of an upload, the last one first; return what completes it."""

    def put(address: dict[str, Any]) -> dict[str, Any]:
        number = address["part_number"]
        answer = requests.put(address["signed_url"], data=chunks[number - 1])
        assert answer.status_code == 200
        return {"part_number": number, "e_tag": answer.headers["ETag"].strip('"')}

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(put, reversed(told["urls"])))


# What is told of an upload.


def test_a_single_upload_has_one_address_and_no_length_among_its_headers(shared: Server) -> None:
    checksum = base64.b64encode(hashlib.md5(b"bytes").digest()).decode()
    told = announce(shared, 5, checksum=checksum, parts=None)
    assert set(told) == {"action", "component_id", "url", "headers"}
    assert told["headers"] == {"Content-Type": "video/quicktime", "Content-MD5": checksum}
    assert "urls" not in announce(shared, 5, parts=1)


def test_an_upload_in_parts_has_an_address_for_each(shared: Server) -> None:
    told = announce(shared, 5, parts=7)
    assert [each["part_number"] for each in told["urls"]] == list(range(1, 8))
    assert len({each["signed_url"] for each in told["urls"]}) == 7
    assert {"url", "headers"}.isdisjoint(told)


@pytest.mark.parametrize(
    "wrong",
    [
        {"component_id": None},
        {"component_id": ""},
        {"component_id": "\ud800"},
        {"file_name": "a\0b"},
        {"file_name": "n" * 300},
        {"file_size": -1},
        {"file_size": "12"},
        {"file_size": True},
        {"file_size": 1e300},
        {"checksum": "no MD5"},
        {"checksum": 7},
        {"parts": 10_001},
        {"parts": [1]},
    ],
)
def test_nonsense_is_refused_before_anything_is_sent(shared: Server, wrong: dict[str, Any]) -> None:
    with pytest.raises(EngineError) as refusal:
        announce(shared, 5, **wrong)
    assert refusal.value.kind == "ValidationError"


# Putting.


def test_bytes_may_come_again_and_the_last_ones_stay(shared: Server) -> None:
    told = announce(shared, 6)
    before = files(shared)
    for data in (b"first.", b"second", b"second"):
        answer = requests.put(told["url"], data=data, headers=told["headers"])
        assert answer.headers["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
        assert read(shared, told["component_id"]).content == data
    assert files(shared) - before == {digest(b"second")}


def test_bytes_may_come_in_chunks_of_an_unknown_number(shared: Server) -> None:
    data = os.urandom(1_000_000)
    told = announce(shared, len(data))
    pieces = (data[start : start + 70_000] for start in range(0, len(data), 70_000))
    assert requests.put(told["url"], data=pieces, headers=told["headers"]).ok
    assert read(shared, told["component_id"]).content == data


@pytest.mark.parametrize("sent", [b"", b"four", b"sixsix"], ids=["none", "too few", "too many"])
@pytest.mark.parametrize("chunked", [False, True])
def test_other_bytes_than_announced_are_refused_and_dropped(
    shared: Server, sent: bytes, chunked: bool
) -> None:
    told = announce(shared, 5)
    before = files(shared)
    answer = requests.put(told["url"], data=iter([sent]) if chunked else sent)
    assert (answer.status_code, answer.json()["exception"]) == (400, "ValidationError")
    assert files(shared) == before
    assert read(shared, told["component_id"]).status_code == 404


@pytest.mark.parametrize("by", ["the checksum", "the header"])
def test_bytes_that_changed_on_the_way_are_refused(shared: Server, by: str) -> None:
    checksum = base64.b64encode(hashlib.md5(b"right").digest()).decode()
    told = announce(shared, 5, checksum=checksum if by == "the checksum" else None)
    before = files(shared)
    headers = {"Content-MD5": checksum} if by == "the header" else {}
    assert requests.put(told["url"], data=b"wrong", headers=headers).status_code == 400
    assert files(shared) == before
    assert requests.put(told["url"], data=b"right", headers=headers).status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_that_is_cut_off_leaves_nothing(shared: Server, chunked: bool) -> None:
    told = announce(shared, 300_000)
    before = files(shared)
    address = urlsplit(told["url"])
    head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    body = os.urandom(200_000)
    if chunked:
        sent = f"{head}Transfer-Encoding: chunked\r\n\r\n30d40\r\n".encode() + body
    else:
        sent = f"{head}Content-Length: 300000\r\n\r\n".encode() + body
    with socket.create_connection((address.hostname or "", address.port or 0)) as line:
        line.sendall(sent)
        wait_until(lambda: files(shared) != before)
    wait_until(lambda: files(shared) == before)
    assert read(shared, told["component_id"]).status_code == 404


def wait_until(condition: Any) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_addresses_that_this_server_did_not_give_out_are_refused(shared: Server) -> None:
    told = announce(shared, 5)
    expired = {**dict(each.split("=") for each in urlsplit(told["url"]).query.split("&"))}
    expired["expires"] = "1000000000"
    del expired["signature"]
    expired["signature"] = addresses._signature(shared.engine.media.secret, "upload", expired)
    for url in (
        told["url"].replace(told["component_id"], str(uuid4())),
        told["url"].replace("size=5", "size=9"),
        told["url"].partition("&signature")[0],
        requests.Request("PUT", f"{shared.url}/component/upload", params=expired).prepare().url,
    ):
        answer = requests.put(url, data=b"bytes")
        assert (answer.status_code, answer.json()["exception"]) == (403, "PermissionError")


# In parts.


def test_parts_come_in_any_order_several_at_once_and_again(shared: Server) -> None:
    chunks = [os.urandom(200_000), os.urandom(5), os.urandom(70_000)]
    whole = b"".join(chunks)
    told = announce(shared, len(whole), parts=3)
    put_parts(told, [b"an earlier try", *chunks[1:]])
    answer = complete(shared, told, put_parts(told, chunks))
    assert answer["component_id"] == told["component_id"]
    assert requests.get(answer["url"]).content == whole
    got = read(shared, told["component_id"])
    assert got.content == whole
    assert got.headers["ETag"].endswith('-3"')
    assert (
        read(shared, told["component_id"], Range="bytes=199999-200006").content
        == (whole[199_999:200_007])
    )
    assert {digest(chunk) for chunk in chunks} <= files(shared)
    assert digest(b"an earlier try") not in files(shared)


def test_completing_an_upload_again_does_no_harm(shared: Server) -> None:
    told = announce(shared, 8, parts=2)
    parts = put_parts(told, [b"left", b"over"])
    first = complete(shared, told, parts)
    assert complete(shared, told, parts) == first
    assert put_parts(told, [b"late", b"part"])
    assert complete(shared, told, parts) == first
    assert digest(b"late") not in files(shared)
    assert read(shared, told["component_id"]).content == b"leftover"


def test_an_upload_is_not_completed_with_other_parts_than_came(shared: Server) -> None:
    told = announce(shared, 8, parts=2)
    parts = put_parts(told, [b"left", b"over"])
    by_number = sorted(parts, key=lambda each: int(each["part_number"]))
    for wrong in (
        None,
        [],
        [7],
        by_number[:1],
        [*by_number, {"part_number": 3, "e_tag": "0" * 32}],
        [by_number[0], {"part_number": 2, "e_tag": "0" * 32}],
        [{"part_number": "1", "e_tag": by_number[0]["e_tag"]}],
    ):
        with pytest.raises(EngineError):
            complete(shared, told, wrong)
    with pytest.raises(EngineError):
        complete(shared, {**told, "component_id": str(uuid4())}, parts)
    assert read(shared, told["component_id"]).status_code == 404
    complete(shared, told, parts)
    assert read(shared, told["component_id"]).content == b"leftover"


def test_the_connection_breaks_on_a_part_that_is_refused(shared: Server) -> None:
    """The JavaScript client would wait for ever for anything else."""
    told = announce(shared, 4, parts=2)
    with pytest.raises(requests.exceptions.RequestException):
        requests.put(told["urls"][0]["signed_url"], data=b"too many")


# Reading.


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=0-99", 206, b"0123456789"),
        ("bytes=0-", 206, b"0123456789"),
        ("bytes=10-", 416, b""),
        ("bytes=-", 200, b"0123456789"),
        ("bytes=1-2,4-5", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_ranges(shared: Server, asked: str, status: int, content: bytes) -> None:
    told = announce(shared, 10)
    requests.put(told["url"], data=b"0123456789")
    answer = read(shared, told["component_id"], Range=asked)
    assert (answer.status_code, answer.content) == (status, content)


def test_what_did_not_change_is_not_sent_again(shared: Server) -> None:
    told = announce(shared, 4)
    tag = requests.put(told["url"], data=b"same").headers["ETag"]
    assert read(shared, told["component_id"], **{"If-None-Match": tag}).status_code == 304
    changed = {"If-Range": '"other"', "Range": "bytes=1-"}
    assert read(shared, told["component_id"], **changed).content == b"same"


def test_the_head_of_a_file_tells_its_size_and_tag(shared: Server) -> None:
    told = announce(shared, 4)
    tag = requests.put(told["url"], data=b"same").headers["ETag"]
    query = {"id": told["component_id"], **CREDENTIALS}
    head = requests.head(f"{shared.url}/component/get", params=query)
    assert (head.status_code, head.content) == (200, b"")
    assert (head.headers["Content-Length"], head.headers["ETag"]) == ("4", tag)


def test_a_page_among_the_files_is_not_shown_as_one_of_this_server(shared: Server) -> None:
    told = announce(shared, 4, file_name="notes.html")
    requests.put(told["url"], data=b"<b/>")
    headers = read(shared, told["component_id"]).headers
    assert headers["Content-Disposition"].startswith("attachment")
    assert headers["Content-Security-Policy"] == "sandbox"


# Whatever comes.

_METHODS = st.sampled_from(
    ["PUT", "PUT", "PUT", "GET", "HEAD", "POST", "DELETE", "PATCH", "OPTIONS"]
)
_ACTIONS = st.sampled_from(["upload", "upload", "get", "remove", "thumbnail", "", "..", "%00"])
_HEADERS = st.dictionaries(
    st.sampled_from(
        ["Content-MD5", "Range", "If-None-Match", "If-Range", "Content-Type", "Expect", "Origin"]
    ),
    st.sampled_from(
        ["", "x", "bytes=5-1", "bytes=99999999999999999999-", "100-continue", "=", "é"]
    ),
    max_size=3,
)
_FIELDS = st.sampled_from(["id", "size", "expires", "signature", "part", "upload", "md5", "name"])
_VALUES = st.sampled_from(["", "0", "-1", "9" * 40, "%00", "%ed%a0%80", "é", "../../x", "None"])


@st.composite
def _attempts(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "method": draw(_METHODS),
        "action": draw(_ACTIONS),
        "headers": draw(_HEADERS),
        "parts": draw(st.sampled_from([None, None, 2])),
        "changes": draw(st.dictionaries(_FIELDS, _VALUES, max_size=2)),
        "body": draw(st.binary(max_size=40)),
        "framing": draw(st.sampled_from(["length", "chunked", "short", "cut chunk", "bad chunk"])),
    }


def _send(url: str, attempt: dict[str, Any]) -> bytes:
    """Send a request as it is, close the line, and return what came back."""
    address = urlsplit(url)
    head = f"{attempt['method']} {address.path}?{address.query} HTTP/1.1\r\n"
    headers = {"Host": address.netloc, "Connection": "close", **attempt["headers"]}
    body, framing = attempt["body"], attempt["framing"]
    if framing in ("length", "short"):
        headers["Content-Length"] = str(len(body) + (framing == "short"))
        sent = body
    else:
        headers["Transfer-Encoding"] = "chunked"
        sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        sent = {"chunked": sent, "cut chunk": sent[:-3], "bad chunk": b"zz\r\n" + body}[framing]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((address.hostname or "", address.port or 0)) as line:
        line.sendall(f"{head}{lines}\r\n".encode() + sent)
        if framing in ("short", "cut chunk"):
            line.shutdown(socket.SHUT_WR)
        line.settimeout(20)
        answer = b""
        try:
            while data := line.recv(65536):
                answer += data
        except ConnectionResetError:
            pass
        return answer


def test_whatever_comes_the_server_refuses_it_or_keeps_it_whole(shared: Server) -> None:
    """Nothing kills the server or is answered with 5xx, and nothing is left but what it took."""

    @settings(
        max_examples=part(1200),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        database=None,
    )
    @given(_attempts())
    def attempts(attempt: dict[str, Any]) -> None:
        told = announce(shared, 20, parts=attempt["parts"])
        before = files(shared)
        url = told["url"] if "url" in told else told["urls"][1]["signed_url"]
        for name, value in attempt["changes"].items():
            url += f"&{name}={value}"
        url = url.replace("/component/upload", f"/component/{attempt['action']}")
        answer = _send(url, attempt)
        status = int(answer.split(b" ")[1]) if answer else 0
        assert status < 500, answer
        head, _, body = answer.partition(b"\r\n\r\n")
        if status >= 400 and body and b"application/json" in head:
            assert {"exception", "content"} <= set(json.loads(body))
        taken = (
            attempt["method"] == "PUT"
            and attempt["action"] == "upload"
            and status == 200
            and (len(attempt["body"]) == 20 or attempt["parts"])
        )
        assert (status == 200) == bool(taken) or attempt["action"] != "upload", answer
        wait_until(
            lambda: files(shared) - before <= ({digest(attempt["body"])} if taken else set())
        )

    attempts()
    assert requests.get(f"{shared.url}/component/get").status_code == 401


def test_a_database_of_an_earlier_version_keeps_files_too(
    demo_database: Path, tmp_path: Path
) -> None:
    path = tmp_path / "older.sqlite"
    path.write_bytes(demo_database.read_bytes())
    with closing(Engine(path)) as engine:
        connection = engine.store.connection
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%media%'"
        ).fetchall():
            connection.execute(f'DROP TABLE "{name}"')
        connection.execute("DELETE FROM _setting WHERE name LIKE 'media%'")
    with closing(Engine(path, server_url="http://127.0.0.1")) as engine:
        told = announce(Server(engine), 5)
        assert "signature=" in told["url"]
        assert engine.media.find(told["component_id"]) is None
