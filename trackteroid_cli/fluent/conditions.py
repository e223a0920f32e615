"""Conditions of criteria: values, ranges, days, metadata.

Each condition turns the arguments of a script into a part of a query expression, for the attributes
that an `AttributeLookup` finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import Protocol, TypeAlias

from trackteroid_cli.engine.schema.schema import Attribute
from trackteroid_cli.errors import InvalidCriterion
from trackteroid_cli.fluent.attribute_lookup import AttributeLookup, Candidate
from trackteroid_cli.fluent.collections.base import BaseCollection, Key
from trackteroid_cli.fluent.literals import comparison, literal, text_literal, utc_moment
from trackteroid_cli.fluent.types.paths import ResolvedPath, resolve_path

#: The arguments of one call: positional, and by name.
Arguments: TypeAlias = tuple[tuple[object, ...], Mapping[str, object]]


class Condition(Protocol):
    """The part of a criterion that writes its expression."""

    def supports(self, lookup: AttributeLookup) -> bool:
        """Return whether the target type has an attribute that the condition can compare."""

    def text(self, lookup: AttributeLookup, calls: Sequence[Arguments]) -> str:
        """Return the expression that matches the arguments of any of *calls*.

        Raises:
            InvalidCriterion: an argument is not valid.
        """


class Values:
    """Any of the given values, patterns, or entities of collections; None is a missing value."""

    def __init__(self, *candidates: Candidate) -> None:
        self._candidates = candidates

    def supports(self, lookup: AttributeLookup) -> bool:
        """Return whether the target type has one of the candidates."""
        return bool(lookup.attributes(self._candidates))

    def text(self, lookup: AttributeLookup, calls: Sequence[Arguments]) -> str:
        """Return the expression that matches any of the values."""
        values = positional_values(calls)
        some = [value for value in values if value is not None]
        attributes = lookup.attributes(self._candidates)
        parts = [self._value_condition(lookup, attribute, some) for attribute in attributes if some]
        if len(some) < len(values):
            parts.append(
                " and ".join(_missing_condition(attribute.text) for attribute in attributes)
            )
        return _joined_by_or(parts)

    def _value_condition(
        self, lookup: AttributeLookup, attribute: ResolvedPath, values: Sequence[object]
    ) -> str:
        """Return the expression that the attribute, or the entity that has it, is in *values*."""
        assert isinstance(attribute.member, Attribute)
        path, kind = attribute.text, attribute.member.kind
        keys = [
            _collection_keys(lookup, attribute, value)
            for value in values
            if isinstance(value, BaseCollection)
        ]
        plain = [value for value in values if not isinstance(value, BaseCollection)]
        parts = []
        if plain:
            text = comparison(path, plain, kind)
            parts.append(text if "." in path else lookup.excluding_null(path, text))
        if keys:
            owner_path = path.rpartition(".")[0]
            parts.append(comparison(f"{owner_path}.id".lstrip("."), list(chain(*keys)), "text"))
        return _joined_by_or(parts)


class Days(Values):
    """Any of the given days, in UTC."""

    def _value_condition(
        self, lookup: AttributeLookup, attribute: ResolvedPath, values: Sequence[object]
    ) -> str:
        return _joined_by_or(_day_condition(lookup, attribute.text, value) for value in values)


class Range:
    """A range from a least to a greatest value, both included; either may be omitted.

    Args:
        candidates: pairs of attributes, compared with the least and the greatest value.
        names: the keyword arguments for the least and the greatest value.
    """

    def __init__(
        self, *candidates: tuple[Candidate, Candidate], names: tuple[str, str] = ("start", "end")
    ) -> None:
        self._candidates = candidates
        self._names = names

    def supports(self, lookup: AttributeLookup) -> bool:
        """Return whether the target type has both attributes of a pair."""
        return bool(self._attributes(lookup))

    def text(self, lookup: AttributeLookup, calls: Sequence[Arguments]) -> str:
        """Return the expression that the attributes lie within one of the ranges."""
        ranges = [self._bounds(*call) for call in calls]
        return _joined_by_or(
            _range_condition(lookup, low, high, bounds)
            for low, high in self._attributes(lookup)
            for bounds in ranges
        )

    def _attributes(self, lookup: AttributeLookup) -> list[tuple[ResolvedPath, ResolvedPath]]:
        for low, high in self._candidates:
            lows, highs = lookup.attributes([low]), lookup.attributes([high])
            if lows and len(lows) == len(highs):
                return list(zip(lows, highs, strict=True))
        return []

    def _bounds(
        self, values: tuple[object, ...], named: Mapping[str, object]
    ) -> tuple[object, object]:
        bounds = dict(zip(self._names, values, strict=False))
        unexpected = [name for name in named if name not in self._names or name in bounds]
        if len(values) > 2 or unexpected:
            raise InvalidCriterion(
                f"a range was given {unexpected[0]!r}"
                if unexpected
                else "a range has more than two ends",
                why=f"it has {self._names[0]} and {self._names[1]}, each of which is given once",
                hint=f"write {self._names[0]}=..., {self._names[1]}=...",
            )
        bounds.update(named)
        low, high = (bounds.get(name) for name in self._names)
        if low is None and high is None:
            raise InvalidCriterion(
                "a range has no end",
                why=f"neither {self._names[0]} nor {self._names[1]} is given",
                hint="leave the criterion out where everything is meant",
            )
        return low, high


class Metadata:
    """All keys and values of any of the given mappings; keys and values may be patterns."""

    def supports(self, lookup: AttributeLookup) -> bool:
        """Return whether entities of the type have metadata."""
        return "metadata" in lookup.schema.types[lookup.target].relations

    def text(self, lookup: AttributeLookup, calls: Sequence[Arguments]) -> str:
        """Return the expression that the metadata have all items of one of the mappings."""
        owner_paths = lookup.relations.paths(lookup.schema, lookup.source, lookup.target) or ("",)
        wanted = [each for call in calls for each in self._mappings(*call)]
        return _joined_by_or(
            _same_entity(lookup, owner_path, self._items_condition(each))
            for owner_path in owner_paths
            for each in wanted
        )

    @staticmethod
    def _mappings(
        values: tuple[object, ...], named: Mapping[str, object]
    ) -> list[Mapping[str, object]]:
        given = [*values, *([named] if named else [])]
        mappings = [each for each in given if isinstance(each, Mapping) and each]
        if not mappings or len(mappings) < len(given):
            raise InvalidCriterion(
                "metadata is compared with a mapping of keys to values",
                why=f"it was given {', '.join(map(repr, given)) or 'nothing'}",
                hint="an example: by_metadata({'renderer': 'farm%'})",
            )
        return mappings

    @staticmethod
    def _items_condition(wanted: Mapping[str, object]) -> str:
        parts = []
        for key, value in wanted.items():
            keyed = comparison("key", [key], "text")
            if value is None:
                parts.append(f"not metadata any ({keyed} and value is_not none)")
            else:
                parts.append(f"metadata any ({keyed} and {comparison('value', [value], 'text')})")
        return " and ".join(parts)


class Raw:
    """All of the given conditions, written in ftrack's query language."""

    def supports(self, lookup: AttributeLookup) -> bool:  # noqa: ARG002
        """Return True: the script decides which attributes it compares."""
        return True

    def text(self, lookup: AttributeLookup, calls: Sequence[Arguments]) -> str:
        """Return all conditions, joined by ``and``."""
        parts = [self._condition(lookup, value) for value in positional_values(calls)]
        return parts[0] if len(parts) == 1 else " and ".join(f"({part})" for part in parts)

    @staticmethod
    def _condition(lookup: AttributeLookup, value: object) -> str:
        words = value.split(None, 1) if isinstance(value, str) else []
        if not words or words[0].casefold() == "or" or lookup.target != lookup.source:
            raise InvalidCriterion(
                f"cannot inject {value!r}",
                why="it takes conditions in ftrack's query language, of the type that is queried; "
                "they are joined by 'and'",
                hint="write 'or' within one condition: inject('bid > 1 or name is comp')",
            )
        return str(words[-1] if words[0].casefold() in ("and", "where") else value).strip()


