"""Publish a version of a task: find or make the asset, make the version, move the task on."""

import ftrack_api

session = ftrack_api.Session()


def publish(task, asset_name, type_name, comment):
    """Return a new version of the asset of *task* that is called *asset_name*."""
    kind = session.query(f'AssetType where name is "{type_name}"').one()
    asset = session.query(
        f'Asset where name is "{asset_name}" and context_id is "{task["parent_id"]}"'
    ).first()
    if asset is None:
        asset = session.create(
            "Asset", {"name": asset_name, "type": kind, "parent": task["parent"]}
        )
        print("new asset", asset_name)
    version = session.create("AssetVersion", {"asset": asset, "task": task, "comment": comment})
    task["status"] = session.query('Status where name is "Pending review"').one()
    session.commit()
    return version


task = session.query(
    'Task where name is "lighting" and parent.name is "sh030" and parent.parent.name is "sq020"'
).one()
for comment in ("first light", "warmer"):
    version = publish(task, "beauty", "Render", comment)
    print(version["asset"]["name"], f"v{version['version']:03}", version["comment"])
for version in session.query('AssetVersion where asset.name is "beauty" order by version desc'):
    print(version["version"], version["is_latest_version"], version["task"]["status"]["name"])
