"""Pulled data: what a replica holds, and what one who asks it sees."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from typing import TYPE_CHECKING

from trackteroid_cli import settings
from trackteroid_cli.engine.query.language import Comparison, Query, parse
from trackteroid_cli.engine.query.query import run_query
from trackteroid_cli.errors import NotPulled
from trackteroid_cli.offline.answering.query_analysis import QueryAnalysis, Step, projected_paths
from trackteroid_cli.offline.holdings import Holdings
from trackteroid_cli.offline.ownership import owned_rows
from trackteroid_cli.offline.projects import ProjectLookup
from trackteroid_cli.server.expressions import without_projections

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine

#: Tables whose rows connect entities of different projects: the types that each column refers to.
CONNECTING_TABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "TypedContextLink": {"from_id": ("Context",), "to_id": ("Context",)},
    "AssetVersionLink": {"from_id": ("AssetVersion",), "to_id": ("AssetVersion",)},
    "ListObject": {"entity_id": ("Context", "AssetVersion")},
}


class PulledData:
    """The replica with *holdings*, in *engine*, without overlays."""

    def __init__(self, holdings: Holdings, engine: Engine) -> None:
        self.holdings = holdings
        self.engine = engine
        self.schema = engine.store.schema
        self.analysis = QueryAnalysis(self.schema)
        #: The root types whose rows are all held.
        self.whole = frozenset(holdings.whole)

    @cached_property
    def expressions(self) -> list[tuple[str, Query]]:
        """The expressions that were pulled, without their projections, and as parsed queries."""
        return [
            (without_projections(pulled.expression), parse(pulled.expression))
            for pulled in self.holdings.expressions
        ]

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

    def was_key_pulled(self, root: str, key: str) -> bool:
        """Return whether an expression asked for just the entity with that key."""
        return any(
            isinstance(query.condition, Comparison)
            and str(query.condition.path) == "id"
            and query.condition.literal.text == key
            and self.analysis.root(query.entity_type) == root
            for _, query in self.expressions
        )

    def was_followed(self, step: Step, key: str) -> bool:
        """Return whether an expression projected that relation of the entity with that key."""
        for expression, query in self.expressions:
            for path in projected_paths(query):
                for index, other in enumerate(self.analysis.steps(query.entity_type, path)):
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
        """Return whether a project with that value of *attribute* is held."""
        rows = self._engine.store.connection.execute(
            f"SELECT id FROM context WHERE _type = 'Project' AND \"{attribute}\" = ?", [name]
        )
        return any(key in self.held_projects for (key,) in rows.fetchall())

    def name_of_missing_project(self, key: str) -> str | None:
        """Return the name of the project with that key; None if it is held, or no project."""
        row = None if key in self.held_projects else self.lookup.row("Context", key)
        return str(row["name"]) if row and row["_type"] == "Project" else None

    def is_in_held_project(self, root: str, key: str) -> bool:
        """Return whether the entity belongs to a project that is held."""
        return self.lookup.project_of(root, key) in self.held_projects

    def is_dangling(self, table: str, column: str) -> bool:
        """Return whether a row of a connecting table refers to an entity that is not held."""
        families = self.pulled.schema.families
        missing = " AND ".join(
            f'"{column}" NOT IN (SELECT id FROM "{families[root].table}")'
            for root in CONNECTING_TABLES[table][column]
            if root in families
        )
        sql = f'SELECT 1 FROM "{families[table].table}" WHERE "{column}" IS NOT NULL AND {missing}'
        return self._engine.store.connection.execute(f"{sql} LIMIT 1").fetchone() is not None

    def connected_keys(self, step: Step, key: str) -> list[str]:
        """Return the keys that connecting rows of the relation *step* refer to from an entity."""
        relation = step.relation
        table = self.pulled.schema.families[relation.between].table
        rows = self._engine.store.connection.execute(
            f'SELECT "{relation.target_column}" FROM "{table}" WHERE "{relation.column}" = ?', [key]
        )
        return [str(target) for (target,) in rows]
