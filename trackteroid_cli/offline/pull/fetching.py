"""Fetching: several requests at once, each in a thread with a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Generic, TypeAlias, TypeVar

from trackteroid_cli.engine.writing.import_rows import Entity
from trackteroid_cli.errors import InvalidExpression, ServerRefused
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.retry import RetryPolicy, retrier
from trackteroid_cli.server.schemas import ServerSchema
from trackteroid_cli.settings import Server

#: How many requests are sent at once.
THREADS = 4

#: How many requests may be sent and not taken yet; their answers are what a pull has in memory.
MAX_PENDING = 3 * THREADS

#: Seconds after which a wait ends, so that the caller can see whether the process is to stop.
_POLL_INTERVAL = 0.2

#: The errors of a server for a type that the user may not see, and for an unknown attribute.
_REFUSALS = frozenset({"PermissionError", "ParseError"})

#: The entities that answer each query of a request; None for a query that the server refuses.
Answer: TypeAlias = list[list[Entity] | None]

Label = TypeVar("Label")


class Fetcher(Generic[Label]):
    """Sends requests of several queries each; a context manager.

    Args:
        server: where, and as whom.
        policy: how often to try again, and whether to stop.
        schema: the server's, where it is known: answers are checked against it.
    """

    def __init__(
        self, server: Server, policy: RetryPolicy, schema: ServerSchema | None = None
    ) -> None:
        self._server = server
        self._schema = schema
        self._policy = policy
        self._local = threading.local()
        self._connections: list[Connection] = []
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="fetching")
        self._pending: dict[Future[Answer], Label] = {}

    def __enter__(self) -> Fetcher[Label]:
        """Return the fetcher."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for the requests under way, and close the connections."""
        if error is not None:
            self._policy.stop.set()  # no request is retried
        self._executor.shutdown(cancel_futures=True)
        for connection in self._connections:
            connection.__exit__()

    @property
    def free_slots(self) -> int:
        """How many more requests may be sent."""
        return MAX_PENDING - len(self._pending)

    def send(self, expressions: Sequence[str], label: Label) -> None:
        """Send a request with a query for each of *expressions*; `take` returns *label*."""
        self._pending[self._executor.submit(self._fetch, expressions)] = label

    def take(self) -> list[tuple[Label, Answer]]:
        """Return the answers that have come, with their labels; wait for the first.

        Returns:
            An empty list if no answer came within a moment.

        Raises:
            ServerError: a request failed for good.
        """
        done, _ = wait(self._pending, timeout=_POLL_INTERVAL, return_when=FIRST_COMPLETED)
        return [(self._pending.pop(each), each.result()) for each in done]

    def __len__(self) -> int:
        """Return how many answers have not been taken yet."""
        return len(self._pending)

    def _fetch(self, expressions: Sequence[str]) -> Answer:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = Connection(self._server)
            if self._schema is not None:
                connection.schema = self._schema
            self._connections.append(connection)
        return self._answers(connection, expressions)

    def _answers(self, connection: Connection, expressions: Sequence[str]) -> Answer:
        """Return the answer to each query; a refused query does not affect the others."""
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
