"""Held rows: how far a replica has the rows that relations lead to, seen from rows that it has.

A project was pulled with everything that belongs to it, any other row with its parts only (see
`ownership`). A row may also be related to rows that belong to something else: to tasks of another
project, to the lists that it is in. Of those, some may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import TYPE_CHECKING

from trackteroid_cli.engine.schema import facts
from trackteroid_cli.engine.schema.schema import is_dense
from trackteroid_cli.engine.storage.dense import owner_of
from trackteroid_cli.offline.ownership import Kind, owned_rows, owners_of

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.schema import Relation
    from trackteroid_cli.offline.answering.pulled_data import VisibleData

#: The columns that make the tree of contexts, which belongs to its project as a whole.
_TREE = ("parent_id", "project_id")


class Held(IntEnum):
    """How far some rows are held."""

    NOT = 0  #: some may be missing
    WITH_PARTS = 1  #: all of them, with their parts
    WITH_EVERYTHING = 2  #: all of them, with everything that belongs to them


class HeldRows:
    """How far the rows in the data that is *visible* are held."""

    def __init__(self, visible: VisibleData) -> None:
        self._visible = visible
        self._schema = visible.pulled.schema

    def of_type(self, type_name: str) -> Held:
        """Return how far the rows of a type are held without regard to projects."""
        if is_dense(type_name):
            type_name = owner_of(type_name)
        root = self._schema.types[type_name].root
        # Every pull asks for all projects, whichever of them it pulls with everything.
        is_project = self._schema.is_kind_of(type_name, "Project")
        if root in self._visible.pulled.whole or (
            is_project and root in self._visible.pulled.holdings.scoped
        ):
            return Held.WITH_PARTS
        return Held.NOT

    def of_entity(self, root: str, key: str) -> Held:
        """Return how far the entity with *key* is held; '' stands for any root type."""
        if key in self._visible.created() or self._visible.is_in_held_project(root, key):
            return Held.WITH_EVERYTHING
        known = root in self._visible.pulled.whole or not self._visible.lookup.unknown_keys(
            root, [key]
        )
        return Held.WITH_PARTS if known else Held.NOT

    def targets(self, owner: str, relation: Relation, target: str, held: Held) -> Held:
        """Return how far the rows that a relation leads to are held.

        Args:
            owner: the type of the rows that it starts from.
            relation: the relation.
            target: the type that it leads to.
            held: how far the rows that it starts from are held.
        """
        if relation.kind == "through":
            between = self.between(owner, relation, held)
            if relation.between not in self._schema.types:
                return self.of_type(target)
            return self.referred(relation.between, relation.target_column, target, between)
        if relation.kind == "reference":
            return self.referred(owner, relation.column, target, held)
        if relation.kind in ("many", "dense"):
            return self.referring(target, relation.column, owner, held)
        if relation.kind == "ancestors":
            return self.referred(owner, "parent_id", target, held)
        # What is below a context, or the latest version of an asset.
        return held if held is Held.WITH_EVERYTHING else self.of_type(target)

    def sources(self, owner: str, relation: Relation, target: str, held: Held) -> Held:
        """Return how far the rows from which a relation leads to some of its targets are held.

        Args:
            owner: the type of the rows that it starts from.
            relation: the relation.
            target: the type that it leads to.
            held: how far those targets are held.
        """
        if relation.kind == "through":
            if relation.between not in self._schema.types:
                return self.of_type(owner)
            between = self.referring(relation.between, relation.target_column, target, held)
            return self.referred(relation.between, relation.column, owner, between)
        if relation.kind == "reference":
            return self.referring(owner, relation.column, target, held)
        if relation.kind == "many":
            return self.referred(target, relation.column, owner, held)
        if relation.kind in ("ancestors", "descendants") and held is Held.WITH_EVERYTHING:
            return held
        return self.of_type(owner)

    def knows_links(self, owner: str, relation: Relation, target: str, held: Held) -> bool:
        """Return whether the replica knows which of the rows with *held* lead to which targets.

        Args:
            owner: the type of the rows that the relation starts from, which are held.
            relation: the relation.
            target: the type that it leads to.
            held: how far the targets in question are held.
        """
        if relation.kind == "through" and relation.between in self._schema.types:
            return (
                self.referring(relation.between, relation.target_column, target, held) > Held.NOT
                or self.between(owner, relation, Held.WITH_PARTS) > Held.NOT
            )
        # Otherwise one of the two rows tells; but a chain of contexts may have a gap.
        return relation.kind in ("reference", "many", "dense") or held is Held.WITH_EVERYTHING

    def referring(self, type_name: str, column: str, target: str, held: Held) -> Held:
        """Return how far the rows of a type that refer to some rows are held.

        Args:
            type_name: the type of the rows.
            column: their column with the key of another row.
            target: the type of the rows that they refer to.
            held: how far those are held.
        """
        if held is Held.NOT or not self._was_asked_for(type_name):
            return self.of_type(type_name)
        if is_dense(type_name):
            return held if column == "entity_id" else self.of_type(type_name)
        root = self._schema.types[type_name].root
        if root == "Context" and column in _TREE:
            belongs = held is Held.WITH_EVERYTHING
        else:
            kinds = list(self._kinds(root, column, target))
            is_part = all(kind == "part" for kind in kinds)
            belongs = None not in kinds and (is_part or held is Held.WITH_EVERYTHING)
        return held if belongs else self.of_type(type_name)

    def referred(self, type_name: str, column: str, target: str, held: Held) -> Held:
        """Return how far the rows that some rows refer to are held.

        Args:
            type_name: the type of the rows that refer to others.
            column: their column with the key of another row.
            target: the type of the rows that they refer to.
            held: how far those that refer to others are held.
        """
        rows = self.of_type(target)
        family = self._schema.family_of(type_name)
        if held is Held.NOT or column not in family.columns or not self._was_asked_for(target):
            return rows
        owned = self._schema.types[target].root
        if any(
            (root, ownership.owner_column) == (owned, column)
            for root, ownership in owned_rows(self._schema, type_name)
        ):
            return held
        owners = [each.column for each in owners_of(self._schema, family.root)]
        in_tree = family.root == "Context" and column in _TREE
        if held is Held.WITH_EVERYTHING and (in_tree or owners == [column]):
            return held
        if rows or not self._visible.has_gaps(family.root, column):
            return Held.WITH_PARTS
        return Held.NOT

    def between(self, owner: str, relation: Relation, held: Held) -> Held:
        """Return how far the rows are held that join the targets of a relation to its owners.

        Args:
            owner: the type of the owners.
            relation: a many-to-many relation.
            held: how far the owners are held.
        """
        if relation.between not in self._schema.types:
            return held  # they come with every row of the owner
        return self.referring(relation.between, relation.column, owner, held)

    def _was_asked_for(self, type_name: str) -> bool:
        """Return whether the server shows rows of a type to the user who pulled."""
        holdings = self._visible.pulled.holdings
        return self._schema.stored_root(type_name) in {*holdings.whole, *holdings.scoped}

    def _kinds(self, root: str, column: str, owner: str) -> Iterator[Kind | None]:
        """Yield how rows of *root* belong to each kind of *owner* by *column*, None if not."""
        for name in self._schema.concrete_types(owner):
            if name not in facts.ABSTRACT:
                kinds = {
                    owned.kind
                    for each, owned in owned_rows(self._schema, name)
                    if (each, owned.column, owned.owner_column) == (root, column, "id")
                }
                yield "part" if "part" in kinds else "child" if kinds else None
