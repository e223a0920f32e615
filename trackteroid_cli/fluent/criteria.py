"""Criteria that filter a query, each with its negation.

Each criterion lists the attributes that it may compare, as candidates in order of preference; the
server's schema decides which of them a type has. So a studio's own object types support the same
criteria as ftrack's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, overload

from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.errors import CriterionNotSupported, InvalidCriterion
from trackteroid_cli.fluent.attribute_lookup import AttributeLookup
from trackteroid_cli.fluent.conditions import (
    Arguments,
    Condition,
    Days,
    Metadata,
    Range,
    Raw,
    Values,
)
from trackteroid_cli.fluent.types.entity_types import EntityType
from trackteroid_cli.fluent.types.relations import Relations

CriteriaT = TypeVar("CriteriaT", bound="Criteria")


class Criterion:
    """A method of `Criteria` that filters the query by a condition, or by its negation."""

    name: str

    def __init__(self, condition: Condition, *, negated: bool = False) -> None:
        self.condition = condition
        self.negated = negated

    def __set_name__(self, owner: type[Criteria], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, query: None, owner: type[Criteria]) -> Criterion: ...

    @overload
    def __get__(self, query: CriteriaT, owner: type[CriteriaT]) -> Callable[..., CriteriaT]: ...

    def __get__(
        self, query: CriteriaT | None, owner: type[Criteria]
    ) -> Criterion | Callable[..., CriteriaT]:
        return self if query is None else partial(self._apply, query)

    def _apply(self, query: CriteriaT, /, *values: object, **named: object) -> CriteriaT:
        target = values[0] if values and isinstance(values[0], EntityType) else None
        arguments = values[1:] if target else values
        if not arguments and not named:
            raise InvalidCriterion(
                f"{self.name} was given no values",
                why="nothing could match it, which is seldom meant",
                hint="where a list may be empty, ask first whether it is",
            )
        query._add(self, target, (arguments, named))
        return query


@dataclass(frozen=True, slots=True)
class AppliedCriterion:
    """A criterion of a query, with the arguments of its calls; an entity has to match one call."""

    criterion: Criterion
    target: EntityType | None
    calls: tuple[Arguments, ...]

    def text(self, schema: Schema, relations: Relations, source: str) -> str:
        """Return the condition for entities of type *source*.

        Raises:
            CriterionNotSupported: the criterion's target type has no attribute to compare.
            InvalidCriterion: an argument is not valid.
            NoRelation, AmbiguousRelation: no path leads to the target type, or several do.
        """
        target = self.target.__name__ if self.target else source
        lookup = AttributeLookup(schema, relations, source, target, self.criterion.negated)
        relations.paths(schema, source, target)  # checks the types, and that they are related
        if not self.criterion.condition.supports(
            AttributeLookup(schema, relations, target, target)
        ):
            raise _not_supported(self.criterion, schema, relations, target)
        text = self.criterion.condition.text(lookup, self.calls)
        return f"not ({text})" if self.criterion.negated else f"({text})"


def _pair(condition: Condition) -> tuple[Criterion, Criterion]:
    return Criterion(condition), Criterion(condition, negated=True)


class Criteria:
    """The filters of a query.

    Each criterion takes values and matches entities that have one of them. A text with ``%`` is a
    pattern, None matches a missing value, and a collection stands for its entities. An entity type
    before the values, ``by_name(Project, "showroom")``, compares related entities of that type.

    Calling a criterion twice matches the values of both calls; different criteria must all match.
    A negated criterion matches exactly the entities that the criterion does not match.
    """

    _applied: tuple[AppliedCriterion, ...] = ()

    by_id, not_by_id = _pair(Values("id"))
    by_name, not_by_name = _pair(
        Values(
            ("AssetVersion", "asset.name"),
            ("ComponentLocation", "location.name"),
            ("User", "username"),
            "name",
        )
    )
    by_type, not_by_type = _pair(Values(("AssetVersion", "asset.type.name"), "type.name", "type"))
    by_status, not_by_status = _pair(Values("status.name", "status"))
    by_state, not_by_state = _pair(Values("status.state.name", "state.name"))
    by_version, not_by_version = _pair(
        Values(
            ("Component", "version.version"),
            ("ComponentLocation", "component.version.version"),
            "version",
        )
    )
    by_description, not_by_description = _pair(Values("description"))
    by_comment, not_by_comment = _pair(Values("comment"))
    by_publisher, not_by_publisher = _pair(
        Values(("AssetVersion", "user.username"), ("Component", "version.user.username"))
    )
    by_assignee, not_by_assignee = _pair(Values("assignments.resource[User].username"))
    by_list, not_by_list = _pair(Values("lists.name", "list.name"))
    by_outgoing_link, not_by_outgoing_link = _pair(Values("outgoing_links.to.id"))
    by_incoming_link, not_by_incoming_link = _pair(Values("incoming_links.from.id"))
    by_active_state, not_by_active_state = _pair(Values("is_active"))
    by_publish_state, not_by_publish_state = _pair(Values("is_published"))
    by_action, not_by_action = _pair(Values("action"))
    by_data, not_by_data = _pair(Values("data"))
    by_location, not_by_location = _pair(Values("ComponentLocation.location.name"))
    by_component_location, not_by_component_location = _pair(Values("ComponentLocation.id"))
    by_resource_identifier, not_by_resource_identifier = _pair(
        Values("ComponentLocation.resource_identifier")
    )
    by_file_type, not_by_file_type = _pair(Values("Component.file_type"))
    by_system_type, not_by_system_type = _pair(Values("system_type", "Component.system_type"))

    #: Compares bytes; takes ``minimum`` and ``maximum``.
    by_size, not_by_size = _pair(
        Range(("Component.size", "Component.size"), names=("minimum", "maximum"))
    )

    # These take ``start`` and ``end``.
    by_publish_time, not_by_publish_time = _pair(Range(("AssetVersion.date", "AssetVersion.date")))
    by_status_change_time, not_by_status_change_time = _pair(
        Range(("status_changes.date", "status_changes.date"))
    )
    #: Matches entities that start after ``start`` and end before ``end``; a time log only has to
    #: start between them.
    by_lifespan, not_by_lifespan = _pair(
        Range(
            ("start_date", "end_date"),
            ("created_at", "finished_at"),
            (("Timelog", "start"), ("Timelog", "start")),
            ("start", "end"),
        )
    )

    # These take days.
    by_creation_date, not_by_creation_date = _pair(Days("created_at"))
    by_finish_date, not_by_finish_date = _pair(Days("finished_at", "completed_at"))

    #: Takes mappings, or keyword arguments; an entity has to have all items of one mapping.
    by_metadata, not_by_metadata = _pair(Metadata())

    #: Takes conditions in ftrack's query language, which must all match.
    inject = Criterion(Raw())

    def _add(self, criterion: Criterion, target: EntityType | None, call: Arguments) -> None:
        applied = list(self._applied)
        for number, each in enumerate(applied):
            if each.criterion is criterion and each.target == target:
                applied[number] = AppliedCriterion(criterion, target, (*each.calls, call))
                break
        else:
            applied.append(AppliedCriterion(criterion, target, (call,)))
        self._applied = tuple(applied)


def known_criteria() -> Mapping[str, Criterion]:
    """Return all criteria by name, without the negations."""
    return {
        name: each
        for name, each in vars(Criteria).items()
        if isinstance(each, Criterion) and not each.negated
    }


def is_supported(
    schema: Schema, relations: Relations, type_name: str, criterion: Criterion
) -> bool:
    """Return whether entities of type *type_name* can be filtered by *criterion*."""
    lookup = AttributeLookup(schema, relations, type_name, type_name)
    return criterion.condition.supports(lookup)


def _not_supported(
    criterion: Criterion, schema: Schema, relations: Relations, type_name: str
) -> CriterionNotSupported:
    types = [each for each in schema.types if is_supported(schema, relations, each, criterion)]
    widest = [
        each
        for each in types
        if not any(other != each and schema.is_kind_of(each, other) for other in types)
    ]
    own = [
        name
        for name, each in known_criteria().items()
        if is_supported(schema, relations, type_name, each)
    ]
    return CriterionNotSupported(
        f"{type_name} has no criterion {criterion.name}",
        why=f"these types have it: {', '.join(widest)}",
        hint=f"{type_name} has {', '.join(own)}",
    )
