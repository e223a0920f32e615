"""The transport: an adapter of `requests` that keeps a request and its answer within bounds.

It follows no redirect, since the API key would go along. It gives up an answer that takes too long
or grows too large, whether in its head or in its body. And it knows whether a request has left.

Source: ``http.client``, which reads an answer through `HTTPConnection.response_class`.
"""

from __future__ import annotations

import functools
import http.client
import io
import threading
import time
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from trackteroid_cli.settings import AnswerBounds, answer_bounds

if TYPE_CHECKING:
    import socket

    import urllib3

#: How often as long as one silence a whole answer may take, where no setting says.
_PATIENCE = 10

#: What an answer may be compressed with: what `requests` undoes in small steps.
_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})

#: Bytes that are read, and then decompressed, at a time.
_CHUNK = 1 << 14

#: Bytes of an answer's head, and of what marks its chunks, besides as many again as the body.
_OVERHEAD = 1 << 16

#: What a body begins with that may be JSON of an API: a list or an object.
_JSON = (b"[", b"{")


class NotSent(requests.ConnectionError):
    """Nothing of the request has left; the cause is what `requests` says about it."""


class Overdue(requests.ReadTimeout):
    """The answer is not whole after the *seconds* that it may take."""

    def __init__(self, seconds: float, request: requests.PreparedRequest) -> None:
        super().__init__(f"no whole answer in {seconds:g} s", request=request)


class TooLarge(requests.RequestException):
    """The answer has more bytes than it may have."""


class Redirected(requests.RequestException):
    """The server wants the request, with its key, to go somewhere else."""


class NotJSON(requests.RequestException):
    """The answer is a page, or nothing: in any case not one of an API."""


class ServerAdapter(HTTPAdapter):
    """Sends requests to a server, and reads its answers whole and within the bounds that are set.

    Args:
        is_text: whether an answer may be any text, and not only JSON.

    Raises:
        NotConfigured: a setting of the bounds makes no sense.
    """

    def __init__(self, *, is_text: bool = False) -> None:
        self._bounds = answer_bounds()
        self._is_text = is_text
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the connections watched ones."""
        super().init_poolmanager(*args, **kwargs)
        _watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the connections through a proxy watched ones."""
        is_new = args[0] not in self.proxy_manager
        manager = super().proxy_manager_for(*args, **kwargs)
        if is_new:
            _watch(manager)
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002  (an answer is always read whole)
        timeout: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> requests.Response:
        """Return the whole answer to *request*.

        Raises:
            NotSent: nothing of it has left.
            Overdue, TooLarge: the answer is out of bounds.
            Redirected: it leads somewhere else.
            NotJSON: it is not an answer of an API.
            requests.RequestException: as of `requests`.
        """
        from urllib3.exceptions import HTTPError, LocationValueError

        request.headers["Accept-Encoding"] = "gzip, deflate"
        exchange = _under_way.exchange = _Exchange(self._bounds, timeout)
        response = None
        try:
            response = super().send(request, True, timeout, *args, **kwargs)
            if 300 <= response.status_code < 400:
                raise Redirected(request=request, response=response)
            body = _read(response, exchange)
        except LocationValueError as error:
            raise requests.exceptions.InvalidURL(error, request=request) from error
        except (requests.RequestException, HTTPError) as error:
            if response is not None:
                response.close()
            failure = exchange.failure(error, request)
            if failure is error:
                raise
            raise failure from error
        finally:
            _under_way.exchange = None
        response._content, response._content_consumed = body, True  # type: ignore[attr-defined]
        if not self._is_text and not body.lstrip()[:1].startswith(_JSON):
            raise NotJSON(request=request, response=response)
        return response


def mount_bounded(session: requests.Session) -> None:
    """Make *session* send its requests to servers within the bounds of the settings.

    Raises:
        NotConfigured: a setting of the bounds makes no sense.
    """
    adapter = ServerAdapter()
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)


