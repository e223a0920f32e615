"""The live overlay: the commits of an online recording, laid over rows of the server.

It holds no more of the server than the recording and the questions need. A question that reads
nothing of what the recording has changed is left to the server. For any other one, the *affected*
entities are found: those from which the question reads a changed row. The server says which others
match; the affected ones are evaluated here.
"""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import Any

from trackteroid_cli import moments
from trackteroid_cli.batches.operations import (
    Create,
    Delete,
    Operation,
    Update,
    from_json,
    values_set,
)
from trackteroid_cli.batches.recordings.recording import Recording
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.query.aggregate import is_aggregate
from trackteroid_cli.engine.query.language import (
    And,
    Comparison,
    Condition,
    Literal,
    Membership,
    Not,
    Or,
    Query,
    RelationTest,
    Segment,
    parse,
)
from trackteroid_cli.engine.query.language import (
    Path as AttributePath,
)
from trackteroid_cli.engine.query.query import QueryResult, answer_query
from trackteroid_cli.engine.query.text import expression_of, is_writable
from trackteroid_cli.engine.schema.documents import SchemaDocument
from trackteroid_cli.engine.schema.schema import Relation, Schema, is_dense
from trackteroid_cli.engine.storage.dense import owner_of
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.engine.storage.store import Store
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.errors import CannotReadBack
from trackteroid_cli.files import TemporaryFolder
from trackteroid_cli.offline.live.changes import Changes
from trackteroid_cli.offline.live.reading import Reader, Reads
from trackteroid_cli.offline.live.rows import (
    MOST_ROWS,
    Ask,
    ServerRows,
    is_row,
    related_keys,
    too_many_rows,
)
from trackteroid_cli.offline.overlays import apply_operations
from trackteroid_cli.offline.provisional import note_side_effects
from trackteroid_cli.offline.pull.plan import OWNERS_PER_QUERY, Include
from trackteroid_cli.server.expressions import PAGE, listed

#: Root types whose rows a server changes on its own, whatever is created or updated.
_SIDE_EFFECTS = frozenset({"StatusChange", "Event"})

#: Attributes that place a context in the hierarchy.
_PLACE = frozenset({"parent", "parent_id", "project", "project_id"})

#: How many queries are kept in their parsed form.
_QUERIES = 1024

_ID = AttributePath((Segment("id"),))


