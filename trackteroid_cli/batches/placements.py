"""Placements: which component is in which location, as far as a recording has changed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Placement(NamedTuple):
    """A component in a location; *resource_identifier* is None once it was removed there."""

    key: str
    resource_identifier: str | None


class Placements:
    """The placements that a recording added and removed."""

    def __init__(self) -> None:
        self._by_component: dict[str, dict[str, Placement]] = {}
        self._by_key: dict[str, tuple[str, str]] = {}

    def of(self, component_id: str) -> Mapping[str, Placement]:
        """Return the placements of the component that the recording changed, by location."""
        return self._by_component.get(component_id, {})

    def note(self, document: Mapping[str, Any]) -> None:
        """Note the operation *document* if it adds a component to a location, or undoes that."""
        if document["entity_type"] != "ComponentLocation":
            return
        key = document["entity_key"]["id"]
        if document["operation"] == "create":
            data = document["entity_data"]
            component, location = (
                str(data[name]["id"] if data.get(name) else data.get(f"{name}_id"))
                for name in ("component", "location")
            )
            self._by_key[key] = component, location
            identifier = str(data.get("resource_identifier", ""))
            self._by_component.setdefault(component, {})[location] = Placement(key, identifier)
        elif document["operation"] == "delete" and key in self._by_key:
            self.remove(*self._by_key[key])

    def remove(self, component_id: str, location_id: str) -> None:
        """Note that the component is no longer in the location."""
        self._by_component.setdefault(component_id, {})[location_id] = Placement("", None)
