"""Components and locations, within one recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ftrack_api.accessor.disk
import ftrack_api.exception
import ftrack_api.structure.id
import pytest

from tests.support.servers import Server
from tests.support.sessions import exists, on_server
from trackteroid_cli.session.session import Session


@pytest.fixture
def disk(session: Session, tmp_path: Path) -> Any:
    """A location of the server, on a disk of this machine."""
    location = session.create("Location", {"name": "test.disk"})
    session.commit()
    configure(location, tmp_path / "disk")
    return location


def configure(location: Any, folder: Path) -> None:
    folder.mkdir()
    location.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=str(folder))
    location.structure = ftrack_api.structure.id.IdStructure()


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "movie.txt"
    path.write_text("pixels")
    return str(path)


def test_a_component_that_is_added_to_a_disk_is_found_there(
    session: Session, server: Server, disk: Any, file: str, batch: Path
) -> None:
    server.requests.clear()
    with session.deferred_operations(batch):
        component = session.create_component(file, {"name": "movie"}, location=disk)
        session.commit()
        assert Path(disk.get_filesystem_path(component)).read_text() == "pixels"
        assert disk.get_component_availability(component) == 100.0
        assert component.get_availability()[disk["id"]] == 100.0
        assert session.pick_location(component) is disk
        with pytest.raises(ftrack_api.exception.ComponentInLocationError):
            disk.add_component(component, session.get("Location", ORIGIN))
    assert server.writes == []
    session.reconnect_and_commit(batch)
    held = on_server(server, component, "component_locations.location_id")
    assert [each["location_id"] for each in held["component_locations"]] == [disk["id"]]


ORIGIN = "ce9b348f-8809-11e3-821c-20c9d081909b"


def remove(location: Any, component: Any) -> None:
    location.remove_component(component)


def deregister(location: Any, component: Any) -> None:
    location._deregister_component_in_location(component)


def delete(location: Any, component: Any) -> None:
    session = location.session
    session.delete(
        session.get("ComponentLocation", session.placements_of(component["id"])[location["id"]].key)
    )
    session.commit()


@pytest.mark.parametrize("take_away", [remove, deregister, delete])
def test_a_component_that_is_added_and_removed_is_not_there(
    session: Session,
    server: Server,
    disk: Any,
    file: str,
    batch: Path,
    take_away: Callable[[Any, Any], None],
) -> None:
    with session.deferred_operations(batch):
        component = session.create_component(file, {"name": "movie"}, location=disk)
        session.commit()
        take_away(disk, component)
        with pytest.raises(ftrack_api.exception.ComponentNotInLocationError):
            disk.get_resource_identifier(component)
        assert disk.get_component_availability(component) == 0.0
        assert session.pick_location(component) is None
    session.reconnect_and_commit(batch)
    assert on_server(server, component, "component_locations")["component_locations"] == []


def test_a_component_that_the_server_has_there_can_be_removed_and_added_again(
    session: Session, server: Server, disk: Any, file: str, batch: Path
) -> None:
    component = session.create_component(file, {"name": "movie"}, location=disk)
    session.commit()
    with session.deferred_operations(batch):
        disk.remove_component(component)
        assert disk.get_component_availability(component) == 0.0
        disk.add_component(component, session.get("Location", ORIGIN))
        assert disk.get_component_availability(component) == 100.0
        assert Path(disk.get_filesystem_path(component)).read_text() == "pixels"
    session.reconnect_and_commit(batch)
    held = on_server(server, component, "component_locations.location_id")
    assert [each["location_id"] for each in held["component_locations"]] == [disk["id"]]


def test_a_location_that_is_created_in_the_recording_takes_components(
    session: Session, server: Server, file: str, tmp_path: Path, batch: Path
) -> None:
    with session.deferred_operations(batch):
        location = session.create("Location", {"name": "new.disk"})
        configure(location, tmp_path / "new")
        component = session.create_component(file, {"name": "movie"}, location=location)
        session.commit()
        assert location.get_filesystem_path(component).startswith(str(tmp_path))
        assert component.get_availability()[location["id"]] == 100.0
    session.reconnect_and_commit(batch)
    assert exists(server, "Location", location["id"])


def test_a_sequence_and_its_members_are_available(
    session: Session, disk: Any, tmp_path: Path, batch: Path
) -> None:
    for frame in (1, 2):
        (tmp_path / f"plate.{frame:04}.exr").write_text("pixels")
    with session.deferred_operations(batch):
        sequence = session.create_component(
            f"{tmp_path}/plate.%04d.exr [1-2]", {"name": "plate"}, location=disk
        )
        session.commit()
        assert disk.get_component_availability(sequence) == 100.0
        assert len(sequence["members"]) == 2
        disk.remove_component(sequence["members"][0], recursive=False)
        assert disk.get_component_availability(sequence) == 50.0
