"""Placements: which component is in which location, as far as a recording has changed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

#: The entity type whose creates and deletes change placements.
PLACEMENT_TYPE = "ComponentLocation"

#: The locations whose files are on the server. Source: ``ftrack_api/symbol.py``.
ON_SERVER = frozenset(
    {"3a372bde-05bc-11e4-8908-20c9d081909b", "cd41be70-8809-11e3-b98a-20c9d081909b"}
)


class Placement(NamedTuple):
    """A component in a location; *resource_identifier* is None if it was removed from there."""

    key: str
    resource_identifier: str | None


class Placements:
    """The placements that a recording has added and removed."""

    def __init__(self) -> None:
        self._by_component: dict[str, dict[str, Placement]] = {}
        self._by_key: dict[str, tuple[str, str]] = {}

    def of(self, component_id: str) -> Mapping[str, Placement]:
        """Return the placements of the component that the recording has changed, by location."""
        return self._by_component.get(component_id, {})

    def change(self, key: str, entity_data: Mapping[str, object] | None) -> None:
        """Add the placement *key*, or remove it if the recording has added it.

        Args:
            key: of the ``ComponentLocation``.
            entity_data: its attributes; None if it is deleted.
        """
        if entity_data is None:
            if key in self._by_key:
                self.remove(*self._by_key[key])
            return
        component = _referenced_id(entity_data, "component")
        location = _referenced_id(entity_data, "location")
        self._by_key[key] = component, location
        identifier = str(entity_data.get("resource_identifier", ""))
        self._by_component.setdefault(component, {})[location] = Placement(key, identifier)

    def remove(self, component_id: str, location_id: str) -> None:
        """Note that the component is no longer in the location."""
        self._by_component.setdefault(component_id, {})[location_id] = Placement("", None)


def _referenced_id(entity_data: Mapping[str, object], name: str) -> str:
    """Return the id of the entity that attribute *name* refers to, or its ``_id`` attribute."""
    entity = entity_data.get(name)
    if isinstance(entity, Mapping) and entity:
        return str(entity["id"])
    return str(entity_data.get(f"{name}_id"))
