"""Query pages: the entities that an expression selects, in ftrack's JSON form.

As ``ftrack_api`` does, an expression without ``select`` gets the type's default projections, and
large results are fetched in pages.

Source: ``ftrack_api/session.py``, ``query``; ``ftrack_api/query.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from trackteroid_cli.errors import InvalidExpression, close_names
from trackteroid_cli.server.expressions import PAGE
from trackteroid_cli.server.failures import wrong_answer

if TYPE_CHECKING:
    from trackteroid_cli.server.connection import Connection

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_SELECT = re.compile(r"\s*select\s+(?P<projections>.+?)\s+from\s", re.I | re.S)
_TAIL = re.compile(r"\b(?:limit|offset)\s+\d+", re.I)
_AGGREGATE = re.compile(r"(?P<function>\w+)\s*\(\s*(?P<path>[\w.]+)\s*\)")


class PagedQuery:
    """One query, and how its answer is laid out.

    Args:
        expression: in ftrack's query language.
        limit: how many entities to fetch at most; all if None.
    """

    def __init__(
        self, expression: str, connection: Connection, *, limit: int | None = None
    ) -> None:
        self._connection = connection
        self._limit = limit
        self._typed = expression = expression.strip()
        if not expression:
            raise InvalidExpression("the expression is empty")
        if not re.match(r"select\s", expression, re.I):
            expression = (
                f"select {', '.join(self._default_projections(expression))} from {expression}"
            )
        self.expression = expression

    @cached_property
    def columns(self) -> list[str]:
        """The projected paths, in the order in which they were asked for."""
        match = _SELECT.match(self.expression)
        text = match["projections"] if match else ""
        paths = (part.strip() for part in text.split(","))
        return list(dict.fromkeys(_AGGREGATE.sub(r"\g<function>_\g<path>", path) for path in paths))

    def entities(self) -> Iterator[dict[str, object]]:
        """Yield the entities; they are fetched page by page.

        Raises:
            InvalidExpression: the server cannot read the expression.
            ServerError: it cannot be reached, or refuses.
        """
        if self._limit == 0:
            return
        bare = _QUOTED.sub('""', self.expression)
        if _TAIL.search(bare):
            answer, _ = self._ask(self.expression)
            yield from answer[: self._limit]
            return
        offset: int | None = 0
        left = self._limit
        while offset is not None and left != 0:
            page = PAGE if left is None else min(PAGE, left)
            answer, following = self._ask(f"{self.expression} offset {offset} limit {page}")
            if following is not None and following <= offset:
                raise wrong_answer(
                    self._connection.server.url,
                    f"after the page from {offset} on it names the one from {following} on",
                )
            offset = following
            yield from answer
            left = None if left is None else left - len(answer)

    def row(self, entity: Mapping[str, object]) -> list[str]:
        """Return the projected values of *entity* as texts, in the order of `columns`."""
        return [_text(_follow(entity, path.split("."))) for path in self.columns]

    def key(self, entity: Mapping[str, object]) -> list[str]:
        """Return the values of the primary key of *entity*."""
        names = self._connection.schema.primary_key(str(entity.get("__entity_type__")))
        return [str(entity.get(name, "")) for name in names]

    def _ask(self, expression: str) -> tuple[list[dict[str, object]], int | None]:
        try:
            result = self._connection.call([{"action": "query", "expression": expression}])[0]
        except InvalidExpression:
            # What we added would be in the message, and its position off: have the server say what
            # is wrong with the words that were typed.
            self._connection.call([{"action": "query", "expression": self._typed}])
            raise
        following = (result.get("metadata") or {}).get("next") or {}
        return result["data"], following.get("offset")

    def _default_projections(self, expression: str) -> list[str]:
        name = re.split(r"\W", expression, maxsplit=1)[0]
        schema = self._connection.schema.get(name)
        if schema is None:
            close = close_names(name, self._connection.schema)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise InvalidExpression(f"the server has no entity type {name!r}{hint}")
        return list(schema.default_projections or schema.primary_key)


def _follow(value: object, path: list[str]) -> object:
    for position, part in enumerate(path):
        if isinstance(value, list):
            return [_follow(item, path[position:]) for item in value]
        if not isinstance(value, Mapping):
            return None
        value = value.get(part.partition("[")[0])
    return value


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if not isinstance(value, Mapping):
        return str(value)
    if "__type__" in value or "url" in value:
        return str(value.get("value", ""))
    if "key" in value and "value" in value:
        return f"{value['key']}={_text(value['value'])}"
    for name in ("name", "username", "id"):
        if name in value:
            return str(value[name])
    return json.dumps(value, ensure_ascii=False)
