"""Protocols for objects of ``ftrack_api``, which has no type hints, with the members used here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.documents import SchemaDocument

#: The attributes of a new entity, with values as ``ftrack_api.Session.create`` takes them.
EntityData: TypeAlias = dict[str, Any]


class Attribute(Protocol):
    """An attribute of an entity type.

    Source: ``ftrack_api/attribute.py``, ``Attribute``.
    """

    @property
    def name(self) -> str:
        """The name of the attribute."""

    def get_entity_storage(self, entity: Entity, /) -> Mapping[str, Mapping[str, object]]:
        """Return the local and the remote value of each attribute of *entity* by its name."""

    def get_value(self, entity: Entity, /) -> Any:
        """Return the value of *entity*, merged into its session."""

    def get_local_value(self, entity: Entity, /) -> Any:
        """Return the value that was set on *entity*, or ``NOT_SET``."""

    def get_remote_value(self, entity: Entity, /) -> object:
        """Return the value of *entity* on the server, or ``NOT_SET`` if it was not fetched."""

    def set_local_value(self, entity: Entity, value: object, /) -> None:
        """Set the value of *entity*; ``NOT_SET`` removes the one that was set."""

    def set_remote_value(self, entity: Entity, value: object, /) -> None:
        """Set the value that *entity* is known to have on the server."""

    def is_modified(self, entity: Entity, /) -> bool:
        """Return whether *entity* has a value that the server does not have."""


class Attributes(Protocol):
    """The attributes of an entity type.

    Source: ``ftrack_api/attribute.py``, ``Attributes``.
    """

    def get(self, name: str, /) -> Attribute | None:
        """Return the attribute *name*, or None."""

    def keys(self) -> list[str]:
        """Return the names of the attributes."""


class Entity(Protocol):
    """An entity: a mapping of attribute names to values of any type.

    Source: ``ftrack_api/entity/base.py``, ``Entity``.
    """

    @property
    def entity_type(self) -> str:
        """The name of the entity's type."""

    @property
    def primary_key_attributes(self) -> Sequence[str]:
        """The names of the attributes that make up the primary key."""

    @property
    def attributes(self) -> Attributes:
        """The attributes of the entity's type."""

    @property
    def session(self) -> EntitySession:
        """The session that the entity belongs to."""

    def __getitem__(self, name: str, /) -> Any:
        """Return the value of attribute *name*."""

    def __setitem__(self, name: str, value: object, /) -> None:
        """Set the value of attribute *name*, and record an update."""

    def keys(self) -> KeysView[str]:
        """Return the names of the attributes."""


class EntityCollection(Protocol):
    """The entities of a collection attribute.

    Source: ``ftrack_api/collection.py``, ``Collection``.
    """

    def __iter__(self) -> Iterator[Entity]:
        """Iterate over the entities."""

    def append(self, entity: Entity, /) -> None:
        """Add *entity* to the collection."""


class EntityCache(Protocol):
    """The entities that a session has in memory.

    Source: ``ftrack_api/cache.py``, ``Cache``.
    """

    def get(self, key: str, /) -> Entity:
        """Return the entity with the cache key *key*, or raise ``KeyError``."""

    def remove(self, key: str, /) -> object:
        """Remove the entity with the cache key *key*, or raise ``KeyError``."""


class CacheKeyMaker(Protocol):
    """Makes the keys of a cache.

    Source: ``ftrack_api/cache.py``, ``KeyMaker``.
    """

    def key(self, *items: object) -> str:
        """Return the cache key of *items*."""


class EntitySession(Protocol):
    """A session, with the members that work on its entities.

    Source: ``ftrack_api/session.py``, ``Session``.
    """

    @property
    def schemas(self) -> Sequence[SchemaDocument]:
        """The entity schemas of the server."""

    @property
    def cache(self) -> EntityCache:
        """The entities in memory."""

    @property
    def cache_key_maker(self) -> CacheKeyMaker:
        """What makes the keys of the cache."""

    def auto_populating(self, auto_populate: bool, /) -> AbstractContextManager[object]:
        """Set inside the block whether reading an attribute fetches its value."""

    def operation_recording(self, record_operations: bool, /) -> AbstractContextManager[object]:
        """Set inside the block whether changes are recorded as operations."""

    def _get(self, entity_type: str, entity_key: Iterable[str], /) -> Entity:
        """Return an entity in memory, or raise ``KeyError``."""


class Operation(Protocol):
    """A create, update or delete that a session has recorded.

    Source: ``ftrack_api/operation.py``.
    """

    @property
    def entity_type(self) -> str:
        """The name of the entity's type."""

    @property
    def entity_key(self) -> dict[str, str]:
        """The primary key of the entity, by attribute name."""


class CreateOperation(Operation, Protocol):
    """A new entity.

    Source: ``ftrack_api/operation.py``, ``CreateEntityOperation``.
    """

    @property
    def entity_data(self) -> dict[str, object]:
        """The attributes that were set."""


class UpdateOperation(Operation, Protocol):
    """A new value of one attribute.

    Source: ``ftrack_api/operation.py``, ``UpdateEntityOperation``.
    """

    @property
    def attribute_name(self) -> str:
        """The name of the attribute."""

    @property
    def old_value(self) -> object:
        """The value that was set before, or ``NOT_SET``."""

    @property
    def new_value(self) -> object:
        """The value that was set."""


def is_entity(value: object) -> TypeGuard[Entity]:
    """Return whether *value* is an entity of ``ftrack_api``."""
    return hasattr(value, "primary_key_attributes")
