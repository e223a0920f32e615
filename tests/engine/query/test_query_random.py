"""Random conditions: SQL finds the same rows as an evaluation of the tree row by row."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.query.query_production import Production, small_production
from tests.support.generated import part
from trackteroid_cli.engine.query.language import (
    And,
    Comparison,
    Condition,
    Literal,
    Membership,
    Not,
    Or,
    RelationTest,
    Segment,
    parse,
)

Row = dict[str, Any]

#: Relations by type and name: column here, table there, column there, and what else holds there.
RELATIONS: dict[tuple[str, str], tuple[str, str, str, Row]] = {
    ("context", "status"): ("status_id", "status", "id", {}),
    ("context", "parent"): ("parent_id", "context", "id", {}),
    ("context", "children"): ("id", "context", "parent_id", {}),
    ("context", "assignments"): ("id", "appointment", "context_id", {"type": "assignment"}),
    ("context", "metadata"): ("id", "metadata", "parent_id", {}),
    ("status", "state"): ("state_id", "state", "id", {}),
}

TEXTS = {
    "name": ["anim", "COMP", "sh010", "x"],
    "description": ["C:\\plates", "a"],
    "status_id": ["s-done", "s-ready", "x"],
    "parent_id": ["alpha/sh010", "alpha"],
}
NUMBERS = {"bid": ["0", "2.5", "10", "many"]}
OF_RELATED = [
    ("status.name", ["Done", "ready"]),
    ("status.state.short", ["DONE", "x"]),
    ("status.state_id", ["done"]),
    ("parent.name", ["sh010", "sq01"]),
    ("parent.id", ["alpha/sh010"]),
    ("parent.parent.name", ["sq01", "alpha"]),
    ("children.name", ["anim", "comp"]),
    ("assignments.resource_id", ["jane", "bob"]),
    ("metadata.value", ["1", "2"]),
    ("metadata.key", ["a"]),
]
PATTERNS = ["%", "a%", "%I%", "_nim", "s%0_0", "C:\\p%", "%\\%"]


@pytest.fixture(scope="module")
def alpha(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    production = small_production(tmp_path_factory.mktemp("store") / "store.sqlite")
    yield production
    production.store.close()


# Expressions.


def quoted(text: str) -> str:
    return f'"{text}"'


def comparisons(path: str, values: list[str], ordered: bool = True) -> st.SearchStrategy[str]:
    value = st.sampled_from(values)
    listed = st.lists(value.map(quoted) | st.just("none"), max_size=3).map(", ".join)
    written = value.map(quoted)
    signs = [">", "<", ">=", "<="] if ordered else []
    return st.one_of(
        st.builds("{} {} {}".format, st.just(path), st.sampled_from(["is", "is_not"]), written),
        st.sampled_from([f"{path} is none", f"{path} is_not none"]),
        st.builds("{} {} ({})".format, st.just(path), st.sampled_from(["in", "not_in"]), listed),
        *(written.map(f"{path} {sign} {{}}".format) for sign in signs),
    )


def patterns(path: str) -> st.SearchStrategy[str]:
    words = st.sampled_from(["like", "not_like"])
    return st.builds("{} {} {}".format, st.just(path), words, st.sampled_from(PATTERNS).map(quoted))


leaves = st.one_of(
    *(comparisons(path, values) for path, values in [*TEXTS.items(), *OF_RELATED]),
    *(comparisons(path, values, ordered=False) for path, values in NUMBERS.items()),
    *(patterns(path) for path in ("name", "description", "parent.name", "metadata.value")),
    st.sampled_from(["status any ()", "children any ()", "assignments has ()", "metadata any ()"]),
)


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        several.map(lambda parts: "(" + " and ".join(parts) + ")"),
        several.map(lambda parts: "(" + " or ".join(parts) + ")"),
        inner.map("not ({})".format),
    )


def within(relation: str, paths: list[tuple[str, list[str]]]) -> st.SearchStrategy[str]:
    inner = st.recursive(st.one_of(*(comparisons(*each) for each in paths)), compound, max_leaves=3)
    return inner.map(f"{relation} any ({{}})".format)


conditions = st.recursive(
    leaves
    | within("metadata", [("key", ["a", "b"]), ("value", ["1", "2"])])
    | within("children", [("name", ["anim", "comp"]), ("parent.name", ["sh010"])])
    | within("status", [("name", ["Done"]), ("state_id", ["done"])]),
    compound,
    max_leaves=6,
)


# The same, one row at a time. True, False, or None where a value is missing.


def evaluate(tables: dict[str, list[Row]], table: str, row: Row, node: Condition) -> bool | None:
    if isinstance(node, And):
        return conjunction([evaluate(tables, table, row, operand) for operand in node.operands])
    if isinstance(node, Or):
        return negation(
            conjunction(
                [negation(evaluate(tables, table, row, operand)) for operand in node.operands]
            )
        )
    if isinstance(node, Not):
        return negation(evaluate(tables, table, row, node.operand))
    first, *rest = node.path.segments
    if (table, first.name) in RELATIONS:
        there, members = related(tables, table, row, first)
        inner = target_condition(node, rest)
        return any(
            inner is None or evaluate(tables, there, member, inner) is True for member in members
        )
    value = row[first.name]
    if isinstance(node, Membership):
        assert isinstance(node.members, tuple)
        found = any_equal(value, node.members)
        return negation(found) if node.negated else found
    assert isinstance(node, Comparison)
    return compared(value, node.operator, node.literal)


def conjunction(parts: list[bool | None]) -> bool | None:
    if False in parts:
        return False
    return None if None in parts else True


def negation(part: bool | None) -> bool | None:
    return None if part is None else not part


def related(
    tables: dict[str, list[Row]], table: str, row: Row, segment: Segment
) -> tuple[str, list[Row]]:
    column, there, column_there, more = RELATIONS[table, segment.name]
    return there, [
        other
        for other in tables[there]
        if row[column] is not None
        and other[column_there] == row[column]
        and all(other[name] == value for name, value in more.items())
    ]


def target_condition(node: Condition, rest: list[Segment]) -> Condition | None:
    """Return the condition on the members of the first relation of the condition's path."""
    assert isinstance(node, (Comparison, Membership, RelationTest))
    if not rest:
        assert isinstance(node, RelationTest)
        return node.condition
    path = type(node.path)(tuple(rest))
    if isinstance(node, Comparison):
        return Comparison(path, node.operator, node.literal)
    if isinstance(node, Membership):
        return Membership(path, node.negated, node.members)
    return RelationTest(path, node.condition)


