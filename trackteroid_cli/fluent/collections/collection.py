"""Collections: ordered sets of entities whose attributes are read and assigned together.

Scripts get them from queries and from other collections. An `EmptyCollection` supports the same
operations as a collection with entities, so that scripts need no special cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from trackteroid_cli.errors import EntityCollectionOperationError
from trackteroid_cli.fluent.collections.assignment import apply, assign
from trackteroid_cli.fluent.collections.attributes import empty_related, no_attribute, read
from trackteroid_cli.fluent.collections.base import (
    Context,
    Key,
    Origin,
    entities_by_key,
    entity_key,
)
from trackteroid_cli.fluent.collections.creation import create
from trackteroid_cli.fluent.collections.links import link, unlink
from trackteroid_cli.fluent.collections.projections import Projection, fetch
from trackteroid_cli.fluent.collections.set_operations import SetOperations
from trackteroid_cli.fluent.collections.transforms import Transforms
from trackteroid_cli.fluent.types.entity_types import EntityType
from trackteroid_cli.session.api.protocols import is_entity

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from trackteroid_cli.fluent.types.relations import Relations
    from trackteroid_cli.session.api.protocols import Entity
    from trackteroid_cli.session.session import Session


class Collection(Transforms, SetOperations):
    """Entities of one type and one session; immutable, though the entities are not.

    Two collections are equal if they have the same type and the same entities in the same order.

    An attribute named like a method (``sort`` of a status) is read through `values`.
    """

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        """Assign to attribute *name* of every entity; see `assignment.assign`."""
        assign(self, name, value)

    def apply(self, predicate: Callable[[Self], object], attribute_name: str | None = None) -> Any:
        """Assign to each entity what *predicate* returns for it; see `assignment.apply`."""
        return apply(self, predicate, attribute_name)

    def fetch_attributes(self, *projections: Projection) -> Self:
        """Fetch attributes of all entities from the server, and return this collection.

        Args:
            projections: attributes, paths, or entity types, as in a query.

        Raises:
            NoRelation, AmbiguousRelation: no path leads to a type, or several do.
        """
        fetch(self, projections)
        return self

    def create(self, **attributes: object) -> Self:
        """Create an entity beside those of this collection, and return it; see `creation.create`.

        A collection that was read from an attribute creates an entity for each owner of the
        attribute.
        """
        return create(self, [attributes])

    def create_batch(self, *attributes: Mapping[str, object]) -> Self:
        """Create an entity for each of *attributes*, as `create` does, and return all entities."""
        return create(self, attributes)

    def link_inputs(self, collection: Collection) -> Self:
        """Link each entity of *collection* to each entity of this one, and return this one.

        Links that exist are not created again. See `links.link` for the errors that this and the
        other methods for links raise.
        """
        link(self, collection, inputs=True)
        return self

    def link_outputs(self, collection: Collection) -> Self:
        """Link each entity of this one to each entity of *collection*, and return this one."""
        link(self, collection, inputs=False)
        return self

    def unlink_inputs(self, collection: Collection) -> Self:
        """Delete all links from *collection* to this one, and return this one."""
        unlink(self, collection, inputs=True)
        return self

    def unlink_outputs(self, collection: Collection) -> Self:
        """Delete all links from this collection to *collection*, and return this one."""
        unlink(self, collection, inputs=False)
        return self

    def delete(self) -> Session:
        """Delete all entities with the next commit, and return the session, to commit it."""
        for entity in self._entities.values():
            self.session.delete(entity)
        return self.session

    def commit(self) -> None:
        """Commit all operations of the session, also those on other entities."""
        self.session.commit()

    def __getitem__(self, item: int | slice | str | tuple[str, ...] | EntityType) -> Self:
        """Return a collection of one entity by position or id, a slice, or all of a type.

        Raises:
            IndexError, KeyError: there is no such entity.
            NoAttribute: the server has no such type.
        """
        if isinstance(item, EntityType):
            return self._of_type(item)
        if isinstance(item, slice):
            return self._derived(dict(list(self._entities.items())[item]))
        if isinstance(item, int):
            position = item + len(self) if item < 0 else item
            if not 0 <= position < len(self):
                raise IndexError(f"{self!r} has no entity at {item}")
            return self._derived(dict(islice(self._entities.items(), position, position + 1)))
        return self._derived({item: self._entities[item]})

    def __contains__(self, item: object) -> bool:
        """Return whether an id, an ``ftrack_api`` entity, or a whole collection is in this one."""
        if isinstance(item, Collection):
            return all(key in self._entities for key in item._entities)
        if is_entity(item):
            return entity_key(item) in self._entities
        return item in self._entities

    def __copy__(self) -> Self:
        """Return the collection itself, as it is immutable."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Return the collection itself: a session has only one object for each entity."""
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Collection):
            return NotImplemented
        return self.entity_type == other.entity_type and list(self._entities) == list(
            other._entities
        )

    def __hash__(self) -> int:
        return hash((self.entity_type, tuple(self._entities)))

    def _of_type(self, entity_type: EntityType) -> Self:
        schema = self._server_schema()
        name = entity_type.__name__
        if name not in schema.types:
            raise no_attribute(self, name)
        wanted = set(schema.concrete_types(name))
        found = {
            key: entity for key, entity in self._entities.items() if entity.entity_type in wanted
        }
        return self._related(name, found, self._origin)

    def _coerce(self, entity_type: EntityType) -> Self:
        wide, narrow = entity_type.__name__, self.entity_type.__name__
        accepted = self._server_schema().is_kind_of(narrow, wide)
        # Projects count as typed contexts, since they are parents of typed contexts.
        if not accepted and (narrow, wide) != ("Project", "TypedContext"):
            raise EntityCollectionOperationError(
                f"a collection of {narrow} cannot become one of {wide}",
                why=f"{narrow} is no kind of {wide}",
                hint=f"collection[{wide}] keeps those entities that are of that type",
            )
        coerced: Self = _make_collection(
            replace(self._context, entity_type=entity_type), self._entities
        )
        return coerced

    def _derived(self, entities: Mapping[Key, Entity], origin: Origin | None = None) -> Self:
        if not entities and origin is None:
            origin = self._origin  # so that `create` finds the owners of the new entities
        derived: Self = _make_collection(replace(self._context, origin=origin), entities)
        return derived

    def _related(
        self, type_name: str, entities: Mapping[Key, Entity], origin: Origin | None = None
    ) -> Self:
        context = Context(EntityType(type_name), self.session, self.schema, origin)
        related: Self = _make_collection(context, entities)
        return related


