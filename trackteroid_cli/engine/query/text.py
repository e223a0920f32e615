"""Texts of queries: the expression of a syntax tree."""

from __future__ import annotations

import re

from trackteroid_cli.engine.query.language import (
    Aggregate,
    And,
    Comparison,
    Condition,
    Literal,
    Membership,
    Not,
    Path,
    Query,
    RelationTest,
)

#: Texts without a backslash before a quote or at the end: the language cannot quote the others.
_WRITABLE = re.compile(r"""(?:[^\\]|\\[^"'])*""", re.DOTALL)


def is_writable(text: str) -> bool:
    """Return whether a literal of an expression can hold *text*."""
    return _WRITABLE.fullmatch(text) is not None


def expression_of(query: Query) -> str:
    """Return an expression that `language.parse` reads as *query*."""
    parts = []
    if query.projections is not None:
        parts.append(f"select {', '.join(map(_projection, query.projections))} from")
    parts.append(query.entity_type)
    if query.condition is not None:
        parts.append(f"where {_condition(query.condition)}")
    if query.group:
        parts.append(f"group by {', '.join(map(str, query.group))}")
    if query.order:
        keys = (
            f"{key.path} {'descending' if key.descending else 'ascending'}" for key in query.order
        )
        parts.append(f"order by {', '.join(keys)}")
    if query.offset is not None:
        parts.append(f"offset {query.offset}")
    if query.limit is not None:
        parts.append(f"limit {query.limit}")
    return " ".join(parts)


def _condition(condition: Condition) -> str:
    """Return the text of a condition."""
    if isinstance(condition, Comparison):
        operator = condition.operator
        return f"{condition.path} {operator} {_literal(condition.literal)}"
    if isinstance(condition, Membership):
        word = "not_in" if condition.negated else "in"
        if isinstance(condition.members, Query):
            members = expression_of(condition.members)
        else:
            members = ", ".join(map(_literal, condition.members))
        return f"{condition.path} {word} ({members})"
    if isinstance(condition, RelationTest):
        inner = "" if condition.condition is None else _condition(condition.condition)
        return f"{condition.path} any ({inner})"
    if isinstance(condition, Not):
        return f"not ({_condition(condition.operand)})"
    word = " and " if isinstance(condition, And) else " or "
    return f"({word.join(map(_condition, condition.operands))})"


def _projection(projection: Path | Aggregate) -> str:
    if isinstance(projection, Aggregate):
        return f"{projection.function}({projection.path})"
    return str(projection)


def _literal(literal: Literal) -> str:
    if not literal.quoted:
        return literal.text
    quote = '\\"'
    return '"' + literal.text.replace('"', quote) + '"'
