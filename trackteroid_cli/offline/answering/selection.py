"""The selection of a query: whether the rows that are held decide which entities it selects.

Two things are asked of a condition. How far are the entities that meet it held? All of them are if
it names a pulled project, and the path to it leads back to rows that belong to it. And is a row
that is held judged as on the server? It is if all the rows are held that are looked at from there,
or at least those that could make the condition true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING

from trackteroid_cli.engine.query.language import (
    And,
    Comparison,
    Condition,
    Membership,
    Not,
    Or,
    Path,
    Query,
    RelationTest,
    Segment,
)
from trackteroid_cli.engine.query.lookup import find_if_any
from trackteroid_cli.engine.schema.schema import Relation
from trackteroid_cli.offline.answering.held_rows import Held, HeldRows
from trackteroid_cli.offline.answering.query_analysis import NamedEntities, Step

if TYPE_CHECKING:
    from trackteroid_cli.offline.answering.pulled_data import VisibleData


class Judgement(IntEnum):
    """How rows that are held are judged by a condition."""

    RIGHT = 0  #: as on the server
    INCOMPLETE = 1  #: those that meet it do so on the server; more may do so there
    UNSURE = 2  #: some may meet it that do not on the server


#: The paths to the rows that computed attributes are made of, by root type and attribute.
_COMPUTED_FROM: dict[tuple[str, str], tuple[str, ...]] = {
    ("AssetVersion", "_link"): ("asset.parent.parent.name",),
    ("AssetVersion", "is_latest_version"): ("asset.versions.version",),
    ("AssetVersion", "link"): ("asset.parent.parent.name",),
    ("Context", "_link"): ("parent.name",),
    ("Context", "bid_time_logged_difference"): (
        "timelogs.duration",
        "descendants.timelogs.duration",
    ),
    ("Context", "link"): ("parent.name",),
    ("Context", "time_logged"): ("timelogs.duration", "descendants.timelogs.duration"),
    ("ReviewSession", "thumbnail_id"): ("review_session_objects.asset_version.thumbnail_id",),
    ("ReviewSession", "thumbnail_url"): ("review_session_objects.asset_version.thumbnail_id",),
}


class Selection:
    """Judges which entities a condition selects in the data that is *visible*."""

    def __init__(self, visible: VisibleData) -> None:
        self.rows = HeldRows(visible)
        self._visible = visible
        self._analysis = visible.pulled.analysis
        self._schema = visible.pulled.schema
        # Parts of a condition are looked at several times, at each level of nesting.
        self._extents: dict[tuple[str, Condition | None], Held] = {}
        self._judgements: dict[tuple[str, Condition, Held], Judgement] = {}

    # How far the entities are held that meet a condition.

    def extent(self, type_name: str, condition: Condition | None) -> Held:
        """Return how far the entities of a type are held that meet *condition* on the server."""
        known = self._extents.get((type_name, condition))
        if known is None:
            known = max(self.rows.of_type(type_name), self._extent(type_name, condition))
            self._extents[type_name, condition] = known
        return known

    def _extent(self, type_name: str, condition: Condition | None) -> Held:
        if self._visible.pulled.was_selected(type_name, condition):
            return Held.WITH_PARTS
        if isinstance(condition, And):
            return max(self.extent(type_name, each) for each in condition.operands)
        if isinstance(condition, Or):
            return min(self.extent(type_name, each) for each in condition.operands)
        if isinstance(condition, RelationTest):
            steps = self._analysis.steps(type_name, condition.path)
            if not steps:
                return Held.NOT
            return self._leading_to(steps, self.extent(steps[-1].target, condition.condition))
        if isinstance(condition, Membership) and isinstance(condition.members, Query):
            return self._extent_of_members(type_name, condition, condition.members)
        named = None if condition is None else self._analysis.named_by(type_name, condition)
        return Held.NOT if named is None else self._extent_of_named(named)

    def _leading_to(self, steps: Sequence[Step], held: Held) -> Held:
        """Return how far the rows are held from which *steps* lead to rows that are *held* so."""
        for step in reversed(steps):
            held = self.rows.sources(step.owner, step.relation, step.target, held)
        return held

    def _extent_of_named(self, named: NamedEntities) -> Held:
        """Return how far the entities are held that are those that are named, or lead to them."""
        if named.or_none:
            return Held.NOT
        path = named.path
        extents = []
        for value in dict.fromkeys(named.values):
            if named.attribute == "id":
                held = self.rows.of_entity(named.root, value)
            else:
                is_held = self._visible.is_held_project(value, named.attribute)
                held = Held.WITH_EVERYTHING if is_held else Held.NOT
            if path.column:
                # The rows that refer to an entity may depend on its type.
                type_name = self._visible.lookup.type_of(named.root, value) or path.target
                held = self.rows.referring(path.owner, path.column, type_name, held)
            extents.append(held)
        return self._leading_to(path.steps, min(extents))

    def _extent_of_members(self, type_name: str, condition: Membership, members: Query) -> Held:
        """Return how far the entities are held whose key is among those of a sub-query."""
        path = self._analysis.key_path(type_name, condition.path)
        selected = self._analysis.key_path(members.entity_type, selected_path(members))
        if condition.negated or path is None or selected is None:
            return Held.NOT
        held = self.extent(members.entity_type, members.condition)
        for step in selected.steps:
            held = self.rows.targets(step.owner, step.relation, step.target, held)
        if not selected.target or not self._may_be_key_of(path.target, selected.target):
            return Held.NOT
        if selected.column:
            held = self.rows.referred(selected.owner, selected.column, selected.target, held)
        if path.column:
            held = self.rows.referring(path.owner, path.column, selected.target, held)
        return self._leading_to(path.steps, held)

    def _may_be_key_of(self, type_name: str, other: str) -> bool:
        """Return whether a key of a type, '' for any, may be that of an entity of another."""
        types = self._schema.types
        return not type_name or types[type_name].root == types[other].root

    # How rows are judged that are held.

    def judgement(self, type_name: str, condition: Condition | None, held: Held) -> Judgement:
        """Return how rows of a type are judged by *condition*.

        Args:
            type_name: of the rows.
            condition: the condition, None for none.
            held: how far the rows are held; all rows of a replica are held with their parts.
        """
        if condition is None:
            return Judgement.RIGHT
        known = self._judgements.get((type_name, condition, held))
        if known is None:
            operands = condition.operands if isinstance(condition, And) else (condition,)
            known = self._judge_all(type_name, operands, held)
            self._judgements[type_name, condition, held] = known
        return known

    def _judge_all(self, type_name: str, operands: Sequence[Condition], held: Held) -> Judgement:
        """Return how rows are judged that have to meet all of *operands*."""
        judgements = [self._judge(type_name, each, held) for each in operands]
        if not any(judgements):
            return Judgement.RIGHT
        # A row that meets an operand is one of those that its extent tells of. Any other row is
        # refused by that operand, so that the others need not be right about it.
        further = max(
            (
                self.extent(type_name, operand)
                for operand, judgement in zip(operands, judgements, strict=True)
                if judgement is not Judgement.UNSURE
            ),
            default=held,
        )
        if further > held:
            judgements = [self._judge(type_name, each, further) for each in operands]
        return max(judgements)

    def _judge(self, type_name: str, condition: Condition, held: Held) -> Judgement:
        if isinstance(condition, And):
            return self.judgement(type_name, condition, held)
        if isinstance(condition, Or):
            return max(self.judgement(type_name, each, held) for each in condition.operands)
        if isinstance(condition, Not):
            return _opposite(self.judgement(type_name, condition.operand, held))
        steps = self._analysis.steps(type_name, condition.path)
        if isinstance(condition, RelationTest):
            target, inner = steps[-1].target if steps else type_name, condition.condition
            return self._along(
                steps,
                held,
                lambda further: self.judgement(target, inner, further),
                lambda: self.extent(target, inner),
            )
        *before, last = condition.path.segments
        if len(steps) == len(before) and steps and _is_own_key(steps[-1], before[-1], last):
            *before, last = before
        steps = steps[: len(before)]
        owner = steps[-1].target if steps else type_name
        at_end = replace(condition, path=Path((last,)))
        return self._along(
            steps,
            held,
            lambda further: self._judge_value(owner, at_end, further),
            lambda: self.extent(owner, at_end),
        )

    def _along(
        self,
        steps: Sequence[Step],
        held: Held,
        judge: Callable[[Held], Judgement],
        extent: Callable[[], Held],
    ) -> Judgement:
        """Return how rows are judged by whether *steps* lead to a row that meets a condition.

        Args:
            steps: the relations.
            held: how far the rows are held that they start from.
            judge: returns how the rows at the end are judged, if they are held so far.
            extent: returns how far those of them are held that meet the condition.
        """

        @cache
        def judge_from(place: int, held: Held) -> Judgement:
            if place == len(steps):
                return judge(held)
            step, rest = steps[place], place + 1
            targets = self.rows.targets(step.owner, step.relation, step.target, held)
            if targets:
                return judge_from(rest, targets)
            judgement = judge_from(rest, Held.WITH_PARTS)
            wanted = self._leading_to(steps[rest:], extent())
            if judgement is Judgement.UNSURE or not wanted:
                return max(judgement, Judgement.INCOMPLETE)
            # Some targets are missing, but none that meets the condition.
            if not self.rows.knows_links(step.owner, step.relation, step.target, wanted):
                return Judgement.INCOMPLETE
            return judge_from(rest, wanted)

        return judge_from(0, held)

    def _judge_value(
        self, type_name: str, condition: Comparison | Membership, held: Held
    ) -> Judgement:
        """Return how rows are judged by one of their attributes, or by the key of a relation."""
        (segment,) = condition.path.segments
        known = self.has_value(type_name, segment.name, held)
        judgement = Judgement.RIGHT if known else Judgement.UNSURE
        steps = self._analysis.steps(type_name, condition.path)
        if steps and (steps[0].relation.kind != "reference" or segment.cast is not None):
            judgement = self._judge_key(steps[0], condition, held)
        if isinstance(condition, Membership) and isinstance(condition.members, Query):
            among = self._judge_members(type_name, segment, condition.members, held)
            judgement = max(judgement, _opposite(among) if condition.negated else among)
        return judgement

    def _judge_key(self, step: Step, condition: Comparison | Membership, held: Held) -> Judgement:
        """Return how rows are judged by the keys, or the absence, of the targets of a relation."""
        of_target: Condition | None = None
        is_none = isinstance(condition, Comparison) and condition.literal.is_none
        key = self._schema.types[step.target].primary_key
        if not is_none and len(key) == 1:
            of_target = replace(condition, path=Path((Segment(key[0]),)))
        judgement = self._along(
            [step], held, lambda _: Judgement.RIGHT, lambda: self.extent(step.target, of_target)
        )
        is_absence = isinstance(condition, Comparison) and is_none and condition.operator == "is"
        return _opposite(judgement) if is_absence else judgement

    def _judge_members(
        self, type_name: str, segment: Segment, members: Query, held: Held
    ) -> Judgement:
        """Return how rows are judged by whether a sub-query yields one of their keys."""
        path = self._analysis.key_path(type_name, Path((segment,)))
        wanted = selected_path(members)
        selected = self._analysis.key_path(members.entity_type, wanted)
        is_paged = members.limit is not None or members.offset is not None
        if path and selected and not (selected.steps or selected.column or is_paged):
            # The members that count are the rows themselves, or those that they refer to.
            if path.column:
                held = self.rows.referred(path.owner, path.column, members.entity_type, held)
            if held and not path.steps and self._may_be_key_of(path.target, selected.target):
                return self.judgement(members.entity_type, members.condition, held)
        extent = self.extent(members.entity_type, members.condition)
        judgement = self.judgement(members.entity_type, members.condition, Held.WITH_PARTS)
        needed = [wanted, *(key.path for key in members.order if is_paged)]
        if not extent or not all(
            self.leads_to_held_rows(members.entity_type, each, extent) for each in needed
        ):
            judgement = max(judgement, Judgement.INCOMPLETE)
        return Judgement.UNSURE if is_paged and judgement else judgement

    # What paths lead to.

    def leads_to_held_rows(self, type_name: str, path: Path, held: Held) -> bool:
        """Return whether all rows are held that *path* leads to from rows of a type."""
        for step in self._analysis.steps(type_name, path):
            held = self.rows.targets(step.owner, step.relation, step.target, held)
            if not held:
                return False
            type_name = step.target
        return self.has_value(type_name, path.segments[-1].name, held)

    def has_value(self, type_name: str, name: str, held: Held) -> bool:
        """Return whether all rows are held that an attribute of a row is computed from.

        Args:
            type_name: the type of the row.
            name: the attribute; that of a relation is not computed.
            held: how far the row is held.
        """
        found = find_if_any(self._schema, type_name, name)
        if found is None or isinstance(found.member, Relation) or not found.member.computed:
            return True
        sources = _COMPUTED_FROM.get((self._schema.types[type_name].root, name), ())
        return all(
            self.leads_to_held_rows(type_name, Path(tuple(map(Segment, source.split(".")))), held)
            for source in sources
        )


def selected_path(members: Query) -> Path:
    """Return the path whose values a sub-query yields."""
    for projection in members.projections or ():
        if isinstance(projection, Path):
            return projection
    return Path((Segment("id"),))


def _is_own_key(step: Step, segment: Segment, last: Segment) -> bool:
    """Return whether a path such as ``parent.id`` is read from the column ``parent_id``."""
    relation = step.relation
    is_plain = relation.kind == "reference" and segment.cast is None
    return is_plain and relation.column == f"{relation.name}_id" and last.name == "id"


def _opposite(judgement: Judgement) -> Judgement:
    """Return the judgement by the opposite of a condition."""
    return Judgement.UNSURE if judgement else judgement
