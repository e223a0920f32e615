"""Publish a version with components where they lie, and list where they are."""

import ftrack_api
import ftrack_api.symbol

session = ftrack_api.Session()
task = session.query(
    'Task where name is "compositing" and parent.name is "sh020" and parent.parent.name is "sq010"'
).one()
asset = session.create(
    "Asset",
    {
        "name": "comp",
        "parent": task["parent"],
        "type": session.query('AssetType where name is "Comp"').one(),
    },
)
version = session.create("AssetVersion", {"asset": asset, "task": task})
session.commit()
unmanaged = session.get("Location", ftrack_api.symbol.UNMANAGED_LOCATION_ID)
version.create_component("/shots/sq010/sh020/comp.mov", {"name": "movie"}, location=unmanaged)
version.create_component(
    "/shots/sq010/sh020/comp.%04d.exr [1001-1004]", {"name": "main"}, location=unmanaged
)
session.commit()

for component in session.query(
    'Component where version.asset.name is "comp" and version.task.parent.name is "sh020" '
    "order by name"
):
    path = unmanaged.get_filesystem_path(component)
    print(component.entity_type, component["name"], component["file_type"], path)
main = session.query('SequenceComponent where name is "main" and version.comment is ""').first()
print(main["padding"], sorted(member["name"] for member in main["members"]))
print(len(session.query('ComponentLocation where component.name is "movie"')))
