"""Publish files into a location of the studio's own on disk, and read them back."""

import pathlib
import tempfile

import ftrack_api
import ftrack_api.accessor.disk
import ftrack_api.structure.standard

session = ftrack_api.Session()
with tempfile.TemporaryDirectory() as folder:
    (pathlib.Path(folder) / "store").mkdir()
    location = session.ensure("Location", {"name": "studio.store"})
    location.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=f"{folder}/store")
    location.structure = ftrack_api.structure.standard.StandardStructure()
    location.priority = 1
    source = pathlib.Path(folder) / "curves.json"
    source.write_text('{"keys": 12}')

    shot = session.query('Shot where name is "sh010" and parent.name is "sq030"').one()
    asset = session.create("Asset", {"name": "curves", "parent": shot})
    version = session.create("AssetVersion", {"asset": asset, "comment": "curves"})
    session.commit()
    component = version.create_component(str(source), {"name": "curves"}, location="auto")
    session.commit()

    path = pathlib.Path(location.get_filesystem_path(component))
    print(path.relative_to(f"{folder}/store").as_posix().split("/")[:3], path.read_text())
    print(location.get_component_availability(component), component["size"])
    print(session.pick_location(component)["name"])
    placed = session.query('ComponentLocation where location.name is "studio.store"').one()
    print(placed["component"]["name"], placed["component"]["version"]["comment"])
print(len(session.query('Location where name is "studio.store"')), "location")
