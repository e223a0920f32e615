"""Touching: which types a query touches, by which relations, and which entities it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from trackteroid_cli.engine.schema.schema import Relation, is_dense
from trackteroid_cli.offline.ownership import owned_rows
from trackteroid_cli.offline.projects import OWNER_COLUMNS

if TYPE_CHECKING:
    from trackteroid_cli.engine.query.language import Condition, Literal, Path, Query
    from trackteroid_cli.engine.schema.schema import Schema

#: Attributes by which people name a project.
_PROJECT_NAMES = ("name", "full_name")


class Step(NamedTuple):
    """A relation on a path, from entities of the type *owner*.

    *is_part* tells that what it leads to is pulled along with its owner.
    """

    relation: Relation
    owner: str
    owner_root: str
    target_root: str
    is_part: bool

    @property
    def name(self) -> str:
        """The attribute."""
        return self.relation.name


class Touch(NamedTuple):
    """A relation that a condition follows, and the type that it leads to.

    *negated* tells that an entity may fit because nothing is found there.
    """

    step: Step
    target: str
    negated: bool


class Named(NamedTuple):
    """What a comparison names: entities of *root* ('' for any), by their key or by another name.

    *attribute* is ``id``, or the one by which projects are named; *distance* is how many relations
    lead there from the entity that is tested.
    """

    root: str
    attribute: str
    values: tuple[str, ...]
    distance: int


#: Stands for the entities that a sub-query selects.
_SELECTED = Relation("", "", "many")


class QueryAnalysis:
    """Goes through a query: which types it touches, and which entities it names."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def root(self, type_name: str) -> str:
        """Return the root type whose rows answer for a type.

        Raises:
            ParseError: there is no such type.
        """
        from trackteroid_cli.engine.query.lookup import find_type

        found = find_type(self._schema, type_name)
        # Custom attribute values that belong to an entity are computed from those that were set.
        return "CustomAttributeValue" if is_dense(found.name) else found.root

    def types(self, query: Query) -> Iterator[tuple[str, str]]:
        """Yield the root, and the name, of each type that the query touches."""
        yield self.root(query.entity_type), query.entity_type
        for touch in self.touches(query):
            yield touch.step.target_root, touch.target
        for path in projected(query):
            followed = self._follow(query.entity_type, path)
            yield from ((step.target_root, target) for step, target in followed)

    def touches(self, query: Query) -> Iterator[Touch]:
        """Yield the relations that the condition of *query* follows."""
        if query.condition is not None:
            yield from self._touched(query.entity_type, query.condition, negated=False)

    def _touched(self, type_name: str, condition: Condition, *, negated: bool) -> Iterator[Touch]:
        from trackteroid_cli.engine.query.language import (
            And,
            Comparison,
            Membership,
            Not,
            Or,
            Query,
            RelationTest,
        )

        if isinstance(condition, (And, Or)):
            for operand in condition.operands:
                yield from self._touched(type_name, operand, negated=negated)
            return
        if isinstance(condition, Not):
            yield from self._touched(type_name, condition.operand, negated=True)
            return
        absent = isinstance(condition, Comparison) and condition.literal.is_none
        for step, target in self._follow(type_name, condition.path):
            yield Touch(step, target, negated or absent)
        if isinstance(condition, RelationTest) and condition.condition is not None:
            reached = self.target(type_name, condition.path)
            if reached is not None:
                yield from self._touched(reached, condition.condition, negated=negated)
        elif isinstance(condition, Membership) and isinstance(condition.members, Query):
            members, negated = condition.members, negated or condition.negated
            # What is selected there decides like a relation that leads to it.
            step = Step(_SELECTED, members.entity_type, "", self.root(members.entity_type), False)
            yield Touch(step, members.entity_type, negated)
            if members.condition is not None:
                yield from self._touched(members.entity_type, members.condition, negated=negated)

    def steps(self, type_name: str, path: Path) -> list[Step]:
        """Return the relations on *path*."""
        return [step for step, _ in self._follow(type_name, path)]

    def target(self, type_name: str, path: Path) -> str | None:
        """Return the type that *path*, which ends in a relation, leads to."""
        followed = list(self._follow(type_name, path))
        return followed[-1][1] if len(followed) == len(path.segments) else None

    def _follow(self, type_name: str, path: Path) -> Iterator[tuple[Step, str]]:
        from trackteroid_cli.engine.query.lookup import find, target_of

        for segment in path.segments:
            found = find(self._schema, type_name, segment.name)
            if not isinstance(found.member, Relation):
                return
            relation = found.member
            target = target_of(self._schema, relation, segment)
            owner_root = self._schema.types[found.type_name].root
            target_root = self.root(relation.target)
            is_part = self._is_part(found.type_name, relation)
            yield Step(relation, type_name, owner_root, target_root, is_part), target
            type_name = target

    def _is_part(self, type_name: str, relation: Relation) -> bool:
        """Return whether what *relation* leads to comes with every pull of its owner."""
        if relation.kind in ("ancestors", "dense"):
            return True
        root = self._schema.types[relation.target].root
        return any(
            way.sort == "part" and (each, way.by) == (root, relation.column)
            for each, way in owned_rows(self._schema, type_name)
        )

    def is_part_of(self, root: str, owner_root: str) -> bool:
        """Return whether rows of a root type come with every pull of those of another one."""
        family = self._schema.families.get(owner_root)
        return family is not None and any(
            way.sort == "part" and each == root
            for name in family.members
            for each, way in owned_rows(self._schema, name)
        )

    def attributes(self, query: Query) -> set[str]:
        """Return the names of the attributes with which the condition of *query* compares."""
        return set() if query.condition is None else set(self._compared(query.condition))

    def _compared(self, condition: Condition) -> Iterator[str]:
        from trackteroid_cli.engine.query.language import (
            And,
            Membership,
            Not,
            Or,
            Query,
            RelationTest,
        )

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
                yield from self.attributes(condition.members)

    def named(self, query: Query) -> Iterator[Named]:
        """Yield what the query names, wherever it does so and nothing negates it."""
        if query.condition is not None:
            yield from self._named(query.entity_type, query.condition)

    def _named(self, type_name: str, condition: Condition) -> Iterator[Named]:
        from trackteroid_cli.engine.query.language import (
            And,
            Membership,
            Not,
            Or,
            Query,
            RelationTest,
        )

        if isinstance(condition, (And, Or)):
            for operand in condition.operands:
                yield from self._named(type_name, operand)
        elif isinstance(condition, RelationTest):
            target = self.target(type_name, condition.path)
            if target is not None and condition.condition is not None:
                for named in self._named(target, condition.condition):
                    yield named._replace(distance=named.distance + 1)
        elif isinstance(condition, Membership) and isinstance(condition.members, Query):
            if not condition.negated:
                yield from self.named(condition.members)
        elif not isinstance(condition, Not):
            named_here = self.name(type_name, condition)
            if named_here is not None:
                yield named_here

    def name(self, type_name: str, condition: Condition) -> Named | None:
        """Return what one comparison names, if it does."""
        from trackteroid_cli.engine.query.language import Comparison, Membership, Query
        from trackteroid_cli.engine.query.lookup import find

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
            return self._key_of(followed[-1], values, len(segments))
        owner, last = (followed or [type_name])[-1], segments[-1].name
        if owner == "Project" and last in _PROJECT_NAMES:
            return Named("Context", last, values, len(segments) - 1)
        if self._schema.types[owner].primary_key == (last,):
            return self._key_of(owner, values, len(segments) - 1)
        attribute = find(self._schema, owner, last).member
        if not getattr(attribute, "key", False):
            return None
        for relation in self._schema.types[owner].relations.values():
            if relation.kind == "reference" and relation.column == last:
                return self._key_of(relation.target, values, len(segments))
        return Named("", "id", values, len(segments)) if last in OWNER_COLUMNS else None

    def _key_of(self, type_name: str, values: tuple[str, ...], distance: int) -> Named | None:
        found = self._schema.types[type_name]
        if found.primary_key != ("id",):
            return None
        return Named(found.root, "id", values, distance)


def projected(query: Query) -> Iterator[Path]:
    """Yield the paths among the projections of *query*, those that are counted as well."""
    from trackteroid_cli.engine.query.language import Aggregate

    for projection in query.projections or ():
        yield projection.path if isinstance(projection, Aggregate) else projection
