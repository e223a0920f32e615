"""Pulled data: what a replica holds, and what one who asks it sees."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

from trackteroid_cli import settings
from trackteroid_cli.engine.query.language import Comparison, Condition, Query, parse
from trackteroid_cli.engine.query.query import run_query
from trackteroid_cli.engine.schema import facts
from trackteroid_cli.errors import NotPulled
from trackteroid_cli.offline.answering.query_analysis import QueryAnalysis, Step, projected_paths
from trackteroid_cli.offline.holdings import Holdings
from trackteroid_cli.offline.ownership import every_owner_of, owned_rows
from trackteroid_cli.offline.projects import ProjectLookup
from trackteroid_cli.server.expressions import without_projections

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine
    from trackteroid_cli.engine.schema.schema import Schema

#: The state of a database, and the keys that were missing then.
_Gaps: TypeAlias = tuple[tuple[int, int, int], frozenset[str]]


class PulledData:
    """The replica with *holdings*, in *engine*, without overlays."""

    def __init__(self, holdings: Holdings, engine: Engine) -> None:
        self.holdings = holdings
        self.engine = engine
        self.schema = engine.store.schema
        self.analysis = QueryAnalysis(self.schema)
        #: The root types whose rows are all held.
        self.whole = frozenset(holdings.whole)
        self._gaps: WeakKeyDictionary[Engine, dict[tuple[str, str], _Gaps]] = WeakKeyDictionary()

    @cached_property
    def expressions(self) -> list[tuple[str, Query]]:
        """The expressions that were pulled, without their projections, and as parsed queries."""
        return [
            (without_projections(pulled.expression), parse(pulled.expression))
            for pulled in self.holdings.expressions
        ]

    def was_selected(self, type_name: str, condition: Condition | None) -> bool:
        """Return whether an expression selected all entities of a type that meet *condition*."""
        return any(
            self.schema.is_kind_of(type_name, pulled.entity_type)
            and (pulled.condition is None or pulled.condition == condition)
            and pulled.limit is None
            and not pulled.offset
            for _, pulled in self.expressions
        )

    @cached_property
    def by_expression(self) -> frozenset[str]:
        """The root types with rows that an expression pulled, directly or with an owner."""
        found = {root for _, query in self.expressions for root, _ in self.analysis.types(query)}
        waiting = {*found, "Context"} if found else set()
        while waiting:
            root = waiting.pop()
            found.add(root)
            for name in self.schema.families[root].members:
                owned = owned_rows(self.schema, name)
                parts = {each for each, ownership in owned if ownership.kind == "part"}
                waiting |= parts - found
        return frozenset(found)

    @property
    def description(self) -> str:
        """What is held besides the small tables, in words."""
        if self.holdings.every_project:
            return "every project"
        held = [project.name for project in self.holdings.projects]
        held += [f"what {each.expression!r} selects" for each in self.holdings.expressions]
        return ", ".join(held) or "no project"

    def not_pulled(self, what: str, why: str, command: str) -> NotPulled:
        """Return the error that *what* is not held; its hint is a pull with *command*."""
        return NotPulled(
            f"the replica of {self.holdings.server} does not hold {what}",
            why=f"{why}; it holds {self.description}, last pulled {self.holdings.pulled}",
            hint="while the server can be reached, run: "
            + settings.online_command(f"trackteroid replica pull {command}"),
        )

    def gaps(
        self, engine: Engine, table: str, column: str, roots: Collection[str]
    ) -> frozenset[str]:
        """Return the values of *column* in *table* that are keys of no row of *roots* in *engine*.

        They are kept until the data of *engine* changes, since all rows of the table are looked at.
        """
        connection = engine.store.connection
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        state = (id(connection), version, connection.total_changes)
        known = self._gaps.setdefault(engine, {}).get((table, column))
        if known is None or known[0] != state:
            missing = "".join(
                f' AND NOT EXISTS (SELECT 1 FROM "{self.schema.families[root].table}" AS other '
                "WHERE other.id = row.value)"
                for root in roots
            )
            rows = connection.execute(
                f'SELECT value FROM (SELECT DISTINCT "{column}" AS value FROM "{table}") AS row '
                f"WHERE value IS NOT NULL{missing}"
            )
            known = state, frozenset(str(value) for (value,) in rows)
            self._gaps[engine][table, column] = known
        return known[1]

    def was_key_pulled(self, root: str, key: str) -> bool:
        """Return whether an expression asked for just the entity with that key."""
        return any(
            isinstance(query.condition, Comparison)
            and str(query.condition.path) == "id"
            and query.condition.literal.text == key
            and self.analysis.root(query.entity_type) == root
            for _, query in self.expressions
        )

    def was_followed(self, step: Step, key: str, is_sure: Callable[[Query], bool]) -> bool:
        """Return whether an expression projected that relation of the entity with that key.

        Args:
            step: the relation.
            key: the key of the entity that it starts from.
            is_sure: returns whether an expression finds only what the server selected by it.
        """
        for expression, query in self.expressions:
            if not is_sure(query):
                continue
            for path in projected_paths(query):
                steps = self.analysis.steps(query.entity_type, path)
                for index, other in enumerate(steps):
                    if (other.owner_root, other.name) == (step.owner_root, step.name):
                        owner = ".".join([*map(str, path.segments[:index]), "id"])
                        within = f"select {owner} from {expression}"
                        if self._exists(f"{step.owner} where id is {key} and id in ({within})"):
                            return True
        return False

    def _exists(self, expression: str) -> bool:
        connection = self.engine.store.connection
        return bool(run_query(connection, self.schema, f"select id from {expression}")["data"])


class VisibleData:
    """What a query to *engine* sees: the *pulled* data, and the overlays on it.

    Args:
        created: returns the keys of the entities that the caller created, which only it knows.
    """

    def __init__(
        self, pulled: PulledData, engine: Engine, created: Callable[[], Collection[str]]
    ) -> None:
        self.pulled = pulled
        self.created = created
        self.lookup = ProjectLookup((engine, pulled.engine), pulled.whole)
        self._engine = engine

    @cached_property
    def held_projects(self) -> frozenset[str]:
        """The keys of the projects that were pulled, and of those that overlays create."""
        sql = "SELECT id FROM context WHERE _type = 'Project'"
        held = {project.id for project in self.pulled.holdings.projects}
        if self._engine is not self.pulled.engine:
            now, before = (
                {key for (key,) in engine.store.connection.execute(sql)}
                for engine in (self._engine, self.pulled.engine)
            )
            held |= now - before
        return frozenset(held)

    def is_held_project(self, name: str, attribute: str) -> bool:
        """Return whether all projects with that value of *attribute*, at least one, are held."""
        rows = self._engine.store.connection.execute(
            f"SELECT id FROM context WHERE _type = 'Project' AND \"{attribute}\" = ?", [name]
        ).fetchall()
        return bool(rows) and all(key in self.held_projects for (key,) in rows)

    def name_of_missing_project(self, key: str) -> str | None:
        """Return the name of the project with that key; None if it is held, or no project."""
        row = None if key in self.held_projects else self.lookup.row("Context", key)
        return str(row["name"]) if row and row["_type"] == "Project" else None

    def is_in_held_project(self, root: str, key: str) -> bool:
        """Return whether the entity belongs to a project that is held."""
        return not self.held_projects.isdisjoint(self.lookup.projects_of(root, key))

    def has_gaps(self, root: str, column: str) -> bool:
        """Return whether rows of *root* refer, by *column*, to entities that are not held.

        Those that were asked for by their keys do not count: the server does not have them either.
        """
        schema = self.pulled.schema
        owners = [
            owner
            for owner in _referred_roots(schema, root, column)
            if schema.families[owner].primary_key == ("id",)
        ]
        found = self.pulled.gaps(self._engine, schema.families[root].table, column, owners)
        return any(
            not any(self.pulled.was_key_pulled(owner, key) for owner in owners) for key in found
        )

    def connected_keys(self, step: Step, key: str) -> list[str]:
        """Return the keys that connecting rows of the relation *step* refer to from an entity."""
        relation = step.relation
        family = self.pulled.schema.families.get(relation.between)
        table = family.table if family else relation.between
        rows = self._engine.store.connection.execute(
            f'SELECT "{relation.target_column}" FROM "{table}" WHERE "{relation.column}" = ?', [key]
        )
        return [str(target) for (target,) in rows]


def _referred_roots(schema: Schema, root: str, column: str) -> frozenset[str]:
    """Return the root types to which *column* of the rows of *root* refers."""
    targets = {owned.owner for owned in every_owner_of(schema, root) if owned.column == column}
    for name in schema.families[root].members:
        targets |= {
            relation.target
            for relation in schema.types[name].relations.values()
            if relation.kind == "reference" and relation.column == column
        }
    for (owner, _), through in facts.THROUGH.items():
        if through.between == root and owner in schema.types and column == through.owner_column:
            targets.add(owner)
    return frozenset(schema.types[target].root for target in targets)
