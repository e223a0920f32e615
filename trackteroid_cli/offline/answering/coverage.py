"""Coverage: which questions a replica can answer.

A replica holds a part of what its server does. A question is answered where the replica is sure to
hold every row that the server would read. Where it is not, an answer that could be wrong, or that
is empty, is refused with the pull that adds the missing rows: an empty result without a word would
read as "there is none". An answer that can only be incomplete is given, with a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from trackteroid_cli.engine.query.language import parse
from trackteroid_cli.engine.storage.errors import ParseError
from trackteroid_cli.offline.answering.answer_review import AnswerReview
from trackteroid_cli.offline.answering.pulled_data import PulledData, VisibleData
from trackteroid_cli.offline.answering.question import Question
from trackteroid_cli.offline.holdings import Holdings

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine
    from trackteroid_cli.engine.query.loading import Entity


class Coverage:
    """The questions that the replica with *holdings*, in the engine *pulled*, can answer."""

    def __init__(self, holdings: Holdings, pulled: Engine) -> None:
        self._pulled = PulledData(holdings, pulled)

    def question(
        self,
        operation: Mapping[str, object],
        engine: Engine,
        created: Callable[[], Collection[str]] = tuple,
    ) -> Question | None:
        """Return the question that *operation* asks *engine*; None if it is not a valid query.

        Args:
            operation: in ftrack's JSON form.
            engine: the replica, with the overlays on it.
            created: returns the keys of the entities that the caller created, which only it knows.

        Raises:
            NotPulled: it is about a type, a project or an entity that is not held.
        """
        if operation.get("action") not in ("query", "search"):
            return None
        try:
            query = parse(str(operation.get("expression")))
            question = Question(query, VisibleData(self._pulled, engine, created))
            question.check()
        except ParseError:
            return None  # the engine reports the mistake
        return question

    def review(self, question: Question, data: Sequence[Entity]) -> str:
        """Return a warning if *data*, the answer to *question*, may be incomplete, else ''.

        Raises:
            NotPulled: the answer may be wrong, or is empty while the server may have an entity.
        """
        return AnswerReview(question).review(data)
