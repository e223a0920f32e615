"""Coverage: which questions a replica can answer.

A replica holds a part of what its server does. A question is answered where the replica is sure to
hold whatever the server would look at. Where it is not, an answer that could be wrong, or that is
empty, is refused with the pull that makes the replica hold what is asked for: a result that is
empty in silence would read as "there is none". An answer that can only be incomplete is given, and
said to be.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trackteroid_cli.errors import NotPulled
from trackteroid_cli.offline.holdings import Holdings
from trackteroid_cli.offline.ownership import owned_rows
from trackteroid_cli.offline.projects import ProjectLookup
from trackteroid_cli.offline.query_analysis import Named, QueryAnalysis, Step, Touch, projected
from trackteroid_cli.server.expressions import without_projections

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine
    from trackteroid_cli.engine.query.language import Condition, Path, Query

#: Rows that connect entities of different projects: their table, and what each column refers to.
_CONNECTING: dict[str, dict[str, tuple[str, ...]]] = {
    "TypedContextLink": {"from_id": ("Context",), "to_id": ("Context",)},
    "AssetVersionLink": {"from_id": ("AssetVersion",), "to_id": ("AssetVersion",)},
    "ListObject": {"entity_id": ("Context", "AssetVersion")},
}

#: A value that is worked out from all versions of an asset.
_LATEST = "is_latest_version"


class Coverage:
    """What the replica with *holdings*, in the engine *pulled*, is sure to know."""

    def __init__(self, holdings: Holdings, pulled: Engine) -> None:
        self.holdings = holdings
        self.pulled = pulled
        self.schema = pulled.store.schema
        self.walk = QueryAnalysis(self.schema)
        self.whole = frozenset(holdings.whole)

    def question(
        self,
        operation: Mapping[str, Any],
        engine: Engine,
        created: Callable[[], Collection[str]] = tuple,
    ) -> Question | None:
        """Return the question that *operation* puts to *engine*; None if it is not a query.

        Args:
            created: gives the keys of what whoever asks has created: nobody else knows of it.

        Raises:
            NotPulled: it is about a type, a project or an entity that is not held.
        """
        from trackteroid_cli.engine.query.language import parse
        from trackteroid_cli.engine.storage.errors import ParseError

        if operation.get("action") not in ("query", "search"):
            return None
        try:
            query = parse(str(operation.get("expression")))
            question = Question(self, engine, query, created)
            question.refuse_types()
            question.refuse_names()
        except ParseError:
            return None  # the engine says what is wrong with it
        return question

    @cached_property
    def expressions(self) -> list[tuple[str, Query]]:
        """The expressions that were pulled: from the type on, and read."""
        from trackteroid_cli.engine.query.language import parse

        return [
            (without_projections(pulled.expression), parse(pulled.expression))
            for pulled in self.holdings.expressions
        ]

    @cached_property
    def by_expression(self) -> frozenset[str]:
        """Root types of which some rows were pulled by an expression, or along with such."""
        found = {root for _, query in self.expressions for root, _ in self.walk.types(query)}
        waiting = {*found, "Context"} if found else set()
        while waiting:
            root = waiting.pop()
            found.add(root)
            for name in self.schema.families[root].members:
                parts = {each for each, way in owned_rows(self.schema, name) if way.sort == "part"}
                waiting |= parts - found
        return frozenset(found)

    def refusal(self, what: str, why: str, command: str) -> NotPulled:
        """Return the error that *what* is not held, and the pull that would change it."""
        return NotPulled(
            f"the replica of {self.holdings.server} does not hold {what}",
            why=f"{why}; it holds {self.held}, last pulled {self.holdings.pulled}",
            hint=f"while the server can be reached, run: trackteroid replica pull {command}",
        )

    @property
    def held(self) -> str:
        """What is held besides the small tables, in words."""
        if self.holdings.every_project:
            return "every project"
        held = [project.name for project in self.holdings.projects]
        held += [f"what {each.expression!r} selects" for each in self.holdings.expressions]
        return ", ".join(held) or "no project"


class Question:
    """One query, put to *engine*: the replica, with what is laid over it."""

    def __init__(
        self,
        coverage: Coverage,
        engine: Engine,
        query: Query,
        created: Callable[[], Collection[str]],
    ) -> None:
        self._coverage = coverage
        self._created = created
        self._engine = engine
        self._query = query
        self._walk = coverage.walk
        self._root = coverage.walk.root(query.entity_type)
        self._lookup = ProjectLookup((engine, coverage.pulled), coverage.whole)

    # Before the answer.

    def refuse_types(self) -> None:
        """Refuse a query that touches a type of which nothing was pulled.

        Raises:
            NotPulled: it does.
            ParseError: a name means nothing.
        """
        for root, type_name in self._walk.types(self._query):
            if root in self._coverage.whole or root in self._coverage.by_expression:
                continue
            if root in self._coverage.holdings.scoped:
                if self._held_projects:
                    continue
                raise self._coverage.refusal(
                    f"any {type_name}", "no project was pulled", "--project NAME"
                )
            raise self._coverage.refusal(
                f"any {type_name}",
                "entities of that type were not pulled",
                shlex.quote(f"{type_name} where …"),
            )

    def refuse_names(self) -> None:
        """Refuse a query that names a project, or an entity by its key, that is not held.

        Raises:
            NotPulled: it does.
        """
        if self._was_asked_for:
            return
        for named in self._walk.named(self._query):
            if named.attribute != "id":
                for value in named.values:
                    if named.distance and not self._is_held_project(value, named.attribute):
                        raise self._no_project(value)
            elif named.root not in self._coverage.whole:
                for value in self._lookup.unknown(named.root, named.values):
                    if value not in self._created():
                        raise self._unknown(named.root, value, itself=not named.distance)
                for value in named.values if named.distance else ():
                    name = self._project_not_held(value)
                    if name:
                        raise self._no_project(name)

    def _no_project(self, name: str) -> NotPulled:
        return self._coverage.refusal(
            f"the project {name!r}", "the query asks about it", f"--project {shlex.quote(name)}"
        )

    def _unknown(self, root: str, value: str, *, itself: bool = False) -> NotPulled:
        name = self._query.entity_type if itself else root
        return self._coverage.refusal(
            f"the {name or 'entity'} {value}",
            "no entity with that key was pulled or recorded",
            shlex.quote(f"{name or 'TypedContext'} where id is {value}"),
        )

    # After the answer.

    def review(self, data: Sequence[Mapping[str, Any]]) -> str:
        """Return what is to be said of an answer that may be incomplete; '' for any other.

        Args:
            data: the entities of the answer, as ftrack sends them.

        Raises:
            NotPulled: the answer may be wrong, or is empty where the server may have something.
        """
        if self._query.limit == 0:
            return ""
        sure = self._is_sure
        if not sure:
            if self._may_be_wrong:
                raise self._not_all("the query asks what there is none of")
            if self._tells_of_nothing(data):
                raise self._not_all("there is none in what was pulled")
        for path in projected(self._query):
            sure = self._reviewed(path, data) and sure
        if sure:
            return ""
        return (
            f"of {self._query.entity_type}, only what was pulled is seen: {self._coverage.held}; "
            "`trackteroid replica pull --project NAME` adds to it"
        )

    def _not_all(self, why: str) -> NotPulled:
        return self._coverage.refusal(
            f"every {self._query.entity_type} that the query may mean",
            f"{why}, and there may be some in other projects",
            "--project NAME",
        )

    def _tells_of_nothing(self, data: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether there are no entities, or none that was counted."""
        from trackteroid_cli.engine.query.language import Aggregate

        counted = any(isinstance(each, Aggregate) for each in self._query.projections or ())
        return not data or (counted and not any(any(row.values()) for row in data))

    @cached_property
    def _is_sure(self) -> bool:
        """Whether the replica holds whatever the server would look at."""
        touched = {touch.step.target_root for touch in self._touches}
        if {self._root, *touched} <= self._coverage.whole or self._was_asked_for:
            return True
        condition = self._query.condition
        if condition is None or self._strays:
            return False
        return self._binds(self._query.entity_type, condition, 0)

    @cached_property
    def _may_be_wrong(self) -> bool:
        """Whether rows may fit because what would keep them from it is not held."""
        return _LATEST in self._walk.attributes(self._query) or any(
            touch.negated or touch.step.relation.kind == "latest_version"
            for touch in self._touches
            if touch.step.target_root not in self._coverage.whole and not touch.step.is_part
        )

    @cached_property
    def _strays(self) -> bool:
        """Whether the condition leads to where entities that are not held may be."""
        whole = self._coverage.whole
        beginnings = set()
        for touch in self._touches:
            step = touch.step
            if step.owner_root in whole and step.target_root not in whole:
                beginnings.add(step.name if step.owner_root == self._root else "")
            for table in {step.target_root, step.relation.between} & _CONNECTING.keys():
                if any(self._dangling(table, column) for column in _CONNECTING[table]):
                    return True
        # Of what is held whole, one relation may be the one that binds the query.
        return len(beginnings) > 1 or "" in beginnings

    def _binds(self, type_name: str, condition: Condition, distance: int) -> bool:
        """Return whether *condition*, of entities so many relations away, binds to what is held."""
        from trackteroid_cli.engine.query.language import And, Membership, Or, Query, RelationTest

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

    def _is_within(self, named: Named, value: str, itself: bool) -> bool:
        """Return whether what is named, and so what belongs to it, is held.

        Args:
            itself: whether it is the entity that is asked for.
        """
        if named.attribute != "id":
            return self._is_held_project(value, named.attribute)
        if self._lookup.project_of(named.root, value) in self._held_projects:
            return True
        if value in self._created():
            return True
        # It is known, or the question would have been refused: so is what its own row tells, and
        # what comes with it.
        if itself:
            return self._looks_at_own_parts
        return self._walk.is_part_of(
            self._root, named.root or self._lookup.root_of(value)
        ) and not any(touch.negated for touch in self._touches)

    @cached_property
    def _touches(self) -> tuple[Touch, ...]:
        """The relations that the condition follows."""
        return tuple(self._walk.touches(self._query))

    @cached_property
    def _looks_at_own_parts(self) -> bool:
        """Whether the condition goes no further than what comes with every pull of its entities."""
        return all(
            touch.step.target_root in self._coverage.whole or touch.step.is_part
            for touch in self._touches
        )

    @cached_property
    def _was_asked_for(self) -> bool:
        """Whether the same entities were pulled by an expression."""
        return any(
            asked.entity_type == self._query.entity_type
            and (
                asked.condition == self._query.condition
                or (asked.condition is None and self._looks_at_own_parts)
            )
            and asked.limit is None
            and not asked.offset
            for _, asked in self._coverage.expressions
        )

    # What the entities of the answer lead to.

    def _reviewed(self, path: Path, data: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether all that a projection leads to is there; refuse gaps."""
        sure = True
        entities: list[Mapping[str, Any]] = list(data)
        for step in self._walk.steps(self._query.entity_type, path):
            reached: list[Mapping[str, Any]] = []
            for entity in entities:
                if step.name not in entity or "id" not in entity:
                    continue
                value = entity[step.name]
                sure = self._step_is_sure(step, entity, bool(value)) and sure
                reached.extend(value if isinstance(value, list) else [value] if value else [])
            entities = reached
        if path.segments[-1].name == _LATEST:
            for entity in entities:
                self._refuse_unless_held("AssetVersion", entity, f"whether {_LATEST}")
        return sure

    def _step_is_sure(self, step: Step, entity: Mapping[str, Any], found: bool) -> bool:
        """Return whether all is there that a relation leads to from *entity*.

        Raises:
            NotPulled: something is missing, or may be.
        """
        if step.target_root in self._coverage.whole:
            return True
        key = str(entity["id"])
        if step.relation.kind == "reference":
            if not found:
                self._refuse_dangling(step, key)
            return True
        if step.is_part or self._was_followed(step, key):
            return True
        if step.owner_root in self._coverage.whole and found:
            return False
        self._refuse_unless_held(step.owner_root, entity, f"the {step.name}", step.name)
        if step.relation.between in _CONNECTING:
            self._refuse_missing_members(step, key)
        return True

    def _refuse_unless_held(
        self, root: str, entity: Mapping[str, Any], what: str, select: str = "id"
    ) -> None:
        key, name = str(entity["id"]), entity["__entity_type__"]
        if self._lookup.project_of(root, key) not in self._held_projects:
            raise self._coverage.refusal(
                f"{what} of {name} {key}",
                "it is not of a project that was pulled",
                shlex.quote(f"select {select} from {name} where id is {key}"),
            )

    def _refuse_dangling(self, step: Step, key: str) -> None:
        row = self._lookup.row(step.owner_root, key)
        referred = row.get(step.relation.column) if row else None
        if referred and not self._was_looked_for(step.target_root, str(referred)):
            raise self._unknown(step.target_root, str(referred))

    def _refuse_missing_members(self, step: Step, key: str) -> None:
        """Refuse a relation of which a connecting row is held, and what it leads to is not."""
        relation = step.relation
        table = self._coverage.schema.families[relation.between].table
        members = [
            str(member)
            for (member,) in self._engine.store.connection.execute(
                f'SELECT "{relation.target_column}" FROM "{table}" WHERE "{relation.column}" = ?',
                [key],
            )
        ]
        for member in self._lookup.unknown("", members):
            raise self._unknown(step.target_root, member)

    def _was_looked_for(self, root: str, key: str) -> bool:
        """Return whether just that entity was pulled for, and not found."""
        from trackteroid_cli.engine.query.language import Comparison

        return any(
            isinstance(asked.condition, Comparison)
            and str(asked.condition.path) == "id"
            and asked.condition.literal.text == key
            and self._walk.root(asked.entity_type) == root
            for _, asked in self._coverage.expressions
        )

    def _was_followed(self, step: Step, key: str) -> bool:
        """Return whether an expression that was pulled has followed that relation from there."""
        for expression, query in self._coverage.expressions:
            for path in projected(query):
                for place, other in enumerate(self._walk.steps(query.entity_type, path)):
                    if (other.owner_root, other.name) == (step.owner_root, step.name):
                        owner = ".".join([*map(str, path.segments[:place]), "id"])
                        within = f"select {owner} from {expression}"
                        if self._finds(f"{step.owner} where id is {key} and id in ({within})"):
                            return True
        return False

    def _finds(self, expression: str) -> bool:
        from trackteroid_cli.engine.query.query import run_query

        connection = self._coverage.pulled.store.connection
        schema = self._coverage.schema
        return bool(run_query(connection, schema, f"select id from {expression}")["data"])

    # What is held.

    def _is_held_project(self, name: str, attribute: str) -> bool:
        rows = self._engine.store.connection.execute(
            f"SELECT id FROM context WHERE _type = 'Project' AND \"{attribute}\" = ?", [name]
        )
        return any(key in self._held_projects for (key,) in rows.fetchall())

    def _project_not_held(self, key: str) -> str | None:
        """Return the name of the project with that key, if it is one and is not held."""
        row = None if key in self._held_projects else self._lookup.row("Context", key)
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

    def _dangling(self, table: str, column: str) -> bool:
        """Return whether a connecting row refers to what is not held."""
        families = self._coverage.schema.families
        nowhere = " AND ".join(
            f'"{column}" NOT IN (SELECT id FROM "{families[root].table}")'
            for root in _CONNECTING[table][column]
            if root in families
        )
        sql = f'SELECT 1 FROM "{families[table].table}" WHERE "{column}" IS NOT NULL AND {nowhere}'
        return self._engine.store.connection.execute(f"{sql} LIMIT 1").fetchone() is not None
