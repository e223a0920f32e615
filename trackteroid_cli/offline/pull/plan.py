"""The plan: which queries fetch the rows of a server, and which follow from the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache, cached_property
from itertools import pairwise
from typing import TypedDict

from trackteroid_cli.engine.query.rows import ONE_TYPE
from trackteroid_cli.engine.schema import facts
from trackteroid_cli.engine.schema.schema import TYPE_COLUMN, Schema
from trackteroid_cli.engine.writing.import_rows import Entity
from trackteroid_cli.offline.ownership import (
    UPWARD_REFERENCES,
    Ownership,
    is_scoped,
    owned_rows,
    owners_of,
)
from trackteroid_cli.server.expressions import PAGE, listed, quoted

#: How many owners one query names.
OWNERS_PER_QUERY = 250

#: Where the ids of large selections are divided, so that several parts are fetched at once. Ids are
#: random hexadecimal digits; any other id is in the first or the last part.
_ID_BOUNDS = ("", *"123456789abcdef", "")


class Include(str, Enum):
    """Which other rows are pulled along with a row."""

    EVERYTHING = "full"  #: its parts and its children
    PARTS_AND_OWNERS = "selected"  #: its parts, its owners and other references upwards
    PARTS = "part"  #: its parts
    KEYLESS = "row"  #: rows without an id, which can only be selected by their owner
    ROW = "alone"  #: nothing


class JobDocument(TypedDict, total=False):
    """The JSON form of a job. Only ``entity_type`` and ``reach`` are always present."""

    entity_type: str
    by: str
    values: list[str]
    low: str
    high: str
    after: str
    alone: bool
    within: str
    follow: str
    reach: str


@dataclass(frozen=True, slots=True)
class Source:
    """How the rows of one entity type and its subtypes are selected.

    Attributes:
        entity_type: the type that the query selects.
        root: the root of its family.
        table: the table that stores the rows.
        types: the types of its rows. The query may select rows of other types as well, which
            another source has with more attributes.
        subtypes: the same, but empty if the table has no rows of other types.
        key: the primary key.
        projections: the attributes that are stored.
        complete: whether rows of the table that are in no answer are gone from the server.
    """

    entity_type: str
    root: str
    table: str
    types: frozenset[str]
    subtypes: tuple[str, ...]
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
        after: the pages up to this id have been fetched.
        alone: the one owner has too many rows to select those of others in the same query.
        within: a query that finds the rows; '' for no condition.
        follow: projections that lead to other rows to pull: the answer is not stored, only searched
            for them; '' for none.
        include: which other rows are pulled along with the rows.
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
    include: Include = Include.EVERYTHING

    @property
    def joinable(self) -> bool:
        """Whether the job can be joined with others of its shape: it selects all rows of owners."""
        return bool(self.by) and not (self.low or self.high or self.after or self.alone)

    @property
    def shape(self) -> str:
        """What jobs that can be joined have in common; '' for a job that cannot."""
        return f"{self.entity_type} {self.by} {self.include.value}" if self.joinable else ""

    def as_json(self) -> JobDocument:
        """Return the JSON form of the job, without attributes that are empty."""
        document: JobDocument = {"entity_type": self.entity_type}
        if self.by:
            document["by"] = self.by
        if self.values:
            document["values"] = list(self.values)
        if self.low:
            document["low"] = self.low
        if self.high:
            document["high"] = self.high
        if self.after:
            document["after"] = self.after
        if self.alone:
            document["alone"] = True
        if self.within:
            document["within"] = self.within
        if self.follow:
            document["follow"] = self.follow
        document["reach"] = self.include.value
        return document

    @classmethod
    def from_json(cls, document: JobDocument) -> Job:
        """Return the job that `as_json` returned."""
        return cls(
            document["entity_type"],
            by=document.get("by", ""),
            values=tuple(document.get("values", ())),
            low=document.get("low", ""),
            high=document.get("high", ""),
            after=document.get("after", ""),
            alone=document.get("alone", False),
            within=document.get("within", ""),
            follow=document.get("follow", ""),
            include=Include(document["reach"]),
        )


class Plan:
    """The queries for a server with *schema*."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.sources = {
            name: self._source(name)
            for root, family in schema.families.items()
            if not family.dense
            for name in _covering_types(schema, root)
        }
        self._by_root: dict[str, list[str]] = {}
        for source in self.sources.values():
            self._by_root.setdefault(source.root, []).append(source.entity_type)
        # Looked up for every page.
        self._owned_rows = cache(lambda name: tuple(owned_rows(schema, name)))

    @cached_property
    def whole(self) -> tuple[str, ...]:
        """The root types whose rows are all pulled."""
        return tuple(root for root in self._by_root if not is_scoped(self.schema, root))

    @cached_property
    def scoped(self) -> tuple[str, ...]:
        """The root types whose rows are pulled for projects only."""
        return tuple(root for root in self._by_root if is_scoped(self.schema, root))

    def sources_of(self, type_name: str) -> list[str]:
        """Return the types of the sources that together have all rows of *type_name*."""
        types = self.schema.concrete_types(type_name)
        return [
            name
            for name in self._by_root.get(self.schema.types[type_name].root, ())
            if not self.sources[name].types.isdisjoint(types)
        ]

    def sources_of_family(self, root: str) -> list[Source]:
        """Return the sources that together have all rows of the family of *root*."""
        return [self.sources[name] for name in self._by_root[root]]

    def base_jobs(self) -> Iterator[Job]:
        """Yield the jobs of every pull: for the types that are held whole, and all projects."""
        for root in self.whole:
            if not owners_of(self.schema, root):
                yield from (Job(name) for name in self._by_root[root])
        yield Job("Project", include=Include.PARTS)

    def project_jobs(self, ids: Sequence[str]) -> Iterator[Job]:
        """Yield the jobs for every row of the projects with *ids*."""
        for name in self.sources_of("Context"):
            if name != "Project":
                # One condition for each query, so that a server can use an index for the next page.
                yield from (Job(name, by="project_id", values=(id_,)) for id_ in ids)
        yield from self.id_jobs("Project", ids, Include.EVERYTHING)

    def all_jobs(self) -> Iterator[Job]:
        """Yield the jobs for every row of the server, whether it has an owner or not."""
        for source in self.sources.values():
            by_itself = source.root in self.whole and not owners_of(self.schema, source.root)
            if source.has_id or by_itself:
                yield Job(source.entity_type, include=Include.KEYLESS)

    def expression_jobs(self, type_name: str, within: str) -> Iterator[Job]:
        """Yield the jobs for the entities of *type_name* that the query *within* finds."""
        for name in self.sources_of(type_name):
            yield Job(name, within=within, include=Include.PARTS_AND_OWNERS)

    def projection_job(self, type_name: str, within: str, follow: str) -> Job:
        """Return the job for the entities that the projections *follow* of such a query lead to."""
        return Job(type_name, within=within, follow=follow, include=Include.PARTS_AND_OWNERS)

    def id_jobs(self, type_name: str, ids: Iterable[str], include: Include) -> Iterator[Job]:
        """Yield the jobs for the entities of *type_name* with *ids*."""
        yield from self.value_jobs(type_name, "id", ids, include)

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
        if job.include is Include.ROW:
            return text  # in the server's own order
        if self.is_paged(job):
            return f"{text} order by id limit {PAGE}"
        # A page may end within the rows of an owner, which is then selected again; the rows of a
        # single owner are not divided.
        return f"{text} order by {job.by} limit {PAGE}" if len(job.values) > 1 else text

    def is_paged(self, job: Job) -> bool:
        """Return whether the pages of *job* are sorted by the id.

        Those of several owners are sorted by the owner: for the id, a server might read all rows of
        the type.
        """
        return bool(job.follow) or (self.sources[job.entity_type].has_id and len(job.values) < 2)

    def own_rows(self, job: Job, rows: Sequence[Entity]) -> Sequence[Entity]:
        """Return those of *rows*, an answer to *job*, that no other source has more of."""
        types = self.schema.concrete_types(job.entity_type)
        elsewhere = self.sources[job.entity_type].types.symmetric_difference(types)
        if not elsewhere:
            return rows
        return [row for row in rows if row["__entity_type__"] not in elsewhere]

    def complete_owners(self, job: Job, rows: Sequence[Entity]) -> tuple[str, ...]:
        """Return the owners of *job* that have all of their rows in *rows*, a page of it."""
        if len(rows) < PAGE or len(job.values) < 2:
            return job.values
        # The server decides the order of the owners; the page may have only some rows of the last.
        complete = {*_column_values(rows, job.by)} - {str(rows[-1][job.by])}
        return tuple(value for value in job.values if value in complete)

    def next_pages(self, job: Job, rows: Sequence[Entity]) -> Iterator[Job]:
        """Yield the jobs for the rows after a page of *job*; none if there are no more."""
        if len(rows) < PAGE or job.include is Include.ROW:
            return
        if self.is_paged(job):
            yield from _remaining_pages(job, rows[-1]["id"])
            return
        complete = set(self.complete_owners(job, rows))
        left = [value for value in job.values if value not in complete]
        if left and complete:
            yield replace(job, values=tuple(left))
        elif left:
            # One owner fills the page: it gets a query of its own.
            large = str(rows[-1][job.by])
            yield replace(job, values=tuple(value for value in left if value != large))
            yield replace(job, values=(large,), alone=True)

    def following_jobs(self, job: Job, rows: Sequence[Entity]) -> Iterator[Job]:
        """Yield the jobs for the rows to pull along with those of a page of *job*."""
        if job.include is Include.ROW:
            return
        if job.include is Include.KEYLESS:
            for root, owned in self._owned_rows(job.entity_type):
                if not any(self.sources[name].has_id for name in self._by_root[root]):
                    values = _column_values(rows, owned.owner_column)
                    yield from self.value_jobs(root, owned.column, values, Include.KEYLESS)
            return
        is_full = job.include is Include.EVERYTHING
        for root, owned in self._owned_rows(job.entity_type):
            if owned.kind == "part" or (is_full and root != "Context"):
                include = Include.EVERYTHING if is_full else Include.PARTS
                values = _column_values(rows, owned.owner_column)
                yield from self.value_jobs(root, owned.column, values, include)
        if job.include is Include.PARTS_AND_OWNERS:
            source = self.sources[job.entity_type]
            fetched = set(_column_values(rows, source.key[0]))
            upward = UPWARD_REFERENCES.get(source.root, ())
            for ownership in (*owners_of(self.schema, source.root), *upward):
                if ownership.owner_column == "id" and ownership.column in source.projections:
                    # A project names itself as its project.
                    owners = (
                        id_ for id_ in _column_values(rows, ownership.column) if id_ not in fetched
                    )
                    yield from self.id_jobs(ownership.owner, owners, Include.PARTS_AND_OWNERS)

    def owned_sources(self, source: Source) -> Iterator[tuple[Source, Ownership]]:
        """Yield the sources whose rows are gone when their owners, of *source*, are gone."""
        for root, owned in self._owned_rows(source.entity_type):
            if owned.owner_column == "id":
                yield from ((self.sources[name], owned) for name in self._by_root[root])

    def owned_references(self, source: Source) -> Iterator[tuple[str, Ownership]]:
        """Yield the root types of which rows of *source* own what they refer to."""
        for root, owned in self._owned_rows(source.entity_type):
            if owned.owner_column != "id":
                yield root, owned

    def value_jobs(
        self, type_name: str, column: str, values: Iterable[str], include: Include
    ) -> Iterator[Job]:
        """Yield the jobs for the rows of *type_name* with one of *values* in *column*."""
        distinct = list(dict.fromkeys(values))
        for start in range(0, len(distinct), OWNERS_PER_QUERY):
            some = tuple(distinct[start : start + OWNERS_PER_QUERY])
            for name in self.sources_of(type_name):
                if column in self.schema.types[name].scalars:
                    yield Job(name, by=column, values=some, include=include)

    def _source(self, name: str) -> Source:
        family = self.schema.family_of(name)
        elsewhere = {
            each
            for other in _covering_types(self.schema, family.root)
            if other != name and self.schema.is_kind_of(other, name)
            for each in self.schema.concrete_types(other)
        }
        types = [each for each in self.schema.concrete_types(name) if each not in elsewhere]
        is_all = family.root in ONE_TYPE or (name == family.root and not elsewhere)
        return Source(
            entity_type=name,
            root=family.root,
            table=family.table,
            types=frozenset(types),
            subtypes=() if is_all else tuple(types),
            key=self.schema.types[name].primary_key,
            projections=_projections(self.schema, name),
            complete=family.discriminator == TYPE_COLUMN,
        )


