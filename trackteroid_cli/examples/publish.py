"""Publish a compositing version of a shot: a script as any studio has it."""

import sys

import ftrack_api

sequence_name, shot_name = sys.argv[1:]

session = ftrack_api.Session()

task = session.query(
    "select name, parent.name, parent.parent.name, project.name from Task "
    f'where name is "compositing" and parent.name is "{shot_name}" '
    f'and parent.parent.name is "{sequence_name}"'
).one()
shot = task["parent"]

asset = session.create(
    "Asset",
    {
        "name": "comp",
        "parent": shot,
        "type": session.query('AssetType where name is "Comp"').one(),
    },
)
version = session.create("AssetVersion", {"asset": asset, "task": task, "comment": "First comp"})
version["metadata"]["renderer"] = "farm-2"
version.create_component(
    f"/projects/{shot_name}/comp.%04d.exr [1001-1003]", {"name": "main"}, location=None
)

task["status"] = session.query('select name from Status where name is "Pending review"').one()
shot["custom_attributes"]["fend"] = 1132
task.create_note(
    "Comp is up for review.", author=session.query('User where username is "ines.duarte"').one()
)

session.commit()
print(f"published {asset['name']} of {shot['name']}")
