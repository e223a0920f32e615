"""Copy components from one location on disk to another, and remove them from the first."""

import pathlib
import tempfile

import ftrack_api
import ftrack_api.accessor.disk
import ftrack_api.structure.id

session = ftrack_api.Session()


def make_location(name, folder):
    """Return a location with the files below *folder*."""
    location = session.create("Location", {"name": name})
    session.commit()
    location.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=folder)
    location.structure = ftrack_api.structure.id.IdStructure()
    return location


with tempfile.TemporaryDirectory() as near, tempfile.TemporaryDirectory() as far:
    here, there = make_location("site.near", near), make_location("site.far", far)
    components = []
    for name in ("beauty", "depth"):
        path = pathlib.Path(near) / f"{name}.txt"
        path.write_text(name)
        components.append(session.create_component(str(path), {"name": name}, location=here))
    session.commit()
    there.add_components(components, here)
    print([there.get_component_availability(each) for each in components])
    here.remove_component(components[0])
    session.commit()
    print([here.get_component_availability(each) for each in components])
    for each in session.query(
        'ComponentLocation where location.name like "site.%" order by location.name, component.name'
    ):
        print(each["location"]["name"], each["component"]["name"])
