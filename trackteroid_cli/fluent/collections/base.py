"""The base class of collections, and what its subclasses read from ``ftrack_api`` entities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import ftrack_api.inspection
from ftrack_api.symbol import NOT_SET

from trackteroid_cli.errors import EntityCollectionOperationError

if TYPE_CHECKING:
    from typing_extensions import Self

    from trackteroid_cli.engine.schema.schema import Schema
    from trackteroid_cli.fluent.types.entity_types import EntityType
    from trackteroid_cli.fluent.types.relations import Relations
    from trackteroid_cli.session.api.protocols import Attribute, Entity
    from trackteroid_cli.session.session import Session

#: An entity's id, or the parts of its primary key if it has several.
Key: TypeAlias = "str | tuple[str, ...]"

#: A class of collections.
CollectionT = TypeVar("CollectionT", bound="BaseCollection")


@dataclass(frozen=True, slots=True)
class Context:
    """The attributes that a collection shares with the collections derived from it."""

    entity_type: EntityType
    session: Session
    schema: Relations
    #: The query that found the entities, or the attribute that they were read from.
    origin: object = None


class Origin(NamedTuple):
    """The attribute that a collection was read from, and the collection that has the attribute."""

    owner: BaseCollection
    attribute: str


class BaseCollection:
    """Entities of one session, in order and without duplicates.

    Names with an underscore are for the modules of this package, since any other name may be that
    of an ftrack attribute.
    """

    __slots__ = ("_context", "_entities")

    _context: Context
    _entities: Mapping[Key, Entity]

    @property
    def entity_type(self) -> EntityType:
        """The type of all entities, or a wider one."""
        return self._context.entity_type

    @property
    def session(self) -> Session:
        """The session that the entities belong to."""
        return self._context.session

    @property
    def schema(self) -> Relations:
        """The relations between types that extend those of the server's schema."""
        return self._context.schema

    @property
    def query(self) -> Any:
        """The query that returned the collection, or None if no query did."""
        origin = self._context.origin
        return None if isinstance(origin, Origin) else origin

    @property
    def _origin(self) -> Origin | None:
        """The attribute that the collection was read from, or None."""
        origin = self._context.origin
        return origin if isinstance(origin, Origin) else None

    def keys(self) -> Iterable[Key]:
        """Return the entities' ids, in order; a tuple if a primary key has several parts."""
        return self._entities.keys()

    def values(self) -> Iterable[Any]:
        """Return the ``ftrack_api`` entities, in order."""
        return self._entities.values()

    def __len__(self) -> int:
        return len(self._entities)

    def __iter__(self) -> Iterator[Self]:
        """Yield a collection for each entity."""
        raise NotImplementedError

    def __getitem__(self, item: int | slice | str | tuple[str, ...] | EntityType) -> Self:
        """Return a collection of some of the entities."""
        raise NotImplementedError

    def _coerce(self, entity_type: EntityType) -> Self:
        """Return a collection of the same entities with a wider type."""
        raise NotImplementedError

    def _derived(self, entities: Mapping[Key, Entity], origin: Origin | None = None) -> Self:
        """Return a collection of the same type with other entities."""
        raise NotImplementedError

    def _related(
        self, type_name: str, entities: Mapping[Key, Entity], origin: Origin | None = None
    ) -> Self:
        """Return a collection of another type, with the same session."""
        raise NotImplementedError

    def _server_schema(self) -> Schema:
        """Return the schema of the session's server."""
        from trackteroid_cli.fluent.types.schema import schema_of

        return schema_of(self._context.session)


def entity_key(entity: Entity) -> Key:
    """Return the key of an ``ftrack_api`` entity."""
    names = entity.primary_key_attributes
    if len(names) == 1:
        attribute = entity.attributes.get(names[0])
        assert attribute is not None
        value = stored_value(entity, attribute)
        if value is not NOT_SET:
            return str(value)
    return tuple(ftrack_api.inspection.primary_key(entity).values())


def entities_by_key(entities: Iterable[Entity]) -> dict[Key, Entity]:
    """Return ``ftrack_api`` entities by their keys, in order and without duplicates."""
    found: dict[Key, Entity] = {}
    for entity in entities:
        found.setdefault(entity_key(entity), entity)
    return found


def stored_value(entity: Entity, attribute: Attribute) -> object:
    """Return the value of *attribute* that *entity* holds, or ``NOT_SET``, without a query.

    ``entity[name]`` would query if the session populates entities automatically. Scripts spend most
    of their time here, so the local and the remote value are read with one lookup.

    Source: ``ftrack_api/attribute.py``, ``get_entity_storage``.
    """
    stored = attribute.get_entity_storage(entity)[attribute.name]
    return stored["remote"] if stored["local"] is NOT_SET else stored["local"]


def value_or_none(entity: Entity, name: str) -> object:
    """Return the value of attribute *name* as `stored_value` does; None without the attribute."""
    attribute = entity.attributes.get(name)
    return None if attribute is None else stored_value(entity, attribute)


def check_sessions(collections: Iterable[BaseCollection]) -> None:
    """Check that all values are collections, and have the same session.

    Raises:
        EntityCollectionOperationError: a value is not a collection, or has another session.
    """
    given = list(collections)
    for each in given:
        if not isinstance(each, BaseCollection):
            raise EntityCollectionOperationError(
                "collections are combined, linked and compared with collections",
                why=f"it was given {each!r}",
                hint="give collections one by one: collection.union(one, other)",
            )
    first, *others = (collection.session for collection in given)
    for other in others:
        if other is not first:
            raise EntityCollectionOperationError(
                "collections of different sessions cannot be used together",
                why=f"one is of the session of {_session_label(first)}, "
                f"another of that of {_session_label(other)}",
                hint="query both with the same session: Query(..., session=session)",
            )


def _session_label(session: Session) -> str:
    return f"{session.api_user} on {session.server_url} (at {id(session):#x})"
