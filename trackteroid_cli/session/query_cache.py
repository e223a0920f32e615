"""Reusing query results: a query that was asked before is answered from memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from trackteroid_cli.session.merging import MergingSession

Made = TypeVar("Made")


class ReusingSession(MergingSession):
    """An ftrack session that can reuse its query results."""

    #: Expression -> records and metadata, and what was made of them; None while nothing is reused.
    _query_results: dict[Hashable, Any] | None

    @contextmanager
    def reusing_query_results(self) -> Iterator[ReusingSession]:
        """Answer a query that was asked before from memory, for the length of the block.

        Blocks may be nested: an inner one uses what an outer one knows. A commit makes the session
        forget, as answers may have changed.
        """
        previous = self._query_results
        if previous is None:
            self._query_results = {}
        try:
            yield self
        finally:
            self._query_results = previous

    def _query(self, expression: str) -> Any:
        if self._query_results is None:
            return super()._query(expression)
        known = self._query_results.get(expression)
        if known is None:
            known = self._query_results[expression] = super()._query(expression)
        records, metadata = known
        return list(records), metadata

    def reused(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what *make* returned for *key* when it was first asked for, or returns now.

        It is forgotten with the results of queries, and kept only while they are.
        """
        if self._query_results is None:
            return make()
        if key not in self._query_results:
            self._query_results[key] = make()
        made: Made = self._query_results[key]
        return made

    def reset(self) -> None:
        """Reset the session: also forget the answers of queries, whose entities it expunges."""
        self._forget_query_results()
        super().reset()

    def _forget_query_results(self) -> None:
        if self._query_results is not None:
            self._query_results.clear()
