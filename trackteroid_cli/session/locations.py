"""Locations with the components that a recording has added and removed.

``ftrack_api`` asks the server where a component is. While a session defers, the server does not
know the changes of the recording.

Source: ``ftrack_api/entity/location.py``; ``ftrack_api/accessor/server.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import ftrack_api.accessor.server
import ftrack_api.entity.location
import ftrack_api.exception
import ftrack_api.symbol

from trackteroid_cli.batches.placements import Placement
from trackteroid_cli.session.api.protocols import Entity, EntitySession

#: What a refusal calls the transfer of a file into the location of the server.
UPLOAD = "upload a file to the server"


class LocationSession(EntitySession, Protocol):
    """A session that knows the placements of its recording."""

    def placements_of(self, component_id: str) -> Mapping[str, Placement]:
        """Return the placements of the component that the recording has changed, by location."""

    def note_removed(self, component_id: str, location_id: str) -> None:
        """Note that the component was removed from the location, if that is only recorded."""

    def get(self, entity_type: str, entity_key: str, /) -> Entity | None:
        """Return the entity with the key, or None."""

    def delete(self, entity: Entity | None, /) -> None:
        """Delete *entity* with the next commit."""

    def commit(self) -> None:
        """Commit all local changes."""

    def refuse_while_deferring(self, asked: str, whose: Entity | None = None) -> None:
        """Raise `CannotDefer` for what was *asked*, of the entity *whose*, if it defers."""


class RecordedLocation(ftrack_api.entity.location.Location):  # type: ignore[misc]
    """Mixed into the session's class of ``Location``."""

    session: LocationSession

    def add_components(
        self,
        components: Sequence[Entity],
        sources: Entity | Sequence[Entity],
        recursive: bool = True,
        _depth: int = 0,
    ) -> None:
        """Add *components* to the location.

        Raises:
            CannotDefer: that is an upload to the server, and the session defers.
        """
        if is_on_server(self):
            self.session.refuse_while_deferring(UPLOAD)
        super().add_components(components, sources, recursive=recursive, _depth=_depth)

    def _get_resource_identifiers(self, components: Sequence[Entity]) -> list[str]:
        """Return the resource identifiers of *components*, those that are recorded first.

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
            try:
                found = super()._get_resource_identifiers(others)
            except ftrack_api.exception.ComponentNotInLocationError as error:
                missing.extend(error.details["components"])
            else:
                known.update(zip([each["id"] for each in others], found, strict=True))
        if missing:
            raise ftrack_api.exception.ComponentNotInLocationError(missing, self)
        return [known[component["id"]] for component in components]

    def _deregister_component_in_location(self, component: Entity) -> None:
        """Remove *component* from here, also if its placement is only recorded."""
        placement = self._placement(component)
        if placement is not None and placement.resource_identifier is not None:
            self.session.delete(self.session.get("ComponentLocation", placement.key))
            self.session.commit()
        else:
            super()._deregister_component_in_location(component)
        self.session.note_removed(component["id"], self["id"])

    def _placement(self, component: Entity) -> Placement | None:
        return self.session.placements_of(component["id"]).get(self["id"])


class RecordedServerAccessor(ftrack_api.accessor.server._ServerAccessor):  # type: ignore[misc]
    """Reads files on the server; changes them only while the session does not defer.

    ``ftrack_api`` uploads and removes files by requests that bypass ``Session.call``.
    """

    def open(
        self, resource_identifier: str, mode: str = "rb"
    ) -> ftrack_api.accessor.server.ServerFile:
        """Return the file *resource_identifier*.

        Raises:
            CannotDefer: *mode* is for writing, and the session defers.
        """
        if "w" in mode:
            self._session.refuse_while_deferring(UPLOAD)
        return super().open(resource_identifier, mode)

    def remove(self, resource_identifier: str) -> None:
        """Remove the file *resource_identifier*.

        Raises:
            CannotDefer: the session defers.
        """
        self._session.refuse_while_deferring("remove a file from the server")
        super().remove(resource_identifier)


class RecordedThumbnails:
    """Mixed into the session's classes of entities that have thumbnails.

    ``ftrack_api`` creates a component and commits before it uploads the file.
    """

    session: LocationSession

    def create_thumbnail(self, path: str, data: dict[str, object] | None = None) -> Entity:
        """Set the thumbnail from the file at *path*.

        Raises:
            CannotDefer: that is an upload to the server, and the session defers.
        """
        location = self.session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
        if is_on_server(location):
            self.session.refuse_while_deferring("create a thumbnail", self)  # type: ignore[arg-type]
        thumbnail: Entity = super().create_thumbnail(path, data)  # type: ignore[misc]
        return thumbnail


def is_on_server(location: object) -> bool:
    """Return whether files of *location* are uploaded to the server."""
    return isinstance(getattr(location, "accessor", None), RecordedServerAccessor)
