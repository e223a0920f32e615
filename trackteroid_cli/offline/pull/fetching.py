"""Fetching: several requests on their way at once, each from a thread with its own connection."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, TypeAlias

from trackteroid_cli.errors import InvalidExpression, ServerRefused
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.retry import RetryPolicy, retrier
from trackteroid_cli.settings import Server

#: How many requests are on their way at once.
THREADS = 4

#: How many answers there may be that were not taken yet; they are what a pull has in memory.
ANSWERS = 3 * THREADS

#: Seconds after which a wait is broken off to see whether the process is told to stop.
_GLANCE = 0.2

#: How a server says that a user may not see some type, or that there is no such attribute.
_REFUSALS = frozenset({"PermissionError", "ParseError"})

#: The entities that answer each query of a request; None for one that the server refuses.
Answer: TypeAlias = list[list[dict[str, Any]] | None]


class Fetching:
    """Sends requests of several queries each; a context manager.

    Args:
        server: where, and as whom.
        policy: how often to try again, and whether to stop.
    """

    def __init__(self, server: Server, policy: RetryPolicy) -> None:
        self._server = server
        self._policy = policy
        self._local = threading.local()
        self._connections: list[Connection] = []
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="fetching")
        self._pending: dict[Future[Answer], Any] = {}

    def __enter__(self) -> Fetching:
        """Return the fetching."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for what is on its way, and close the connections."""
        if error is not None:
            self._policy.stop.set()  # nothing is tried again
        self._executor.shutdown(cancel_futures=True)
        for connection in self._connections:
            connection.__exit__()

    @property
    def free(self) -> int:
        """How many requests may be sent."""
        return ANSWERS - len(self._pending)

    def send(self, expressions: Sequence[str], label: Any) -> None:
        """Send a request with a query for each of *expressions*; *label* comes back with it."""
        self._pending[self._executor.submit(self._fetch, expressions)] = label

    def take(self) -> list[tuple[Any, Answer]]:
        """Return the answers that are there, with their labels; wait for one.

        Returns:
            Nothing, after a moment, where no answer came.

        Raises:
            ServerError: a request failed for good.
        """
        done, _ = wait(self._pending, timeout=_GLANCE, return_when=FIRST_COMPLETED)
        return [(self._pending.pop(each), each.result()) for each in done]

    def __len__(self) -> int:
        """Return how many requests have not been taken yet."""
        return len(self._pending)

    def _fetch(self, expressions: Sequence[str]) -> Answer:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = Connection(self._server)
            self._connections.append(connection)
        return self._answers(connection, expressions)

    def _answers(self, connection: Connection, expressions: Sequence[str]) -> Answer:
        """Return the answer to each query; those that are refused do not take others with them."""
        operations = [{"action": "query", "expression": each} for each in expressions]
        try:
            results = retrier(self._policy)(connection.call, operations)
        except (ServerRefused, InvalidExpression) as error:
            if isinstance(error, ServerRefused) and error.kind not in _REFUSALS:
                raise
            if len(expressions) == 1:
                return [None]
            return [self._answers(connection, [each])[0] for each in expressions]
        return [result["data"] for result in results]
