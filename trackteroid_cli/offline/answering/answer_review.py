"""Answer review: whether the answer to a question is complete, incomplete, or possibly wrong."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from trackteroid_cli.engine.query.language import (
    Aggregate,
    And,
    Condition,
    Membership,
    Or,
    Path,
    Query,
    RelationTest,
)
from trackteroid_cli.errors import NotPulled
from trackteroid_cli.offline.answering.pulled_data import CONNECTING_TABLES
from trackteroid_cli.offline.answering.query_analysis import NamedEntities, Step, projected_paths
from trackteroid_cli.offline.answering.question import Question

if TYPE_CHECKING:
    from trackteroid_cli.engine.query.loading import Entity

#: An attribute that is computed from all versions of an asset.
_LATEST = "is_latest_version"


class AnswerReview:
    """Reviews the answer to *question*."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._query = question.query
        self._visible = question.visible
        self._pulled = question.pulled
        self._analysis = question.analysis

    def review(self, data: Sequence[Entity]) -> str:
        """Return a warning if the answer may be incomplete, else ''.

        Args:
            data: the entities of the answer, in ftrack's JSON form.

        Raises:
            NotPulled: the answer may be wrong, or is empty while the server may have an entity.
        """
        if self._query.limit == 0:
            return ""
        complete = self._selection_is_complete
        if not complete:
            if self._may_be_wrong:
                raise self._may_be_elsewhere("the query asks what there is none of")
            if self._is_empty(data):
                raise self._may_be_elsewhere("there is none in what was pulled")
        for path in projected_paths(self._query):
            complete = self._projection_is_complete(path, data) and complete
        if complete:
            return ""
        return (
            f"of {self._query.entity_type}, only what was pulled is seen: "
            f"{self._pulled.description}; "
            "`trackteroid replica pull --project NAME` adds to it"
        )

    def _may_be_elsewhere(self, why: str) -> NotPulled:
        return self._pulled.not_pulled(
            f"every {self._query.entity_type} that the query may mean",
            f"{why}, and there may be some in other projects",
            "--project NAME",
        )

    def _is_empty(self, data: Sequence[Entity]) -> bool:
        """Return whether there are no entities, or an aggregate of none."""
        aggregated = any(isinstance(each, Aggregate) for each in self._query.projections or ())
        return not data or (aggregated and not any(any(row.values()) for row in data))

    # The entities that the condition selects.

    @cached_property
    def _selection_is_complete(self) -> bool:
        """Whether the replica holds every row that decides what the condition selects."""
        read = {followed.step.target_root for followed in self._question.relations}
        if {self._question.root, *read} <= self._pulled.whole or self._question.was_pulled:
            return True
        condition = self._query.condition
        if condition is None or self._leaves_held_data:
            return False
        return self._is_bounded(self._query.entity_type, condition, 0)

    @cached_property
    def _may_be_wrong(self) -> bool:
        """Whether entities may be selected because a row that excludes them is not held."""
        return _LATEST in self._analysis.compared_attributes(self._query) or any(
            followed.negated or followed.step.relation.kind == "latest_version"
            for followed in self._question.relations
            if followed.step.target_root not in self._pulled.whole
            and not followed.step.pulled_with_owner
        )

    @cached_property
    def _leaves_held_data(self) -> bool:
        """Whether the condition follows a relation to entities that may not be held."""
        whole = self._pulled.whole
        departures = set()
        for followed in self._question.relations:
            step = followed.step
            if step.owner_root in whole and step.target_root not in whole:
                departures.add(step.name if step.owner_root == self._question.root else "")
            for table in {step.target_root, step.relation.between} & CONNECTING_TABLES.keys():
                if any(self._visible.is_dangling(table, each) for each in CONNECTING_TABLES[table]):
                    return True
        # From a type that is held whole, one relation may be the one that bounds the query.
        return len(departures) > 1 or "" in departures

    def _is_bounded(self, type_name: str, condition: Condition, distance: int) -> bool:
        """Return whether *condition* limits the query to held entities.

        Args:
            type_name: of the entities that the condition tests.
            condition: the condition, or a part of it.
            distance: the number of relations from the selected entities to those.
        """
        if isinstance(condition, And):
            return any(self._is_bounded(type_name, each, distance) for each in condition.operands)
        if isinstance(condition, Or):
            return all(self._is_bounded(type_name, each, distance) for each in condition.operands)
        if isinstance(condition, RelationTest):
            target = self._analysis.target(type_name, condition.path)
            inner = condition.condition
            if inner is None or target is None:
                return False
            return self._is_bounded(target, inner, distance + 1)
        if isinstance(condition, Membership) and isinstance(condition.members, Query):
            members = condition.members
            if condition.negated or members.condition is None:
                return False
            return self._is_bounded(members.entity_type, members.condition, distance + 1)
        named = self._analysis.named_by(type_name, condition)
        if named is None:
            return False
        selected = not (distance or named.distance)
        return all(self._is_held(named, value, selected=selected) for value in named.values)

    def _is_held(self, named: NamedEntities, value: str, *, selected: bool) -> bool:
        """Return whether a named entity is held, with what belongs to it as far as it is asked for.

        Args:
            named: the entities.
            value: the key or the name of one.
            selected: whether it is the entity that the query selects.
        """
        if named.attribute != "id":
            return self._visible.is_held_project(value, named.attribute)
        if self._visible.is_in_held_project(named.root, value):
            return True
        if value in self._visible.created():
            return True
        # The entity is known, or the question would have been refused: so its own row is held, and
        # whatever is pulled with it.
        if selected:
            return self._question.reads_own_parts_only
        owner_root = named.root or self._visible.lookup.root_of(value)
        return self._analysis.is_pulled_with(self._question.root, owner_root) and not any(
            followed.negated for followed in self._question.relations
        )

    # The entities that the projections lead to.

    def _projection_is_complete(self, path: Path, data: Sequence[Entity]) -> bool:
        """Return whether all entities that a projection leads to are in the answer.

        Raises:
            NotPulled: one is missing, or may be.
        """
        complete = True
        entities = list(data)
        for step in self._analysis.steps(self._query.entity_type, path):
            targets: list[Entity] = []
            for entity in entities:
                if step.name not in entity or "id" not in entity:
                    continue
                value = entity[step.name]
                complete = self._step_is_complete(step, entity, bool(value)) and complete
                targets.extend(value if isinstance(value, list) else [value] if value else [])
            entities = targets
        if path.segments[-1].name == _LATEST:
            for entity in entities:
                self._require_held_project("AssetVersion", entity, f"whether {_LATEST}")
        return complete

    def _step_is_complete(self, step: Step, entity: Entity, found: bool) -> bool:
        """Return whether all targets of a relation of *entity* are in the answer.

        Raises:
            NotPulled: one is missing, or may be.
        """
        if step.target_root in self._pulled.whole:
            return True
        key = str(entity["id"])
        if step.relation.kind == "reference":
            if not found:
                self._require_target(step, key)
            return True
        if step.pulled_with_owner or self._pulled.was_followed(step, key):
            return True
        if step.owner_root in self._pulled.whole and found:
            return False
        self._require_held_project(step.owner_root, entity, f"the {step.name}", step.name)
        if step.relation.between in CONNECTING_TABLES:
            self._require_connected(step, key)
        return True

    def _require_held_project(
        self, root: str, entity: Mapping[str, object], what: str, select: str = "id"
    ) -> None:
        """Refuse to tell *what* of an entity whose project is not held."""
        if root in self._pulled.whole:
            return
        key, name = str(entity["id"]), entity["__entity_type__"]
        if not self._visible.is_in_held_project(root, key):
            raise self._pulled.not_pulled(
                f"{what} of {name} {key}",
                "it is not of a project that was pulled",
                shlex.quote(f"select {select} from {name} where id is {key}"),
            )

    def _require_target(self, step: Step, key: str) -> None:
        """Refuse a reference that is set, and whose target is not held."""
        row = self._visible.lookup.row(step.owner_root, key)
        target = row.get(step.relation.column) if row else None
        if target and not self._pulled.was_key_pulled(step.target_root, str(target)):
            raise self._question.unknown_entity(step.target_root, str(target))

    def _require_connected(self, step: Step, key: str) -> None:
        """Refuse a relation with a connecting row whose target is not held."""
        targets = self._visible.connected_keys(step, key)
        for target in self._visible.lookup.unknown_keys("", targets):
            raise self._question.unknown_entity(step.target_root, target)
