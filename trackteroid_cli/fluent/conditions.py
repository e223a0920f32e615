"""Conditions that a criterion may ask for: values, ranges, days, metadata.

Each turns the arguments of a script into a part of a query, given the attributes that it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import Any, Protocol, TypeAlias

from trackteroid_cli.engine.schema.schema import Attribute
from trackteroid_cli.errors import InvalidCriterion
from trackteroid_cli.fluent.attribute_lookup import Candidate, Subject
from trackteroid_cli.fluent.collections.base import Elements
from trackteroid_cli.fluent.literals import compared, literal, moment_of, text_literal
from trackteroid_cli.fluent.types.paths import Reached, follow

#: The arguments of one call: in order, and by name.
Arguments: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any]]


class Condition(Protocol):
    """What a criterion asks for."""

    def supports(self, subject: Subject) -> bool:
        """Return whether the target has anything that the criterion could be about."""

    def text(self, subject: Subject, calls: Sequence[Arguments]) -> str:
        """Return the condition that any of *calls* asks for.

        Raises:
            InvalidCriterion: an argument makes no sense.
        """


class Values:
    """Any of the given values, patterns, or entities of collections; None stands for no value."""

    def __init__(self, *candidates: Candidate) -> None:
        self._candidates = candidates

    def supports(self, subject: Subject) -> bool:
        """Return whether one of the candidates is there."""
        return bool(subject.attributes(self._candidates))

    def text(self, subject: Subject, calls: Sequence[Arguments]) -> str:
        """Return the condition that one of the values is there."""
        values = positional(calls)
        some = [value for value in values if value is not None]
        attributes = subject.attributes(self._candidates)
        parts = [self._any_of(subject, attribute, some) for attribute in attributes if some]
        if len(some) < len(values):
            parts.append(" and ".join(_is_missing(attribute.text) for attribute in attributes))
        return _any_of(parts)

    def _any_of(self, subject: Subject, attribute: Reached, values: Sequence[Any]) -> str:
        """Return the condition that the attribute, or the entity that has it, is in *values*."""
        assert isinstance(attribute.member, Attribute)
        path, kind = attribute.text, attribute.member.kind
        keys = [_keys(subject, attribute, value) for value in values if _is_collection(value)]
        plain = [value for value in values if not _is_collection(value)]
        parts = []
        if plain:
            text = compared(path, plain, kind)
            parts.append(text if "." in path else subject.own(path, text))
        if keys:
            way = path.rpartition(".")[0]
            parts.append(compared(f"{way}.id".lstrip("."), list(chain(*keys)), "text"))
        return _any_of(parts)


class Days(Values):
    """Any of the given days, in UTC."""

    def _any_of(self, subject: Subject, attribute: Reached, values: Sequence[Any]) -> str:
        return _any_of(_on_day(subject, attribute.text, value) for value in values)


class Range:
    """From a least to a greatest value, both included; either may be left out.

    Args:
        candidates: pairs of the attributes that the two are compared with.
        names: what the two are called.
    """

    def __init__(
        self, *candidates: tuple[Candidate, Candidate], names: tuple[str, str] = ("start", "end")
    ) -> None:
        self._candidates = candidates
        self._names = names

    def supports(self, subject: Subject) -> bool:
        """Return whether both attributes of a pair are there."""
        return bool(self._attributes(subject))

    def text(self, subject: Subject, calls: Sequence[Arguments]) -> str:
        """Return the condition that the attributes lie within one of the ranges."""
        ranges = [self._bounds(*call) for call in calls]
        return _any_of(
            _between(subject, low, high, bounds)
            for low, high in self._attributes(subject)
            for bounds in ranges
        )

    def _attributes(self, subject: Subject) -> list[tuple[Reached, Reached]]:
        for low, high in self._candidates:
            lows, highs = subject.attributes([low]), subject.attributes([high])
            if lows and len(lows) == len(highs):
                return list(zip(lows, highs, strict=True))
        return []

    def _bounds(self, values: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, Any]:
        bounds = dict(zip(self._names, values, strict=False))
        misfit = [name for name in named if name not in self._names or name in bounds]
        if len(values) > 2 or misfit:
            raise InvalidCriterion(
                f"a range was given {misfit[0]!r}" if misfit else "a range has more than two ends",
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
    """All the keys and values of any of the given mappings; either may be a pattern."""

    def supports(self, subject: Subject) -> bool:
        """Return whether entities of the type have metadata."""
        return "metadata" in subject.schema.types[subject.target].relations

    def text(self, subject: Subject, calls: Sequence[Arguments]) -> str:
        """Return the condition that all of a mapping is among the metadata."""
        ways = subject.relations.paths(subject.schema, subject.source, subject.target) or ("",)
        wanted = [each for call in calls for each in self._mappings(*call)]
        return _any_of(_within(subject, way, self._all_of(each)) for way in ways for each in wanted)

    @staticmethod
    def _mappings(values: tuple[Any, ...], named: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        mappings = [*values, *([named] if named else [])]
        if not all(isinstance(each, Mapping) and each for each in mappings) or not mappings:
            raise InvalidCriterion(
                "metadata is compared with a mapping of keys to values",
                why=f"it was given {', '.join(map(repr, mappings)) or 'nothing'}",
                hint="an example: by_metadata({'renderer': 'farm%'})",
            )
        return mappings

    @staticmethod
    def _all_of(wanted: Mapping[str, Any]) -> str:
        parts = []
        for key, value in wanted.items():
            keyed = compared("key", [key], "text")
            if value is None:
                parts.append(f"not metadata any ({keyed} and value is_not none)")
            else:
                parts.append(f"metadata any ({keyed} and {compared('value', [value], 'text')})")
        return " and ".join(parts)


class Raw:
    """All the given conditions, which are in ftrack's query language already."""

    def supports(self, subject: Subject) -> bool:  # noqa: ARG002
        """Return True: what is asked for is up to the script."""
        return True

    def text(self, subject: Subject, calls: Sequence[Arguments]) -> str:
        """Return all the conditions together."""
        parts = [self._condition(subject, value) for value in positional(calls)]
        return parts[0] if len(parts) == 1 else " and ".join(f"({part})" for part in parts)

    @staticmethod
    def _condition(subject: Subject, value: Any) -> str:
        words = value.split(None, 1) if isinstance(value, str) else []
        if not words or words[0].casefold() == "or" or subject.target != subject.source:
            raise InvalidCriterion(
                f"cannot inject {value!r}",
                why="it takes conditions in ftrack's query language, of the type that is queried; "
                "they are joined by 'and'",
                hint="write 'or' within one condition: inject('bid > 1 or name is comp')",
            )
        return str(words[-1] if words[0].casefold() in ("and", "where") else value).strip()


