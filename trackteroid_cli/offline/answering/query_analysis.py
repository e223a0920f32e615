"""Query analysis: which types and relations a query reads, and which entities it names."""

from __future__ import annotations

from collections.abc import Iterator
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
from trackteroid_cli.offline.projects import OWNER_COLUMNS

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.schema import Schema

#: Attributes by which people name a project.
_PROJECT_NAMES = ("name", "full_name")


class Step(NamedTuple):
    """A relation on a path, from entities of the type *owner* to those of the type *target*."""

    relation: Relation
    owner: str
    target: str
    owner_root: str
    target_root: str

    @property
    def name(self) -> str:
        """The name of the relation."""
        return self.relation.name


class KeyPath(NamedTuple):
    """A path that ends in a key.

    *steps* lead to entities of the type *owner*. The key is their own if *column* is '', else it is
    in that column, and that of an entity of the type *target*, '' for any.
    """

    steps: tuple[Step, ...]
    owner: str
    column: str
    target: str


class NamedEntities(NamedTuple):
    """The entities that a comparison names by key, or the projects that it names by name.

    *path* leads to them, *root* is their root type, '' for any. *attribute* is ``id``, ``name`` or
    ``full_name``; *or_none* says whether a missing value will do as well.
    """

    path: KeyPath
    root: str
    attribute: str
    values: tuple[str, ...]
    or_none: bool

    @property
    def are_selected(self) -> bool:
        """Whether they are the entities that are tested, not others that these are related to."""
        return not self.path.steps and not self.path.column


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
        if query.condition is not None:
            yield from self._types_in(query.entity_type, query.condition)
        for path in (*projected_paths(query), *query.group, *(key.path for key in query.order)):
            yield from self._types_on(query.entity_type, path)

    def _types_in(self, type_name: str, condition: Condition) -> Iterator[tuple[str, str]]:
        if isinstance(condition, (And, Or)):
            for operand in condition.operands:
                yield from self._types_in(type_name, operand)
            return
        if isinstance(condition, Not):
            yield from self._types_in(type_name, condition.operand)
            return
        yield from self._types_on(type_name, condition.path)
        if isinstance(condition, RelationTest) and condition.condition is not None:
            steps = self.steps(type_name, condition.path)
            if steps:
                yield from self._types_in(steps[-1].target, condition.condition)
        elif isinstance(condition, Membership) and isinstance(condition.members, Query):
            yield from self.types(condition.members)

    def _types_on(self, type_name: str, path: Path) -> Iterator[tuple[str, str]]:
        for step in self.steps(type_name, path):
            yield step.target_root, step.target

    def steps(self, type_name: str, path: Path) -> list[Step]:
        """Return the relations on *path*.

        Raises:
            ParseError: the schema does not have one of its names.
        """
        steps = []
        for segment in path.segments:
            found = find(self._schema, type_name, segment.name)
            if not isinstance(found.member, Relation):
                break
            owner, target = found.type_name, target_of(self._schema, found.member, segment)
            owner_root = self._schema.types[owner].root
            steps.append(Step(found.member, owner, target, owner_root, self.root(target)))
            type_name = target
        return steps

    def key_path(self, type_name: str, path: Path) -> KeyPath | None:
        """Return where *path* leads to if it ends in the key of an entity, else None."""
        steps = tuple(self.steps(type_name, path))
        if len(steps) == len(path.segments):
            last = steps[-1]
            if last.relation.kind == "reference":
                return KeyPath(steps[:-1], last.owner, last.relation.column, last.target)
            return KeyPath(steps, last.target, "", last.target)
        owner, name = steps[-1].target if steps else type_name, path.segments[-1].name
        if self._schema.types[owner].primary_key == (name,):
            return KeyPath(steps, owner, "", owner)
        if not getattr(find(self._schema, owner, name).member, "key", False):
            return None
        for relation in self._schema.types[owner].relations.values():
            if relation.kind == "reference" and relation.column == name:
                return KeyPath(steps, owner, name, relation.target)
        return KeyPath(steps, owner, name, "") if name in OWNER_COLUMNS else None

    def named_entities(self, query: Query) -> Iterator[NamedEntities]:
        """Yield the entities that the comparisons of the query name, except negated ones."""
        if query.condition is not None:
            yield from self._named_in(query.entity_type, query.condition)

    def _named_in(self, type_name: str, condition: Condition) -> Iterator[NamedEntities]:
        if isinstance(condition, (And, Or)):
            for operand in condition.operands:
                yield from self._named_in(type_name, operand)
        elif isinstance(condition, RelationTest):
            steps = tuple(self.steps(type_name, condition.path))
            if steps and condition.condition is not None:
                for named in self._named_in(steps[-1].target, condition.condition):
                    path = named.path
                    yield named._replace(path=path._replace(steps=(*steps, *path.steps)))
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
            literals: tuple[Literal, ...] = (condition.literal,)
        elif (
            isinstance(condition, Membership)
            and not condition.negated
            and not isinstance(condition.members, Query)
        ):
            literals = condition.members
        else:
            return None
        values = tuple(each.text for each in literals if each.text and not each.is_none)
        if not values:
            return None
        or_none = any(each.is_none for each in literals)
        steps = tuple(self.steps(type_name, condition.path))
        owner, last = steps[-1].target if steps else type_name, condition.path.segments[-1].name
        if owner == "Project" and last in _PROJECT_NAMES:
            path = KeyPath(steps, owner, "", owner)
            return NamedEntities(path, "Context", last, values, or_none)
        key_path = self.key_path(type_name, condition.path)
        if key_path is None:
            return None
        target = self._schema.types.get(key_path.target)
        if target is not None and target.primary_key != ("id",):
            return None
        return NamedEntities(key_path, target.root if target else "", "id", values, or_none)


def projected_paths(query: Query) -> Iterator[Path]:
    """Yield the paths among the projections of *query*, those inside aggregates as well."""
    for projection in query.projections or ():
        yield projection.path if isinstance(projection, Aggregate) else projection
