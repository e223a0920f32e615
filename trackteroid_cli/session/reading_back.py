"""Reading back: while a session defers, it shows recorded changes as a server would show them.

Queries see what was committed: online by `offline.live`, offline by the replica's overlay. Here is
what ``ftrack_api`` keeps to itself: custom attributes of entities before their commit, and where
the recording has placed components.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import ftrack_api
import ftrack_api.attribute
import ftrack_api.entity.factory

from trackteroid_cli.batches.placements import Placement
from trackteroid_cli.batches.recordings.recording import Recording
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.server.schemas import ServerSchema
from trackteroid_cli.session.api.folding import is_create, is_update
from trackteroid_cli.session.api.protocols import Entity, EntityCollection, Operation
from trackteroid_cli.session.deferral import Deferral
from trackteroid_cli.session.enclosing import uploads
from trackteroid_cli.session.enclosing.uploads import Elsewhere
from trackteroid_cli.session.locations import RecordedLocation
from trackteroid_cli.session.query_cache import ReusingSession

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.documents import SchemaDocument
    from trackteroid_cli.offline.answering.server import OfflineServer
    from trackteroid_cli.session.api.normal_values import NormalValues


class ReadingBackSession(ReusingSession):
    """A session that shows the changes that its deferral, if it has one, has recorded."""

    _deferral: Deferral | None
    _normal_values: NormalValues | None = None
    offline: OfflineServer | None

    def populate(
        self,
        entities: Entity | list[Entity] | tuple[Entity, ...] | ftrack_api.query.QueryResult,
        projections: str,
    ) -> None:
        """Fetch *projections* of *entities*, also of those that exist only in the recording."""
        if self._deferral is not None:
            if not isinstance(entities, (list, tuple, ftrack_api.query.QueryResult)):
                entities = [entities]
            entities = self._entities_to_fetch(entities, projections, self._deferral)
        if entities:
            super().populate(entities, projections)

    def _entities_to_fetch(
        self, entities: Iterable[Entity], projections: str, deferral: Deferral
    ) -> list[Entity]:
        """Return the entities that can be fetched; give the others their custom attributes."""
        sees_commits = self.offline is None or self.offline.includes(deferral.recording)
        names = {each.strip().partition(".")[0] for each in projections.split(",")}
        to_fetch = []
        for entity in entities:
            identity = deferral.identity(entity)
            is_committed = deferral.has_created(identity)
            if "custom_attributes" in names and not is_committed:
                deferral.read_custom_attributes.add(identity)
            if sees_commits or not is_committed:
                to_fetch.append(entity)
            elif "custom_attributes" in names:
                self._add_custom_attributes(entity)
        return to_fetch

    # -- locations ---------------------------------------------------------------------------------

    def get_component_availabilities(
        self, components: Sequence[Entity], locations: Iterable[Entity] | None = None
    ) -> list[dict[str, float]]:
        """Return availabilities of *components*, in percent by location, as recorded so far."""
        availabilities: list[dict[str, float]] = super().get_component_availabilities(
            components, locations
        )
        if self._deferral is None:
            return availabilities
        for component, availability in zip(components, availabilities, strict=True):
            if "members" in component.keys() and len(component["members"]):  # noqa: SIM118
                continue  # computed from its members' availabilities
            for location, placement in self.placements_of(component["id"]).items():
                if locations is None or location in availability:
                    present = placement.resource_identifier is not None
                    availability[location] = 100.0 if present else 0.0
        return availabilities

    def placements_of(self, component_id: str) -> dict[str, Placement]:
        """Return the placements of the component that the recording has changed, by location."""
        return {} if self._deferral is None else self._deferral.placements_of(component_id)

    def note_removed(self, component_id: str, location_id: str) -> None:
        """Note that the component was removed from the location, if that is only recorded."""
        if self._deferral is not None:
            self._deferral.recording.placements.remove(component_id, location_id)

    @property
    def recordings(self) -> list[Recording]:
        """The recordings of the session while it defers, the innermost first."""
        recordings: list[Recording] = []
        deferral = self._deferral
        while deferral is not None:
            recordings.append(deferral.recording)
            deferral = deferral.outer
        return recordings

    def kept_bytes(self, component_id: str) -> Path | Elsewhere:
        """Return the file with the bytes of a component that is kept, or where they are instead.

        Raises:
            CannotDefer: the script has changed or removed the file since.
        """
        try:
            return uploads.find(self.recordings, component_id)
        except CannotDefer as error:
            assert self._deferral is not None
            raise self._deferral.note(error) from None

    def _build_entity_type_classes(self, schemas: Sequence[SchemaDocument]) -> dict[str, type]:
        classes: dict[str, type] = super()._build_entity_type_classes(schemas)
        for found in classes.values():
            for attribute in found.attributes:  # type: ignore[attr-defined]
                if isinstance(attribute, ftrack_api.attribute.AbstractCollectionAttribute):
                    attribute.set_local_value = partial(
                        self._set_parts, attribute.name, attribute.set_local_value
                    )
        if "Location" in classes:
            classes["Location"] = _mixed(RecordedLocation, classes["Location"])
        return classes

    def _set_parts(
        self, name: str, set_value: Callable[[Entity, object], None], entity: Entity, value: object
    ) -> None:
        """Set a collection, unless a part of it cannot be recorded: then nothing is changed."""
        if self._deferral is not None and type(value) is dict:
            self._deferral.check_parts(entity.entity_type, {name: value})
        set_value(entity, value)

    # -- values ------------------------------------------------------------------------------------

    def _normal(self) -> NormalValues:
        from trackteroid_cli.session.api.normal_values import NormalValues

        schemas = getattr(self, "schemas", None)  # none before the session is made
        if self._normal_values is None and schemas is not None:
            self._normal_values = NormalValues(schemas)
        return self._normal_values or NormalValues(())

    def _set_normal_values(self, operations: Iterable[Operation]) -> None:
        """Give the values that *operations* have set the form in which a server gives them back."""
        normal = self._normal().of
        for operation in operations:
            values: Iterable[tuple[str, object]] = ()
            if is_create(operation):
                values = operation.entity_data.items()
            elif is_update(operation):
                values = ((operation.attribute_name, operation.new_value),)
            for name, value in values:
                given = normal(operation.entity_type, name, value)
                if given is not value:
                    self._replace_value(operation, name, value, given)

    def _replace_value(self, operation: Operation, name: str, value: object, given: object) -> None:
        """Replace *value*, unless the attribute has got another one since."""
        with suppress(KeyError), self.operation_recording(False):
            entity = self._get(operation.entity_type, list(operation.entity_key.values()))
            attribute = entity.attributes.get(name)
            # ftrack_api may have copied the value into the operation.
            if attribute is not None and attribute.get_local_value(entity) == value:
                # An attribute that can be set once can be set only while it is not.
                attribute.set_local_value(entity, ftrack_api.symbol.NOT_SET)
                attribute.set_local_value(entity, given)

    # -- custom attributes -------------------------------------------------------------------------

    def _complete_custom_attributes(
        self, operations: Sequence[Operation], deferral: Deferral
    ) -> None:
        """Add all custom attributes to new entities if the script used some of them.

        A server would now answer with a value for each, and ``ftrack_api`` relies on it.
        """
        owners = {
            operation.entity_key["entity_id"]
            for operation in operations
            if operation.entity_type.endswith("CustomAttributeValue")
            and "entity_id" in operation.entity_key
        }
        read, deferral.read_custom_attributes = deferral.read_custom_attributes, set()
        if not owners and not read:
            return
        for operation in operations:
            if isinstance(operation, ftrack_api.operation.CreateEntityOperation):
                key = tuple(operation.entity_key.values())
                if key[0] in owners or (operation.entity_type, key) in read:
                    with suppress(KeyError):
                        self._add_custom_attributes(self._get(operation.entity_type, key))

    def _add_custom_attributes(self, entity: Entity) -> None:
        """Add to *entity*, which is new, the custom attributes that a server would add."""
        attribute = entity.attributes.get("custom_attributes")
        if attribute is None:
            return
        schema = ServerSchema(self.schemas)[entity.entity_type]
        value_type = schema.attributes["custom_attributes"].members
        with self.operation_recording(False):
            if attribute.get_local_value(entity) is ftrack_api.symbol.NOT_SET:
                attribute.set_local_value(entity, None)
            collection: EntityCollection = attribute.get_local_value(entity).collection
            present = {item["configuration_id"] for item in collection}
            configurations = ftrack_api.entity.factory._get_entity_configurations(entity)
            missing = [each for each in configurations if each["id"] not in present]
            if not missing:
                return
            self.populate(missing, "default")
            for configuration in missing:
                data = {
                    "configuration_id": configuration["id"],
                    "entity_id": entity["id"],
                    "key": configuration["key"],
                    "value": configuration["default"],
                }
                collection.append(self.create(value_type, data, reconstructing=True))


def _mixed(mixin: type, entity_class: type) -> type:
    """Return *entity_class* with the methods of *mixin* before its own."""
    metaclass = type(entity_class)
    return metaclass(entity_class.__name__, (mixin, entity_class), {})
