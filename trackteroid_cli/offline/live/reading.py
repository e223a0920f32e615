"""Reads: the rows and columns that decide the answer to a query, as a tree of relations.

The tree follows every path of the condition, the sort keys and the projections from the queried
type. Computed attributes are followed to the rows that they are computed from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from trackteroid_cli.engine.query.language import (
    Aggregate,
    And,
    Condition,
    Membership,
    Not,
    Or,
    Path,
    Query,
    RelationTest,
    Segment,
)
from trackteroid_cli.engine.query.lookup import find, find_if_any, find_type, target_of
from trackteroid_cli.engine.schema.schema import Relation, Schema, is_dense

#: Computed attributes that show the names of all rows above.
_LINKS = frozenset({"link", "_link"})

#: Computed attributes that add up the times logged on a context and below it.
_TIMES = frozenset({"time_logged", "bid_time_logged_difference"})

#: Computed attributes that add up rows of other families: by root type.
_SUMS = {
    ("ReviewSession", "thumbnail_id"): ("ReviewSessionObject", "AssetVersion"),
    ("ReviewSession", "thumbnail_url"): ("ReviewSessionObject", "AssetVersion"),
}


@dataclass(slots=True)
class Reads:
    """The reads of rows of one type, and of the rows that relations lead to.

    Attributes:
        type_name: the type of the rows.
        columns: the columns that are read of them.
        relations: the reads of related rows, by relation and by the type after a cast.
        families: root types whose rows are read without a path from these rows.
        subqueries: queries whose results the condition compares.
    """

    type_name: str
    columns: set[str] = field(default_factory=set)
    relations: dict[tuple[Relation, str], Reads] = field(default_factory=dict)
    families: set[str] = field(default_factory=set)
    subqueries: list[Query] = field(default_factory=list)

    def nodes(self) -> Iterator[Reads]:
        """Yield these reads, and those of all related rows."""
        yield self
        for below in self.relations.values():
            yield from below.nodes()


class Reader:
    """Finds the reads of queries on a server with *schema*."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def reads(self, query: Query, *, condition: bool = True) -> Reads:
        """Return the reads of *query*; without its *condition*, those of its order and answer.

        Raises:
            ParseError: a name that the schema does not have.
        """
        reads = Reads(find_type(self._schema, query.entity_type).name)
        if condition and query.condition is not None:
            self._add_condition(reads, query.condition)
        for key in query.order:
            self._add_path(reads, key.path.segments)
        for path in self._projections(query):
            self._add_path(reads, path.segments)
        for path in query.group:
            self._add_path(reads, path.segments)
        return reads

    def families(self, query: Query) -> set[str]:
        """Return the root types of all rows that *query* reads."""
        found: set[str] = set()
        for node in self.reads(query).nodes():
            found |= {self._schema.stored_root(node.type_name), *node.families}
            found |= {relation.between for relation, _ in node.relations if relation.between}
            if is_dense(node.type_name):
                found.add("CustomConfigurationBase")
            for subquery in node.subqueries:
                found |= self.families(subquery)
        return found

    def _projections(self, query: Query) -> Iterable[Path]:
        if query.projections is None:
            names = self._schema.types[query.entity_type].default_projections
            for name in names:
                if find_if_any(self._schema, query.entity_type, name):
                    yield Path((Segment(name),))
            return
        for projection in query.projections:
            yield projection.path if isinstance(projection, Aggregate) else projection

    def _add_condition(self, reads: Reads, condition: Condition) -> None:
        if isinstance(condition, (And, Or)):
            for operand in condition.operands:
                self._add_condition(reads, operand)
        elif isinstance(condition, Not):
            self._add_condition(reads, condition.operand)
        elif isinstance(condition, RelationTest):
            below = self._add_path(reads, condition.path.segments)
            if condition.condition is not None:
                self._add_condition(below, condition.condition)
        else:
            below = self._add_path(reads, condition.path.segments)
            if isinstance(condition, Membership) and isinstance(condition.members, Query):
                below.subqueries.append(condition.members)

    def _add_path(self, reads: Reads, segments: Iterable[Segment]) -> Reads:
        """Add the reads of a path, and return the node that it ends in."""
        for segment in segments:
            member = find(self._schema, reads.type_name, segment.name).member
            if not isinstance(member, Relation):
                self._add_attribute(reads, member.name, computed=member.computed)
                return reads
            reads = self._follow(reads, member, target_of(self._schema, member, segment))
        if reads.type_name == "Metadata" or is_dense(reads.type_name):
            reads.columns |= {"key", "value"}
        return reads

    def _follow(self, reads: Reads, relation: Relation, target: str) -> Reads:
        below = reads.relations.setdefault((relation, target), Reads(target))
        if relation.kind == "reference":
            reads.columns.add(relation.column)
        elif relation.kind == "latest_version":
            below.columns |= {"asset_id", "version", "is_published"}
        elif relation.kind in ("ancestors", "descendants"):
            reads.columns.add("parent_id")
            below.columns.add("parent_id")
        elif relation.kind in ("many", "dense"):
            below.columns.add(relation.column)
            if relation.where is not None:
                below.columns.add(relation.where[0])
        return below

    def _add_attribute(self, reads: Reads, name: str, *, computed: bool) -> None:
        if not computed:
            reads.columns.add(name)
            return
        entity_type = self._schema.types[reads.type_name]
        if name in _LINKS:
            self._add_link(reads)
        elif name == "is_latest_version":
            reads.columns |= {"asset_id", "version", "is_published"}
            self._add_path(reads, (Segment("asset"), Segment("versions"), Segment("version")))
            self._add_path(reads, (Segment("asset"), Segment("versions"), Segment("is_published")))
        elif name in _TIMES:
            self._add_times(reads)
        reads.families.update(_SUMS.get((entity_type.root, name), ()))
        for column in ("thumbnail_id", "component_id", "location_id", "bid"):
            if column in entity_type.scalars:
                reads.columns.add(column)

    def _add_times(self, reads: Reads) -> None:
        """Add the times that were logged on a context, and on all below it."""
        relations = self._schema.types[reads.type_name].relations
        if "timelogs" in relations:
            self._add_path(reads, (Segment("timelogs"), Segment("duration")))
        if "descendants" not in relations:
            return
        below = self._follow(reads, relations["descendants"], relations["descendants"].target)
        timelogs = self._schema.types[below.type_name].relations.get("timelogs")
        if timelogs is None:
            reads.families.add("Timelog")
        else:
            self._follow(below, timelogs, timelogs.target).columns.add("duration")

    def _add_link(self, reads: Reads) -> None:
        root = self._schema.types[reads.type_name].root
        if root == "AssetVersion":
            reads.columns |= {"asset_id", "version"}
            self._add_path(reads, (Segment("asset"), Segment("name")))
            parent = self._add_path(reads, (Segment("asset"), Segment("parent")))
            self._add_link(parent)
        else:
            reads.columns |= {"name", "parent_id"}
            if root == "Context":
                # Context itself does not have the relation; what is above it has no parent.
                ancestors = self._schema.types["TypedContext"].relations["ancestors"]
                self._follow(reads, ancestors, ancestors.target).columns.add("name")
