"""Entity types as scripts name them: ``Shot``, ``AssetVersion.Task``, ``Shot.status.name``.

Whatever follows a type is an attribute of it or another type, so that nothing but ``projections``
and names with two underscores is taken by the objects themselves.
"""

from __future__ import annotations

from typing import TypeVar

from trackteroid_cli.errors import EntityCollectionOperationError

#: A collection; what it is made of stands above this module.
CollectionT = TypeVar("CollectionT")


class EntityType:
    """An entity type by its name; making one connects to nothing.

    ``Shot.name`` is a path like any other; the name of the type is ``Shot.__name__``, as that of a
    class is, or ``str(Shot)``.
    """

    __slots__ = ("__name__",)

    def __init__(self, name: str) -> None:
        self.__name__ = name

    @property
    def projections(self) -> list[str]:
        """What a query for this type selects where it is not told.

        Those of a type that has no usual ones follow from the default session's schema, which
        connects it.
        """
        from trackteroid_cli.fluent.types.default_projections import DEFAULTS, default_projections

        if self.__name__ in DEFAULTS:
            return list(DEFAULTS[self.__name__])
        from trackteroid_cli.fluent.types.schema import schema_of
        from trackteroid_cli.session.session import default_session

        return default_projections(schema_of(default_session()), self.__name__)

    def __getattr__(self, name: str) -> Path:
        """Return the path to an attribute, or to another entity type by its name."""
        return Path(self, (_attribute_name(name),))

    def __call__(self, collection: CollectionT) -> CollectionT:
        """Return *collection* as one of this type, which its entities must be.

        Raises:
            EntityCollectionOperationError: it is none, or its type is no kind of this one.
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
    """An entity type, and names to follow from it: attributes, or other entity types.

    The two parts have a leading underscore, as ``Path.entity_type`` may be an attribute to follow.
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
