"""Make a list for dailies of the versions that wait for a review, and take some off it."""

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "salt_and_ember"').one()
category = session.query('ListCategory where name is "Dailies"').one()
dailies = session.create(
    "AssetVersionList",
    {"name": "Dailies 26 March", "project": project, "category": category},
)
session.commit()

versions = session.query(
    'AssetVersion where asset.type.name is "Comp" '
    'and asset.parent[Shot].project.name is "salt_and_ember"'
).all()
for version in versions:
    dailies["items"].append(version)
session.commit()

found = session.query('AssetVersionList where name is "Dailies 26 March"').one()
print(found["name"], found["category"]["name"], len(found["items"]))

dailies["items"].remove(versions[0])
session.commit()
listed = session.query('AssetVersion where lists any (name is "Dailies 26 March")')
print(sorted(version["asset"]["parent"]["name"] for version in listed))
print(len(session.query("List where project.name is salt_and_ember")), "lists in the project")
