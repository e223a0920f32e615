"""The parser of the query language: trees, nesting and error messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackteroid_cli.engine.query.language import (
    MAX_NESTING,
    Aggregate,
    And,
    Comparison,
    Condition,
    ExpressionError,
    Literal,
    Membership,
    Not,
    Or,
    Path,
    Query,
    RelationTest,
    Segment,
    SortKey,
    parse,
)
from trackteroid_cli.engine.storage.errors import ParseError


def path(text: str) -> Path:
    """Return the path *text*, which has no casts."""
    return Path(tuple(Segment(name) for name in text.split(".")))


def bare(text: str) -> Literal:
    return Literal(text, quoted=False)


def quoted(text: str) -> Literal:
    return Literal(text, quoted=True)


def equal(attribute: str, value: str) -> Comparison:
    return Comparison(path(attribute), "is", bare(value))


def condition_of(text: str) -> Condition:
    condition = parse(f"Task where {text}").condition
    assert condition is not None
    return condition


def literal_of(text: str) -> Literal:
    condition = condition_of(f"name is {text}")
    assert isinstance(condition, Comparison)
    return condition.literal


def error_of(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    return caught.value


# Queries


def test_a_type_alone_is_a_query() -> None:
    assert parse("Project") == Query(None, "Project")


def test_projections_are_paths_with_casts() -> None:
    query = parse("select name, asset.parent[Shot].parent[Sequence].name from AssetVersion")
    assert query.projections == (
        path("name"),
        Path(
            (
                Segment("asset"),
                Segment("parent", "Shot"),
                Segment("parent", "Sequence"),
                Segment("name"),
            )
        ),
    )


def test_a_path_reads_as_it_is_written() -> None:
    (written,) = parse("select parent[Shot].name from Task").projections or ()
    assert str(written) == "parent[Shot].name"


def test_aggregates_stand_among_projections() -> None:
    query = parse("select COUNT(id), sum (bid), avg(a.b), min(c), max(d), count from Task")
    assert query.projections == (
        Aggregate("count", path("id")),
        Aggregate("sum", path("bid")),
        Aggregate("avg", path("a.b")),
        Aggregate("min", path("c")),
        Aggregate("max", path("d")),
        path("count"),
    )


@pytest.mark.parametrize("text", ["Task where", "Task where  \n", "Task where limit 3"])
def test_where_with_nothing_after_it_is_no_condition(text: str) -> None:
    assert parse(text).condition is None


@pytest.mark.parametrize(
    "text",
    [
        "Task order by a desc, b.c offset 10 limit 5 group by d, e",
        "Task limit 5 group by d,e order by a descending,b.c asc offset 10",
        "Task where offset 10 order by a DESC, b.c ascending group by d, e limit 5",
    ],
)
def test_clauses_come_in_any_order(text: str) -> None:
    assert parse(text) == Query(
        None,
        "Task",
        order=(SortKey(path("a"), descending=True), SortKey(path("b.c"))),
        group=(path("d"), path("e")),
        offset=10,
        limit=5,
    )


def test_keywords_are_read_in_any_case() -> None:
    assert parse(
        "SELECT a FROM T WHERE NOT a IS 1 AND b IN (1) OR c ANY () ORDER BY a LIMIT 1"
    ) == (parse("select a from T where not a is 1 and b in (1) or c any () order by a limit 1"))


def test_keywords_match_ascii_letters_only() -> None:
    assert error_of("Task where name i\u017f 3").column == 17


def test_any_white_space_separates_words() -> None:
    assert parse(" Task\n\twhere a = 1\r\n and b in ( 1 , 2 )\n ") == (
        parse("Task where a=1 and b in(1,2)")
    )


# Conditions


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("is", "is"),
        ("=", "is"),
        ("is_not", "is_not"),
        ("!=", "is_not"),
        ("like", "like"),
        ("not_like", "not_like"),
        (">", ">"),
        ("after", ">"),
        ("greater_than", ">"),
        ("<", "<"),
        ("before", "<"),
        ("less_than", "<"),
        (">=", ">="),
        ("<=", "<="),
    ],
)
def test_operators_have_one_spelling_in_the_tree(written: str, canonical: str) -> None:
    condition = condition_of(f"a.b {written} 3")
    assert isinstance(condition, Comparison)
    assert (condition.path, condition.operator) == (path("a.b"), canonical)


def test_and_binds_tighter_than_or() -> None:
    assert condition_of("a is 1 or b is 2 and c is 3") == Or(
        (equal("a", "1"), And((equal("b", "2"), equal("c", "3"))))
    )


def test_parentheses_group() -> None:
    assert condition_of("(a is 1 or b is 2) and ((c is 3))") == And(
        (Or((equal("a", "1"), equal("b", "2"))), equal("c", "3"))
    )


def test_consecutive_ands_make_one_node() -> None:
    assert condition_of("a is 1 and b is 2 and c is 3") == And(
        (equal("a", "1"), equal("b", "2"), equal("c", "3"))
    )


def test_not_applies_to_what_comes_next_only() -> None:
    assert condition_of("not a is 1 or b is 2") == Or((Not(equal("a", "1")), equal("b", "2")))
    assert condition_of("not (a is 1 or b is 2)") == Not(Or((equal("a", "1"), equal("b", "2"))))
    assert condition_of("not not a any ()") == Not(Not(RelationTest(path("a"), None)))


def test_has_and_any_test_a_relation() -> None:
    test = RelationTest(path("a.b"), And((equal("c", "1"), equal("d", "2"))))
    assert condition_of("a.b has (c is 1 and d is 2)") == test
    assert condition_of("a.b any(c is 1 and d is 2)") == test


def test_casts_are_allowed_in_conditions() -> None:
    members = Path((Segment("resource", "Group"), Segment("memberships")))
    assert condition_of("resource[ Group ].memberships any (x is y)") == RelationTest(
        members, equal("x", "y")
    )


def test_lists_mix_bare_and_quoted_members() -> None:
    assert condition_of("""a in (b, "c, d)" ,'e',none,"")""") == Membership(
        path("a"),
        negated=False,
        members=(bare("b"), quoted("c, d)"), quoted("e"), bare("none"), quoted("")),
    )


def test_an_empty_list_is_an_empty_membership() -> None:
    assert condition_of("a not_in()") == Membership(path("a"), negated=True, members=())


def test_a_long_list_keeps_every_member_and_its_position() -> None:
    ids = [f"0f3e{number:05}-77aa" for number in range(5000)]
    text = f"Task where id in ({','.join(ids)})"
    condition = parse(text).condition
    assert isinstance(condition, Membership)
    assert isinstance(condition.members, tuple)
    assert [member.text for member in condition.members] == ids
    assert [member.position for member in condition.members] == [text.index(id_) for id_ in ids]


def test_sub_queries_nest() -> None:
    text = "a in (select b.c from Shot where d not_in (select e from Note limit 2))"
    inner = Query((path("e"),), "Note", limit=2)
    outer = Query((path("b.c"),), "Shot", condition=Membership(path("d"), True, inner))
    assert condition_of(text) == Membership(path("a"), False, outer)


def test_a_sub_query_needs_no_select() -> None:
    shots = Query(None, "Shot", condition=equal("b", "1"))
    assert condition_of("a in (Shot where b is 1)") == Membership(path("a"), False, shots)
    assert condition_of("a in (Shot limit 1)") == Membership(
        path("a"), False, Query(None, "Shot", limit=1)
    )


def test_words_of_a_sub_query_are_members_of_a_list() -> None:
    words = Membership(path("a"), False, (bare("select"), bare("Task")))
    assert condition_of("a in (select, Task)") == words
    assert condition_of("a in (select , Task )") == words


# Keywords as attributes


@pytest.mark.parametrize(
    "name",
    [
        *("select", "from", "where", "order", "group", "by", "offset", "limit", "asc", "desc"),
        *("and", "or", "not", "is", "like", "in", "not_in", "has", "any", "after", "before"),
        *("count", "sum", "type", "value", "key", "date", "start", "end", "to", "none", "true"),
    ],
)
def test_a_keyword_is_an_attribute_wherever_a_path_can_stand(name: str) -> None:
    query = parse(
        f"select {name}, {name}.id, x.{name}, count({name}) from Task "
        f"where {name} is 3 and {name}.id = 1 or ({name} in (a) and x any ({name} > 3))"
        f" group by {name}, {name}.x order by {name}, {name} desc limit 4 offset 5"
    )
    own = path(name)
    assert query == Query(
        (own, path(f"{name}.id"), path(f"x.{name}"), Aggregate("count", own)),
        "Task",
        condition=Or(
            (
                And((Comparison(own, "is", bare("3")), equal(f"{name}.id", "1"))),
                And(
                    (
                        Membership(own, False, (bare("a"),)),
                        RelationTest(path("x"), Comparison(own, ">", bare("3"))),
                    )
                ),
            )
        ),
        group=(own, path(f"{name}.x")),
        order=(SortKey(own), SortKey(own, descending=True)),
        limit=4,
        offset=5,
    )


@pytest.mark.parametrize("name", ["from", "group", "order", "limit", "offset", "not", "and"])
def test_a_keyword_is_an_attribute_after_not(name: str) -> None:
    assert condition_of(f"not {name} is 3") == Not(equal(name, "3"))


def test_from_is_projected_before_from() -> None:
    assert parse("select from from Link") == Query((path("from"),), "Link")


def test_keywords_are_projected_by_a_sub_query() -> None:
    groups = Query((path("group"), path("limit.id")), "Membership")
    assert condition_of("a in (select group, limit.id from Membership)") == Membership(
        path("a"), False, groups
    )


# Literals


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r'"say \"hi\""', 'say "hi"'),
        (r"'it\'s'", "it's"),
        (r'"it\'s"', "it's"),
        (r'"100\%"', r"100\%"),
        (r'"C:\dir\new"', r"C:\dir\new"),
        (r'"a\\"', r"a\\"),
        (r"""'\\"'""", r"""\\""" + '"'),
        ('"two\nlines"', "two\nlines"),
        ('"(a, b) or c"', "(a, b) or c"),
        ("''", ""),
    ],
)
def test_quotes_lose_only_the_backslash_before_a_quote(written: str, text: str) -> None:
    assert literal_of(written) == quoted(text)


@pytest.mark.parametrize(
    "word",
    [
        *("sh010", "-3", "1.5", "2015-06-01", "2015-06-01T10:00:00+02:00", "%thrones", "a/b.c:d"),
        *(
            "jane@studio",
            "Größe",
            "影",
            "*",
            "and",
            "none_of",
            "0f3e6ab2-77aa-11c1-9a00-0123456789ab",
        ),
    ],
)
def test_words_need_no_quotes(word: str) -> None:
    assert literal_of(word) == bare(word)


@pytest.mark.parametrize("word", ["none", "None", "NONE", "null"])
def test_none_is_the_missing_value_unless_quoted(word: str) -> None:
    assert literal_of(word).is_none
    assert not literal_of(f'"{word}"').is_none


def test_a_keyword_may_follow_a_closing_quote() -> None:
    assert condition_of('(a is "x"and b is "y")or c is "z"') == Or(
        (
            And(
                (
                    Comparison(path("a"), "is", quoted("x")),
                    Comparison(path("b"), "is", quoted("y")),
                )
            ),
            Comparison(path("c"), "is", quoted("z")),
        )
    )


def test_every_node_has_its_position() -> None:
    text = "select a from Task where bc.de is ef and fg in (gh) and hi any (ij is jk)"
    query = parse(text)
    assert isinstance(query.condition, And)
    comparison, membership, test = query.condition.operands
    assert query.type_position == text.index("Task")
    assert isinstance(comparison, Comparison)
    assert [s.position for s in comparison.path.segments] == [text.index("bc"), text.index("de")]
    assert comparison.path.position == text.index("bc")
    assert comparison.position == text.index("is")
    assert comparison.literal.position == text.index("ef")
    assert isinstance(membership, Membership)
    assert isinstance(membership.members, tuple)
    assert membership.position == text.index("in")
    assert membership.members[0].position == text.index("gh")
    assert isinstance(test, RelationTest)
    assert test.position == text.index("any")


@pytest.mark.parametrize(
    "text",
    [
        "select name, full_name from Project where status is active "
        'and (name like "%thrones" or full_name like "%thrones")',
        'Task where project.id is "9a01" and status.state.name is "Done" '
        "order by project.name asc, name descending offset 10 limit 5",
        "Task where name is_not none and not (type.name in (\"Animation\", 'Comp') "
        "or assignments any (resource.username is jane))",
        "select id from TypedContext where id in (0f3e-1,77aa-2) and ancestors any (id=11c1-3)",
        'Shot  where parent[Sequence].name is "sq01"   limit 3   order by name',
        'Note where author has (first_name is "Jane" and last_name is "Doe") '
        "and in_reply_to is none",
        "select value, key from ContextCustomAttributeValue "
        'where (configuration_id is "c1"and entity_id is "e1") '
        'or (configuration_id is "c2"and entity_id is "e2")',
        'AssetVersion where is_published is True and version in ("1","2") '
        r'and asset.versions.components.name not_like "ftrackreview\%"',
        "User where not timelogs any ()",
        'select from.id, to.id, from.asset.name from AssetVersionLink where to.id is "9a01"',
        "select from.name, to.name from TypedContextLink where from.id is 9a01",
        'Setting where name="storage_scenario" and group="STORAGE"',
        'Setting where group is "STORAGE" and name is "storage_scenario"',
        "select group.name from Membership",
        "Task where allocations.resource[Group].memberships any (user.username = 'john_doe')",
        'Note where id in (select in_reply_to_id from Note where user_id is "9a01")',
        'Timelog where start after "2024-01-01T00:00:00+01:00" and duration >= 3600',
        "select count(id), sum(bid) from Task group by status_id",
        "select assets.id from Shot where assets.id like '%' and id in (0f3e-1, 77aa-2)",
        "List where project_id is '9a01' and system_type is 'assetversion'",
        "select custom_attributes from Task where custom_attributes.configuration.key is fstart",
        "Task where start > 2015-06-01 and id not_in (select parent.id from Task)",
    ],
)
def test_expressions_of_clients_survive_rendering_and_parsing(text: str) -> None:
    query = parse(text)
    assert parse(rendered(query)) == query


# Refusals

AFTER_CONDITION = "'and', 'or', 'order by', 'group by', 'offset', 'limit' or the end"
AN_OPERATOR = "an operator such as is, like or in"


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("", 1, "expected 'select' or an entity type, found the end"),
        ("  ", 1, "expected 'select' or an entity type, found the end"),
        ("select", 7, "expected an attribute, found the end"),
        ("select a,,b from X", 10, "expected an attribute, found ','"),
        ("select a, from X", 16, "expected ',' or 'from', found 'X'"),
        ("select * from X", 8, "expected an attribute, found '*'"),
        ("select a from", 14, "expected an entity type, found the end"),
        ("select count(a from X", 16, "expected ')', found 'from'"),
        ("Task name", 6, "expected 'where', 'order by', 'group by', 'offset', 'limit' or the end"),
        ("Task where name is", 19, "expected a value, found the end"),
        ("Task where name is   ", 19, "expected a value, found the end"),
        ("Task where name == 3", 18, "expected a value, found '='"),
        ("Task where name is a b", 22, f"expected {AFTER_CONDITION}, found 'b'"),
        ("Task where a is 1, b is 2", 18, f"expected {AFTER_CONDITION}, found ','"),
        ("Task where a is 1)", 18, f"expected {AFTER_CONDITION}, found ')'"),
        ("Task where name", 16, f"expected {AN_OPERATOR}, found the end"),
        ("Task where a not in (x)", 14, f"expected {AN_OPERATOR}, found 'not'"),
        ("Task where a. is 3", 18, f"expected {AN_OPERATOR}, found '3'"),
        ("Task where (a is 1", 19, "expected 'and', 'or' or ')', found the end"),
        ("Task where not", 15, "expected an attribute or '(', found the end"),
        ("Task where a is 1 and", 22, "expected an attribute or '(', found the end"),
        ("Task where a any b", 18, "expected '(', found 'b'"),
        ("Task where a[Shot.name is 3", 18, "expected ']', found '.name'"),
        ("Task where a is 'b", 17, "expected a value, found a quote that is not closed"),
        ('Task where "a" is b', 12, "expected an attribute, '(' or the end, found \"a\""),
        ("Task where a in b", 17, "expected '(', found 'b'"),
        ("Task where a in (", 18, "expected a value, a sub-query or ')', found the end"),
        ("Task where a in (b c)", 20, "expected ',' or ')', found 'c'"),
        ("Task where a in (b,,c)", 20, "expected a value, found ','"),
        ("Task where a in (b, )", 21, "expected a value, found ')'"),
        ("Task where a in (select b)", 26, "expected ',' or 'from', found ')'"),
        ("Task order name", 12, "expected 'by', found 'name'"),
        ("Task order by a up", 17, "expected 'ascending', 'descending', ',', 'order by'"),
        ("Task limit many", 12, "expected a whole number of at most 18 digits, found 'many'"),
        ("Task limit -1", 12, "expected a whole number of at most 18 digits, found '-1'"),
        ("Task limit 9999999999999999999", 12, "expected a whole number of at most 18 digits"),
        ("Task limit 1 limit 2", 14, "'limit' is given twice; keep one"),
        ("Task offset 1 limit 1 OFFSET 2", 23, "'offset' is given twice; keep one"),
        ("Task order by a order by b", 17, "'order' is given twice; keep one"),
        ("Task group by a group by b", 17, "'group' is given twice; keep one"),
    ],
)
def test_an_error_has_its_position_and_what_was_expected(
    text: str, column: int, problem: str
) -> None:
    error = error_of(text)
    assert (error.line, error.column, error.position) == (1, column, column - 1)
    assert f"\nline 1, column {column}: {problem}" in error.content


def test_an_error_points_at_its_position() -> None:
    assert error_of("Task where name is").content == (
        "Failed to parse: Task where name is\n"
        "line 1, column 19: expected a value, found the end\n"
        "  Task where name is\n"
        "                    ^"
    )


def test_an_expression_error_is_a_parse_error() -> None:
    error = error_of("Task where a")
    assert isinstance(error, ParseError)
    assert error.payload()["exception"] == "ParseError"


def test_only_the_line_with_the_error_is_shown() -> None:
    error = error_of("Task\nwhere a is 1\n\tand b == 2\nlimit 3")
    assert (error.line, error.column) == (3, 9)
    assert error.content.endswith("found '='\n   and b == 2\n          ^")


def test_a_long_line_is_shortened_around_the_error() -> None:
    ids = ",".join(f"id{number}" for number in range(1000))
    error = error_of(f"Task where id in ({ids}) oops and {'a is 1 and ' * 20} b is 2")
    summary, place, shown, caret = error.content.split("\n")
    assert summary.endswith("…")
    assert place.endswith("found 'oops'")
    assert len(shown) < 80
    assert shown.startswith("  …")
    assert shown.endswith("…")
    assert shown[caret.index("^") :].startswith("oops and")


@pytest.mark.parametrize(
    ("opening", "closing"), [("(", ")"), ("not ", ""), ("a any (", ")"), ("a in (T where ", ")")]
)
def test_nesting_is_limited(opening: str, closing: str) -> None:
    def nested(depth: int) -> str:
        return "Task where " + opening * depth + "a is 1" + closing * depth

    assert parse(nested(MAX_NESTING)).condition is not None
    for depth in (MAX_NESTING + 1, 1000):
        error = error_of(nested(depth))
        assert f"nest more than {MAX_NESTING} deep; simplify the expression" in error.content
    assert error.position == len("Task where ") + len(opening) * MAX_NESTING + max(
        opening.find("("), 0
    )


def test_a_long_list_of_conditions_is_not_nested() -> None:
    condition = condition_of(" or ".join(["(a is 1 and not b is 2)"] * 1000))
    assert isinstance(condition, Or)
    assert len(condition.operands) == 1000


# Round trip: a tree, its text, the same tree


def rendered(query: Query, *, inner: bool = False) -> str:
    """Return a text of the query; inside a list, ``where`` marks it as a query."""
    parts = []
    if query.projections is not None:
        parts.append(f"select {', '.join(map(rendered_projection, query.projections))} from")
    parts.append(query.entity_type)
    if inner or query.condition is not None:
        parts.append("where")
    if query.condition is not None:
        parts.append(rendered_condition(query.condition))
    if query.limit is not None:
        parts.append(f"limit {query.limit}")
    if query.group:
        parts.append(f"group by {', '.join(map(str, query.group))}")
    if query.order:
        keys = (f"{key.path} {'desc' if key.descending else 'asc'}" for key in query.order)
        parts.append(f"order by {', '.join(keys)}")
    if query.offset is not None:
        parts.append(f"offset {query.offset}")
    return " ".join(parts)


def rendered_projection(projection: Path | Aggregate) -> str:
    if isinstance(projection, Aggregate):
        return f"{projection.function}({projection.path})"
    return str(projection)


def rendered_condition(condition: Condition) -> str:
    match condition:
        case And(operands):
            return " and ".join(f"({rendered_condition(operand)})" for operand in operands)
        case Or(operands):
            return " or ".join(
                rendered_condition(operand)
                if isinstance(operand, And)
                else f"({rendered_condition(operand)})"
                for operand in operands
            )
        case Not(operand):
            return f"not ({rendered_condition(operand)})"
        case Comparison(of, operator, literal):
            return f"{of} {operator} {rendered_literal(literal)}"
        case RelationTest(of, inner):
            return f"{of} any ({'' if inner is None else rendered_condition(inner)})"
        case Membership(of, negated, members):
            listed = (
                rendered(members, inner=True)
                if isinstance(members, Query)
                else ",".join(map(rendered_literal, members))
            )
            return f"{of} {'not_in' if negated else 'in'} ({listed})"


def rendered_literal(literal: Literal) -> str:
    if not literal.quoted:
        return literal.text
    return '"' + literal.text.replace('"', r"\"").replace("'", r"\'") + '"'


KEYWORDS = ["from", "group", "order", "limit", "not", "is", "in", "select", "count", "and", "desc"]
names = st.sampled_from(KEYWORDS) | st.from_regex(r"[^\W\d]\w{0,6}", fullmatch=True)
types = st.sampled_from(["Task", "Shot", "AssetVersion", "Größe"])
paths = st.builds(
    Path,
    st.lists(st.builds(Segment, names, st.none() | types), min_size=1, max_size=3).map(tuple),
)
# A backslash stands before something that it does not escape, or before another backslash.
texts = st.lists(st.characters(exclude_characters="\\") | st.sampled_from([r"\%", r"\\", r"\d"]))
literals = st.builds(Literal, texts.map("".join), st.just(True)) | st.builds(
    Literal, st.from_regex(r"[\w\-.:+/*%@]{1,8}", fullmatch=True), st.just(False)
)
operators = st.sampled_from(["is", "is_not", "like", "not_like", ">", "<", ">=", "<="])
numbers = st.none() | st.integers(0, 10**18 - 1)


def queries(conditions: st.SearchStrategy[Condition]) -> st.SearchStrategy[Query]:
    aggregates = st.builds(Aggregate, st.sampled_from(["count", "sum", "avg"]), paths)
    return st.builds(
        Query,
        st.none() | st.lists(paths | aggregates, min_size=1, max_size=3).map(tuple),
        types,
        condition=st.none() | conditions,
        order=st.lists(st.builds(SortKey, paths, st.booleans()), max_size=2).map(tuple),
        group=st.lists(paths, max_size=2).map(tuple),
        offset=numbers,
        limit=numbers,
    )


def compound(conditions: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(conditions, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Not, conditions),
        st.builds(And, several),
        st.builds(Or, several),
        st.builds(RelationTest, paths, conditions),
        st.builds(Membership, paths, st.booleans(), queries(conditions)),
    )


simple = st.one_of(
    st.builds(Comparison, paths, operators, literals),
    st.builds(Membership, paths, st.booleans(), st.lists(literals, max_size=3).map(tuple)),
    st.builds(RelationTest, paths, st.none()),
)


@settings(deadline=None)
@given(queries(st.recursive(simple, compound, max_leaves=5)))
def test_a_tree_rendered_and_read_is_the_same_tree(query: Query) -> None:
    assert parse(rendered(query)) == query
    assert parse(f"Outer where x in ({rendered(query, inner=True)})") == Query(
        None, "Outer", condition=Membership(path("x"), False, query)
    )


def read_or_refused(text: str) -> Query | ExpressionError:
    try:
        return parse(text)
    except ExpressionError as error:
        return error


pieces = st.sampled_from([*KEYWORDS, "Task", "where", "a", "1", "(", ")", ",", ".", "[", "=", '"'])


@settings(deadline=None)
@given(st.lists(pieces).map(" ".join))
def test_any_text_is_parsed_or_refused_with_a_position_and_a_reason(text: str) -> None:
    outcome = read_or_refused(text)
    if isinstance(outcome, Query):
        assert parse(rendered(outcome)) == outcome
    else:
        assert 0 <= outcome.position <= len(text)
        assert ": expected " in outcome.content or " is given twice" in outcome.content
