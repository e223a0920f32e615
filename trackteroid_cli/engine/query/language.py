"""The parser of ftrack's query language, and its syntax tree. It does not use schemas.

The language is described in ftrack's API documentation ("Querying"); the grammar is beside this
module, in ``language.lark``. Trees are equal if they mean the same: positions are not compared.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from typing import Any, Final, TypeAlias, cast
from typing import Literal as OneOf

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, UnexpectedToken

from trackteroid_cli.engine.storage.errors import ParseError

MAX_NESTING: Final = 50
"""How deep parentheses and ``not`` may nest. Code that reads the tree recurses as deep."""

Operator: TypeAlias = OneOf["is", "is_not", "like", "not_like", ">", "<", ">=", "<="]
Function: TypeAlias = OneOf["count", "sum", "avg", "min", "max"]


# The tree. Every position is an offset in the text, in characters, from 0.


@dataclass(frozen=True, slots=True)
class Segment:
    """One attribute of a path, with the type of its cast: ``parent[Shot]``."""

    name: str
    cast: str | None = None
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.name}[{self.cast}]" if self.cast else self.name


@dataclass(frozen=True, slots=True)
class Path:
    """One or more attributes, from the queried type outwards: ``parent[Shot].name``."""

    segments: tuple[Segment, ...]

    def __str__(self) -> str:
        return ".".join(map(str, self.segments))

    @property
    def position(self) -> int:
        """Where the path begins."""
        return self.segments[0].position


@dataclass(frozen=True, slots=True)
class Literal:
    r"""A value as written, without its quotes; ``\"`` and ``\'`` are replaced."""

    text: str
    quoted: bool
    position: int = field(default=0, compare=False)

    @property
    def is_none(self) -> bool:
        """Whether this is the missing value: an unquoted none or null, in any case."""
        return not self.quoted and self.text.lower() in ("none", "null")


@dataclass(frozen=True, slots=True)
class Comparison:
    """``path operator literal``. The position is the operator's."""

    path: Path
    operator: Operator
    literal: Literal
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Membership:
    """``path in (…)`` or ``path not_in (…)``, with literals, which may be empty, or a sub-query.

    The position is the operator's.
    """

    path: Path
    negated: bool
    members: tuple[Literal, ...] | Query
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RelationTest:
    """``path has (…)`` or ``path any (…)``, which mean the same.

    Without a condition it tests whether the relation leads to anything. The position is that of
    ``has`` or ``any``.
    """

    path: Path
    condition: Condition | None
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """``not`` of one condition."""

    operand: Condition


@dataclass(frozen=True, slots=True)
class And:
    """Two or more conditions joined by ``and``."""

    operands: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more conditions joined by ``or``."""

    operands: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Membership | RelationTest | Not | And | Or


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``function(path)`` among the projections."""

    function: Function
    path: Path


