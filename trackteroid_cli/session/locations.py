"""Locations, as a recording sees them: with what it has added to them and removed from them itself.

``ftrack_api`` asks the server where a component is. While a session defers, the server does not
know of what was changed since.

Source: ``ftrack_api/entity/location.py``; ``ftrack_api/accessor/server.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ftrack_api.accessor.server
import ftrack_api.exception

from trackteroid_cli.batches.placements import Placement
from trackteroid_cli.errors import CannotDefer


class RecordedLocation:
    """Mixed into the session's class of ``Location``."""

    session: Any
    accessor: Any

    def add_components(
        self, components: list[Any], sources: Any, recursive: bool = True, _depth: int = 0
    ) -> None:
        """Add *components* to the location.

        Raises:
            CannotDefer: that is an upload to the server, and the session defers.
        """
        if isinstance(self.accessor, RecordedServerAccessor):
            self.accessor.refuse_while_deferring("upload a file to")
        inherited: Any = super()
        inherited.add_components(components, sources, recursive=recursive, _depth=_depth)

    def _get_resource_identifiers(self, components: list[Any]) -> list[str]:
        """Return where *components* are here; what the recording changed, it knows itself.

        Raises:
            ftrack_api.exception.ComponentNotInLocationError: some are not here.
        """
        known: dict[str, str] = {}
        missing, others = [], []
        for component in components:
            placement = self._placement(component)
            if placement is None:
                others.append(component)
            elif placement.resource_identifier is None:
                missing.append(component)
            else:
                known[component["id"]] = placement.resource_identifier
        if others:
            inherited: Any = super()
            try:
                found = inherited._get_resource_identifiers(others)
            except ftrack_api.exception.ComponentNotInLocationError as error:
                missing.extend(error.details["components"])
            else:
                known.update(zip([each["id"] for each in others], found, strict=True))
        if missing:
            raise ftrack_api.exception.ComponentNotInLocationError(missing, self)
        return [known[component["id"]] for component in components]

    def _deregister_component_in_location(self, component: Any) -> None:
        """Remove *component* from here, also if only the recording knows that it is here."""
        placement = self._placement(component)
        if placement is not None and placement.resource_identifier is not None:
            self.session.delete(self.session.get("ComponentLocation", placement.key))
            self.session.commit()
        else:
            inherited: Any = super()
            inherited._deregister_component_in_location(component)
        self.session.note_removed(component["id"], self["id"])  # type: ignore[index]

    def _placement(self, component: Any) -> Placement | None:
        found: Mapping[str, Placement] = self.session.placements_of(component["id"])
        return found.get(self["id"])  # type: ignore[index]


class RecordedServerAccessor(ftrack_api.accessor.server._ServerAccessor):  # type: ignore[misc]
    """Reads files on the server, and changes them only while the session does not defer.

    ``ftrack_api`` uploads and removes them by requests of their own, past ``Session.call``.
    """

    def open(self, resource_identifier: str, mode: str = "rb") -> Any:
        """Return the file *resource_identifier*.

        Raises:
            CannotDefer: it is to be written, and the session defers.
        """
        if "w" in mode:
            self.refuse_while_deferring("upload a file to")
        return super().open(resource_identifier, mode)

    def remove(self, resource_identifier: str) -> None:
        """Remove the file *resource_identifier*.

        Raises:
            CannotDefer: the session defers.
        """
        self.refuse_while_deferring("remove a file from")
        super().remove(resource_identifier)

    def refuse_while_deferring(self, doing: str) -> None:
        """Raise `CannotDefer` if the session defers, as the server would be changed at once."""
        if self._session.deferring:
            raise CannotDefer(
                f"cannot {doing} the server while recording",
                why="it changes the server at once and cannot be kept for later",
                hint="leave it out of what is recorded, or do it after the batch is committed",
            )
