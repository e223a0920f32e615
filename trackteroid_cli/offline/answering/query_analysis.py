"""Query analysis: which types and relations a query reads, and which entities it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from trackteroid_cli.engine.query.language import (
    Aggregate,
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
)
from trackteroid_cli.engine.query.lookup import find, find_type, target_of
from trackteroid_cli.engine.schema.schema import Relation
from trackteroid_cli.offline.ownership import owned_rows
from trackteroid_cli.offline.projects import OWNER_COLUMNS

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.schema import Schema

#: Attributes by which people name a project.
_PROJECT_NAMES = ("name", "full_name")


class Step(NamedTuple):
    """A relation on a path, from entities of the type *owner*.

    *pulled_with_owner* says whether the entities it leads to come with every pull of the owner.
    """

    relation: Relation
    owner: str
    owner_root: str
    target_root: str
    pulled_with_owner: bool

    @property
    def name(self) -> str:
        """The name of the relation."""
        return self.relation.name


class ConditionRelation(NamedTuple):
    """A relation that a condition follows, and the type that it leads to.

    *negated* says whether an entity may match because nothing is found there.
    """

    step: Step
    target: str
    negated: bool


class NamedEntities(NamedTuple):
    """The entities of *root* ('' for any) that a comparison names by key, or projects by name.

    *attribute* is ``id``, ``name`` or ``full_name``; *distance* is the number of relations from the
    entity that is tested to those that are named.
    """

    root: str
    attribute: str
    values: tuple[str, ...]
    distance: int


#: The relation to the entities that a sub-query selects.
_SUBQUERY_MEMBERS = Relation("", "", "many")


class QueryAnalysis:
    """Finds the types that a query reads, and the entities that it names."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def root(self, type_name: str) -> str:
        """Return the root type whose rows answer for a type.

        Raises:
            ParseError: there is no such type.
        """
        return self._schema.stored_root(find_type(self._schema, type_name).name)

    def types(self, query: Query) -> Iterator[tuple[str, str]]:
        """Yield the root type, and the name, of each type that the query reads."""
        yield self.root(query.entity_type), query.entity_type
        for followed in self.condition_relations(query):
            yield followed.step.target_root, followed.target
        for path in projected_paths(query):
            steps = self._follow(query.entity_type, path)
            yield from ((step.target_root, target) for step, target in steps)

    def condition_relations(self, query: Query) -> Iterator[ConditionRelation]:
        """Yield the relations that the condition of *query* follows."""
        if query.condition is not None:
            yield from self._relations_in(query.entity_type, query.condition, negated=False)

    def _relations_in(
        self, type_name: str, condition: Condition, *, negated: bool
    ) -> Iterator[ConditionRelation]:
        if isinstance(condition, (And, Or)):
            for operand in condition.operands:
                yield from self._relations_in(type_name, operand, negated=negated)
            return
        if isinstance(condition, Not):
            yield from self._relations_in(type_name, condition.operand, negated=True)
            return
        absent = isinstance(condition, Comparison) and condition.literal.is_none
        for step, target in self._follow(type_name, condition.path):
            yield ConditionRelation(step, target, negated or absent)
        if isinstance(condition, RelationTest) and condition.condition is not None:
            target_type = self.target(type_name, condition.path)
            if target_type is not None:
                yield from self._relations_in(target_type, condition.condition, negated=negated)
        elif isinstance(condition, Membership) and isinstance(condition.members, Query):
            members, negated = condition.members, negated or condition.negated
            # The entities of a sub-query decide the match as those of a relation do.
            step = Step(
                _SUBQUERY_MEMBERS, members.entity_type, "", self.root(members.entity_type), False
            )
            yield ConditionRelation(step, members.entity_type, negated)
            if members.condition is not None:
                yield from self._relations_in(
                    members.entity_type, members.condition, negated=negated
                )

    def steps(self, type_name: str, path: Path) -> list[Step]:
        """Return the relations on *path*."""
        return [step for step, _ in self._follow(type_name, path)]

    def target(self, type_name: str, path: Path) -> str | None:
        """Return the type that *path* leads to; None if it does not end in a relation."""
        followed = list(self._follow(type_name, path))
        return followed[-1][1] if len(followed) == len(path.segments) else None

    def _follow(self, type_name: str, path: Path) -> Iterator[tuple[Step, str]]:
        for segment in path.segments:
            found = find(self._schema, type_name, segment.name)
            if not isinstance(found.member, Relation):
                return
            relation = found.member
            target = target_of(self._schema, relation, segment)
            owner_root = self._schema.types[found.type_name].root
            target_root = self.root(relation.target)
            along = self._is_pulled_with_owner(found.type_name, relation)
            yield Step(relation, type_name, owner_root, target_root, along), target
            type_name = target

    def _is_pulled_with_owner(self, type_name: str, relation: Relation) -> bool:
        """Return whether every pull of *type_name* includes the targets of *relation*."""
        if relation.kind in ("ancestors", "dense"):
            return True
        root = self._schema.types[relation.target].root
        return any(
            owned.kind == "part" and (each, owned.column) == (root, relation.column)
            for each, owned in owned_rows(self._schema, type_name)
        )

    def is_pulled_with(self, root: str, owner_root: str) -> bool:
        """Return whether every pull of the root type *owner_root* includes its rows of *root*."""
        family = self._schema.families.get(owner_root)
        return family is not None and any(
            owned.kind == "part" and each == root
            for name in family.members
            for each, owned in owned_rows(self._schema, name)
        )

    def compared_attributes(self, query: Query) -> set[str]:
        """Return the names of the attributes that the condition of *query* compares."""
        return set() if query.condition is None else set(self._compared(query.condition))

    def _compared(self, condition: Condition) -> Iterator[str]:
        if isinstance(condition, (And, Or)):
            for operand in condition.operands:
                yield from self._compared(operand)
        elif isinstance(condition, Not):
            yield from self._compared(condition.operand)
        else:
            yield condition.path.segments[-1].name
            if isinstance(condition, RelationTest) and condition.condition is not None:
                yield from self._compared(condition.condition)
            elif isinstance(condition, Membership) and isinstance(condition.members, Query):
                yield from self.compared_attributes(condition.members)

    def named_entities(self, query: Query) -> Iterator[NamedEntities]:
        """Yield the entities that the comparisons of the query name, except negated ones."""
        if query.condition is not None:
            yield from self._named_in(query.entity_type, query.condition)

    def _named_in(self, type_name: str, condition: Condition) -> Iterator[NamedEntities]:
        if isinstance(condition, (And, Or)):
            for operand in condition.operands:
                yield from self._named_in(type_name, operand)
        elif isinstance(condition, RelationTest):
            target = self.target(type_name, condition.path)
            if target is not None and condition.condition is not None:
                for named in self._named_in(target, condition.condition):
                    yield named._replace(distance=named.distance + 1)
        elif isinstance(condition, Membership) and isinstance(condition.members, Query):
            if not condition.negated:
                yield from self.named_entities(condition.members)
        elif not isinstance(condition, Not):
            compared = self.named_by(type_name, condition)
            if compared is not None:
                yield compared

    def named_by(self, type_name: str, condition: Condition) -> NamedEntities | None:
        """Return the entities that one comparison names; None if it names none."""
        if isinstance(condition, Comparison) and condition.operator == "is":
            literals: Iterable[Literal] = (condition.literal,)
        elif (
            isinstance(condition, Membership)
            and not condition.negated
            and not isinstance(condition.members, Query)
        ):
            literals = condition.members
        else:
            return None
        values = tuple(each.text for each in literals if each.text and not each.is_none)
        segments = condition.path.segments
        followed = [target for _, target in self._follow(type_name, condition.path)]
        if not values:
            return None
        if len(followed) == len(segments):
            return self._named_by_key(followed[-1], values, len(segments))
        owner, last = (followed or [type_name])[-1], segments[-1].name
        if owner == "Project" and last in _PROJECT_NAMES:
            return NamedEntities("Context", last, values, len(segments) - 1)
        if self._schema.types[owner].primary_key == (last,):
            return self._named_by_key(owner, values, len(segments) - 1)
        attribute = find(self._schema, owner, last).member
        if not getattr(attribute, "key", False):
            return None
        for relation in self._schema.types[owner].relations.values():
            if relation.kind == "reference" and relation.column == last:
                return self._named_by_key(relation.target, values, len(segments))
        return NamedEntities("", "id", values, len(segments)) if last in OWNER_COLUMNS else None

    def _named_by_key(
        self, type_name: str, values: tuple[str, ...], distance: int
    ) -> NamedEntities | None:
        found = self._schema.types[type_name]
        if found.primary_key != ("id",):
            return None
        return NamedEntities(found.root, "id", values, distance)


def projected_paths(query: Query) -> Iterator[Path]:
    """Yield the paths among the projections of *query*, those inside aggregates as well."""
    for projection in query.projections or ():
        yield projection.path if isinstance(projection, Aggregate) else projection
