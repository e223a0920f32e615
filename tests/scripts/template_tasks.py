"""Give every asset build that lacks them the tasks of a template."""

import ftrack_api

TEMPLATE = ("Concept", "Modeling", "Texture", "Rigging", "Lookdev")

session = ftrack_api.Session()
project = session.query('Project where name is "salt_and_ember"').one()
assets = session.query('Folder where name is "assets" and project.name is "salt_and_ember"').one()
kind = session.query('Type where name is "Prop"').one()
session.create("AssetBuild", {"name": "net", "type": kind, "parent": assets})
session.commit()

types = {each["name"]: each for each in project["project_schema"].get_types("Task")}
for build in session.query('AssetBuild where project.name is "salt_and_ember"').all():
    there = {task["type"]["name"] for task in build["children"]}
    for name in TEMPLATE:
        if name not in there:
            session.create("Task", {"name": name.lower(), "type": types[name], "parent": build})
session.commit()

for build in session.query('AssetBuild where project.name is "salt_and_ember" order by name'):
    tasks = session.query(f'select name from Task where parent_id is "{build["id"]}" order by name')
    print(build["name"], build["type"]["name"], [task["name"] for task in tasks])