def any_equal(value: Any, literals: tuple[Literal, ...]) -> bool | None:
    if value is None:
        return True if any(literal.is_none for literal in literals) else None
    return any(not literal.is_none and equal(value, literal.text) for literal in literals)


def equal(value: Any, text: str) -> bool:
    if isinstance(value, float):
        return text != "many" and value == float(text)
    return str(value).lower() == text.lower()


def compared(value: Any, sign: str, literal: Literal) -> bool | None:
    if literal.is_none:
        return (value is None) == (sign == "is")
    if value is None:
        return None
    if sign in ("is", "is_not"):
        return equal(value, literal.text) == (sign == "is")
    if sign in ("like", "not_like"):
        return like(value, literal.text) == (sign == "like")
    signs = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
    return bool(signs[sign](str(value).lower(), literal.text.lower()))


def like(value: str, pattern: str) -> bool:
    words = re.findall(r"\\[%_]|.", pattern)
    meaning = {"%": "*", "_": "?", "\\%": "%", "\\_": "_", "[": "[[]", "*": "[*]", "?": "[?]"}
    translated = "".join(meaning.get(word, word) for word in words)
    return fnmatch.fnmatchcase(value.lower(), translated.lower())


def rows_of(production: Production, table: str) -> list[Row]:
    cursor = production.connection.execute(f'SELECT * FROM "{table}"')
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


@settings(
    max_examples=part(300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(conditions)
def test_sql_finds_the_same_rows_as_row_by_row_evaluation(
    alpha: Production, condition: str
) -> None:
    query = parse(f"TypedContext where {condition}")
    assert query.condition is not None
    tables = {
        name: rows_of(alpha, name)
        for name in ("context", "status", "state", "appointment", "metadata")
    }
    expected = [
        row["id"]
        for row in tables["context"]
        if row["_type"] != "Project" and evaluate(tables, "context", row, query.condition) is True
    ]
    assert alpha.ids(f"TypedContext where {condition}") == sorted(expected)