def _remaining_pages(job: Job, last: str | int) -> Iterator[Job]:
    """Yield the jobs for the rows of *job* after the id *last*.

    After its first page a job is divided, so that several parts are fetched at once. Ids that are
    numbers, as those of events, are not random: their pages are fetched one after another.
    """
    if isinstance(last, int) or job.after or job.low or job.high:
        yield replace(job, after=str(last))
        return
    for low, high in pairwise(_ID_BOUNDS):
        if not high or high > last:
            yield (
                replace(job, after=last, high=high)
                if low <= last
                else replace(job, low=low, high=high)
            )


def _column_values(rows: Iterable[Entity], column: str) -> Iterator[str]:
    return (str(row[column]) for row in rows if row.get(column) is not None)


def _covering_types(schema: Schema, root: str) -> Iterator[str]:
    """Yield types that together select every stored attribute of the rows of a family.

    An attribute that only a subtype has can be selected from that subtype alone.
    """
    subtypes = [name for name in schema.concrete_types(root) if name != root]
    stored = _stored_attributes(schema, root)
    wider = {each for each in subtypes if not _stored_attributes(schema, each) <= stored}
    is_abstract = root in facts.ABSTRACT and bool(wider)
    if not is_abstract:
        yield root
    for each in subtypes:
        if any(schema.is_kind_of(each, other) for other in subtypes if other != each):
            continue
        if is_abstract or not wider.isdisjoint(schema.concrete_types(each)):
            yield from _covering_types(schema, each)


def _stored_attributes(schema: Schema, name: str) -> set[str]:
    """Return the attributes of a type that have a column."""
    scalars = schema.types[name].scalars.values()
    return {attribute.name for attribute in scalars if not attribute.computed}


def _projections(schema: Schema, name: str) -> tuple[str, ...]:
    """Return the projections for every stored attribute of a type."""
    (visible,) = (each["properties"] for each in schema.documents if each["id"] == name)
    stored = _stored_attributes(schema, name)
    projections = [attribute for attribute in visible if attribute in stored]
    for relation in schema.types[name].relations.values():
        hidden = relation.kind == "reference" and relation.column not in visible
        pairs = relation.kind == "through" and relation.between not in schema.types
        if (hidden or pairs) and schema.types[relation.target].primary_key == ("id",):
            projections.append(f"{relation.name}.id")
    return tuple(projections)