@dataclass(frozen=True, slots=True)
class SortKey:
    """One path of ``order by``."""

    path: Path
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A whole expression, or a sub-query.

    ``projections`` is None without ``select``; ``condition`` is None without ``where`` or with
    nothing after it; ``offset`` and ``limit`` are numbers of entities, at most 18 digits long.
    """

    projections: tuple[Path | Aggregate, ...] | None
    entity_type: str
    type_position: int = field(default=0, compare=False)
    condition: Condition | None = None
    order: tuple[SortKey, ...] = ()
    group: tuple[Path, ...] = ()
    offset: int | None = None
    limit: int | None = None


class ExpressionError(ParseError):
    """The text is not an expression of the language.

    ``position`` is an offset in the expression from 0; ``line`` and ``column`` count from 1.
    """

    def __init__(self, expression: str, position: int, problem: str) -> None:
        self.position = position
        self.line = expression.count("\n", 0, position) + 1
        self.column = position - (expression.rfind("\n", 0, position) + 1) + 1
        super().__init__(
            f"Failed to parse: {_shortened(expression, 500)}\n"
            f"line {self.line}, column {self.column}: {problem}\n"
            + _with_caret(expression.split("\n")[self.line - 1], self.column)
        )


def parse(text: str) -> Query:
    """Return the tree of an expression. Names are not looked up, literals not converted.

    Raises:
        ExpressionError: the text is not an expression, has ``order by``, ``group by``, ``offset``
            or ``limit`` twice, or nests deeper than `MAX_NESTING`.
    """
    try:
        return _read(text)
    except _DuplicateClauseError as error:
        problem = f"'{error.keyword}' is given twice; keep one"
        raise ExpressionError(text, error.position, problem) from error


def _read(text: str) -> Query:
    # lark types only half of its interactive parser, hence Any.
    parser: Any = _parser().parse_interactive(text)
    taken: list[Token] = []
    try:
        for token in parser.lexer_thread.lex(parser.parser_state):
            if token.type in _NESTING:
                _refuse_deep_nesting(text, token, parser)
            parser.feed_token(token)
            taken.append(token)
        return cast(Query, parser.feed_eof())
    except UnexpectedInput as error:
        position = _position(text, error)
        problem = f"expected {_expected(taken)}, found {_found(text, position)}"
        raise ExpressionError(text, position, problem) from error


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = resources.files(__package__).joinpath("language.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", start="query", transformer=_TreeBuilder())


# From what the grammar matches to the tree.


class _DuplicateClauseError(Exception):
    """A query has a second ``order``, ``group``, ``offset`` or ``limit``."""

    def __init__(self, keyword: str, position: int) -> None:
        super().__init__(keyword)
        self.keyword = keyword
        self.position = position


@dataclass(frozen=True, slots=True)
class _Clause:
    """``order by``, ``group by``, ``offset`` or ``limit`` of a query."""

    keyword: Token
    value: tuple[SortKey, ...] | tuple[Path, ...] | int

    @property
    def name(self) -> str:
        return self.keyword.lower()


_OPERATORS: Final[dict[str, Operator]] = {
    "is": "is",
    "=": "is",
    "is_not": "is_not",
    "!=": "is_not",
    "like": "like",
    "not_like": "not_like",
    ">": ">",
    "after": ">",
    "greater_than": ">",
    "<": "<",
    "before": "<",
    "less_than": "<",
    ">=": ">=",
    "<=": "<=",
}


@v_args(inline=True)
class _TreeBuilder(Transformer[Token, Query]):
    """Builds the tree bottom-up; each method has the name of a rule of the grammar."""

    def query(
        self,
        projections: tuple[Path | Aggregate, ...] | None,
        entity_type: Token,
        condition: Condition | None,
        *clauses: _Clause,
    ) -> Query:
        query = Query(projections, str(entity_type), _start(entity_type), condition)
        return _with_clauses(query, clauses) if clauses else query

    def whole(self, entity_type: Token, condition: Condition | None, *clauses: _Clause) -> Query:
        return self.query(None, entity_type, condition, *clauses)

    def select(self, *projections: Path | Aggregate) -> tuple[Path | Aggregate, ...]:
        return projections

    def aggregate(self, function: Token, path: Path) -> Aggregate:
        return Aggregate(cast(Function, function.lower()), path)

    def disjunction(self, *operands: Condition) -> Or:
        return Or(operands)

    def conjunction(self, *operands: Condition) -> And:
        return And(operands)

    def negation(self, _not: Token, operand: Condition) -> Not:
        return Not(operand)

    def comparison(self, path: Path, operator: Token, literal: Token) -> Comparison:
        value = _literal(literal, _start(literal))
        return Comparison(path, _OPERATORS[operator.lower()], value, _start(operator))

    def membership(
        self, path: Path, operator: Token, members: tuple[Literal, ...] | Query
    ) -> Membership:
        return Membership(path, operator.lower() == "not_in", members, _start(operator))

    def relation_test(
        self, path: Path, quantifier: Token, condition: Condition | None
    ) -> RelationTest:
        return RelationTest(path, condition, _start(quantifier))

    def members(self, *lists: Token) -> tuple[Literal, ...]:
        return tuple(
            _literal(found[0], _start(several) + found.start())
            for several in lists
            for found in _MEMBER.finditer(several)
        )

    def order(self, keyword: Token, *keys: SortKey) -> _Clause:
        return _Clause(keyword, keys)

    def sort_key(self, path: Path, direction: Token | None) -> SortKey:
        return SortKey(path, direction is not None and direction.lower().startswith("desc"))

    def group(self, keyword: Token, *paths: Path) -> _Clause:
        return _Clause(keyword, paths)

    def amount(self, keyword: Token, number: Token) -> _Clause:
        return _Clause(keyword, int(number))

    def path(self, *segments: Segment) -> Path:
        return Path(segments)

    def segment(self, name: Token, to_type: Token | None) -> Segment:
        return Segment(str(name), None if to_type is None else str(to_type), _start(name))


_QUOTED: Final = r""" "[^"\\]*(?:\\.[^"\\]*)*" | '[^'\\]*(?:\\.[^'\\]*)*' """
_MEMBER: Final = re.compile(rf"""{_QUOTED} | [^\s,"']+""", re.DOTALL | re.VERBOSE)
_ESCAPED: Final = re.compile(r"""\\(?:(["'])|.)""", re.DOTALL)


def _start(token: Token) -> int:
    return cast(int, token.start_pos)


def _literal(written: str, position: int) -> Literal:
    if written[0] not in "\"'":
        return Literal(str(written), False, position)
    # Pairs are read from the left, so that the second of two backslashes escapes nothing.
    return Literal(_ESCAPED.sub(lambda pair: pair[1] or pair[0], written[1:-1]), True, position)


def _with_clauses(query: Query, clauses: tuple[_Clause, ...]) -> Query:
    fields: dict[str, Any] = {}
    for tail in clauses:
        if tail.name in fields:
            raise _DuplicateClauseError(tail.name, _start(tail.keyword))
        fields[tail.name] = tail.value
    return replace(query, **fields)


# Error messages.


_SURROUNDINGS: Final = 36  # characters shown on either side of the caret

_NESTING: Final = ("_LPAR", "NOT")

_IN_WORDS: Final = {
    "_SELECT": "'select'",
    "TYPE": "an entity type",
    "NAME": "an attribute",
    "LITERAL": "a value",
    "LITERALS": "a value",
    "FILTERED_TYPE": "a sub-query",
    "INTEGER": "a whole number of at most 18 digits",
    "_LPAR": "'('",
    "_BY": "'by'",
    "OPERATOR": "an operator such as is, like or in",
    "DIRECTION": "'ascending', 'descending'",
    "_COMMA": "','",
    "_FROM": "'from'",
    "_WHERE": "'where'",
    "_AND": "'and'",
    "_OR": "'or'",
    "ORDER": "'order by'",
    "GROUP": "'group by'",
    "OFFSET": "'offset'",
    "LIMIT": "'limit'",
    "_RSQB": "']'",
    "_RPAR": "')'",
    "$END": "the end",
}
"""Names of terminals for error messages, in the order in which they are listed. Terminals that are
implied by others have none: a path can go on, `not` stands where "(" does, and ``has`` and ``in``
where an operator does."""

_IMPLIED: Final = {
    "NAME": {"OPERATOR", "ORDER", "GROUP", "OFFSET", "LIMIT"},  # as `not` can be a name
    "FILTERED_TYPE": {"_SELECT"},
}

_WORD: Final = re.compile(rf"{_QUOTED} | [\w\-.:+/*%@]+ | .", re.DOTALL | re.VERBOSE)


def _refuse_deep_nesting(text: str, token: Token, parser: Any) -> None:
    waiting = Counter(getattr(value, "type", None) for value in parser.parser_state.value_stack)
    if sum(waiting[kind] for kind in _NESTING) >= MAX_NESTING:
        problem = (
            f"parentheses and 'not' nest more than {MAX_NESTING} deep; simplify the expression"
        )
        raise ExpressionError(text, _start(token), problem)


def _position(text: str, error: UnexpectedInput) -> int:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return len(text.rstrip())
    return cast(int, error.pos_in_stream)


def _expected(taken: list[Token]) -> str:
    # A parser that meets a wrong token has already closed what that token could have closed in
    # another place, and forgotten some of what was possible: a fresh one has not.
    parser: Any = _parser().parse_interactive()
    for token in taken:
        parser.feed_token(token)
    possible = parser.accepts()
    for terminal, implied in _IMPLIED.items():
        if terminal in possible:
            possible -= implied
    # Two terminals may have one word: a dict keeps the order and drops the second.
    words = list(dict.fromkeys(word for name, word in _IN_WORDS.items() if name in possible))
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _found(text: str, position: int) -> str:
    word = _WORD.match(text.rstrip(), position)
    if word is None:
        return "the end"
    if word[0] in ("'", '"'):
        return "a quote that is not closed"
    found = _shortened(word[0], 40)
    return found if found[0] in "'\"" else f"'{found}'"


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _with_caret(line: str, column: int) -> str:
    """Return the line, shortened to the surroundings of the column, with a caret below it."""
    whole = len(line) <= 2 * _SURROUNDINGS
    start = 0 if whole else max(0, column - 1 - _SURROUNDINGS)
    end = len(line) if whole else column - 1 + _SURROUNDINGS
    before = ("…" if start else "") + line[start : column - 1]
    after = line[column - 1 : end] + ("…" if end < len(line) else "")
    # A tab is as wide as the caret's blanks only when it is one blank itself.
    shown = (before + after).replace("\t", " ").rstrip()
    return f"  {shown}\n  {' ' * len(before)}^"
