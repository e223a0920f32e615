"""Translation of the query language to SQL.

A test along a relation becomes ``key IN s``, where ``s`` selects the keys and does not depend on
the row, so that SQLite may begin at either end. Such a test is true or false, never unknown, and so
``not`` is right for rows without members; comparisons of values keep SQL's three-valued logic. The
SELECTs are defined before the statement, in one ``WITH``, however deep the expression nests.

Source: ftrack's API documentation, "Querying".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from trackteroid_cli.engine.query.comparison import Column, compared, exact_value, one_of
from trackteroid_cli.engine.query.language import (
    And,
    Comparison,
    Condition,
    Membership,
    Not,
    Or,
    Path,
    Query,
    RelationTest,
    Segment,
    SortKey,
)
from trackteroid_cli.engine.query.lookup import (
    checked_segments,
    find,
    find_relation,
    find_type,
    target_of,
)
from trackteroid_cli.engine.query.relations import (
    HIERARCHIC,
    above,
    below,
    between_select,
    link_condition,
    link_of,
)
from trackteroid_cli.engine.query.rows import Rows, RowsFactory, columns, select
from trackteroid_cli.engine.schema.schema import Attribute, Relation, Schema
from trackteroid_cli.engine.storage.errors import ParseError
from trackteroid_cli.engine.storage.sql import (
    TRUE,
    Sql,
    all_of,
    any_of,
    compose,
    is_in,
    is_one_of,
    union_all,
)
from trackteroid_cli.engine.storage.values import Stored

#: Returns the condition for given rows; None means all of them.
RowsCondition: TypeAlias = Callable[[Rows], Sql | None]


class SortTerm(NamedTuple):
    """A term of ORDER BY, and its direction with its collation."""

    sql: str
    direction: str


class _Leaf(NamedTuple):
    """A test of the column at the end of a path.

    ``missing`` and ``present`` mark the tests ``is none`` and ``is_not none``.
    """

    on: Callable[[Column], Sql]
    missing: bool = False
    present: bool = False


class Translator:
    """Translates the parts of one statement, and collects the SELECTs that they refer to by name.

    `statement` defines these SELECTs. Every method raises `ParseError` for names that the schema
    does not have.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._factory = RowsFactory(schema)
        self._definitions: list[Sql] = []

    def rows(self, type_name: str) -> tuple[Rows, ...]:
        """Return the rows of a type, as one part or more."""
        return self._factory.rows(type_name)

    def statement(self, selection: Sql) -> Sql:
        """Return *selection* after the definitions of the SELECTs that it refers to."""
        if not self._definitions:
            return selection
        definitions = compose(", ".join(["{}"] * len(self._definitions)), *self._definitions)
        return compose("WITH RECURSIVE {} {}", definitions, selection)

    def condition(self, node: Condition | None, rows: Rows) -> Sql:
        """Return the condition *node* on *rows*."""
        if node is None:
            return TRUE
        if isinstance(node, And):
            return all_of(*(self.condition(operand, rows) for operand in node.operands))
        if isinstance(node, Or):
            return self._alternatives(node.operands, rows)
        if isinstance(node, Not):
            if isinstance(node.operand, RelationTest) and node.operand.condition is None:
                return self._without_related(node.operand, rows)
            return compose("NOT ({})", self.condition(node.operand, rows))
        if isinstance(node, RelationTest):
            return self._relation_test(node, rows)
        if isinstance(node, Membership):
            return self._membership(node, rows)
        return self._comparison(node, rows)

    def value(self, rows: Rows, segments: Sequence[Segment]) -> Column:
        """Return the value of a path without collections, for sorting and grouping.

        It is NULL where a relation on the path leads nowhere.

        Raises:
            ParseError: the path goes through a collection.
        """
        first, *rest = segments
        member = find(self.schema, rows.type_name, first.name).member
        if isinstance(member, Attribute) and not rest:
            return self._column(rows, member)
        relation = find_relation(self.schema, rows.type_name, first.name)
        if not relation.single:
            raise ParseError(
                f"'{first.name}' of '{rows.type_name}' holds many entities: "
                "sorting, grouping and aggregates follow single relations only."
            )
        if not rest and self._is_plain_reference(relation, first):
            return self._reference(rows, relation)
        return self._value_of_related(rows, relation, first, rest)

    def order(self, rows: Rows, keys: Sequence[SortKey]) -> list[SortTerm]:
        """Return the terms of ORDER BY, ended by a total order of *rows*. NULL comes first."""
        terms = []
        for key in keys:
            column = self.value(rows, checked_segments(key.path))
            terms.append(sort_term(column.sql, column.attribute, key.descending))
        return [*terms, *(SortTerm(term, "") for term in rows.order)]

    # Definitions.

    def _define(self, selection: Sql) -> str:
        """Define a SELECT and return its name."""
        name = f"s{self._factory.number()}"
        self._definitions.append(compose(f"{name} AS ({{}})", selection))
        return name

    def _define_keys(self, type_name: str, names: Sequence[str], condition: RowsCondition) -> str:
        """Define a SELECT of attributes of the rows that meet *condition*, without NULLs."""
        # Primary keys are never NULL, and a needless test would hide that from SQLite.
        nullable = [name for name in names if name not in self._primary_key(type_name)]
        parts = []
        for rows in self.rows(type_name):
            present = [Sql(f"{column} IS NOT NULL") for column in columns(rows, nullable)]
            parts.append(select(rows, columns(rows, names), condition(rows), *present))
        return self._define(union_all(parts))

    def _define_hierarchy(self, upwards: bool, type_name: str, condition: RowsCondition) -> str:
        """Define a SELECT of the contexts above, or below, the rows that meet *condition*."""
        start = self._define_keys(type_name, ("parent_id" if upwards else "id",), condition)
        name = f"h{self._factory.number()}"
        closure = above(start, name) if upwards else below(start, name)
        self._definitions.append(Sql(f"{name}(id) AS ({closure})"))
        return self._define(Sql(f"SELECT id FROM {name} WHERE id IS NOT NULL")) if upwards else name

    # Tests along relations.

    def _relation_test(self, node: RelationTest, rows: Rows) -> Sql:
        def tested(target: Rows) -> Sql:
            return self.condition(node.condition, target)

        return self._path_condition(checked_segments(node.path), rows, tested)

    def _without_related(self, node: RelationTest, rows: Rows) -> Sql:
        """Return the condition ``not relation any ()``.

        It is tested row by row: there may be many related rows, and few rows to be tested.
        """
        first, *rest = checked_segments(node.path)
        relation = find_relation(self.schema, rows.type_name, first.name)
        if rest or relation.kind not in ("reference", "many"):
            return compose("NOT ({})", self._relation_test(node, rows))
        parts = self.rows(target_of(self.schema, relation, first))
        tests = [f"EXISTS (SELECT 1 FROM {self._joined(rows, relation, part)})" for part in parts]
        return Sql(f"NOT ({' OR '.join(tests)})")

    def _joined(self, rows: Rows, relation: Relation, target: Rows) -> str:
        """Return the FROM and WHERE that select the rows of *target* that *relation* leads to."""
        link = link_of(self.schema, relation)
        pairs = zip(columns(target, link.target), columns(rows, link.owner), strict=True)
        conditions = [f"{theirs} = {ours}" for theirs, ours in pairs]
        conditions += [*link_condition(link, target), *filter(None, [target.where])]
        return f"{target.source} WHERE {' AND '.join(conditions)}"

    def _path_condition(self, segments: Sequence[Segment], rows: Rows, inner: RowsCondition) -> Sql:
        """Return the condition that a path of relations leads to a row for which *inner* holds."""
        first, *rest = segments
        if not rest:
            return self._relation_condition(rows, first, inner)
        return self._relation_condition(
            rows, first, lambda target: self._path_condition(rest, target, inner)
        )

    def _relation_condition(self, rows: Rows, segment: Segment, inner: RowsCondition) -> Sql:
        """Return the condition that one relation leads to a row for which *inner* holds."""
        relation = find_relation(self.schema, rows.type_name, segment.name)
        target = target_of(self.schema, relation, segment)
        if relation.kind in HIERARCHIC:
            # A context has such an ancestor if it is below one, and the other way round.
            found = self._define_hierarchy(relation.kind == "descendants", target, inner)
            return is_in([rows.column("id")], found)
        link = link_of(self.schema, relation)

        def wanted(found: Rows) -> Sql:
            return all_of(*map(Sql, link_condition(link, found)), inner(found))

        keys = self._define_keys(target, link.target, wanted)
        if link.between:
            _, ours, theirs = link.between
            keys = self._define(Sql(between_select(link.between, ours, theirs, keys)))
        owner = columns(rows, link.owner)
        # NULL would stay NULL under a `not`; primary keys are never NULL.
        nullable = set(link.owner) - set(self._primary_key(rows.type_name))
        present = [Sql(f"{column} IS NOT NULL") for column in owner] if nullable else []
        return all_of(*present, is_in(owner, keys))

    # Comparisons at the end of a path.

    def _comparison(self, node: Comparison, rows: Rows) -> Sql:
        leaf = _Leaf(
            lambda column: compared(self.schema, column, node.operator, node.literal),
            missing=node.literal.is_none and node.operator == "is",
            present=node.literal.is_none and node.operator == "is_not",
        )
        return self._leaf_condition(checked_segments(node.path), rows, leaf)

    def _membership(self, node: Membership, rows: Rows) -> Sql:
        segments, members = checked_segments(node.path), node.members
        if isinstance(members, Query):
            selection = self._define_subquery(members)
            return self._leaf_condition(
                segments, rows, _Leaf(lambda column: _in_selection(column, selection, node.negated))
            )

        def listed(column: Column) -> Sql:
            condition = one_of(self.schema, column, members)
            return compose("NOT ({})", condition) if node.negated else condition

        return self._leaf_condition(segments, rows, _Leaf(listed))

    def _leaf_condition(self, segments: Sequence[Segment], rows: Rows, leaf: _Leaf) -> Sql:
        """Return the condition that *leaf* holds for a value that a path leads to."""
        first, *rest = segments
        member = find(self.schema, rows.type_name, first.name).member
        if not rest and isinstance(member, Attribute):
            return leaf.on(self._column(rows, member))
        relation = find_relation(self.schema, rows.type_name, first.name)
        if not rest:
            return self._relation_leaf_condition(rows, first, relation, leaf)
        if self._is_own_key(relation, first, rest):
            key = self._reference(rows, relation)
            return all_of(Sql(f"{key.sql} IS NOT NULL"), leaf.on(key))
        return self._relation_condition(
            rows, first, lambda target: self._leaf_condition(rest, target, leaf)
        )

    def _relation_leaf_condition(
        self, rows: Rows, segment: Segment, relation: Relation, leaf: _Leaf
    ) -> Sql:
        """Return the condition that *leaf* holds for the key of a related entity."""
        if self._is_plain_reference(relation, segment):
            return leaf.on(self._reference(rows, relation))
        if leaf.present:
            return self._relation_condition(rows, segment, lambda _: None)
        if leaf.missing:
            return compose("NOT ({})", self._relation_condition(rows, segment, lambda _: None))
        key = self._primary_key(relation.target)
        if len(key) > 1:
            raise ParseError(
                f"'{segment.name}' of '{rows.type_name}' leads to entities with several keys "
                f"({', '.join(key)}): compare one of these."
            )
        return self._relation_condition(
            rows, segment, lambda target: self._leaf_condition([Segment(key[0])], target, leaf)
        )

    def _is_plain_reference(self, relation: Relation, segment: Segment) -> bool:
        """Return whether a column holds the key of the related entity, of whatever type."""
        return (
            relation.kind == "reference"
            and segment.cast is None
            and len(self._primary_key(relation.target)) == 1
        )

    def _is_own_key(self, relation: Relation, segment: Segment, rest: Sequence[Segment]) -> bool:
        """Return whether a path such as ``parent.id`` is the same as ``parent_id``.

        It is not for a column that several relations share: it may hold the key of another type.
        """
        return (
            self._is_plain_reference(relation, segment)
            and relation.column == f"{relation.name}_id"
            and tuple(one.name for one in rest) == self._primary_key(relation.target)
        )

    def _reference(self, rows: Rows, relation: Relation) -> Column:
        """Return the column behind a reference."""
        found = self.schema.types[rows.type_name].scalars.get(relation.column)
        return self._column(rows, found or Attribute(relation.column, "text", key=True))

    def _column(self, rows: Rows, attribute: Attribute) -> Column:
        configuration = None
        if attribute.kind == "variable":
            is_value = "configuration_id" in self.schema.types[rows.type_name].scalars
            configuration = rows.column("configuration_id" if is_value else "id")
        return Column(rows.column(attribute.name), attribute, configuration)

    def _primary_key(self, type_name: str) -> tuple[str, ...]:
        return self.schema.types[type_name].primary_key

    # Alternatives.

    def _alternatives(self, operands: Sequence[Condition], rows: Rows) -> Sql:
        """Return the condition that one of *operands* holds.

        Clients ask for many entities by ``(a is 1 and b is 2) or (a is 1 and b is 3) or …``: such
        alternatives become one list, as ``in`` has, which SQLite looks up by its indexes.
        """
        parts: list[Sql] = []
        lists: dict[tuple[str, ...], list[list[Stored]]] = {}
        for operand in operands:
            exact = self._exact_values(operand, rows)
            if exact is None:
                parts.append(self.condition(operand, rows))
            else:
                lists.setdefault(tuple(exact), []).append(list(exact.values()))
        parts += [_is_one_of_keys(columns(rows, names), keys) for names, keys in lists.items()]
        return any_of(parts)

    def _exact_values(self, operand: Condition, rows: Rows) -> dict[str, Stored] | None:
        """Return the values that attributes must equal, or None if *operand* is more than that.

        Only attributes with texts and keys count.
        """
        exact: dict[str, Stored] = {}
        for part in operand.operands if isinstance(operand, And) else (operand,):
            if not isinstance(part, Comparison) or part.operator != "is" or part.literal.is_none:
                return None
            name = part.path.segments[0].name
            attribute = self.schema.types[rows.type_name].scalars.get(name)
            if len(part.path.segments) > 1 or attribute is None or name in exact:
                return None
            if attribute.kind != "text" or attribute.names_type:
                return None
            exact[name] = exact_value(attribute, part.literal)
        return exact

    # Values of related rows.

    def _value_of_related(
        self, rows: Rows, relation: Relation, segment: Segment, rest: Sequence[Segment]
    ) -> Column:
        """Return the value of path *rest* of the entity that a single relation leads to."""
        type_name = target_of(self.schema, relation, segment)
        (target,) = self.rows(type_name)
        found = self.value(target, rest or [Segment(self._primary_key(type_name)[0])])
        text = f"(SELECT {found.sql} FROM {self._joined(rows, relation, target)})"
        return Column(text, found.attribute, found.configuration)

    # Sub-queries.

    def _define_subquery(self, query: Query) -> str:
        """Define a SELECT of the values of a sub-query: of its first projection, without NULLs.

        Without ``select`` these are primary keys.
        """
        type_name = find_type(self.schema, query.entity_type).name
        *relations, last = checked_segments(self._first_projection(query))

        def of_query(rows: Rows) -> Sql:
            return self.condition(query.condition, rows)

        paged = query.limit is not None or query.offset is not None
        condition: RowsCondition = self._on_page(query) if paged else of_query
        for segment in relations:
            relation = find_relation(self.schema, type_name, segment.name)
            condition = self._reached_from(type_name, relation, condition)
            type_name = target_of(self.schema, relation, segment)
        return self._define_keys(type_name, (self._column_of(type_name, last),), condition)

    def _first_projection(self, query: Query) -> Path:
        if query.group:
            raise ParseError("A sub-query cannot be grouped: leave out 'group by'.")
        if query.projections is None:
            return Path((Segment(self._primary_key(query.entity_type)[0]),))
        path = query.projections[0]
        if isinstance(path, Path):
            return path
        raise ParseError(
            f"A sub-query yields values of one attribute, not {path.function}(…): select a path."
        )

    def _reached_from(
        self, type_name: str, relation: Relation, owners: RowsCondition
    ) -> RowsCondition:
        """Return the condition that *relation* leads to a row from the *owners* of a type."""
        if relation.kind in HIERARCHIC:
            found = self._define_hierarchy(relation.kind == "ancestors", type_name, owners)
            return lambda rows: is_in([rows.column("id")], found)
        link = link_of(self.schema, relation)
        keys = self._define_keys(type_name, link.owner, owners)
        if link.between:
            _, ours, theirs = link.between
            keys = self._define(Sql(between_select(link.between, theirs, ours, keys)))
        return lambda rows: all_of(
            is_in(columns(rows, link.target), keys), *map(Sql, link_condition(link, rows))
        )

    def _on_page(self, query: Query) -> RowsCondition:
        """Return the condition that a row is on the page of a sub-query with a limit or offset."""
        parts = self.rows(query.entity_type)
        if len(parts) > 1:
            raise ParseError(f"A sub-query on '{query.entity_type}' takes no limit and no offset.")
        (rows,) = parts
        key = self._primary_key(query.entity_type)
        selection = select(rows, columns(rows, key), self.condition(query.condition, rows))
        order = ", ".join(sql + direction for sql, direction in self.order(rows, query.order))
        tail = limits(query.limit, query.offset)
        page = self._define(compose(f"{{}} ORDER BY {order} {{}}", selection, tail))
        return lambda found: is_in(columns(found, key), page)

    def _column_of(self, type_name: str, segment: Segment) -> str:
        """Return the column of *segment*: of an attribute, or of a reference."""
        member = find(self.schema, type_name, segment.name).member
        if isinstance(member, Attribute):
            return member.name
        if self._is_plain_reference(member, segment):
            return member.column
        raise ParseError(
            f"'{segment.name}' of '{type_name}' is not one value: "
            f"select an attribute of it in the sub-query, such as '{segment.name}.id'."
        )


