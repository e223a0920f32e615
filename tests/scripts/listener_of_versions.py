"""Listen for versions, with a session of its own, and put each on the list of the day."""

import ftrack_api
import ftrack_api.event.base

session = ftrack_api.Session()
own = ftrack_api.Session()


def add_to_list(event):
    """Put the version of the event on the list."""
    category = own.query('ListCategory where name is "Dailies"').one()
    project = own.query('Project where name is "salt_and_ember"').one()
    dailies = own.ensure(
        "AssetVersionList",
        {"name": "Today", "project_id": project["id"], "category_id": category["id"]},
        ["name", "project_id"],
    )
    version = own.query(f'AssetVersion where id is "{event["data"]["version_id"]}"').one()
    dailies["items"].append(version)
    own.commit()


session.event_hub.subscribe("topic=studio.published", add_to_list, priority=10)
for asset in session.query('Asset where name is "animation" and parent.name is "sh010"').all():
    version = session.create("AssetVersion", {"asset": asset})
    session.commit()
    session.event_hub.publish(
        ftrack_api.event.base.Event("studio.published", data={"version_id": version["id"]}),
        synchronous=True,
    )
listed = session.query('AssetVersionList where name is "Today"').one()
print(listed["name"], len(listed["items"]), listed["category"]["name"])
print([(each["asset"]["parent"]["name"], each["version"]) for each in listed["items"]])
