"""A proxy that fails on purpose: real faults on a real socket, in front of a real server."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Any
from urllib.parse import urlsplit


class Fault(Enum):
    """What happens to one request."""

    NONE = "forwarded, answered"
    REFUSE = "the connection is closed before anything is read"
    DROP_BEFORE = "read, never forwarded, connection closed"
    DROP_AFTER = "forwarded, the answer is thrown away, connection closed"
    RESET_BEFORE = "read, never forwarded, connection reset"
    RESET_AFTER = "forwarded, connection reset"
    TRUNCATE = "forwarded, half of the answer is sent"
    DELAY_BEFORE = "never forwarded, no answer until the client gives up"
    DELAY_AFTER = "forwarded, no answer until the client gives up"
    BAD_GATEWAY_BEFORE = "never forwarded, answered 502 by the proxy"
    BAD_GATEWAY_AFTER = "forwarded, answered 502 by the proxy"
    GARBAGE_AFTER = "forwarded, answered 200 with something that is not JSON"
    NONSENSE_BEFORE = "never forwarded, answered 200 with results that confirm nothing"
    NONSENSE_AFTER = "forwarded, answered 200 with results that confirm nothing"
    BUSY = "never forwarded, answered 429 with Retry-After"
    UNAUTHORIZED = "never forwarded, answered 401 by a gate"
    FORBIDDEN = "never forwarded, answered 403 by a gate"
    LATE = "kept, and forwarded after the client gave up, before the next request of its sort"


#: The faults that pass: those that need a person, or an order of requests, are left out.
COMMON = tuple(
    fault
    for fault in Fault
    if fault not in (Fault.NONE, Fault.UNAUTHORIZED, Fault.FORBIDDEN, Fault.LATE)
    and not fault.name.startswith("NONSENSE")
)


#: The headers of answers that clients read.
_KEPT = ("ETag",)

#: Decides what happens to a request from its number (from 0) and its body.
Plan = Callable[[int, bytes], Fault]


class FaultyProxy:
    """Listens on loopback and forwards to *upstream*, apart from what *plan* says.

    Args:
        upstream: URL of the server.
        plan: asked once a request.
        delay: seconds for which the delaying faults say nothing.
        retry_after: seconds for which `Fault.BUSY` asks the client to wait.
    """

    def __init__(
        self, upstream: str, plan: Plan, *, delay: float = 1.5, retry_after: int = 7
    ) -> None:
        self._host = urlsplit(upstream).netloc
        self.plan = plan
        self._delay, self._retry_after = delay, retry_after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._count = 0
        #: What the nonsense faults answer with, from the operations of the request.
        self.nonsense: Callable[[list[Any]], object] = lambda asked: [{} for _ in asked]
        self._late: list[tuple[list[str], bytes]] = []
        self._lock = threading.Lock()
        #: Headers of the answer that this thread forwards.
        self._kept = threading.local()
        self.happened: list[Fault] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._stopped.set()
        # Wakes the thread that waits for a connection.
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while not self._stopped.is_set():
                    if not self._one(connection):
                        return
            except OSError:
                return  # the client has gone, as clients do that waited long enough

    def _one(self, connection: socket.socket) -> bool:
        """Treat one request; return whether the connection stays open."""
        request = read_request(connection)
        if request is None:
            return False
        head, body = request
        with self._lock:
            fault = self.plan(self._count, body)
            self._count += 1
            self.happened.append(fault)
            late = self._late if is_write(body) else []
        while late:
            self._forward(*late.pop())
        return self._treat(fault, connection, head, body)

    def _treat(self, fault: Fault, connection: socket.socket, head: list[str], body: bytes) -> bool:
        if fault in (Fault.REFUSE, Fault.DROP_BEFORE):
            return False
        if fault is Fault.RESET_BEFORE:
            return _reset(connection)
        if fault is Fault.LATE:
            self._late.append((head, body))
        if fault in (Fault.DELAY_BEFORE, Fault.LATE):
            time.sleep(self._delay)
            return False
        if fault is Fault.BAD_GATEWAY_BEFORE:
            _answer(connection, 502, b"<html>Bad gateway</html>")
            return False
        if fault is Fault.NONSENSE_BEFORE:
            self._answer_nonsense(connection, body)
            return False
        if fault in (Fault.UNAUTHORIZED, Fault.FORBIDDEN):
            _answer(connection, 401 if fault is Fault.UNAUTHORIZED else 403, b'{"detail": "no"}')
            return False
        if fault is Fault.BUSY:
            _answer(connection, 429, b"slow down", f"Retry-After: {self._retry_after}")
            return False
        status, answer = self._forward(head, body)
        if fault is Fault.DROP_AFTER:
            return False
        if fault is Fault.RESET_AFTER:
            return _reset(connection)
        if fault is Fault.DELAY_AFTER:
            time.sleep(self._delay)
            return False
        if fault is Fault.TRUNCATE:
            _answer(connection, status, answer[: len(answer) // 2], length=len(answer))
            return False
        if fault is Fault.BAD_GATEWAY_AFTER:
            _answer(connection, 502, b"<html>Bad gateway</html>")
            return False
        if fault is Fault.GARBAGE_AFTER:
            _answer(connection, 200, b"<html>Welcome to the captive portal</html>")
            return False
        if fault is Fault.NONSENSE_AFTER:
            self._answer_nonsense(connection, body)
            return False
        _answer(connection, status, answer, *self._kept.headers)
        return True

    def _answer_nonsense(self, connection: socket.socket, body: bytes) -> None:
        _answer(connection, 200, json.dumps(self.nonsense(json.loads(body))).encode())

    def _forward(self, head: list[str], body: bytes) -> tuple[int, bytes]:
        method, path, _ = head[0].split(" ", 2)
        headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
        headers.pop("Host", None)
        upstream = http.client.HTTPConnection(self._host, timeout=30)
        try:
            upstream.request(method, path, body, headers)
            response = upstream.getresponse()
            self._kept.headers = [
                f"{name}: {value}" for name in _KEPT if (value := response.headers.get(name))
            ]
            return response.status, response.read()
        finally:
            upstream.close()


class LyingProxy(FaultyProxy):
    """Forwards to *upstream*, and lets *change* alter each answer; asked with its number."""

    def __init__(self, upstream: str, change: Callable[[int, bytes], bytes]) -> None:
        self.change = change
        self._answered = itertools.count()
        super().__init__(upstream, lambda *_: Fault.NONE)

    def _forward(self, head: list[str], body: bytes) -> tuple[int, bytes]:
        status, answer = super()._forward(head, body)
        return status, self.change(next(self._answered), answer)


def is_write(body: bytes) -> bool:
    """Return whether a request would change the server."""
    return any(f'"action":"{each}"'.encode() in body for each in ("create", "update", "delete"))


def read_request(connection: socket.socket) -> tuple[list[str], bytes] | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    raw, body = data.split(b"\r\n\r\n", 1)
    head = raw.decode("latin-1").split("\r\n")
    length = next(
        (int(line.split(":", 1)[1]) for line in head if line.lower().startswith("content-length:")),
        0,
    )
    while len(body) < length:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        body += chunk
    return head, body


def _answer(
    connection: socket.socket, status: int, body: bytes, *headers: str, length: int | None = None
) -> None:
    lines = [
        f"HTTP/1.1 {status} {http.client.responses.get(status, '')}",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def _reset(connection: socket.socket) -> bool:
    """Close with a reset rather than an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    return False