def positional(calls: Sequence[Arguments]) -> list[Any]:
    """Return the values of *calls*.

    Raises:
        InvalidCriterion: some are given by name.
    """
    for _, named in calls:
        if named:
            raise InvalidCriterion(
                f"a criterion was given {', '.join(named)} by name",
                why="it takes values, in no certain order",
                hint="give them without a name",
            )
    return [value for values, _ in calls for value in values]


def _is_missing(path: str) -> str:
    return f"not {path} is_not none" if "." in path else f"{path} is none"


def _is_collection(value: Any) -> bool:
    return isinstance(value, Elements)


def _keys(subject: Subject, attribute: Reached, collection: Any) -> list[str]:
    """Return the keys in *collection*, one of which the attribute's owner may have."""
    kinds = str(collection.entity_type), attribute.type_name
    if not any(subject.schema.is_kind_of(*each) for each in (kinds, kinds[::-1])):
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


def _on_day(subject: Subject, path: str, value: Any) -> str:
    if isinstance(value, str) and "%" in value:
        text = f"{path} like {text_literal(value)}"
        return text if "." in path else subject.own(path, text)
    day, following = _day(value)
    way, _, name = path.rpartition(".")
    text = f"{name} >= {literal(day, 'date')} and {name} < {literal(following, 'date')}"
    return _within(subject, way, text) if way else subject.own(name, text)


_DAY = timedelta(days=1)


def _day(value: Any) -> tuple[date, date]:
    """Return the day that *value* is, or lies on, and the following one."""
    moment = moment_of(value)
    try:
        if moment is not None:
            day = moment.date()
        else:
            day = value if isinstance(value, date) else date.fromisoformat(value)
        return day, day + _DAY
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidCriterion(
            f"{value!r} is no day",
            why="it is neither a date with a day after it nor a text such as 2026-01-31",
            hint="give a date, or a pattern such as '2026-01%'",
        ) from error


def _between(subject: Subject, low: Reached, high: Reached, bounds: tuple[Any, Any]) -> str:
    way = low.text.rpartition(".")[0]
    parts = []
    for attribute, operator, bound in zip((low, high), (">=", "<="), bounds, strict=True):
        if bound is not None:
            assert isinstance(attribute.member, Attribute)
            name = attribute.text.rpartition(".")[2]
            text = f"{name} {operator} {literal(bound, attribute.member.kind)}"
            parts.append(text if way else subject.own(name, text))
    return _within(subject, way, " and ".join(parts))


def _within(subject: Subject, way: str, condition: str) -> str:
    """Return the *condition* that one and the same entity at the end of *way* fulfils."""
    if not way:
        return condition
    member = follow(subject.schema, subject.source, way).member
    single = not isinstance(member, Attribute) and member.single
    return f"{way} {'has' if single else 'any'} ({condition})"


def _any_of(conditions: Iterable[str]) -> str:
    return " or ".join(conditions)  # 'and' binds tighter