class _Exchange:
    """A request under way, and what has come of its answer."""

    def __init__(self, bounds: AnswerBounds, timeout: object) -> None:
        silence = timeout[-1] if isinstance(timeout, tuple) else timeout
        self._seconds = bounds.seconds
        if self._seconds is None and isinstance(silence, (int, float)):
            self._seconds = _PATIENCE * silence
        self._began = time.monotonic()
        self.size = bounds.size
        self._taken = 0
        self._is_too_large = False
        #: Whether any of the request may be on its way.
        self.has_left = False

    def await_answer(self) -> None:
        """Count from now: an upload may take its time to leave."""
        self._began = time.monotonic()

    def seconds_left(self) -> float | None:
        """Return how many seconds the answer may still take; None for any time.

        Raises:
            TimeoutError: none are left.
        """
        if self._seconds is None:
            return None
        left = self._began + self._seconds - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def take(self, number: int) -> None:
        """Count bytes that came over the network.

        Raises:
            OSError: they are too many, whatever they mean.
        """
        self._taken += number
        if self._taken > 2 * self.size + _OVERHEAD:
            self.refuse_size()

    def refuse_size(self) -> None:
        """Give up the answer for its size."""
        self._is_too_large = True
        raise OSError("the answer is too large")

    def failure(
        self, error: Exception, request: requests.PreparedRequest
    ) -> requests.RequestException:
        """Return the error to raise for what went wrong."""
        if isinstance(error, ValueError) and isinstance(error, requests.RequestException):
            return error  # an address is wrong, that of the server or of a proxy
        if not self.has_left:
            return NotSent(error, request=request)
        if self._is_too_large:
            return TooLarge(f"an answer of more than {self.size} bytes", request=request)
        if self._seconds is not None and time.monotonic() - self._began >= self._seconds:
            return Overdue(self._seconds, request)
        if isinstance(error, requests.RequestException):
            return error
        return requests.ConnectionError(error, request=request)


class _UnderWay(threading.local):
    """The exchange of each thread."""

    exchange: _Exchange | None = None


_under_way = _UnderWay()


def _read(response: requests.Response, exchange: _Exchange) -> bytes:
    """Return the body of *response*, decompressed.

    Raises:
        requests.RequestException: it cannot be read, or is out of bounds.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise requests.exceptions.ContentDecodingError(
            f"it is compressed as {encoding}, which was not asked for"
        )
    parts, size = [], 0
    try:
        if int(response.headers.get("Content-Length") or 0) > exchange.size:
            exchange.refuse_size()
        for part in response.iter_content(_CHUNK):
            size += len(part)
            if size > exchange.size:
                exchange.refuse_size()
            parts.append(part)
    except (OSError, ValueError) as error:
        if isinstance(error, requests.RequestException):
            raise
        raise requests.ConnectionError(error) from error
    return b"".join(parts)


# -- watched connections ---------------------------------------------------------------------------


def _watch(manager: urllib3.PoolManager) -> None:
    """Make the pools of *manager* hold watched connections."""
    manager.pool_classes_by_scheme = {
        scheme: _watched_pool(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


@functools.cache
def _watched_pool(pool: Any) -> Any:
    connection = type("WatchedConnection", (_Watched, pool.ConnectionCls), {})
    return type(f"Watched{pool.__name__}", (pool,), {"ConnectionCls": connection})


class _BoundedStream(io.RawIOBase):
    """The bytes of *inner* that arrive while *exchange* allows it."""

    def __init__(self, inner: io.RawIOBase, sock: socket.socket, exchange: _Exchange) -> None:
        super().__init__()
        self._inner = inner
        self._socket = sock
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Fill *buffer* with what arrives next."""
        left, silence = self._exchange.seconds_left(), self._socket.gettimeout()
        shorten = left is not None and (silence is None or left < silence)
        if shorten:
            self._socket.settimeout(left)
        try:
            number = self._inner.readinto(buffer)
        finally:
            if shorten:
                self._socket.settimeout(silence)
        self._exchange.take(number or 0)
        return number

    def close(self) -> None:
        """Close it, and so the socket if nobody else has it."""
        if not self.closed:
            self._inner.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that is read within the bounds of the exchange under way."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        exchange = _under_way.exchange
        if exchange is not None:
            self.fp = io.BufferedReader(_BoundedStream(self.fp.detach(), sock, exchange))


class _Watched:
    """Mixed into a connection of ``urllib3``: notes what leaves, and bounds what comes."""

    response_class = _Response
    sock: socket.socket | None
    auto_open: int

    def connect(self) -> None:
        """Connect; what is said to a proxy meanwhile is not the request."""
        try:
            super().connect()  # type: ignore[misc]
        finally:
            _note_left(False)

    def send(self, data: Any) -> None:
        """Send a part of the request."""
        if self.sock is None and self.auto_open:
            self.connect()
        _note_left(True)
        super().send(data)  # type: ignore[misc]
        if _under_way.exchange is not None:
            _under_way.exchange.await_answer()


def _note_left(has_left: bool) -> None:
    if _under_way.exchange is not None:
        _under_way.exchange.has_left = has_left
