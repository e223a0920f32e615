"""Locations with the components that a recording has added and removed.

``ftrack_api`` asks the server where a component is, and uploads and removes files by requests that
bypass ``Session.call``. While a session defers, the server does not know the changes of the
recording, and the bytes are kept with it.

Source: ``ftrack_api/entity/location.py``; ``ftrack_api/accessor/server.py``.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import ftrack_api
import ftrack_api.accessor.disk
import ftrack_api.accessor.server
import ftrack_api.data
import ftrack_api.entity.location
import ftrack_api.exception

from trackteroid_cli.batches.placements import Placement
from trackteroid_cli.batches.recordings.recording import Recording
from trackteroid_cli.errors import Offline
from trackteroid_cli.session.api.protocols import Entity, EntitySession
from trackteroid_cli.session.enclosing import uploads
from trackteroid_cli.session.enclosing.uploads import Elsewhere


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

    @property
    def offline(self) -> object:
        """What answers in place of the server, or None."""

    @property
    def recordings(self) -> list[Recording]:
        """The recordings of the session while it defers, the innermost first."""

    def kept_bytes(self, component_id: str) -> Path | Elsewhere:
        """Return the file with the bytes of a component that is kept, or where they are instead."""


class RecordedLocation(ftrack_api.entity.location.Location):  # type: ignore[misc]
    """Mixed into the session's class of ``Location``."""

    session: LocationSession

    @property
    def accessor(self) -> object:
        """What reads and writes the files of the location."""
        return self._accessor

    @accessor.setter
    def accessor(self, accessor: object) -> None:
        if isinstance(accessor, ftrack_api.accessor.server._ServerAccessor):
            ftrack_api.mixin(accessor, KeepingAccessor)
        self._accessor = accessor

    def _add_data(self, component: Entity, resource_identifier: str, source: Any) -> None:
        """Transfer the bytes of *component*; a file that is only kept need not be copied.

        Raises:
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
        """
        recordings = self.session.recordings
        if recordings and isinstance(self.accessor, KeepingAccessor):
            path = _file_of(component, source)
            if path is not None:
                try:
                    name = uploads.file_name(component)
                    uploads.keep_file(recordings[0], resource_identifier, name, path)
                except OSError:
                    pass  # what reads it below raises what a direct run meets
                else:
                    return
        super()._add_data(component, resource_identifier, source)

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


def _file_of(component: Entity, source: Any) -> Path | None:
    """Return the file in which the location *source* has *component*; None if there is none."""
    is_container = "members" in component.keys()  # noqa: SIM118
    # Another way to open it may lead to other bytes than those of the file.
    opens = getattr(type(source.accessor), "open", None)
    if is_container or opens is not ftrack_api.accessor.disk.DiskAccessor.open:
        return None
    path = source.accessor.get_filesystem_path(source.get_resource_identifier(component))
    return Path(path).absolute()


def _refuse_offline(session: LocationSession, asked: str) -> None:
    """Refuse what would ask the server for a file: ``ftrack_api`` does that past the session.

    Raises:
        Offline: the session is offline.
    """
    if session.offline is not None:
        raise Offline(
            f"cannot {asked} a file of the server offline",
            why="a replica has what the server knows of files, and not their bytes",
        )


class KeepingAccessor(ftrack_api.accessor.server._ServerAccessor):  # type: ignore[misc]
    """Mixed into the accessor of the server's files: while the session defers, it keeps them."""

    def open(self, resource_identifier: str, mode: str = "rb") -> ftrack_api.data.Data:
        """Return the file *resource_identifier*.

        Raises:
            Offline: the session is offline, and records nothing.
        """
        if self._session.recordings:
            return KeptFile(resource_identifier, self._session, mode)
        _refuse_offline(self._session, "open")
        return super().open(resource_identifier, mode)

    def remove(self, resource_identifier: str) -> None:
        """Remove the file *resource_identifier*.

        Raises:
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
            Offline: the session is offline, and records nothing.
        """
        recordings = self._session.recordings
        if recordings:
            uploads.remove(recordings[0], resource_identifier)
        else:
            _refuse_offline(self._session, "remove")
            super().remove(resource_identifier)


class KeptFile(ftrack_api.accessor.server.ServerFile):  # type: ignore[misc]
    """A file on the server, or one that is kept for it while the session defers."""

    def _read(self) -> None:
        """Get the bytes.

        Raises:
            ftrack_api.exception.AccessorOperationFailedError: the server has none.
            CannotDefer: they are those of a file that was changed since.
            Offline: the server has them, and the session is offline.
        """
        kept = self._session.kept_bytes(self.resource_identifier)
        if kept is Elsewhere.SERVER:
            _refuse_offline(self._session, "read")
            super()._read()
        elif kept is Elsewhere.NOWHERE:
            raise ftrack_api.exception.AccessorOperationFailedError(
                f"Failed to read data: there are none of {self.resource_identifier}."
            )
        else:
            position = self.tell()
            self.seek(0)
            with kept.open("rb") as source:
                shutil.copyfileobj(source, self.wrapped_file)
            self.flush()
            self.seek(position)

    def _write(self) -> None:
        """Upload the bytes, or keep them.

        Raises:
            ftrack_api.exception.AccessorOperationFailedError: there is no such component.
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
        """
        recordings = self._session.recordings
        component = self._session.get("FileComponent", self.resource_identifier)
        if not recordings or not component:
            super()._write()
            return
        position = self.tell()
        self.seek(0)
        name = uploads.file_name(component)
        uploads.keep_stream(recordings[0], self.resource_identifier, name, self.wrapped_file)
        self.seek(position)
