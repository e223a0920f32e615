"""The entity schemas of a server, as far as replays, queries and sessions need them.

Source: the JSON form of ftrack's ``query_schemas``, as ``ftrack_api/entity/factory.py`` reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.documents import Property, SchemaDocument


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an entity type.

    Attributes:
        kind: ``string``, ``array`` and the like; '' for a reference, or where the schema says none.
        target: the entity type that a reference leads to; '' for any other attribute.
        members: the entity type in a collection or mapping; '' for any other attribute.
        is_restricted: whether it can be filtered on and never selected.
    """

    kind: str = ""
    target: str = ""
    members: str = ""
    is_restricted: bool = False

    @classmethod
    def read(cls, fragment: Property) -> Attribute:
        """Return the attribute that a property of a schema describes."""
        return cls(
            str(fragment.get("type", "")),
            str(fragment.get("$ref", "")),
            str(fragment.get("items", {}).get("$ref", "")),
            bool(fragment.get("restricted_projection")),
        )


class EntitySchema:
    """The schema of one entity type."""

    def __init__(self, document: SchemaDocument) -> None:
        self.name = str(document["id"])
        self.primary_key: tuple[str, ...] = tuple(document["primary_key"])
        self.default_projections: tuple[str, ...] = tuple(document["default_projections"])
        self.computed = frozenset(document.get("computed", ()))
        self._properties = document["properties"]

    @property
    def has_id(self) -> bool:
        """Whether the primary key is an id."""
        return self.primary_key == ("id",)

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes by name, in the order of the schema."""
        return {name: Attribute.read(part) for name, part in self._properties.items()}

    def having(self, names: Iterable[str]) -> list[str]:
        """Return those of *names* that are attributes of the type."""
        return [name for name in names if name in self._properties]


class ServerSchema(Mapping[str, EntitySchema]):
    """The entity types of a server by name; each is read when it is first asked for.

    Args:
        documents: the schemas in ftrack's JSON form.
    """

    def __init__(self, documents: Sequence[SchemaDocument]) -> None:
        self.documents = documents
        self._unread = {str(document["id"]): document for document in documents}
        self._types: dict[str, EntitySchema] = {}

    def __getitem__(self, name: str) -> EntitySchema:
        """Return the schema of an entity type."""
        if name not in self._types:
            self._types[name] = EntitySchema(self._unread[name])
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the entity types."""
        return iter(self._unread)

    def __len__(self) -> int:
        """Return the number of entity types."""
        return len(self._unread)

    def __contains__(self, name: object) -> bool:
        """Return whether there is an entity type of that name."""
        return name in self._unread

    def primary_key(self, entity_type: str) -> tuple[str, ...]:
        """Return the names of the parts of a type's key; of an unknown type, ``id``."""
        return self[entity_type].primary_key if entity_type in self else ("id",)

    def reference(self, value: object) -> object:
        """Return an entity in ftrack's JSON form without attributes other than its key.

        Any other value is returned as it is.
        """
        if not isinstance(value, Mapping) or "__entity_type__" not in value:
            return value
        names = self.primary_key(value["__entity_type__"])
        return {name: value[name] for name in ("__entity_type__", *names)}
