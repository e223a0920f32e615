"""Gather the approved versions of a project on a list for delivery, and show it."""

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "salt_and_ember"').one()
user = session.query('User where username is "bruno.castellan"').one()
delivery = session.create(
    "AssetVersionList",
    {
        "name": "Delivery 1",
        "project": project,
        "owner": user,
        "category": session.query('ListCategory where name is "Deliveries"').one(),
    },
)
for version in session.query(
    'AssetVersion where status.name is "Approved" and asset.parent[Shot].project.name is '
    '"salt_and_ember" order by asset.parent.parent.name, asset.parent.name'
):
    delivery["items"].append(version)
session.commit()
print(delivery["name"], delivery["owner"]["username"], delivery["is_open"])
print([version["link"][-2]["name"] for version in delivery["items"]], delivery["project"]["name"])
delivery["is_open"] = False
session.commit()
print(delivery["is_open"], delivery["category"]["name"])
