"""Protocols for objects of ``ftrack_api``, which has no type hints, with the members used here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard

if TYPE_CHECKING:
    from trackteroid_cli.session.session import Session

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


class Attributes(Protocol):
    """The attributes of an entity type.

    Source: ``ftrack_api/attribute.py``, ``Attributes``.
    """

    def get(self, name: str, /) -> Attribute | None:
        """Return the attribute *name*, or None."""


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
    def session(self) -> Session:
        """The session that the entity belongs to."""

    def __getitem__(self, name: str, /) -> Any:
        """Return the value of attribute *name*."""

    def __setitem__(self, name: str, value: object, /) -> None:
        """Set the value of attribute *name*, and record an update."""


def is_entity(value: object) -> TypeGuard[Entity]:
    """Return whether *value* is an entity of ``ftrack_api``."""
    return hasattr(value, "primary_key_attributes")
