"""Event expressions: which events a subscriber wants, and which subscribers an event is for.

``topic=ftrack.update and not (data.user.name = "Jane Doe" or source.id = abc*)``

Source: ``ftrack_api/event/expression.py``; ``@ftrack/api``, ``source/event_hub.ts``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput

#: Characters of an expression, and how deep ``not``, ``and`` and ``or`` may nest in it.
MAX_LENGTH: Final = 2000
MAX_NESTING: Final = 50

_GRAMMAR = r"""
    ?disjunction: conjunction (_OR conjunction)*
    ?conjunction: operand (_AND operand)*
    ?operand: _NOT operand -> negation
        | FIELD OPERATOR (QUOTED | VALUE) -> condition
        | "(" disjunction ")"

    _OR.2: /or(?![\w.])/i
    _AND.2: /and(?![\w.])/i
    _NOT.2: /not(?![\w.]|\s*[=!<>])/i
    FIELD: /[A-Za-z0-9_.]+/
    OPERATOR: "=" | "!=" | ">=" | "<=" | ">" | "<"
    QUOTED: /"[^"\r\n]*"|'[^'\r\n]*'/
    VALUE: /[A-Za-z0-9\-_,.\/*@+]+/
    %ignore /\s+/
"""

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}

#: True, False, or None where that depends on what is not known.
Verdict: TypeAlias = "bool | None"


class NotAnExpression(ValueError):
    """A text that cannot be read as an expression."""


class Expression(Protocol):
    """A node of a syntax tree."""

    @property
    def depth(self) -> int:
        """How deep it nests."""

    def judge(self, candidate: Mapping[str, Any], *, is_whole: bool) -> Verdict:
        """Return whether *candidate* satisfies the expression.

        Args:
            is_whole: whether all of the candidate is given. No condition is true of what it lacks;
                of a candidate that is known in part it is not known.
        """


@dataclass(frozen=True)
class _Condition:
    path: tuple[str, ...]
    compare: Callable[[Any, Any], bool]
    value: str
    #: Whether any value that contains the text will do. The Python client looks for the text
    #: anywhere, the JavaScript one at the start; both look again at what they are sent.
    is_part: bool
    depth: int = 1

    def judge(self, candidate: Mapping[str, Any], *, is_whole: bool) -> Verdict:
        found: Any = candidate
        for name in self.path:
            if not isinstance(found, Mapping):
                return False
            if name not in found:
                return False if is_whole else None
            found = found[name]
        try:
            return self.value in found if self.is_part else self.compare(found, self.value)
        except TypeError:  # a number is neither more nor less than a text
            return False


@dataclass(frozen=True)
class _Not:
    operand: Expression
    depth: int

    def judge(self, candidate: Mapping[str, Any], *, is_whole: bool) -> Verdict:
        verdict = self.operand.judge(candidate, is_whole=is_whole)
        return None if verdict is None else not verdict


@dataclass(frozen=True)
class _Several:
    operands: tuple[Expression, ...]
    #: The verdict of one operand that settles the matter: True for ``or``, False for ``and``.
    decisive: bool
    depth: int

    def judge(self, candidate: Mapping[str, Any], *, is_whole: bool) -> Verdict:
        verdict: Verdict = not self.decisive
        for operand in self.operands:
            of_one = operand.judge(candidate, is_whole=is_whole)
            if of_one is self.decisive:
                return of_one
            if of_one is None:
                verdict = None
        return verdict


def matches(expression: Expression, candidate: Mapping[str, Any]) -> bool:
    """Return whether *candidate* satisfies *expression*."""
    return expression.judge(candidate, is_whole=True) is True


def may_match(expression: Expression, known: Mapping[str, Any]) -> bool:
    """Return whether something of which only *known* is known may satisfy *expression*."""
    return expression.judge(known, is_whole=False) is not False


@lru_cache(maxsize=1024)
def read(text: str) -> Expression:
    """Return the syntax tree of an expression.

    Raises:
        NotAnExpression: the text is none, or is too long, or nests too deep.
    """
    if len(text) > MAX_LENGTH:
        raise NotAnExpression(f"is longer than {MAX_LENGTH} characters")
    try:
        # lark knows only the type of a parser without a transformer, hence Any.
        expression: Any = _parser().parse(text)
    except UnexpectedInput as error:
        place = error.pos_in_stream
        where = "at its end" if place is None or place < 0 else f"at character {place + 1}"
        raise NotAnExpression(f"cannot be read {where}") from None
    tree: Expression = expression
    return tree


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", start="disjunction", transformer=_TreeBuilder())


@v_args(inline=True)
class _TreeBuilder(Transformer[Token, Expression]):
    """Builds the tree bottom-up, while the text is read; each method has the name of a rule."""

    def disjunction(self, *operands: Expression) -> Expression:
        return _Several(operands, True, _above(*operands))

    def conjunction(self, *operands: Expression) -> Expression:
        return _Several(operands, False, _above(*operands))

    def negation(self, operand: Expression) -> Expression:
        return _Not(operand, _above(operand))

    def condition(self, field: Token, comparison: Token, value: Token) -> Expression:
        text = str(value[1:-1] if value.type == "QUOTED" else value)
        is_part = comparison == "=" and text.endswith("*")
        if is_part:
            text = text[:-1]
        return _Condition(tuple(field.split(".")), _OPERATORS[comparison], text, is_part)


def _above(*operands: Expression) -> int:
    depth = 1 + max(operand.depth for operand in operands)
    if depth > MAX_NESTING:
        raise NotAnExpression(f"nests more than {MAX_NESTING} deep")
    return depth
