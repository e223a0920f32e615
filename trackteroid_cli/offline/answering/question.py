"""Questions: queries to a replica, refused where they are about what it does not hold."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from trackteroid_cli.errors import NotPulled
from trackteroid_cli.offline.answering.pulled_data import VisibleData
from trackteroid_cli.offline.answering.selection import Selection

if TYPE_CHECKING:
    from trackteroid_cli.engine.query.language import Query


class Question:
    """One query to the data that is *visible*."""

    def __init__(self, query: Query, visible: VisibleData) -> None:
        self.query = query
        self.visible = visible
        self.pulled = visible.pulled
        self.analysis = visible.pulled.analysis
        self.root = self.analysis.root(query.entity_type)
        self.selection = Selection(visible)

    def check(self) -> None:
        """Refuse a query about types, projects or entities that are not held.

        Raises:
            NotPulled: it is about one of these.
            ParseError: it names what the schemas do not have.
        """
        self._check_types()
        if not self.pulled.was_selected(self.query.entity_type, self.query.condition):
            self._check_names()

    def unknown_entity(self, type_name: str, key: str) -> NotPulled:
        """Return the error that no entity with that key is held; '' stands for any type."""
        return self.pulled.not_pulled(
            f"the {type_name or 'entity'} {key}",
            "no entity with that key was pulled or recorded",
            shlex.quote(f"{type_name or 'TypedContext'} where id is {key}"),
        )

    def _check_types(self) -> None:
        """Refuse a query that reads a type of which no row was pulled."""
        for root, type_name in self.analysis.types(self.query):
            if root in self.pulled.whole:
                continue
            if root in self.pulled.holdings.scoped:
                if root in self.pulled.by_expression or self.visible.held_projects:
                    continue
                raise self.pulled.not_pulled(
                    f"any {type_name}", "no project was pulled", "--project NAME"
                )
            raise self.pulled.not_pulled(
                f"any {type_name}",
                "entities of that type were not pulled",
                shlex.quote(f"{type_name} where …"),
            )

    def _check_names(self) -> None:
        """Refuse a query that names a project, or an entity by its key, that is not held."""
        for named in self.analysis.named_entities(self.query):
            if named.attribute != "id":
                for value in () if named.are_selected else named.values:
                    if not self.visible.is_held_project(value, named.attribute):
                        raise self._unknown_project(value)
            elif named.root not in self.pulled.whole:
                for key in self.visible.lookup.unknown_keys(named.root, named.values):
                    if key not in self.visible.created():
                        type_name = self.query.entity_type if named.are_selected else named.root
                        raise self.unknown_entity(type_name, key)
                for key in () if named.are_selected else named.values:
                    name = self.visible.name_of_missing_project(key)
                    if name:
                        raise self._unknown_project(name)

    def _unknown_project(self, name: str) -> NotPulled:
        return self.pulled.not_pulled(
            f"the project {name!r}", "the query asks about it", f"--project {shlex.quote(name)}"
        )
