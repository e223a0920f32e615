"""Holdings: what a replica holds, as data.

They are stored in the replica itself, so that they change with its rows in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from trackteroid_cli import moments

#: The name of the setting that stores holdings.
SETTING = "holdings"

#: The version of the layout of a replica. One of a later version is refused, never guessed at.
FORMAT = 1


class NewerFormat(ValueError):
    """A replica is of a later version than this one can read."""


@dataclass(frozen=True, slots=True)
class PulledProject:
    """A project that is held with everything that belongs to it."""

    id: str
    name: str
    pulled: str


@dataclass(frozen=True, slots=True)
class PulledExpression:
    """The entities that one query expression selected, with their parts."""

    expression: str
    entity_type: str
    pulled: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a replica holds. Moments are in UTC, ISO 8601 with a final Z.

    Attributes:
        server: the normalised URL of the server it was pulled from.
        pulled: when the last pull began; what it asked for is at least as new.
        whole: root types (families of `engine.schema`) whose rows are all held.
        scoped: root types whose rows are held for the pulled projects only.
        every_project: whether all projects were asked for, not only the named ones.
        projects: those held, by name or because all were asked for.
        expressions: those that were pulled besides projects.
    """

    server: str
    pulled: str
    whole: tuple[str, ...] = ()
    scoped: tuple[str, ...] = ()
    every_project: bool = False
    projects: tuple[PulledProject, ...] = ()
    expressions: tuple[PulledExpression, ...] = ()

    @property
    def oldest(self) -> str:
        """When the oldest of what is held was pulled."""
        projects = (each.pulled for each in self.projects)
        expressions = (each.pulled for each in self.expressions)
        return min([self.pulled, *projects, *expressions])

    def pulled_of(self, projects: Collection[str]) -> str:
        """Return when the entities of one of *projects*, or of none, were last pulled with it."""
        if not projects:
            return self.pulled
        return max(
            (each.pulled for each in self.projects if each.id in projects), default=self.oldest
        )

    def to_json(self) -> str:
        """Return the holdings as a JSON object: the names of the attributes, and ``format``."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Holdings:
        """Return the holdings that `to_json` wrote; the first versions wrote no format.

        Raises:
            NewerFormat: *text* is of a later version.
            ValueError: it holds something else.
        """
        try:
            document = json.loads(text)
            version = document.get("format", FORMAT)
            if version > FORMAT:
                raise NewerFormat(
                    f"it has format version {version}, and this trackteroid reads up to {FORMAT}"
                )
            holdings = cls(
                server=document["server"],
                pulled=document["pulled"],
                whole=tuple(document["whole"]),
                scoped=tuple(document["scoped"]),
                every_project=document["every_project"],
                projects=tuple(PulledProject(**each) for each in document["projects"]),
                expressions=tuple(PulledExpression(**each) for each in document["expressions"]),
            )
            moments.parse(holdings.oldest)
            moments.parse(holdings.pulled)
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("what it holds is not told") from error
        return holdings
