"""The text of a syntax tree is read as the same tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackteroid_cli.engine.query.language import (
    Comparison,
    Condition,
    Literal,
    Membership,
    Path,
    Query,
    Segment,
    parse,
)
from trackteroid_cli.engine.query.text import expression_of, is_writable

NAME = Path((Segment("name"),))


@pytest.mark.parametrize(
    "expression",
    [
        "Shot",
        "select name, parent[Sequence].name from Shot where parent[Sequence].name like 'sq%'",
        'Task where not (bid > 1.5 and status.name is_not "Done") or description is None',
        "Task where assignments any (resource.username in (jane, 'b o b')) or children any ()",
        'Task where id not_in (select task_id from AssetVersion where comment is "a, \\"b\\"")',
        "select count(id), status.name from Task group by status.name",
        'Task where name is "C:\\\\" order by name desc, bid asc offset 10 limit 5',
    ],
)
def test_an_expression_says_the_same_after_it_was_read_and_written(expression: str) -> None:
    assert parse(expression_of(parse(expression))) == parse(expression)


@given(st.text(alphabet="ab\\\"' ,)%\n", max_size=8))
def test_a_text_is_written_so_that_it_is_read_or_is_known_not_to_be_writable(text: str) -> None:
    literal = Literal(text, quoted=True)
    conditions: list[Condition] = [
        Comparison(NAME, "is", literal),
        Membership(NAME, False, (literal, Literal("after", quoted=True))),
    ]
    for condition in conditions:
        query = Query(None, "Task", condition)
        if is_writable(text):
            assert parse(expression_of(query)) == query


@pytest.mark.parametrize("text", ["C:\\", 'a\\"b', "a\\'b", "\\\\\\"])
def test_what_no_quotes_can_hold_is_not_writable(text: str) -> None:
    assert not is_writable(text)
