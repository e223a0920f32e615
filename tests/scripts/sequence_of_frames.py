"""Publish a render with its passes, as sequences of frames that have gaps, and list the frames."""

import ftrack_api
import ftrack_api.symbol

session = ftrack_api.Session()
shot = session.query('Shot where name is "sh020" and parent.name is "spot30"').one()
kind = session.query('AssetType where name is "Render"').one()
asset = session.create("Asset", {"name": "render", "type": kind, "parent": shot})
version = session.create("AssetVersion", {"asset": asset, "comment": "three passes"})
location = session.get("Location", ftrack_api.symbol.UNMANAGED_LOCATION_ID)
passes = {"beauty": "1-4", "depth": "1-2, 4", "cryptomatte": "2-3"}
made = []
for name, frames in passes.items():
    path = f"/renders/{name}/{name}.%03d.exr [{frames}]"
    made.append(version.create_component(path, {"name": name}, location=location))
session.commit()
for component in made:
    members = sorted(each["name"] for each in component["members"])
    print(component["name"], component["padding"], members, component["version"]["comment"])
    print("  ", location.get_filesystem_path(component["members"][0]))
print(location.get_component_availabilities(made))
