"""Relations: which attributes lead from entities of one type to entities of another.

A studio's own table comes first (see `relationship_files`), then the shortest path in the server's
schema (see `shortest_paths`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from weakref import WeakKeyDictionary

from trackteroid_cli.engine.schema.schema import Attribute, Relation, Schema
from trackteroid_cli.errors import NoRelation, UsageError
from trackteroid_cli.fluent.types.entity_types import Path
from trackteroid_cli.fluent.types.paths import (
    check_type,
    did_you_mean,
    member_of,
    no_attribute,
    owner_of,
    resolve_path,
)
from trackteroid_cli.fluent.types.relationship_files import (
    RelationTable,
    find_file,
    read_file,
    read_mapping,
)
from trackteroid_cli.fluent.types.shortest_paths import shortest_paths


class Relations:
    """A named table of relations, which extends those of the server's schema.

    Args:
        name: the name of the table; queries use ``default`` unless they name another.
        entities: source type -> target type -> paths in ftrack's query language.
    """

    def __init__(self, name: str, entities: RelationTable) -> None:
        self.name = name
        self.entities = entities
        self._found: WeakKeyDictionary[Schema, dict[tuple[str, str], tuple[str, ...]]] = (
            WeakKeyDictionary()
        )

    def __repr__(self) -> str:
        return repr({"name": self.name, "entities": self.entities})

    def paths(self, schema: Schema, source: str, target: str) -> tuple[str, ...]:
        """Return the paths from an entity of type *source* to entities of type *target*.

        They are in ftrack's query language, such as ``asset.parent[Shot]``; together they reach the
        entities of the target type. There are none if *source* is a kind of *target*.

        Raises:
            NoRelation: no path leads there, or the table has a path that the schema lacks.
            AmbiguousRelation: several paths lead there, and the table names none.
        """
        known = self._found.setdefault(schema, {})
        found = known.get((source, target))
        if found is None:
            found = known[source, target] = self._paths(schema, source, target)
        return found

    def resolve(self, schema: Schema, source: str, path: Path) -> tuple[str, ...]:
        """Return the attribute paths that *path* stands for, from an entity of type *source*.

        Each name is an attribute, or an entity type that `paths` leads to.

        Raises:
            NoRelation, AmbiguousRelation: see `paths`; or there is no such attribute.
        """
        current = path._entity_type.__name__
        texts = self.paths(schema, source, current) or ("",)
        for name in path._names:
            owner = owner_of(schema, current, name)
            if owner is not None:
                member = member_of(schema, owner, name)
                steps: tuple[str, ...] = (name,)
                current = member.target if isinstance(member, Relation) else owner
            elif name in schema.types:
                steps = self.paths(schema, current, name) or ("",)
                current = name
            else:
                raise no_attribute(schema, current, name, repr(path))
            texts = tuple(".".join(filter(None, each)) for each in product(texts, steps))
        return tuple(resolve_path(schema, source, text).text for text in texts if text)

    def _paths(self, schema: Schema, source: str, target: str) -> tuple[str, ...]:
        for name in (source, target):
            check_type(schema, name)
        if schema.is_kind_of(source, target):
            return ()
        own = self._table_paths(schema, source, target)
        if own is None:
            return shortest_paths(schema, source, target)
        return tuple(self._checked_path(schema, source, target, path) for path in own)

    def _table_paths(self, schema: Schema, source: str, target: str) -> tuple[str, ...] | None:
        """Return the table's paths from *source*, or from the nearest type that it is a kind of."""
        sources = [
            name
            for name, targets in self.entities.items()
            if target in targets and schema.is_kind_of(source, name)
        ]
        if not sources:
            return None
        nearest = min(sources, key=lambda name: len(schema.concrete_types(name)))
        return self.entities[nearest][target]

    def _checked_path(self, schema: Schema, source: str, target: str, path: str) -> str:
        resolved = resolve_path(schema, source, path)
        if isinstance(resolved.member, Attribute):
            raise NoRelation(
                f"the relationships of {self.name!r} lead from {source} to {target} by {path!r}",
                why="that ends with a value, not with entities",
                hint="correct it in the relationship file",
            )
        kinds = (resolved.type_name, target), (target, resolved.type_name)
        if not any(schema.is_kind_of(kind, of) for kind, of in kinds):
            raise NoRelation(
                f"the relationships of {self.name!r} lead from {source} to {target} by {path!r}",
                why=f"that leads to entities of type {resolved.type_name}",
                hint="correct it in the relationship file",
            )
        if schema.is_kind_of(resolved.type_name, target):
            return resolved.text
        # The path also reaches entities of other types; the cast leaves them out.
        return f"{resolved.text.removesuffix(f'[{resolved.type_name}]')}[{target}]"


class RelationTables:
    """All tables of relations, by name: ``SCHEMA.default`` and the studio's own overrides.

    The relationship file is read when a table is first used.
    """

    def __init__(self) -> None:
        self._tables: dict[str, Relations] | None = None

    def load(self, relationships: Mapping[str, object]) -> None:
        """Use *relationships*, in the form of the file, instead of the file.

        Raises:
            NotConfigured: their form is wrong.
        """
        self._tables = _tables(read_mapping(relationships, "the relationships"))

    def __getitem__(self, name: str) -> Relations:
        if self._tables is None:
            file = find_file()
            self._tables = _tables(read_file(file) if file else [("default", {})])
        if name not in self._tables:
            raise UsageError(
                f"there are no relationships called {name!r}",
                why=f"the relationship file has {', '.join(self._tables)}",
                hint=did_you_mean(name, self._tables) or "add them to its overrides",
            )
        return self._tables[name]

    def __getattr__(self, name: str) -> Relations:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]


def _tables(tables: Iterable[tuple[str, RelationTable]]) -> dict[str, Relations]:
    return {name: Relations(name, entities) for name, entities in tables}


SCHEMA = RelationTables()
