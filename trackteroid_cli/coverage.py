"""Coverage: which questions a replica can answer.

A replica holds a part of what its server does. What it finds is an answer; finding nothing is one
only where the replica is sure to hold whatever the server might find. In all other cases the
question is refused, with the pull that makes the replica hold what it asks for: a result that is
empty in silence would read as "there is none".
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from trackteroid_cli.errors import NotPulled
from trackteroid_cli.expressions import without_projections
from trackteroid_cli.holdings import Holdings

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine
    from trackteroid_cli.engine.language import Condition, Literal, Path, Query
    from trackteroid_cli.engine.schema import Relation, Schema

#: Attributes by which people name a project.
_PROJECT_NAMES = ("name", "full_name")

#: Columns that hold the key of an owner of any type.
_OWNER_COLUMNS = ("parent_id", "entity_id")

#: References that do not lead to what an entity is a part of.
_NOT_OWNERS = frozenset({"thumbnail", "in_reply_to", "task"})


class Coverage:
    """What the replica with *holdings*, in the engine *pulled*, is sure to know."""

    def __init__(self, holdings: Holdings, pulled: Engine) -> None:
        self.holdings = holdings
        self.pulled = pulled
        self.schema = pulled.store.schema
        self.whole = frozenset(holdings.whole)
        self.scoped = frozenset(holdings.scoped)

    def question(self, operation: Mapping[str, Any], engine: Engine) -> Question | None:
        """Return the question that *operation* puts to *engine*; None if it is not a query.

        Raises:
            NotPulled: it is about a type, a project or an entity that is not held.
        """
        from trackteroid_cli.engine.errors import ParseError
        from trackteroid_cli.engine.language import parse

        if operation.get("action") not in ("query", "search"):
            return None
        try:
            question = Question(self, engine, parse(str(operation.get("expression"))))
            question.refuse_types()
            if not self.holdings.every_project:
                question.refuse_names()
        except ParseError:
            return None  # the engine says what is wrong with it
        return question

    @cached_property
    def by_expression(self) -> frozenset[str]:
        """Root types of which some rows were pulled by an expression."""
        from trackteroid_cli.engine.language import parse

        found: set[str] = set()
        for pulled in self.holdings.expressions:
            found.update(root for root, _ in _Walk(self.schema).of(parse(pulled.expression)))
        if found:
            found.update({"Context", "CustomAttributeValue", "Metadata"})
        return frozenset(found)

    def holds_type(self, root: str) -> bool:
        """Return whether rows of that root type are held, as far as their projects are."""
        if root in self.whole or root in self.by_expression:
            return True
        return root in self.scoped and bool(self.holdings.projects or self.holdings.every_project)

    def refusal(self, what: str, why: str, command: str) -> NotPulled:
        """Return the error that *what* is not held, and the pull that would change it."""
        held = ", ".join(project.name for project in self.holdings.projects) or "no project"
        if self.holdings.every_project:
            held = "every project"
        return NotPulled(
            f"the replica of {self.holdings.server} does not hold {what}",
            why=f"{why}; it holds {held}, last pulled {self.holdings.pulled}",
            hint=f"while the server can be reached, run: trackteroid replica pull {command}",
        )


class Question:
    """One query, put to *engine*: the replica, with what is laid over it."""

    def __init__(self, coverage: Coverage, engine: Engine, query: Query) -> None:
        self._coverage = coverage
        self._engine = engine
        self._query = query
        self._schema = coverage.schema
        self._walk = _Walk(coverage.schema)
        known = coverage.schema.types.get(query.entity_type)
        self._root = known.root if known else ""

    # Before the answer.

    def refuse_types(self) -> None:
        """Refuse a query that touches a type of which nothing was pulled.

        Raises:
            NotPulled: it does.
            ParseError: a name means nothing.
        """
        for root, type_name in self._walk.of(self._query):
            if self._coverage.holds_type(root):
                continue
            if root in self._coverage.scoped:
                raise self._coverage.refusal(
                    f"any {type_name}", "no project was pulled", "--project NAME"
                )
            command = shlex.quote(f"{type_name} where …")
            raise self._coverage.refusal(
                f"any {type_name}", "entities of that type were not pulled", command
            )

    def refuse_names(self) -> None:
        """Refuse a query that names a project, or an entity by its key, that is not held.

        Raises:
            NotPulled: it does.
        """
        if self._was_asked_for():
            return
        for named in self._walk.named(self._query):
            if named.attribute != "id":
                for value in named.values:
                    if named.distance and not self._is_held_project(value, named.attribute):
                        raise self._no_project(value)
            elif named.root not in self._coverage.whole:
                for value in self._unknown_of(named.root, named.values):
                    raise self._unknown(named.root, value)
                for value in named.values if named.distance else ():
                    name = self._project_not_held(value)
                    if name:
                        raise self._no_project(name)

    def _no_project(self, name: str) -> NotPulled:
        return self._coverage.refusal(
            f"the project {name!r}", "the query asks about it", f"--project {shlex.quote(name)}"
        )

    def _unknown(self, root: str, value: str) -> NotPulled:
        name = self._query.entity_type if root == self._root else root
        name = name or "entity"
        asked = shlex.quote(f"{name} where id is {value}") if name != "entity" else "--project NAME"
        return self._coverage.refusal(
            f"the {name} {value}", "no entity with that key was pulled or recorded", asked
        )

    # After the answer.

    def refuse_what_may_be_missing(self, data: Sequence[Mapping[str, Any]]) -> None:
        """Refuse an answer that is empty, or empty in places, unless it is sure to be right.

        Args:
            data: the entities of the answer, as ftrack sends them.

        Raises:
            NotPulled: the server may have what is missing.
        """
        if self._coverage.holdings.every_project:
            return
        if self._tells_of_nothing(data):
            if not self._query.offset and not self._is_sure():
                raise self._coverage.refusal(
                    f"a {self._query.entity_type} that the query asks for",
                    "there is none in what was pulled, and there may be one in other projects",
                    "--project NAME",
                )
            return
        for projection in self._query.projections or ():
            self._refuse_gaps(projection, data)

    def _tells_of_nothing(self, data: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether there are no entities, or none that was counted."""
        from trackteroid_cli.engine.language import Aggregate

        counted = any(isinstance(each, Aggregate) for each in self._query.projections or ())
        return not data or (counted and not any(any(row.values()) for row in data))

    def _is_sure(self) -> bool:
        """Return whether the replica holds whatever the server could answer with."""
        roots = {root for root, _ in self._walk.of_rows(self._query)}
        return roots <= self._coverage.whole or self._is_bound() or self._was_asked_for()

    def _is_bound(self) -> bool:
        """Return whether the condition binds the query to what is held."""
        condition = self._query.condition
        return condition is not None and self._binds(self._query.entity_type, condition, 0)

    def _binds(self, type_name: str, condition: Condition, distance: int) -> bool:
        """Return whether *condition*, of entities that are so many relations away, binds."""
        from trackteroid_cli.engine.language import And, Membership, Or, Query, RelationTest

        if isinstance(condition, And):
            return any(self._binds(type_name, each, distance) for each in condition.operands)
        if isinstance(condition, Or):
            return all(self._binds(type_name, each, distance) for each in condition.operands)
        if isinstance(condition, RelationTest):
            target = self._walk.target(type_name, condition.path)
            inner = condition.condition
            if inner is None or target is None:
                return False
            return self._binds(target, inner, distance + 1)
        if isinstance(condition, Membership) and isinstance(condition.members, Query):
            members = condition.members
            if condition.negated or members.condition is None:
                return False
            return self._binds(members.entity_type, members.condition, distance + 1)
        named = self._walk.name(type_name, condition)
        if named is None:
            return False
        itself = not (distance or named.distance)
        return all(self._is_within(named, value, itself) for value in named.values)

    def _is_within(self, named: _Named, value: str, itself: bool) -> bool:
        """Return whether what is named, and so what belongs to it, is held.

        Args:
            itself: whether it is the entity that is asked for.
        """
        if named.attribute != "id":
            return self._is_held_project(value, named.attribute)
        if self._project_of(named.root, value) in self._held_projects:
            return True
        # It is known, or the question would have been refused; so is what its own row tells.
        return itself and self._asks_for_rows_alone

    @cached_property
    def _asks_for_rows_alone(self) -> bool:
        """Whether the condition follows no relations but to types that are held whole."""
        _, *related = self._walk.of_rows(self._query)
        return all(root in self._coverage.whole for root, _ in related)

    def _was_asked_for(self) -> bool:
        """Return whether the same entities were pulled by an expression."""
        from trackteroid_cli.engine.language import parse

        return any(
            (asked := parse(pulled.expression)).entity_type == self._query.entity_type
            and asked.condition in (None, self._query.condition)
            and asked.limit is None
            for pulled in self._coverage.holdings.expressions
        )

    def _refuse_gaps(self, projection: Any, data: Sequence[Mapping[str, Any]]) -> None:
        """Refuse where a relation that is projected leads nowhere, unless it is sure to."""
        from trackteroid_cli.engine.language import Path

        if not isinstance(projection, Path):
            return
        entities: list[Mapping[str, Any]] = list(data)
        for step in self._walk.steps(self._query.entity_type, projection):
            reached: list[Mapping[str, Any]] = []
            for entity in entities:
                value = entity.get(step.name)
                if isinstance(value, list):
                    reached.extend(value)
                elif isinstance(value, Mapping):
                    reached.append(value)
                if not value and step.name in entity:
                    self._refuse_gap(step, entity)
            entities = reached

    def _refuse_gap(self, step: _Step, entity: Mapping[str, Any]) -> None:
        if step.target_root in self._coverage.whole or "id" not in entity:
            return
        key = str(entity["id"])
        if not step.column:
            sure = (
                step.is_part
                or self._project_of(step.owner_root, key) in self._held_projects
                or self._was_followed(step, key)
            )
            if not sure:
                raise self._coverage.refusal(
                    f"the {step.name} of {entity['__entity_type__']} {key}",
                    "it is not of a project that was pulled",
                    shlex.quote(
                        f"select {step.name} from {entity['__entity_type__']} where id is {key}"
                    ),
                )
            return
        row = self._row(step.owner_root, key)
        referred = row.get(step.column) if row else None
        if referred and not self._was_asked(step.target_root, str(referred)):
            raise self._unknown(step.target_root, str(referred))

    def _was_asked(self, root: str, key: str) -> bool:
        """Return whether just that entity was pulled for, and not found."""
        from trackteroid_cli.engine.language import Comparison, parse

        for pulled in self._coverage.holdings.expressions:
            asked = parse(pulled.expression)
            condition = asked.condition
            if (
                isinstance(condition, Comparison)
                and str(condition.path) == "id"
                and condition.literal.text == key
                and self._schema.types[asked.entity_type].root == root
            ):
                return True
        return False

    def _was_followed(self, step: _Step, key: str) -> bool:
        """Return whether an expression that was pulled has followed that relation from there."""
        from trackteroid_cli.engine.language import parse

        for pulled in self._coverage.holdings.expressions:
            query = parse(pulled.expression)
            for path in _projected(query):
                steps = self._walk.steps(query.entity_type, path)
                for place, other in enumerate(steps):
                    if (other.owner_root, other.name) == (step.owner_root, step.name):
                        owner = ".".join([*map(str, path.segments[:place]), "id"])
                        within = f"select {owner} from {without_projections(pulled.expression)}"
                        if self._finds(f"{step.owner} where id is {key} and id in ({within})"):
                            return True
        return False

    def _finds(self, expression: str) -> bool:
        from trackteroid_cli.engine.query import run_query

        connection = self._coverage.pulled.store.connection
        return bool(run_query(connection, self._schema, f"select id from {expression}")["data"])

    # What is held.

    def _unknown_of(self, root: str, keys: Iterable[str]) -> list[str]:
        """Return those of *keys* that no entity has, nor had before batches were laid over it."""
        left = dict.fromkeys(keys)
        for each in [root] if root else self._keyed_by_id:
            for engine in self._engines:
                rows = engine.store.connection.execute(
                    f'SELECT id FROM "{self._schema.families[each].table}" '
                    "WHERE id IN (SELECT value FROM json_each(?))",
                    [json.dumps(list(left))],
                )
                for (key,) in rows.fetchall():
                    left.pop(str(key), None)
            if not left:
                break
        return list(left)

    def _is_held_project(self, name: str, attribute: str) -> bool:
        rows = self._engine.store.connection.execute(
            f"SELECT id FROM context WHERE _type = 'Project' AND \"{attribute}\" = ?", [name]
        )
        return any(key in self._held_projects for (key,) in rows.fetchall())

    def _project_not_held(self, key: str) -> str | None:
        """Return the name of the project with that key, if it is one and is not held."""
        row = None if key in self._held_projects else self._row("Context", key)
        return str(row["name"]) if row and row["_type"] == "Project" else None

    @cached_property
    def _held_projects(self) -> frozenset[str]:
        """The projects that were pulled, and those that are only recorded yet."""
        sql = "SELECT id FROM context WHERE _type = 'Project'"
        held = {project.id for project in self._coverage.holdings.projects}
        if self._engine is not self._coverage.pulled:
            now, before = (
                {key for (key,) in engine.store.connection.execute(sql)}
                for engine in (self._engine, self._coverage.pulled)
            )
            held |= now - before
        return frozenset(held)

    def _project_of(self, root: str, key: str) -> str | None:
        """Return the project that an entity belongs to, along the references of its row."""
        seen: set[tuple[str, str]] = set()
        waiting = [(root, key)] if root else [(each, key) for each in self._keyed_by_id]
        while waiting:
            here = waiting.pop()
            row = None if here in seen else self._row(*here)
            seen.add(here)
            if row is None:
                continue
            if row.get("project_id"):
                return str(row["project_id"])
            waiting.extend(self._owners(here[0], row))
        return None

    def _owners(self, root: str, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name in self._schema.family_of(root).members:
            for relation in self._schema.types[name].relations.values():
                target = self._schema.types[relation.target].root
                if relation.kind == "reference" and relation.name not in _NOT_OWNERS:
                    value = row.get(relation.column)
                    if value and target in self._coverage.scoped:
                        yield target, str(value)
        for column in _OWNER_COLUMNS:
            if row.get(column):
                yield from ((each, str(row[column])) for each in self._keyed_by_id)

    def _row(self, root: str, key: str) -> dict[str, Any] | None:
        if root not in self._keyed_by_id:
            return None
        table = self._schema.families[root].table
        for engine in self._engines:
            cursor = engine.store.connection.execute(f'SELECT * FROM "{table}" WHERE id = ?', [key])
            row = cursor.fetchone()
            if row is not None:
                return dict(zip([column[0] for column in cursor.description], row, strict=True))
        return None

    @cached_property
    def _keyed_by_id(self) -> tuple[str, ...]:
        return tuple(
            root
            for root, family in self._schema.families.items()
            if family.primary_key == ("id",) and not family.dense
        )

    @cached_property
    def _engines(self) -> tuple[Engine, ...]:
        if self._engine is self._coverage.pulled:
            return (self._engine,)
        return self._engine, self._coverage.pulled


class _Step(NamedTuple):
    """A relation on a path, from entities of the type *owner*.

    *column* holds the key, if it is a reference; *is_part* tells that what it leads to is pulled
    along with its owner.
    """

    name: str
    owner: str
    owner_root: str
    target_root: str
    column: str
    is_part: bool


class _Named(NamedTuple):
    """What a comparison names: entities of *root* ('' for any), by their key or by another name.

    *attribute* is ``id``, or the one by which projects are named; *distance* is how many relations
    lead there from the entity that is tested.
    """

    root: str
    attribute: str
    values: tuple[str, ...]
    distance: int


class _Walk:
    """Goes through a query: which types it touches, and which entities it names."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def of(self, query: Query) -> Iterator[tuple[str, str]]:
        """Yield the root, and the name, of each type that the query touches."""
        yield from self.of_rows(query)
        for path in _projected(query):
            yield from self._along(query.entity_type, path)

    def of_rows(self, query: Query) -> Iterator[tuple[str, str]]:
        """Yield those that decide which rows it selects."""
        from trackteroid_cli.engine.lookup import find_type
        from trackteroid_cli.engine.schema import is_dense

        found = find_type(self._schema, query.entity_type)
        # Custom attribute values that belong to an entity are computed from those that were set.
        yield "CustomAttributeValue" if is_dense(found.name) else found.root, found.name
        if query.condition is not None:
            yield from self._touched(query.entity_type, query.condition)

    def _touched(self, type_name: str, condition: Condition) -> Iterator[tuple[str, str]]:
        from trackteroid_cli.engine.language import And, Membership, Not, Or, Query, RelationTest

        if isinstance(condition, (And, Or)):
            for operand in condition.operands:
                yield from self._touched(type_name, operand)
        elif isinstance(condition, Not):
            yield from self._touched(type_name, condition.operand)
        else:
            yield from self._along(type_name, condition.path)
            if isinstance(condition, RelationTest) and condition.condition is not None:
                target = self.target(type_name, condition.path)
                if target is not None:
                    yield from self._touched(target, condition.condition)
            elif isinstance(condition, Membership) and isinstance(condition.members, Query):
                yield from self.of_rows(condition.members)

    def _along(self, type_name: str, path: Path) -> Iterator[tuple[str, str]]:
        for step, target in self._follow(type_name, path):
            if not step.target_root.endswith("CustomAttributeValue"):
                yield step.target_root, target

    def steps(self, type_name: str, path: Path) -> list[_Step]:
        """Return the relations on *path*."""
        return [step for step, _ in self._follow(type_name, path)]

    def target(self, type_name: str, path: Path) -> str | None:
        """Return the type that *path*, which ends in a relation, leads to."""
        followed = list(self._follow(type_name, path))
        return followed[-1][1] if len(followed) == len(path.segments) else None

    def _follow(self, type_name: str, path: Path) -> Iterator[tuple[_Step, str]]:
        from trackteroid_cli.engine.lookup import find, target_of
        from trackteroid_cli.engine.schema import Relation

        for segment in path.segments:
            found = find(self._schema, type_name, segment.name)
            if not isinstance(found.member, Relation):
                return
            relation = found.member
            target = target_of(self._schema, relation, segment)
            owner_root = self._schema.types[found.type_name].root
            target_root = self._schema.types[relation.target].root
            column = relation.column if relation.kind == "reference" else ""
            is_part = self._is_part(found.type_name, relation)
            step = _Step(segment.name, type_name, owner_root, target_root, column, is_part)
            yield step, target
            type_name = target

    def _is_part(self, type_name: str, relation: Relation) -> bool:
        """Return whether what *relation* leads to comes with every pull of its owner."""
        from trackteroid_cli.pulling.ways import ways_from

        if relation.kind in ("ancestors", "dense"):
            return True
        root = self._schema.types[relation.target].root
        return any(
            way.sort == "part" and (each, way.by) == (root, relation.column)
            for each, way in ways_from(self._schema, type_name)
        )

    def named(self, query: Query) -> Iterator[_Named]:
        """Yield what the query names, wherever it does so and nothing negates it."""
        if query.condition is not None:
            yield from self._named(query.entity_type, query.condition)

    def _named(self, type_name: str, condition: Condition) -> Iterator[_Named]:
        from trackteroid_cli.engine.language import And, Membership, Not, Or, Query, RelationTest

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

    def name(self, type_name: str, condition: Condition) -> _Named | None:
        """Return what one comparison names, if it does."""
        from trackteroid_cli.engine.language import Comparison, Membership, Query
        from trackteroid_cli.engine.lookup import find

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
            return _Named("Context", last, values, len(segments) - 1)
        if self._schema.types[owner].primary_key == (last,):
            return self._key_of(owner, values, len(segments) - 1)
        attribute = find(self._schema, owner, last).member
        if not getattr(attribute, "key", False):
            return None
        for relation in self._schema.types[owner].relations.values():
            if relation.kind == "reference" and relation.column == last:
                return self._key_of(relation.target, values, len(segments))
        return _Named("", "id", values, len(segments)) if last in _OWNER_COLUMNS else None

    def _key_of(self, type_name: str, values: tuple[str, ...], distance: int) -> _Named | None:
        found = self._schema.types[type_name]
        if found.primary_key != ("id",):
            return None
        return _Named(found.root, "id", values, distance)


def _projected(query: Query) -> Iterator[Path]:
    from trackteroid_cli.engine.language import Aggregate

    for projection in query.projections or ():
        yield projection.path if isinstance(projection, Aggregate) else projection