class EntityCollection(Collection):
    """A collection that holds at least one entity."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        """Return attribute *name* of every entity; see `attributes.read`."""
        if name[:2] == "__":
            raise AttributeError(name)
        return read(self, name)

    def __iter__(self) -> Iterator[Self]:
        context = replace(self._context, origin=None)
        # This is `_make_collection`, inlined, as it runs for every entity.
        new, put = object.__new__, object.__setattr__
        for key, entity in self._entities.items():
            element: Any = new(EntityCollection)
            put(element, "_context", context)
            put(element, "_entities", {key: entity})
            yield element

    def __repr__(self) -> str:
        return f"EntityCollection[{self.entity_type}]{{{len(self)}}}"


class EmptyCollection(Collection):
    """A collection without entities; it is false, and all of its attributes are empty collections.

    So ``collection.task.status.name or []`` needs no checks.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        related = empty_related(self, name)
        return (
            _make_collection(replace(self._context, origin=None), {})
            if related is None
            else related
        )

    def __call__(self, *_: object, **__: object) -> EmptyCollection:
        """Return the collection itself, so that methods of a missing value can be called."""
        return self

    def __getitem__(self, item: object) -> Self:
        """Return the collection itself; for an entity type, an empty collection of that type."""
        return self._of_type(item) if isinstance(item, EntityType) else self

    def __iter__(self) -> Iterator[Self]:
        return iter(())

    def __repr__(self) -> str:
        return f"EmptyCollection[{self.entity_type}]"


def collect(
    entity_type: EntityType,
    entities: Iterable[Entity],
    session: Session,
    schema: Relations,
    query: object = None,
) -> EntityCollection | EmptyCollection:
    """Return a collection of ``ftrack_api`` entities, without duplicates.

    Args:
        entity_type: the type of all entities, or a wider one.
        query: the query that found them.
    """
    made: EntityCollection | EmptyCollection
    made = _make_collection(Context(entity_type, session, schema, query), entities_by_key(entities))
    return made


def _make_collection(context: Context, entities: Mapping[Key, Entity]) -> Any:
    """Return an `EntityCollection`, or an `EmptyCollection` if there are no *entities*.

    Its slots are set with ``object.__setattr__``, as `Collection.__setattr__` assigns to entities.
    """
    kind: type[EntityCollection | EmptyCollection]
    kind = EntityCollection if entities else EmptyCollection
    made = object.__new__(kind)
    object.__setattr__(made, "_context", context)
    object.__setattr__(made, "_entities", entities)
    return made