def sort_term(sql: str, attribute: Attribute, descending: bool) -> SortTerm:
    """Return a term of ORDER BY; text sorts without regard to case, keys by their index."""
    is_text = attribute.kind in ("text", "variable") and not attribute.key
    folded = " COLLATE NOCASE" if is_text else ""
    return SortTerm(sql, f"{folded}{' DESC' if descending else ''}")


def limits(limit: int | None, offset: int | None) -> Sql:
    """Return the end of a SELECT: LIMIT and OFFSET."""
    return Sql("LIMIT ? OFFSET ?", (-1 if limit is None else limit, offset or 0))


def _in_selection(column: Column, selection: str, negated: bool) -> Sql:
    if negated:
        return Sql(f"{column.sql} IS NOT NULL AND {column.sql} NOT IN {selection}")
    return Sql(f"{column.sql} IN {selection}")


def _is_one_of_keys(ours: Sequence[str], keys: Sequence[Sequence[Stored]]) -> Sql:
    together = is_one_of(ours, keys)
    if len(ours) == 1:
        return together
    # Each column may be searched by its own index, as they may be of several tables.
    apart = [
        is_one_of([column], [(value,) for value in dict.fromkeys(key[place] for key in keys)])
        for place, column in enumerate(ours)
    ]
    return all_of(*apart, together)