def positional_values(calls: Sequence[Arguments]) -> list[object]:
    """Return the positional arguments of all *calls*.

    Raises:
        InvalidCriterion: an argument is given by name.
    """
    for _, named in calls:
        if named:
            raise InvalidCriterion(
                f"a criterion was given {', '.join(named)} by name",
                why="it takes values, in no certain order",
                hint="give them without a name",
            )
    return [value for values, _ in calls for value in values]


def _missing_condition(path: str) -> str:
    return f"not {path} is_not none" if "." in path else f"{path} is none"


def _collection_keys(
    lookup: AttributeLookup, attribute: ResolvedPath, collection: BaseCollection
) -> list[Key]:
    """Return the keys of *collection*, to compare with the owner of *attribute*."""
    kinds = str(collection.entity_type), attribute.type_name
    if not any(lookup.schema.is_kind_of(*each) for each in (kinds, kinds[::-1])):
        raise InvalidCriterion(
            f"cannot compare {attribute.text!r} with {collection!r}",
            why=f"it belongs to entities of type {attribute.type_name}",
            hint="give values, or a collection of that type",
        )
    keys = list(collection.keys())
    if not keys:
        raise InvalidCriterion(
            f"cannot compare {attribute.text!r} with {collection!r}",
            why="nothing could match it, which is seldom meant",
            hint="ask first whether the collection is empty",
        )
    return keys