class LiveOverlay:
    """What one recording has committed, over the rows of the server that questions need.

    Args:
        schemas: the server's.
        server_url: for the addresses of files in answers.
    """

    def __init__(self, schemas: Sequence[SchemaDocument], server_url: str) -> None:
        self.schema = Schema(schemas)
        self._reader = Reader(self.schema)
        self._server_url = server_url
        self._changes = Changes(self.schema)
        self._touched: set[str] = set()
        self._seen: weakref.WeakKeyDictionary[Recording, int] = weakref.WeakKeyDictionary()
        self._waiting: list[Operation] = []
        self._closing = ExitStack()
        self._engine: Engine | None = None
        self._rows: ServerRows | None = None
        self._parse = lru_cache(maxsize=_QUERIES)(self._parse_anew)
        self.lock = threading.RLock()

    def close(self) -> None:
        """Close and remove the rows."""
        self._closing.close()

    def note(self, recordings: Sequence[Recording]) -> None:
        """Note what *recordings* have committed since the last time; nothing is fetched yet."""
        for recording in recordings:
            seen = self._seen.get(recording, 0)
            self._seen[recording] = len(recording)
            added = recording.operations(seen) if seen < len(recording) else ()
            for text in added:
                operation = from_json(json.loads(text))
                self._waiting.append(operation)
                self._touched |= self._families(operation)

    def may_answer(self, expression: str) -> bool:
        """Return whether the answer to a query may differ from the server's."""
        try:
            _, families = self._parse(expression)
        except EngineError:
            return False  # the server says what is wrong with it
        return bool(families & self._touched) or "" in self._touched

    def _parse_anew(self, expression: str) -> tuple[Query, set[str]]:
        """Return a query, and the root types of the rows that it reads."""
        query = parse(expression)
        return query, self._reader.families(query)

    def answer(self, expression: str, ask: Ask, *, user: str, strict: bool) -> QueryResult | None:
        """Answer a query; None if the server's answer stands.

        Args:
            ask: sends queries to the server.
            user: whose recording it is.
            strict: whether the client asked for strict answers.

        Raises:
            CannotReadBack: the recording cannot be laid over the server's answer.
        """
        self._apply_waiting(ask, user)
        assert self._rows is not None
        self._rows.begin_question()
        query, _ = self._parse(expression)
        return _Question(self, self._rows, query, ask, strict).answer()

    def results(self, query: Query, ask: Ask, *, strict: bool) -> list[QueryResult]:
        """Return the answer to a query that is a part of another, from here or from the server."""
        assert self._rows is not None
        answer = _Question(self, self._rows, query, ask, strict).answer()
        if answer is not None:
            return [answer]
        results: list[Any] = ask([{"action": "query", "expression": expression_of(query)}])
        return results

    # -- the recording -----------------------------------------------------------------------------

    def _families(self, operation: Operation) -> set[str]:
        """Return the root types whose rows an operation may change; '' for any."""
        entity_type = self.schema.types.get(operation.entity_type)
        if entity_type is None or isinstance(operation, Delete):
            return {""}
        found = {self.schema.stored_root(entity_type.name), *_SIDE_EFFECTS}
        for name in values_set(operation):
            relation = entity_type.relations.get(name)
            if relation is not None:
                found |= {self.schema.stored_root(relation.target), relation.between}
        return found - {""}

    def _apply_waiting(self, ask: Ask, user: str) -> None:
        """Apply the commits that were noted since the last question."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        first = self._engine is None
        engine, rows = self._open()
        try:
            if first:
                rows.add_base()
            for type_name, ids, include in self._mentioned(waiting):
                rows.add_entities(type_name, ids, include)
                is_context = self.schema.types[type_name].root == "Context"
                if include is Include.EVERYTHING and is_context:
                    rows.add_descendants(ids, include)
            moved = [each.entity_key["id"] for each in waiting if self._moves_context(each)]
            if moved:
                rows.add_descendants(moved, Include.ROW)  # they change project with it
            for asset_id in _new_version_assets(waiting):
                rows.add_rows("AssetVersion", "asset_id", [asset_id])
            rows.begin_question()
            rows.bring(ask)
            commits: dict[int, list[Operation]] = {}
            for operation in waiting:
                commits.setdefault(operation.commit, []).append(operation)
            for operations in commits.values():
                changes = apply_operations(engine, operations, user=user, moment=moments.now())
                note_side_effects(self._seen, self.schema, changes)
                self._changes.add(changes)
                rows.put_last(changes)
        except EngineError as error:
            self._waiting = waiting
            raise CannotReadBack(
                "cannot answer a query after this commit",
                why=f"what was committed cannot be laid over what the server holds: {error}",
                hint="a direct run might be refused as well: correct the script; or query before "
                "that commit",
            ) from error

    def _moves_context(self, operation: Operation) -> bool:
        """Return whether an operation puts a context somewhere else in the hierarchy."""
        entity_type = self.schema.types.get(operation.entity_type)
        return (
            isinstance(operation, Update)
            and entity_type is not None
            and entity_type.root == "Context"
            and operation.attribute_name in _PLACE
        )

    def _open(self) -> tuple[Engine, ServerRows]:
        if self._engine is None or self._rows is None:
            folder = TemporaryFolder()
            self._closing.callback(folder.remove)
            path = folder.path / "live.sqlite"
            Store.create(path, self.schema).close()
            self._engine = Engine(path, server_url=self._server_url)
            self._closing.callback(self._engine.close)
            self._rows = ServerRows(self._engine.store, self._changes)
        return self._engine, self._rows

    def _mentioned(
        self, operations: Sequence[Operation]
    ) -> Iterator[tuple[str, list[str], Include]]:
        """Yield the entities on the server that *operations* change or refer to."""
        found: dict[tuple[str, Include], dict[str, None]] = {}
        for operation in operations:
            entity_type = self.schema.types.get(operation.entity_type)
            if entity_type is None:
                continue
            deleted = isinstance(operation, Delete)
            include = Include.EVERYTHING if deleted else Include.PARTS_AND_OWNERS
            values = dict(values_set(operation))
            if set(operation.entity_key) == {"id"} and not isinstance(operation, Create):
                key = operation.entity_key["id"]
                found.setdefault((entity_type.name, include), {})[key] = None
                if not deleted:
                    found.setdefault((entity_type.name, Include.PARTS_AND_OWNERS), {})[key] = None
            values.update({name: key for name, key in operation.entity_key.items() if name != "id"})
            for name, value in values.items():
                for target, id_ in self._references(entity_type.name, name, value):
                    found.setdefault((target, Include.PARTS_AND_OWNERS), {})[id_] = None
        for (type_name, include), ids in found.items():
            yield type_name, list(ids), include

    def _references(self, type_name: str, name: str, value: object) -> Iterator[tuple[str, str]]:
        if isinstance(value, list):
            for each in value:
                yield from self._references(type_name, name, each)
        elif isinstance(value, Mapping):
            target = self.schema.types.get(str(value.get("__entity_type__")))
            if target is not None and target.primary_key == ("id",) and "id" in value:
                yield target.name, str(value["id"])
        elif isinstance(value, str):
            for relation in self.schema.types[type_name].relations.values():
                has_id = self.schema.types[relation.target].primary_key == ("id",)
                if relation.kind == "reference" and relation.column == name and has_id:
                    yield relation.target, value
            if name in ("entity_id", "parent_id"):
                yield "Context", value


class _Question:
    """One query, and what it takes to answer it."""

    def __init__(
        self,
        overlay: LiveOverlay,
        rows: ServerRows,
        query: Query,
        ask: Ask,
        strict: bool,
    ) -> None:
        assert overlay._engine is not None
        self._overlay = overlay
        self._store = overlay._engine.store
        self._schema = overlay.schema
        self._reader = overlay._reader
        self._changes = overlay._changes
        self._server_url = overlay._server_url
        self._rows = rows
        self._query = query
        self._ask = ask
        self._strict = strict
        self._family = self._schema.family_of(query.entity_type)

    def answer(self) -> QueryResult | None:
        """Return the answer; None if the server's stands."""
        query = self._query = replace(self._query, condition=self._resolved(self._query.condition))
        reads = self._reader.reads(query)
        self._refuse_untraceable(reads)
        affected = self._affected(reads)
        on_server: list[Stored] | None = None
        if self._tests_new_attributes:
            known = self._without_values(query.condition)
            on_server = self._on_server(replace(query, condition=known, offset=None, limit=None))
            affected.update(dict.fromkeys(on_server))
        if not affected and not self._shows_new_attributes:
            return None
        if not self._has_id:
            return self._answer_without_id(query, reads)
        self._bring_entities(affected)
        self._rows.complete(reads, self._present(affected), self._ask)
        if on_server is None:
            on_server = self._on_server(query, affected)
        others = [key for key in on_server if key not in affected]
        shown = self._reader.reads(self._query, condition=False)
        self._bring_entities(others)
        self._rows.complete(shown, others, self._ask)
        return self._evaluate(query, affected, on_server, others)

    @property
    def _shows_new_attributes(self) -> bool:
        """Whether the answer shows custom attributes that the recording has configured.

        Every entity has them then, with their default.
        """
        if "CustomConfigurationBase" not in self._changes.families:
            return False
        shown = self._reader.reads(self._query, condition=False)
        return any(_reads_values(node) for node in shown.nodes())

    @property
    def _tests_new_attributes(self) -> bool:
        """Whether the condition tests custom attributes after the recording has configured some.

        Then any entity may match by a default that the server does not know.
        """
        return "CustomConfigurationBase" in self._changes.families and self._tests_values(
            self._query.condition
        )

    def _tests_values(self, condition: Condition | None) -> bool:
        tested = replace(self._query, condition=condition, projections=(), order=(), group=())
        return any(map(_reads_values, self._reader.reads(tested).nodes()))

    def _without_values(self, condition: Condition | None) -> Condition | None:
        """Return a condition that holds where *condition* does, without custom attributes."""
        if condition is None or not self._tests_values(condition):
            return condition
        if not isinstance(condition, And):
            return None
        operands = [self._without_values(each) for each in condition.operands]
        left = tuple(each for each in operands if each is not None)
        return And(left) if len(left) > 1 else next(iter(left), None)

    @property
    def _has_id(self) -> bool:
        return self._family.primary_key == ("id",) and not is_dense(self._query.entity_type)

    # -- what is affected --------------------------------------------------------------------------

    def _refuse_untraceable(self, reads: Reads) -> None:
        changed = self._changes.families
        if self._tests_new_attributes and not self._has_id:
            raise CannotReadBack(
                f"cannot answer a query of {self._query.entity_type} like this while recording",
                why="the recording has changed which custom attributes there are",
                hint="select the entities and their custom attributes, and compare their values in "
                "the script; or query before that commit",
            )
        for node in reads.nodes():
            if node.families & changed:
                raise CannotReadBack(
                    f"cannot answer a query of {self._query.entity_type} with sums or pictures "
                    "while recording",
                    why=f"the recording has changed {', '.join(sorted(node.families & changed))}",
                    hint="leave those attributes out of the query, or query before that commit",
                )

    def _affected(self, reads: Reads) -> dict[Stored, None]:
        """Return the keys of the rows from which *reads* reach a changed row, now or before."""
        root = self._schema.stored_root(reads.type_name)
        found: dict[Stored, None] = {}
        for key, row in self._changes.rows(root):
            if row.touches(reads.columns):
                found[key[-1] if is_dense(reads.type_name) else key[0]] = None
        for (relation, _), below in reads.relations.items():
            found.update(dict.fromkeys(self._owners(reads, relation, below)))
        if len(found) > MOST_ROWS:
            raise too_many_rows(reads.type_name)
        return found

    def _owners(self, node: Reads, relation: Relation, below: Reads) -> Iterator[Stored]:
        """Yield the keys of the rows of *node* that lead to affected rows by *relation*."""
        if relation.kind == "dense":
            yield from self._owners_of_values(relation, below)
            return
        if relation.between in self._schema.families:
            yield from self._owners_between(relation)
        target = self._schema.family_of(relation.target)
        affected = self._affected_rows(below)
        if not affected:
            return
        if relation.kind in ("many", "latest_version"):
            column = "asset_id" if relation.kind == "latest_version" else relation.column
            for key in affected:
                row = self._stored(target.root, key)
                if row is not None and row.get(column) is not None:
                    yield row[column]
            yield from self._changes.former_values(target.root, affected, column)
            return
        keys = [key[0] for key in affected]
        yield from self._owners_here(node, relation, keys)
        yield from self._owners_on_server(node, relation, keys)

    def _affected_rows(self, reads: Reads) -> list[tuple[Stored, ...]]:
        """Return the whole keys of the affected rows of *reads*."""
        root = self._schema.stored_root(reads.type_name)
        if self._schema.types[root].primary_key == ("id",):
            return [(key,) for key in self._affected(reads)]
        return [key for key, row in self._changes.rows(root) if row.touches(reads.columns)]

    def _owners_of_values(self, relation: Relation, below: Reads) -> Iterator[Stored]:
        for key, row in self._changes.rows("CustomAttributeValue"):
            if row.touches({"value", *below.columns}):
                yield key[-1] if relation.column == "entity_id" else key[0]

    def _owners_between(self, relation: Relation) -> Iterator[Stored]:
        family = self._schema.families[relation.between]
        for key, row in self._changes.rows(relation.between):
            if not row.touches({relation.column, relation.target_column}):
                continue
            stored = self._stored(family.root, key)
            if stored is not None and stored.get(relation.column) is not None:
                yield stored[relation.column]
            yield from self._changes.former_values(relation.between, [key], relation.column)

    def _owners_here(
        self, node: Reads, relation: Relation, keys: Sequence[Stored]
    ) -> Iterator[Stored]:
        """Yield the owners among the rows that are here."""
        family = self._schema.family_of(node.type_name)
        if relation.kind == "reference":
            inverse = Relation("", node.type_name, "many", relation.column)
            yield from related_keys(self._store, relation.target, inverse, keys)
        elif relation.kind == "through":
            inverse = replace(
                relation,
                target=node.type_name,
                column=relation.target_column,
                target_column=relation.column,
            )
            yield from related_keys(self._store, relation.target, inverse, keys)
        else:
            upwards = relation.kind == "descendants"
            inverse = Relation("", family.root, "ancestors" if upwards else "descendants")
            yield from related_keys(self._store, "Context", inverse, keys)

    def _owners_on_server(
        self, node: Reads, relation: Relation, keys: Sequence[Stored]
    ) -> Iterator[Stored]:
        """Yield the owners that the server knows."""
        root = self._schema.types[relation.target].root
        known = [str(key) for key in keys if not self._is_new(root, key)]
        if not known or self._schema.types[node.type_name].primary_key != ("id",):
            return
        type_name = node.type_name
        if relation.kind == "ancestors" and type_name == "Context":
            type_name = "TypedContext"
        expressions = [
            f"select id from {type_name} where "
            f"{listed(f'{relation.name}.id', known[start : start + OWNERS_PER_QUERY])} "
            f"limit {MOST_ROWS + 1}"
            for start in range(0, len(known), OWNERS_PER_QUERY)
        ]
        for result in self._ask([{"action": "query", "expression": each} for each in expressions]):
            yield from (entity["id"] for entity in result["data"])

    def _is_new(self, root: str, key: Stored) -> bool:
        changed = self._changes.of(root, (key,))
        return changed is not None and changed.added

    def _stored(self, root: str, key: Sequence[Stored]) -> dict[str, Stored] | None:
        family = self._schema.families[root]
        cursor = self._store.connection.execute(
            f'SELECT * FROM "{family.table}" WHERE {is_row(family)}', list(key)
        )
        row = cursor.fetchone()
        if row is None:
            return None
        return dict(zip([column[0] for column in cursor.description], row, strict=True))

    # -- what is brought ---------------------------------------------------------------------------

    def _bring_entities(self, keys: Iterable[Stored]) -> None:
        self._rows.add_rows(self._family.root, "id", self._rows.missing(self._family.root, keys))
        self._rows.bring(self._ask)

    def _present(self, keys: Iterable[Stored]) -> list[Stored]:
        return [key for key in keys if self._rows.has(self._family.root, [key])]

    def _on_server(self, query: Query, affected: Iterable[Stored] = ()) -> list[Stored]:
        """Return the ids of the entities that match *query* on the server, in its order.

        With a limit, as many as can be in the answer whatever the recording has changed. A few
        *affected* entities are among them whether they match or not, for their place in the order.
        """
        affected = list(affected)
        known = [key for key in affected if not self._is_new(self._family.root, key)]
        if query.condition is not None and 0 < len(known) <= OWNERS_PER_QUERY:
            query = replace(query, condition=Or((query.condition, _is_one_of(known))))
        if self._names_new_entities_only:
            return []
        wanted = None
        if query.limit is not None and not is_aggregate(query):
            wanted = (query.offset or 0) + query.limit + len(affected) + 1
        found: list[Stored] = []
        while wanted is None or len(found) < wanted:
            page = PAGE if wanted is None else min(PAGE, wanted - len(found))
            asked = replace(query, projections=(_ID,), group=(), offset=len(found), limit=page)
            if is_aggregate(query):
                asked = replace(asked, order=())
            (result,) = self._ask([{"action": "query", "expression": expression_of(asked)}])
            found.extend(entity["id"] for entity in result["data"])
            if len(result["data"]) < page:
                break
            if len(found) > MOST_ROWS:
                raise too_many_rows(query.entity_type)
        return found

    @property
    def _names_new_entities_only(self) -> bool:
        """Whether the condition names entities by id, all of which only the recording has."""
        condition = self._query.condition
        if isinstance(condition, Comparison) and condition.operator == "is":
            literals: Sequence[Literal] = (condition.literal,)
        elif isinstance(condition, Membership) and isinstance(condition.members, tuple):
            literals = () if condition.negated else condition.members
        else:
            return False
        return (
            condition.path == _ID
            and bool(literals)
            and all(self._is_new(self._family.root, each.text) for each in literals)
        )

    # -- evaluating --------------------------------------------------------------------------------

    def _resolved(self, condition: Condition | None) -> Condition | None:
        """Return *condition* with the results of its sub-queries in their place."""
        if isinstance(condition, (And, Or)):
            operands = tuple(self._resolved(each) or each for each in condition.operands)
            return replace(condition, operands=operands)
        if isinstance(condition, Not):
            return Not(self._resolved(condition.operand) or condition.operand)
        if isinstance(condition, RelationTest) and condition.condition is not None:
            return replace(condition, condition=self._resolved(condition.condition))
        if (
            isinstance(condition, Membership)
            and isinstance(condition.members, Query)
            and self._reader.families(condition.members) & self._changes.families
        ):
            return replace(condition, members=self._results(condition.members))
        return condition

    def _results(self, query: Query) -> tuple[Literal, ...]:
        """Return the values that a sub-query selects.

        Raises:
            CannotReadBack: it does not select one attribute, or no expression can hold a value.
        """
        (result,) = self._overlay.results(query, self._ask, strict=self._strict)
        path, *more = query.projections or (_ID,)
        values: dict[str, None] = {}
        if isinstance(path, AttributePath):
            for entity in result["data"]:
                values.update(dict.fromkeys(_values(entity, path)))
        if more or not isinstance(path, AttributePath) or not all(map(is_writable, values)):
            raise CannotReadBack(
                "cannot answer a query with such a sub-query while recording",
                why="the recording has changed what the sub-query looks at",
                hint="ask the two queries one after the other, or query before that commit",
            )
        return tuple(Literal(value, quoted=True) for value in values)

    def _evaluate(
        self,
        query: Query,
        affected: Mapping[Stored, None],
        on_server: Sequence[Stored],
        others: Sequence[Stored],
    ) -> QueryResult:
        among = _is_one_of(list(affected))
        matching: Condition = among if query.condition is None else And((among, query.condition))
        if others:
            matching = Or((_is_one_of(others), matching))
        if is_aggregate(query):
            return self._run(replace(query, condition=matching))
        query = replace(query, condition=matching, limit=None, offset=None)
        found = self._in_order(query, on_server)
        start = self._query.offset or 0
        end = len(found) if self._query.limit is None else start + self._query.limit
        page = found[start:end]
        more = self._query.limit and end < len(found)
        data = []
        if page:
            position = {key: index for index, key in enumerate(page)}
            data = self._run(replace(query, condition=_is_one_of(page)))["data"]
            data.sort(key=lambda entity: position[entity["id"]])
        return {
            "action": "query",
            "data": data,
            "metadata": {"next": {"offset": end if more else None}},
        }

    def _in_order(self, query: Query, on_server: Sequence[Stored]) -> list[Stored]:
        """Return the ids of the entities that match, in the order of a direct run.

        Entities that the query does not put in order stand as on the server, new ones at the end.
        """
        paths = tuple(key.path for key in query.order)
        rows = self._run(replace(query, projections=(_ID, *paths)))["data"]
        found = [entity["id"] for entity in rows]
        place = self._places(found, on_server)
        if not paths:
            return sorted(found, key=lambda key: place.get(key, len(place)))
        ordered: list[Stored] = []
        for _, equal in groupby(
            rows, key=lambda entity: [_sort_key(entity, each) for each in paths]
        ):
            ids = [entity["id"] for entity in equal]
            ordered += sorted(ids, key=lambda key: place.get(key, len(place)))
        return ordered

    def _places(self, found: Sequence[Stored], on_server: Sequence[Stored]) -> dict[Stored, int]:
        """Return the places of entities in the server's own order; new ones have none."""
        places = {key: index for index, key in enumerate(on_server)}
        root = self._family.root
        known = [key for key in found if key not in places and not self._is_new(root, key)]
        if not known:
            return places
        # The server never had these in one answer: ask for its order of all that it knows.
        ids = [str(key) for key in found if not self._is_new(root, key)]
        expression = f"select id from {self._query.entity_type} where {listed('id', ids)}"
        (result,) = self._ask([{"action": "query", "expression": expression}])
        return {entity["id"]: index for index, entity in enumerate(result["data"])}

    def _answer_without_id(self, query: Query, reads: Reads) -> QueryResult:
        """Answer a query of rows without an id: bring those that match, and judge all here."""
        if is_dense(query.entity_type):
            self._bring_values(query)
        else:
            (source,) = self._rows.plan.sources_of(query.entity_type)
            names = tuple(
                AttributePath(tuple(map(Segment, name.split("."))))
                for name in self._rows.plan.sources[source].projections
            )
            self._rows.store_rows(source, self._all_rows(replace(query, group=()), names))
        for (relation, target), below in reads.relations.items():
            if relation.kind != "reference":
                raise CannotReadBack(
                    f"cannot answer a query of {query.entity_type} like this while recording",
                    why="the recording has changed what it looks at",
                    hint="query the entities that they belong to, or query before that commit",
                )
            if is_dense(query.entity_type):
                keys = self._ids(relation.target)
            else:
                keys = self._all_values(relation.column)
                self._rows.add_rows(
                    self._schema.types[target].root, "id", self._rows.missing(target, keys)
                )
                self._rows.bring(self._ask)
            self._rows.complete(below, keys, self._ask)
        return self._run(query)

    def _all_rows(self, query: Query, names: tuple[AttributePath, ...]) -> list[dict[str, Any]]:
        """Return the attributes *names* of every row that matches *query* on the server.

        Raises:
            CannotReadBack: these are too many rows.
        """
        asked = replace(query, projections=names, order=(), offset=None, limit=MOST_ROWS + 1)
        (result,) = self._ask([{"action": "query", "expression": expression_of(asked)}])
        rows: list[dict[str, Any]] = result["data"]
        if len(rows) > MOST_ROWS:
            raise too_many_rows(query.entity_type)
        return rows

    def _bring_values(self, query: Query) -> None:
        """Bring the custom attribute values of every entity that a query of them shows."""
        entity = AttributePath((Segment("entity_id"),))
        owner = owner_of(query.entity_type)
        ids = dict.fromkeys(row["entity_id"] for row in self._all_rows(query, (entity,)))
        self._rows.add_rows(owner, "id", self._rows.missing(owner, ids))
        self._rows.bring(self._ask)
        self._rows.add_rows("CustomAttributeValue", "entity_id", self._ids(owner))
        self._rows.bring(self._ask)

    def _ids(self, type_name: str) -> list[Stored]:
        """Return the ids of all rows here that are of a type's family."""
        table = self._schema.family_of(type_name).table
        rows = self._store.connection.execute(f'SELECT id FROM "{table}"').fetchall()
        return [key for (key,) in rows]

    def _all_values(self, column: str) -> list[Stored]:
        """Return the values of *column* in all rows here of the queried family."""
        rows = self._store.connection.execute(
            f'SELECT DISTINCT "{column}" FROM "{self._family.table}" WHERE "{column}" IS NOT NULL'
        )
        return [value for (value,) in rows.fetchall()]

    def _run(self, query: Query) -> QueryResult:
        with self._store.reading() as connection:
            return answer_query(
                connection,
                self._schema,
                query,
                server_url=self._server_url,
                strict=self._strict,
            )


