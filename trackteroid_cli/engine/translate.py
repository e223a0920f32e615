"""Conditions of the query language as SQL.

A test along a relation becomes ``key IN (SELECT …)``, which does not depend on the row: SQLite may
begin at either end. Such a test is true or false, never unknown, so that its opposite is right for
rows without members; comparisons of values keep SQL's three-valued logic.

Source: ftrack's API documentation, "Querying".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from trackteroid_cli.engine.comparing import Column, compared, exact_value, one_of
from trackteroid_cli.engine.errors import ParseError
from trackteroid_cli.engine.language import (
    And,
    Comparison,
    Condition,
    Literal,
    Membership,
    Not,
    Or,
    Path,
    Query,
    RelationTest,
    Segment,
    SortKey,
)
from trackteroid_cli.engine.lookup import (
    checked_segments,
    find,
    find_relation,
    find_type,
    target_of,
)
from trackteroid_cli.engine.relations import (
    HIERARCHIC,
    above,
    below,
    between_select,
    link_condition,
    link_of,
)
from trackteroid_cli.engine.rows import Rows, RowsFactory, columns, select
from trackteroid_cli.engine.schema import Attribute, Relation, Schema
from trackteroid_cli.engine.sql import (
    TRUE,
    Sql,
    all_of,
    any_of,
    compose,
    is_among,
    is_one_of,
)
from trackteroid_cli.engine.values import Stored

#: A condition on rows that are known only where it is used; None holds for all.
RowsCondition: TypeAlias = Callable[[Rows], Sql | None]


class SortTerm(NamedTuple):
    """A term of ORDER BY: what to sort by, and what follows it."""

    sql: str
    direction: str


class _Leaf(NamedTuple):
    """What is asked of the end of a path: of a column, and whether none is meant by it."""

    on: Callable[[Column], Sql]
    none: bool = False
    negated: bool = False


class Translator:
    """Translates the parts of one query; aliases are unique within one translator.

    Every method raises `ParseError` for names that the schema does not have.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._factory = RowsFactory(schema)

    def rows(self, type_name: str) -> tuple[Rows, ...]:
        """Return the rows of a type, as one part or more."""
        return self._factory.rows(type_name)

    def condition(self, node: Condition | None, rows: Rows) -> Sql:
        """Return a condition on *rows*."""
        if node is None:
            return TRUE
        if isinstance(node, And):
            return all_of(*(self.condition(operand, rows) for operand in node.operands))
        if isinstance(node, Or):
            return self._alternatives(node.operands, rows)
        if isinstance(node, Not):
            return compose("NOT ({})", self.condition(node.operand, rows))
        if isinstance(node, RelationTest):
            return self._relation_test(node, rows)
        if isinstance(node, Membership):
            return self._membership(node, rows)
        return self._comparison(node, rows)

    def selected(self, query: Query) -> Sql:
        """Return a SELECT of what a sub-query yields: its first projection, without missing values.

        Without ``select`` it yields the primary key.
        """
        entity_type = find_type(self.schema, query.entity_type)
        path = self._yielded(query, entity_type.primary_key)
        *relations, last = checked_segments(path)
        type_name = query.entity_type

        def of_query(rows: Rows) -> Sql | None:
            return self.condition(query.condition, rows)

        condition: RowsCondition = of_query
        if query.limit is not None or query.offset is not None:
            condition = self._page(query, entity_type.primary_key)
        for segment in relations:
            relation = find_relation(self.schema, type_name, segment.name)
            condition = self._reached(type_name, relation, condition)
            type_name = target_of(self.schema, relation, segment)
        return self._keys(type_name, (self._stored_name(type_name, last),), condition)

    def value(self, rows: Rows, segments: Sequence[Segment]) -> Column:
        """Return what a path without collections holds, for sorting and grouping.

        Its SQL has no parameters. It is NULL where a relation on the way leads nowhere.

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
            return self._column(rows, self._key_attribute(rows, relation))
        target_type = target_of(self.schema, relation, first)
        target = self._factory.single(target_type)
        rest = rest or [Segment(self.schema.types[target_type].primary_key[0])]
        inner = self.value(target, rest)
        link = link_of(self.schema, relation)
        joined = [
            f"{target.column(theirs)} = {rows.column(ours)}"
            for theirs, ours in zip(link.target, link.owner, strict=True)
        ]
        conditions = [*joined, *link_condition(link, target), *filter(None, [target.where])]
        text = f"(SELECT {inner.sql} FROM {target.source} WHERE {' AND '.join(conditions)})"
        return Column(text, inner.attribute, inner.configuration)

    def order(self, rows: Rows, keys: Sequence[SortKey]) -> list[SortTerm]:
        """Return the terms of ORDER BY, the last of which make the order certain; NULL comes first."""
        terms = []
        for key in keys:
            column = self.value(rows, checked_segments(key.path))
            terms.append(sort_term(column.sql, column.attribute, key.descending))
        return [*terms, *(SortTerm(term, "") for term in rows.order)]

    def tied(self, relation: Relation, keys: Sql, rows: Rows) -> Sql:
        """Return the condition that *rows* are those that *relation* reaches from owners with *keys*."""
        link = link_of(self.schema, relation)
        more = map(Sql, link_condition(link, rows))
        return all_of(is_among(columns(rows, link.target), keys), *more)

    # Tests along relations.

    def _relation_test(self, node: RelationTest, rows: Rows) -> Sql:
        def tested(target: Rows) -> Sql:
            return self.condition(node.condition, target)

        return self._reaching(checked_segments(node.path), rows, tested)

    def _reaching(self, segments: Sequence[Segment], rows: Rows, inner: RowsCondition) -> Sql:
        """Return the condition that a path of relations leads to a row for which *inner* holds."""
        if not segments:
            return inner(rows) or TRUE
        return self._related(
            rows, segments[0], lambda target: self._reaching(segments[1:], target, inner)
        )

    def _related(self, rows: Rows, segment: Segment, inner: RowsCondition) -> Sql:
        """Return the condition that one relation leads to a row for which *inner* holds."""
        relation = find_relation(self.schema, rows.type_name, segment.name)
        target = target_of(self.schema, relation, segment)
        if relation.kind in HIERARCHIC:
            ids = self._keys(target, ("id",), inner)
            closure = below if relation.kind == "ancestors" else above
            return is_among([rows.column("id")], closure(ids, self._name("h")))
        link = link_of(self.schema, relation)

        def wanted(found: Rows) -> Sql:
            return all_of(*map(Sql, link_condition(link, found)), inner(found))

        keys = self._keys(target, link.target, wanted)
        if link.between:
            between = link.between
            keys = between_select(between, between.owner_column, between.target_column, keys)
        owner = columns(rows, link.owner)
        here = is_among(owner, keys)
        if set(link.owner) <= set(self.schema.types[rows.type_name].primary_key):
            return here
        # Unknown would stay unknown under a `not`.
        return all_of(*(Sql(f"{column} IS NOT NULL") for column in owner), here)

    def _reached(self, type_name: str, relation: Relation, owners: RowsCondition) -> RowsCondition:
        """Return the condition that a row is where *relation* leads to from rows of a type."""
        if relation.kind in HIERARCHIC:
            closure = above if relation.kind == "ancestors" else below

            def in_hierarchy(target: Rows) -> Sql:
                ids = self._keys(type_name, ("id",), owners)
                return is_among([target.column("id")], closure(ids, self._name("h")))

            return in_hierarchy

        def linked(target: Rows) -> Sql:
            link = link_of(self.schema, relation)
            keys = self._keys(type_name, link.owner, owners)
            if link.between:
                between = link.between
                keys = between_select(between, between.target_column, between.owner_column, keys)
            return self.tied(relation, keys, target)

        return linked

    def _keys(self, type_name: str, names: Sequence[str], condition: RowsCondition) -> Sql:
        """Return a SELECT of the attributes *names* of the rows that meet *condition*, none missing."""
        parts = []
        for rows in self.rows(type_name):
            wanted = columns(rows, names)
            # Keys are never missing, and a needless test would hide that from SQLite.
            nullable = set(names) - set(self.schema.types[type_name].primary_key)
            present = [Sql(f"{rows.column(name)} IS NOT NULL") for name in sorted(nullable)]
            parts.append(select(rows, wanted, condition(rows), *present))
        return compose(" UNION ALL ".join(["{}"] * len(parts)), *parts)

    # Comparisons at the end of a path.

    def _comparison(self, node: Comparison, rows: Rows) -> Sql:
        leaf = _Leaf(
            lambda column: compared(self.schema, column, node.operator, node.literal),
            none=node.literal.is_none and node.operator in ("is", "is_not"),
            negated=node.operator == "is_not",
        )
        return self._at_end(checked_segments(node.path), rows, leaf)

    def _membership(self, node: Membership, rows: Rows) -> Sql:
        members = node.members
        if isinstance(members, Query):
            selection = self.selected(members)
            return self._at_end(
                checked_segments(node.path),
                rows,
                _Leaf(lambda column: _in_selection(column, selection, node.negated)),
            )
        return self._at_end(
            checked_segments(node.path),
            rows,
            _Leaf(lambda column: self._in_list(column, members, node.negated)),
        )

    def _in_list(self, column: Column, members: Sequence[Literal], negated: bool) -> Sql:
        condition = one_of(self.schema, column, members)
        return compose("NOT ({})", condition) if negated else condition

    def _at_end(self, segments: Sequence[Segment], rows: Rows, leaf: _Leaf) -> Sql:
        """Return the condition that a path leads to something for which *leaf* holds."""
        first, *rest = segments
        member = find(self.schema, rows.type_name, first.name).member
        if not rest and isinstance(member, Attribute):
            return leaf.on(self._column(rows, member))
        relation = find_relation(self.schema, rows.type_name, first.name)
        if not rest:
            return self._relation_at_end(rows, first, relation, leaf)
        if self._is_own_key(relation, first, rest):
            key = self._column(rows, self._key_attribute(rows, relation))
            return all_of(Sql(f"{key.sql} IS NOT NULL"), leaf.on(key))
        return self._related(rows, first, lambda target: self._at_end(rest, target, leaf))

    def _relation_at_end(
        self, rows: Rows, segment: Segment, relation: Relation, leaf: _Leaf
    ) -> Sql:
        """Compare a relation: by the key of what it leads to."""
        if self._is_plain_reference(relation, segment):
            return leaf.on(self._column(rows, self._key_attribute(rows, relation)))
        if leaf.none:
            exists = self._related(rows, segment, lambda _: None)
            return exists if leaf.negated else compose("NOT ({})", exists)
        key = self.schema.types[relation.target].primary_key
        if len(key) > 1:
            raise ParseError(
                f"'{segment.name}' of '{rows.type_name}' leads to entities with several keys "
                f"({', '.join(key)}): compare one of these."
            )
        return self._related(
            rows, segment, lambda target: self._at_end([Segment(key[0])], target, leaf)
        )

    def _is_plain_reference(self, relation: Relation, segment: Segment) -> bool:
        """Whether a column holds the one key of what *segment* leads to, whatever its type."""
        return (
            relation.kind == "reference"
            and segment.cast is None
            and len(self.schema.types[relation.target].primary_key) == 1
        )

    def _is_own_key(self, relation: Relation, segment: Segment, rest: Sequence[Segment]) -> bool:
        """Whether a path such as ``parent.id`` asks for what ``parent_id`` holds.

        A column that several relations share may hold the key of another type.
        """
        return (
            self._is_plain_reference(relation, segment)
            and relation.column == f"{relation.name}_id"
            and [one.name for one in rest] == list(self.schema.types[relation.target].primary_key)
        )

    @staticmethod
    def _key_attribute(rows: Rows, relation: Relation) -> Attribute:
        found = rows.schema.types[rows.type_name].scalars.get(relation.column)
        return found or Attribute(relation.column, "text", key=True)

    def _column(self, rows: Rows, attribute: Attribute) -> Column:
        configuration = None
        if attribute.kind == "variable":
            has_own = attribute.name == "value"
            configuration = rows.column("configuration_id" if has_own else "id")
        return Column(rows.column(attribute.name), attribute, configuration)

    # Alternatives.

    def _alternatives(self, operands: Sequence[Condition], rows: Rows) -> Sql:
        """Return the condition that one of *operands* holds.

        Clients ask for many entities by ``(a is 1 and b is 2) or (a is 1 and b is 3) or …``: such
        alternatives become one list, as ``in`` has, which SQLite looks up by its indexes.
        """
        parts: list[Sql] = []
        lists: dict[tuple[str, ...], list[list[Stored]]] = {}
        for operand in operands:
            exact = self._exact(operand, rows)
            if exact is None:
                parts.append(self.condition(operand, rows))
            else:
                lists.setdefault(tuple(exact), []).append(list(exact.values()))
        parts += [self._one_of_keys(rows, names, keys) for names, keys in lists.items()]
        return any_of(parts)

    def _exact(self, operand: Condition, rows: Rows) -> dict[str, Stored] | None:
        """Return names of key attributes and the values that *operand* wants them to have.

        None if it wants anything else.
        """
        exact: dict[str, Stored] = {}
        for part in operand.operands if isinstance(operand, And) else (operand,):
            if not isinstance(part, Comparison) or part.operator != "is" or part.literal.is_none:
                return None
            name = part.path.segments[0].name
            attribute = self.schema.types[rows.type_name].scalars.get(name)
            if len(part.path.segments) > 1 or attribute is None or name in exact:
                return None
            if not attribute.key and attribute.kind != "text" or attribute.names_type:
                return None
            exact[name] = exact_value(attribute, part.literal)
        return exact

    def _one_of_keys(
        self, rows: Rows, names: tuple[str, ...], keys: Sequence[Sequence[Stored]]
    ) -> Sql:
        ours = columns(rows, names)
        together = is_one_of(ours, keys)
        if len(names) == 1:
            return together
        # The columns may be of several tables, of which each can be looked up by its own.
        apart = [
            is_one_of([column], [(one,) for one in sorted({str(key[place]) for key in keys})])
            for place, column in enumerate(ours)
        ]
        return all_of(*apart, together)

    # Sub-queries.

    def _yielded(self, query: Query, primary_key: tuple[str, ...]) -> Path:
        if query.group:
            raise ParseError("A sub-query cannot be grouped: leave out 'group by'.")
        if query.projections is None:
            return Path((Segment(primary_key[0]),))
        path = query.projections[0]
        if isinstance(path, Path):
            return path
        raise ParseError(
            f"A sub-query yields values of one attribute, not {path.function}(…): select a path."
        )

    def _page(self, query: Query, primary_key: tuple[str, ...]) -> RowsCondition:
        """Return the condition that a row is within the limit and offset of a sub-query."""
        parts = self.rows(query.entity_type)
        if len(parts) > 1:
            raise ParseError(f"A sub-query on '{query.entity_type}' takes no limit and no offset.")
        rows = parts[0]
        condition = self.condition(query.condition, rows)
        selection = select(rows, columns(rows, primary_key), condition)
        order = self.order(rows, query.order)
        page = compose(
            f"{{}} ORDER BY {', '.join(sql + direction for sql, direction in order)} {{}}",
            selection,
            limits(query.limit, query.offset),
        )
        return lambda found: is_among(columns(found, primary_key), page)

    def _stored_name(self, type_name: str, segment: Segment) -> str:
        """Return the column that *segment* names: an attribute's, or the key behind a reference."""
        member = find(self.schema, type_name, segment.name).member
        if isinstance(member, Attribute):
            return member.name
        if self._is_plain_reference(member, segment):
            return member.column
        raise ParseError(
            f"'{segment.name}' of '{type_name}' cannot be compared with: "
            f"select '{segment.name}.id' in the sub-query."
        )

    def _name(self, prefix: str) -> str:
        return f"{prefix}{self._factory.number()}"


def sort_term(sql: str, attribute: Attribute, descending: bool) -> SortTerm:
    """Return a term of ORDER BY; text sorts without regard to case."""
    folded = " COLLATE NOCASE" if attribute.kind in ("text", "variable") else ""
    return SortTerm(sql, f"{folded}{' DESC' if descending else ''}")


def limits(limit: int | None, offset: int | None) -> Sql:
    """Return the end of a SELECT: LIMIT and OFFSET."""
    return Sql("LIMIT ? OFFSET ?", (-1 if limit is None else limit, offset or 0))


def _in_selection(column: Column, selection: Sql, negated: bool) -> Sql:
    if negated:
        return compose(f"{column.sql} IS NOT NULL AND {column.sql} NOT IN ({{}})", selection)
    return compose(f"{column.sql} IN ({{}})", selection)
