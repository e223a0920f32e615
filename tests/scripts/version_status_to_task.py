"""Carry the status of the latest version of each asset over to its task."""

import ftrack_api

session = ftrack_api.Session()
TASK_STATUS = {"Approved": "Completed", "Changes requested": "Changes requested"}

pending = session.query('AssetVersion where status.name is "Pending review"').all()
approved = session.query('Status where name is "Approved"').one()
for version in pending:
    version["status"] = approved
    version["comment"] = "Approved in dailies"
session.commit()
print(len(session.query('AssetVersion where status.name is "Pending review"')), "still pending")

for version in session.query(
    "AssetVersion where is_latest_version is True and task_id is_not None and "
    'status.name in ("Approved", "Changes requested")'
):
    name = TASK_STATUS[version["status"]["name"]]
    version["task"]["status"] = session.query(f'Status where name is "{name}"').one()
session.commit()

for version in session.query(
    'select task.name, task.status.name from AssetVersion where comment is "Approved in dailies" '
    "order by task.parent.name, task.parent.parent.name"
):
    task = version["task"]
    print(task["parent"]["parent"]["name"], task["parent"]["name"], task["status"]["name"])