def _day_condition(lookup: AttributeLookup, path: str, value: object) -> str:
    if isinstance(value, str) and "%" in value:
        text = f"{path} like {text_literal(value)}"
        return text if "." in path else lookup.excluding_null(path, text)
    day, following = _day_bounds(value)
    owner_path, _, name = path.rpartition(".")
    text = f"{name} >= {literal(day, 'date')} and {name} < {literal(following, 'date')}"
    return (
        _same_entity(lookup, owner_path, text) if owner_path else lookup.excluding_null(name, text)
    )


_DAY = timedelta(days=1)


def _day_bounds(value: object) -> tuple[date, date]:
    """Return the day of *value*, a date or a moment, and the following day."""
    moment = utc_moment(value)
    try:
        if moment is not None:
            day = moment.date()
        elif isinstance(value, date):
            day = value
        elif isinstance(value, str):
            day = date.fromisoformat(value)
        else:
            raise TypeError(value)
        return day, day + _DAY
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidCriterion(
            f"{value!r} is no day",
            why="it is neither a date with a day after it nor a text such as 2026-01-31",
            hint="give a date, or a pattern such as '2026-01%'",
        ) from error


def _range_condition(
    lookup: AttributeLookup, low: ResolvedPath, high: ResolvedPath, bounds: tuple[object, object]
) -> str:
    owner_path = low.text.rpartition(".")[0]
    parts = []
    for attribute, operator, bound in zip((low, high), (">=", "<="), bounds, strict=True):
        if bound is not None:
            assert isinstance(attribute.member, Attribute)
            name = attribute.text.rpartition(".")[2]
            text = f"{name} {operator} {literal(bound, attribute.member.kind)}"
            parts.append(text if owner_path else lookup.excluding_null(name, text))
    return _same_entity(lookup, owner_path, " and ".join(parts))


def _same_entity(lookup: AttributeLookup, owner_path: str, condition: str) -> str:
    """Return the expression that one entity at the end of *owner_path* matches *condition*."""
    if not owner_path:
        return condition
    member = resolve_path(lookup.schema, lookup.source, owner_path).member
    single = not isinstance(member, Attribute) and member.single
    return f"{owner_path} {'has' if single else 'any'} ({condition})"


def _joined_by_or(conditions: Iterable[str]) -> str:
    return " or ".join(conditions)  # `and` binds tighter than `or`
