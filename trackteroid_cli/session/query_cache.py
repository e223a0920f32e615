"""Query cache: a query that was asked before is answered from memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from trackteroid_cli.session.api.merging import MergingSession
from trackteroid_cli.session.api.protocols import Entity

Made = TypeVar("Made")

#: The entities that a query found, and what the server says about the answer.
QueryAnswer: TypeAlias = tuple[list[Entity], Mapping[str, object]]


class ReusingSession(MergingSession):
    """An ftrack session that can reuse its query results."""

    #: Answers by expression, and objects made of answers by key; None while nothing is reused.
    _query_results: dict[Hashable, Any] | None

    @contextmanager
    def reusing_query_results(self) -> Iterator[ReusingSession]:
        """Answer a query that was asked before from memory, inside the block.

        Blocks may be nested: an inner one uses the answers of an outer one. A commit clears the
        answers, as they may have changed.
        """
        previous = self._query_results
        if previous is None:
            self._query_results = {}
        try:
            yield self
        finally:
            self._query_results = previous

    def _query(self, expression: str) -> QueryAnswer:
        if self._query_results is None:
            fresh: QueryAnswer = super()._query(expression)
            return fresh
        known = self._query_results.get(expression)
        if known is None:
            known = self._query_results[expression] = super()._query(expression)
        records, metadata = known
        return list(records), metadata

    def reused(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return the object that *make* made for *key* before, or make it now.

        Objects are kept while query results are reused, and cleared together with them.
        """
        if self._query_results is None:
            return make()
        if key not in self._query_results:
            self._query_results[key] = make()
        made: Made = self._query_results[key]
        return made

    def reset(self) -> None:
        """Reset the session, and clear the answers of queries, whose entities it removes."""
        self._clear_query_results()
        super().reset()

    def _clear_query_results(self) -> None:
        if self._query_results is not None:
            self._query_results.clear()