def _reads_values(reads: Reads) -> bool:
    """Return whether custom attribute values are read of the rows."""
    return is_dense(reads.type_name) or any(
        relation.kind == "dense" for relation, _ in reads.relations
    )


def _values(value: Any, path: AttributePath) -> Iterator[str]:
    """Yield the values at the end of a path, through collections as well."""
    for position, segment in enumerate(path.segments):
        if isinstance(value, list):
            for each in value:
                yield from _values(each, AttributePath(path.segments[position:]))
            return
        value = value.get(segment.name) if isinstance(value, Mapping) else None
    for each in value if isinstance(value, list) else [value]:
        found = each.get("id") if isinstance(each, Mapping) else each
        if found is not None:
            yield str(found)


def _sort_key(entity: Mapping[str, Any], path: AttributePath) -> object:
    """Return the value that an entity is sorted by; text sorts without regard to case."""
    value: Any = entity
    for segment in path.segments:
        value = value.get(segment.name) if isinstance(value, Mapping) else None
    return value.lower() if isinstance(value, str) else value


def _is_one_of(keys: Sequence[Stored]) -> Membership:
    return Membership(_ID, False, tuple(Literal(str(key), quoted=True) for key in keys))


def _new_version_assets(operations: Sequence[Operation]) -> Iterator[str]:
    """Yield the ids of the assets that *operations* add versions to: their numbers count on."""
    for operation in operations:
        if isinstance(operation, Create) and operation.entity_type == "AssetVersion":
            asset: Any = operation.entity_data.get("asset")
            key = asset.get("id") if isinstance(asset, Mapping) else None
            key = key or operation.entity_data.get("asset_id")
            if key:
                yield str(key)
