"""Locations, as a recording sees them: with the components that it has added itself.

``ftrack_api`` asks the server where a component is. While a session defers, the server does not
know of what was added since.

Source: ``ftrack_api/entity/location.py``, ``_get_resource_identifiers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RecordedLocation:
    """Mixed into the session's class of ``Location``."""

    session: Any

    def _get_resource_identifiers(self, components: list[Any]) -> list[str]:
        """Return where *components* are here; those that the recording added, it knows itself.

        Raises:
            ftrack_api.exception.ComponentNotInLocationError: some are not here.
        """
        known = self.session.recorded_resource_identifiers(self["id"])  # type: ignore[index]
        others = [component for component in components if component["id"] not in known]
        if others:
            inherited: Any = super()
            found = inherited._get_resource_identifiers(others)
            known = {
                **known,
                **dict(zip([each["id"] for each in others], found, strict=True)),
            }
        return [known[component["id"]] for component in components]


def added(document: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return what the create *document* of a ``ComponentLocation`` adds.

    Returns:
        The ids of component and location and the resource identifier; None for other operations.
    """
    if document["operation"] != "create" or document["entity_type"] != "ComponentLocation":
        return None
    data = document["entity_data"]
    component, location = (
        data[name]["id"] if data.get(name) else data.get(f"{name}_id")
        for name in ("component", "location")
    )
    return str(component), str(location), str(data.get("resource_identifier", ""))
