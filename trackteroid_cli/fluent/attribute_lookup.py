"""Attribute lookup: the attributes that a criterion compares, as paths from the queried type.

A *candidate* names one attribute by its path, which may begin with another type
(``Component.size``). A pair of a type and a path is a candidate for that type and its kinds only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trackteroid_cli.engine.schema.schema import Attribute, Schema
from trackteroid_cli.errors import AmbiguousRelation, NoRelation
from trackteroid_cli.fluent.types.entity_types import EntityType, Path
from trackteroid_cli.fluent.types.paths import ResolvedPath, resolve_path
from trackteroid_cli.fluent.types.relations import Relations

Candidate: TypeAlias = "str | tuple[str, str]"


@dataclass(frozen=True, slots=True)
class AttributeLookup:
    """Finds the attributes that a condition compares.

    Args:
        schema: the server's schema.
        relations: how to get from one type to another.
        source: the type that is queried.
        target: the type that the criterion names, or *source*.
        negated: whether the condition will be negated.
    """

    schema: Schema
    relations: Relations
    source: str
    target: str
    negated: bool = False

    def attributes(self, candidates: Sequence[Candidate]) -> tuple[ResolvedPath, ...]:
        """Return the paths from the source to the first of *candidates* that the target has.

        There are several if the target is reached by several paths, and none if the target has no
        candidate.

        Raises:
            NoRelation, AmbiguousRelation: no path leads to the target, or several do.
        """
        owner_paths = self.relations.paths(self.schema, self.source, self.target) or ("",)
        for candidate in candidates:
            paths = self._candidate_paths(candidate)
            if paths:
                texts = (
                    f"{owner_path}.{path}".lstrip(".")
                    for owner_path in owner_paths
                    for path in paths
                )
                return tuple(resolve_path(self.schema, self.source, text) for text in texts)
        return ()

    def excluding_null(self, attribute: str, condition: str) -> str:
        """Return *condition*, with a check that *attribute* has a value if it will be negated.

        Args:
            attribute: an attribute of the queried entity itself, which *condition* compares.

        Without a value, a comparison is neither true nor false, and neither is its negation. So
        only a condition that will be negated is changed.
        """
        if not self.negated or attribute in self.schema.types[self.source].primary_key:
            return condition
        grouped = f"({condition})" if " or " in condition else condition
        return f"{attribute} is_not none and {grouped}"

    def _candidate_paths(self, candidate: Candidate) -> tuple[str, ...]:
        kind, path = candidate if isinstance(candidate, tuple) else (self.target, candidate)
        if not self.schema.is_kind_of(self.target, kind):
            return ()
        first, *names = path.split(".")
        try:
            if first[0].isupper():
                there = Path(EntityType(first), tuple(names))
                return self.relations.resolve(self.schema, self.target, there)
            resolved = resolve_path(self.schema, self.target, path)
        except (NoRelation, AmbiguousRelation):
            return ()
        return (path,) if isinstance(resolved.member, Attribute) else ()
