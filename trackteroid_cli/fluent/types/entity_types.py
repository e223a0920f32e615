"""Entity types as scripts name them: ``Shot``, ``AssetVersion.Task``, ``Shot.status.name``.

A name after a type is an attribute or another type. So the objects themselves define no public name
but ``projections``.
"""

from __future__ import annotations

from typing import TypeVar

from trackteroid_cli.errors import EntityCollectionOperationError

#: A collection, whose class is defined in a folder above this one.
CollectionT = TypeVar("CollectionT")


class EntityType:
    """An entity type, known by its name; creating one connects to nothing.

    ``Shot.name`` is a path to an attribute; the name of the type is ``Shot.__name__``, like that of
    a class, or ``str(Shot)``.
    """

    __slots__ = ("__name__",)

    def __init__(self, name: str) -> None:
        self.__name__ = name

    @property
    def projections(self) -> list[str]:
        """The attributes that a query for this type selects by default.

        Types without listed defaults take them from the schema of the default session, which
        connects.
        """
        from trackteroid_cli.fluent.types.default_projections import DEFAULTS, default_projections

        if self.__name__ in DEFAULTS:
            return list(DEFAULTS[self.__name__])
        from trackteroid_cli.fluent.types.schema import schema_of
        from trackteroid_cli.session.default_session import default_session

        return default_projections(schema_of(default_session()), self.__name__)

    def __getattr__(self, name: str) -> Path:
        """Return the path to attribute *name*, or to the entity type of that name."""
        return Path(self, (_attribute_name(name),))

    def __call__(self, collection: CollectionT) -> CollectionT:
        """Return *collection* as a collection of this type.

        Raises:
            EntityCollectionOperationError: it is not a collection, or its type is no kind of this
                one.
        """
        coerced = getattr(type(collection), "_coerce", None)
        if coerced is None:
            raise EntityCollectionOperationError(
                f"{self}(...) takes a collection",
                why=f"it was given {collection!r}",
                hint=f"query for entities: Query({self})",
            )
        result: CollectionT = coerced(collection, self)
        return result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EntityType) and self.__name__ == other.__name__

    def __hash__(self) -> int:
        return hash(self.__name__)

    def __repr__(self) -> str:
        return self.__name__

    def __reduce__(self) -> tuple[type[EntityType], tuple[str]]:
        return EntityType, (self.__name__,)


class Path:
    """A path: an entity type, and the names of attributes or other entity types to follow.

    The two parts have a leading underscore, as any other name extends the path.
    """

    __slots__ = ("_entity_type", "_names")

    def __init__(self, entity_type: EntityType, names: tuple[str, ...]) -> None:
        self._entity_type = entity_type
        self._names = names

    def __getattr__(self, name: str) -> Path:
        """Return the path extended by *name*."""
        return Path(self._entity_type, (*self._names, _attribute_name(name)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Path)
            and self._entity_type == other._entity_type
            and self._names == other._names
        )

    def __hash__(self) -> int:
        return hash((self._entity_type, self._names))

    def __repr__(self) -> str:
        return ".".join((self._entity_type.__name__, *self._names))

    def __reduce__(self) -> tuple[type[Path], tuple[EntityType, tuple[str, ...]]]:
        return Path, (self._entity_type, self._names)


def _attribute_name(name: str) -> str:
    if name.startswith("__"):
        raise AttributeError(name)
    return name
