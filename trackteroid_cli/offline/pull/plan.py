"""The plan: which queries fetch what a server has, and which follow from their answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

from trackteroid_cli.engine.query.rows import ONE_TYPE
from trackteroid_cli.engine.schema.schema import TYPE_COLUMN, Schema
from trackteroid_cli.offline.ownership import (
    UPWARD_REFERENCES,
    Ownership,
    is_scoped,
    owned_rows,
    owners_of,
)
from trackteroid_cli.server.expressions import PAGE, listed, quoted

#: How many owners one query names.
OWNERS = 250

#: Where the ids of large selections are divided, so that several parts are on their way at once.
#: Ids are random hexadecimal digits; whatever else there may be is in the first or last part.
_BOUNDS = ("", *"123456789abcdef", "")


class Reach(str, Enum):
    """What is pulled with a row, besides the row."""

    FULL = "full"  #: everything that belongs to it
    SELECTED = "selected"  #: what tells about it, and what is above it
    PART = "part"  #: what tells about it
    ROW = "row"  #: what has no id, and can only be asked for by its owner


@dataclass(frozen=True, slots=True)
class Source:
    """How the rows of one entity type, and of the types that are kinds of it, are asked for.

    Attributes:
        entity_type: the name that stands in the query.
        root: the root of its family.
        table: where the store keeps the rows.
        kinds: the types of its rows where the table has others as well; else empty.
        key: the primary key.
        projections: all that is stored.
        complete: whether rows of the table that no answer has are gone from the server.
    """

    entity_type: str
    root: str
    table: str
    kinds: tuple[str, ...]
    key: tuple[str, ...]
    projections: tuple[str, ...]
    complete: bool

    @property
    def has_id(self) -> bool:
        """Whether the primary key is an id."""
        return self.key == ("id",)


@dataclass(frozen=True, slots=True)
class Job:
    """One query that is still to be sent.

    Attributes:
        entity_type: a source of the plan.
        by, values: the rows have one of *values* as their attribute *by*; '' for no condition.
        low, high: their ids are at least *low* and below *high*, where these are not empty.
        after: the pages up to this id are there.
        alone: there are too many rows of the one owner to ask for those of others with them.
        within: a query whose entities are wanted; '' for no condition.
        follow: projections of an expression, which lead to other rows that are wanted: the answer
            is not kept, only looked through.
        reach: what is pulled with the rows.
    """

    entity_type: str
    by: str = ""
    values: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    after: str = ""
    alone: bool = False
    within: str = ""
    follow: str = ""
    reach: Reach = Reach.FULL

    @property
    def joinable(self) -> bool:
        """Whether the job can be one with another of its shape: it asks for all rows of owners."""
        return bool(self.by) and not (self.low or self.high or self.after or self.alone)

    @property
    def shape(self) -> str:
        """What jobs that can be one have in common; '' for one that cannot."""
        return f"{self.entity_type} {self.by} {self.reach.value}" if self.joinable else ""

    def as_json(self) -> dict[str, Any]:
        """Return the job as JSON holds it, without what is left at its default."""
        named = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: value for name, value in named if value}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Job:
        """Return the job that `as_json` returned."""
        return cls(
            **{
                **document,
                "values": tuple(document.get("values", ())),
                "reach": Reach(document["reach"]),
            }
        )


class Plan:
    """The queries for a server with *schema*."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.sources = {
            name: self._source(name)
            for root, family in schema.families.items()
            if not family.dense
            for name in _covers(schema, root)
        }
        self._by_root: dict[str, list[str]] = {}
        for source in self.sources.values():
            self._by_root.setdefault(source.root, []).append(source.entity_type)
        # Looked up for every page.
        self._ways = cache(lambda name: tuple(owned_rows(schema, name)))

    @cached_property
    def whole(self) -> tuple[str, ...]:
        """The root types of which every row is pulled."""
        return tuple(root for root in self._by_root if not is_scoped(self.schema, root))

    @cached_property
    def scoped(self) -> tuple[str, ...]:
        """The root types of which those rows are pulled that belong to a project."""
        return tuple(root for root in self._by_root if is_scoped(self.schema, root))

    def sources_of(self, type_name: str) -> list[str]:
        """Return the sources that between them have all rows of *type_name*."""
        return [
            name
            for name in self._by_root.get(self.schema.types[type_name].root, ())
            if self.schema.is_kind_of(name, type_name) or self.schema.is_kind_of(type_name, name)
        ]

    def basis(self) -> Iterator[Job]:
        """Yield what every pull asks for: the types that are held whole, and all projects."""
        for root in self.whole:
            if not owners_of(self.schema, root):
                yield from (Job(name) for name in self._by_root[root])
        yield Job("Project", reach=Reach.PART)

    def projects(self, ids: Sequence[str]) -> Iterator[Job]:
        """Yield what asks for everything of the projects with *ids*."""
        for name in self.sources_of("Context"):
            if name != "Project":
                # One condition, so that a server can go along an index to the next page.
                yield from (Job(name, by="project_id", values=(id_,)) for id_ in ids)
        yield from self.named("Project", ids, Reach.FULL)

    def everything(self) -> Iterator[Job]:
        """Yield what asks for every row that there is, whether it belongs to anything or not."""
        for source in self.sources.values():
            by_itself = source.root in self.whole and not owners_of(self.schema, source.root)
            if source.has_id or by_itself:
                yield Job(source.entity_type, reach=Reach.ROW)

    def selected(self, type_name: str, within: str) -> Iterator[Job]:
        """Yield what asks for the entities of *type_name* that the query *within* finds."""
        for name in self.sources_of(type_name):
            yield Job(name, within=within, reach=Reach.SELECTED)

    def leading(self, type_name: str, within: str, follow: str) -> Job:
        """Return what asks for that to which the projections *follow* lead from such entities."""
        return Job(type_name, within=within, follow=follow, reach=Reach.SELECTED)

    def named(self, type_name: str, ids: Iterable[str], reach: Reach) -> Iterator[Job]:
        """Yield what asks for the entities of *type_name* with *ids*."""
        way = Ownership("id", type_name)
        yield from self._jobs(type_name, way, ids, reach)

    def expression(self, job: Job) -> str:
        """Return the query of *job*."""
        conditions = [listed(job.by, job.values)] if job.by else []
        if job.within:
            conditions.append(f"id in (select id from {job.within})")
        if job.after:
            conditions.append(f"id > {quoted(job.after)}")
        elif job.low:
            conditions.append(f"id >= {quoted(job.low)}")
        if job.high:
            conditions.append(f"id < {quoted(job.high)}")
        projections = job.follow or ", ".join(self.sources[job.entity_type].projections)
        text = f"select {projections} from {job.entity_type}"
        if conditions:
            text += " where " + " and ".join(conditions)
        if self.is_paged(job):
            return f"{text} order by id limit {PAGE}"
        # A page may end within the rows of an owner, which is then asked for again; one owner's
        # alone are not divided.
        return f"{text} order by {job.by} limit {PAGE}" if len(job.values) > 1 else text

    def is_paged(self, job: Job) -> bool:
        """Return whether the pages of *job* are told apart by the id.

        Those of several owners are told apart by the owner: sorted by the id, a server might look
        through all rows of the type.
        """
        return bool(job.follow) or (self.sources[job.entity_type].has_id and len(job.values) < 2)

    def complete(self, job: Job, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """Return the owners, of those that *job* names, all of whose rows are in a page of it."""
        if len(rows) < PAGE or len(job.values) < 2:
            return job.values
        # The order of the owners is the server's; those of the page are behind, but for the last.
        behind = {*_values(rows, job.by)} - {str(rows[-1][job.by])}
        return tuple(value for value in job.values if value in behind)

    def next_pages(self, job: Job, rows: Sequence[Mapping[str, Any]]) -> Iterator[Job]:
        """Yield what asks for the rows after a page of *job*; nothing if they are all there."""
        if len(rows) < PAGE:
            return
        if self.is_paged(job):
            yield from _rest(job, rows[-1]["id"])
            return
        complete = set(self.complete(job, rows))
        left = [value for value in job.values if value not in complete]
        if left and complete:
            yield replace(job, values=tuple(left))
        elif left:
            # One owner fills the page: it is asked for by itself.
            many = str(rows[-1][job.by])
            yield replace(job, values=tuple(value for value in left if value != many))
            yield replace(job, values=(many,), alone=True)

    def following(self, job: Job, rows: Sequence[Mapping[str, Any]]) -> Iterator[Job]:
        """Yield what asks for the rows that belong to those of a page of *job*."""
        if job.reach is Reach.ROW:
            for root, way in self._ways(job.entity_type):
                if not any(self.sources[name].has_id for name in self._by_root[root]):
                    yield from self._jobs(root, way, _values(rows, way.owner_column), Reach.ROW)
            return
        for root, way in self._ways(job.entity_type):
            if way.kind == "part" or (job.reach is Reach.FULL and root != "Context"):
                reach = Reach.FULL if job.reach is Reach.FULL else Reach.PART
                yield from self._jobs(root, way, _values(rows, way.owner_column), reach)
        if job.reach is Reach.SELECTED:
            source = self.sources[job.entity_type]
            here = set(_values(rows, source.key[0]))
            for way in (
                *owners_of(self.schema, source.root),
                *UPWARD_REFERENCES.get(source.root, ()),
            ):
                if way.owner_column == "id" and way.column in source.projections:
                    # A project names itself as its project.
                    above = (id_ for id_ in _values(rows, way.column) if id_ not in here)
                    yield from self.named(way.owner, above, Reach.SELECTED)

    def belonging(self, source: Source) -> Iterator[tuple[Source, Ownership]]:
        """Yield the sources whose rows go when their owners, of *source*, are gone."""
        for root, way in self._ways(source.entity_type):
            if way.owner_column == "id":
                yield from ((self.sources[name], way) for name in self._by_root[root])

    def referring(self, source: Source) -> Iterator[tuple[str, Ownership]]:
        """Yield what rows of *source* refer to and own, by root type."""
        yield from (each for each in self._ways(source.entity_type) if each[1].owner_column != "id")

    def _jobs(
        self, type_name: str, way: Ownership, values: Iterable[str], reach: Reach
    ) -> Iterator[Job]:
        wanted = list(dict.fromkeys(values))
        for start in range(0, len(wanted), OWNERS):
            part = tuple(wanted[start : start + OWNERS])
            for name in self.sources_of(type_name):
                if way.column in self.schema.types[name].scalars:
                    yield Job(name, by=way.column, values=part, reach=reach)

    def _source(self, name: str) -> Source:
        family = self.schema.family_of(name)
        kinds = self.schema.concrete_types(name)
        is_all = name == family.root or family.root in ONE_TYPE
        return Source(
            entity_type=name,
            root=family.root,
            table=family.table,
            kinds=() if is_all else kinds,
            key=self.schema.types[name].primary_key,
            projections=_projections(self.schema, name),
            complete=family.discriminator == TYPE_COLUMN,
        )


def _rest(job: Job, last: str | int) -> Iterator[Job]:
    """Yield what asks for the rows of *job* after the id *last*.

    After its first page, a job is divided: several parts of a large selection can be on their way.
    Ids that are numbers, as those of events, are not random, and go one page after another.
    """
    if isinstance(last, int) or job.after or job.low or job.high:
        yield replace(job, after=str(last))
        return
    for low, high in pairwise(_BOUNDS):
        if not high or high > last:
            yield (
                replace(job, after=last, high=high)
                if low <= last
                else replace(job, low=low, high=high)
            )


def _values(rows: Iterable[Mapping[str, Any]], column: str) -> Iterator[str]:
    return (str(row[column]) for row in rows if row.get(column) is not None)


def _covers(schema: Schema, root: str) -> Iterator[str]:
    """Yield the types by which the rows of a family are asked for.

    An attribute that only a kind of a type has can be selected from that kind alone.
    """
    kinds = [name for name in schema.concrete_types(root) if name != root]
    if all(_stored(schema, kind) <= _stored(schema, root) for kind in kinds):
        yield root
        return
    for kind in kinds:
        if not any(schema.is_kind_of(kind, other) for other in kinds if other != kind):
            yield from _covers(schema, kind)


def _stored(schema: Schema, name: str) -> set[str]:
    """Return the attributes of a type that the store keeps."""
    scalars = schema.types[name].scalars.values()
    return {attribute.name for attribute in scalars if not attribute.computed}


def _projections(schema: Schema, name: str) -> tuple[str, ...]:
    """Return what to select for everything of a type that is stored."""
    (visible,) = (each["properties"] for each in schema.documents if each["id"] == name)
    stored = _stored(schema, name)
    projections = [attribute for attribute in visible if attribute in stored]
    for relation in schema.types[name].relations.values():
        hidden = relation.kind == "reference" and relation.column not in visible
        pairs = relation.kind == "through" and relation.between not in schema.types
        if (hidden or pairs) and schema.types[relation.target].primary_key == ("id",):
            projections.append(f"{relation.name}.id")
    return tuple(projections)
