"""Servers that are not ftrack: real sockets on loopback that answer whatever a test says."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from tests.support.faults import read_request

#: A certificate for 127.0.0.1 that nobody has signed but itself, and its key.
SELF_SIGNED = Path(__file__).with_name("self_signed.pem")

#: Answers one request on a connection, in any way.
Reply: TypeAlias = Callable[[socket.socket], None]


class Stranger:
    """A server on loopback; it keeps what it was sent.

    Args:
        reply: answers each request.
        tls: whether it speaks https.
        early: answers each connection, before anything is said.
    """

    def __init__(self, reply: Reply, *, tls: bool = False, early: Reply | None = None) -> None:
        self._reply, self._early = reply, early
        self._scheme = "https" if tls else "http"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if self._context is not None:
            self._context.load_cert_chain(SELF_SIGNED)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._stopped = threading.Event()
        #: What came, each request as one text.
        self.seen: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.address}"

    def close(self) -> None:
        self._stopped.set()
        with suppress(OSError):  # wakes the thread that waits for a connection
            socket.create_connection(self._listener.getsockname()).close()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._early is not None:
                self._early(connection)
                return
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                request = read_request(connection)
                if request is not None:
                    head, body = request
                    self.seen.append("\r\n".join(head) + "\r\n\r\n" + body.decode())
                    self._reply(connection)


@contextmanager
def stranger(reply: Reply, *, tls: bool = False, early: Reply | None = None) -> Iterator[Stranger]:
    """Run a server in the block."""
    server = Stranger(reply, tls=tls, early=early)
    try:
        yield server
    finally:
        server.close()


def answering(status: str, *headers: str, body: bytes = b"") -> Reply:
    """Return what answers every request with *status*, such as ``404 Not Found``."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]

    def reply(connection: socket.socket) -> None:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    return reply


def saying(first: bytes, more: Callable[[int], bytes]) -> Reply:
    """Return what says *first*, and then *more* for each number from 0 on, until it is cut off."""

    def reply(connection: socket.socket) -> None:
        connection.sendall(first)
        number = 0
        while part := more(number):
            connection.sendall(part)
            number += 1

    return reply
