"""Answer review: whether the answer to a question is complete, incomplete, or possibly wrong."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trackteroid_cli.engine.query.aggregate import is_aggregate
from trackteroid_cli.engine.query.language import Path, Query
from trackteroid_cli.errors import NotPulled
from trackteroid_cli.offline.answering.held_rows import Held
from trackteroid_cli.offline.answering.query_analysis import Step, projected_paths
from trackteroid_cli.offline.answering.question import Question
from trackteroid_cli.offline.answering.selection import Judgement

if TYPE_CHECKING:
    from trackteroid_cli.engine.query.loading import Entity


class AnswerReview:
    """Reviews the answer to *question*."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._query = question.query
        self._visible = question.visible
        self._pulled = question.pulled
        self._analysis = question.analysis
        self._selection = question.selection
        #: How far the targets of the relations of the projections are held at the least.
        self._targets: dict[Step, Held] = {}

    def review(self, data: Sequence[Entity]) -> str:
        """Return a warning if the answer may be incomplete, else ''.

        Args:
            data: the entities of the answer, in ftrack's JSON form.

        Raises:
            NotPulled: the answer may be wrong, or is empty while the server may have an entity.
        """
        query, selection = self._query, self._selection
        if query.limit == 0:
            return ""
        extent = selection.extent(query.entity_type, query.condition)
        judgement = selection.judgement(query.entity_type, query.condition, Held.WITH_PARTS)
        if judgement is Judgement.UNSURE:
            raise self._may_be_elsewhere("the query asks what there is none of")
        complete = bool(extent) and judgement is Judgement.RIGHT
        if not complete and self._is_empty(data):
            raise self._may_be_elsewhere("there is none in what was pulled")
        self._require_keys(max(extent, Held.WITH_PARTS), data)
        if not is_aggregate(query):
            for path in projected_paths(query):
                complete = self._projection_is_complete(path, data) and complete
        if complete:
            return ""
        return (
            f"of {query.entity_type}, only what was pulled is seen: "
            f"{self._pulled.description}; "
            "`trackteroid replica pull --project NAME` adds to it"
        )

    def _require_keys(self, held: Held, data: Sequence[Entity]) -> None:
        """Refuse an order, or groups, by values of entities that may not be held."""
        query = self._query
        paths = [key.path for key in query.order]
        if is_aggregate(query):
            paths += [*query.group, *projected_paths(query)]
        elif len(data) < 2 and query.limit is None and not query.offset:
            return
        for path in paths:
            if not self._selection.leads_to_held_rows(query.entity_type, path, held):
                raise self._may_be_elsewhere(f"not all was pulled that {path} leads to")

    def _may_be_elsewhere(self, why: str) -> NotPulled:
        return self._pulled.not_pulled(
            f"every {self._query.entity_type} that the query may mean",
            f"{why}, and there may be some in other projects",
            "--project NAME",
        )

    def _is_empty(self, data: Sequence[Entity]) -> bool:
        """Return whether there are no entities, or an aggregate of none."""
        return not data or (
            is_aggregate(self._query) and not any(any(row.values()) for row in data)
        )

    # The entities that the projections lead to.

    def _projection_is_complete(self, path: Path, data: Sequence[Entity]) -> bool:
        """Return whether all entities that a projection leads to are in the answer.

        Raises:
            NotPulled: one is missing, or may be.
        """
        complete = True
        entities = list(data)
        type_name = self._query.entity_type
        for step in self._analysis.steps(type_name, path):
            reached = [entity for entity in entities if step.name in entity]
            entities = []
            for entity in reached:
                value = entity[step.name]
                complete = self._step_is_complete(step, entity, bool(value)) and complete
                entities += value if isinstance(value, list) else [value] if value else []
            type_name = step.target
        name = path.segments[-1].name
        if not self._selection.has_value(type_name, name, Held.WITH_PARTS):
            for entity in entities:
                if not self._selection.has_value(type_name, name, self._held(entity)):
                    raise self._not_of_held_project(f"the {name}", entity, name)
        return complete

    def _step_is_complete(self, step: Step, entity: Entity, found: bool) -> bool:
        """Return whether all targets of a relation of *entity* are in the answer.

        Raises:
            NotPulled: one is missing, or may be.
        """
        rows, relation = self._selection.rows, step.relation
        if found and relation.kind == "reference":
            return True
        if step not in self._targets:
            self._targets[step] = rows.targets(step.owner, relation, step.target, Held.WITH_PARTS)
        if self._targets[step]:
            return True
        if "id" not in entity:
            raise self._not_of_held_project(f"the {step.name}", entity, step.name)
        key = str(entity["id"])
        if relation.kind == "reference":
            self._require_target(step, key)
            return True
        if self._pulled.was_followed(step, key, self._finds_only_what_was_selected):
            return True
        held = self._held(entity)
        if relation.kind == "through" and rows.between(step.owner, relation, held):
            self._require_connected(step, key)
            return True
        if rows.targets(step.owner, relation, step.target, held):
            return True
        if found and rows.of_type(step.owner):
            return False
        raise self._not_of_held_project(f"the {step.name}", entity, step.name)

    def _finds_only_what_was_selected(self, expression: Query) -> bool:
        """Return whether an expression finds nothing here that the server did not select by it."""
        judgement = self._selection.judgement(
            expression.entity_type, expression.condition, Held.WITH_PARTS
        )
        is_paged = expression.limit is not None or expression.offset is not None
        return judgement is not Judgement.UNSURE and not is_paged

    def _held(self, entity: Entity) -> Held:
        """Return how far an entity of the answer is held."""
        if "id" not in entity:
            return Held.WITH_PARTS
        root = self._analysis.root(str(entity["__entity_type__"]))
        return self._selection.rows.of_entity(root, str(entity["id"]))

    def _not_of_held_project(self, what: str, entity: Entity, select: str) -> NotPulled:
        name = entity["__entity_type__"]
        entity_type = self._pulled.schema.types[str(name)]
        key = " and ".join(f"{part} is {entity.get(part)}" for part in entity_type.primary_key)
        keys = ", ".join(str(entity.get(part)) for part in entity_type.primary_key)
        return self._pulled.not_pulled(
            f"{what} of {name} {keys}",
            "there may be more than was pulled",
            shlex.quote(f"select {select} from {name} where {key}"),
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
            if not self._pulled.was_key_pulled(step.target_root, target):
                raise self._question.unknown_entity(step.target_root, target)
