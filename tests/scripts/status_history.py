"""Move a task through its statuses, and read the history of it."""

import ftrack_api

session = ftrack_api.Session()
task = session.query(
    'Task where name is "lighting" and parent.name is "sh040" and parent.parent.name is "sq030"'
).one()
before = len(session.query(f'TypedContextStatusChange where parent_id is "{task["id"]}"'))
for name in ("Ready to start", "In progress", "Pending review"):
    task["status"] = session.query(f'Status where name is "{name}"').one()
    session.commit()

changes = session.query(
    "select from_status.name, status.name, user.username from TypedContextStatusChange "
    f'where parent_id is "{task["id"]}" order by date'
).all()
print(len(changes) - before, "more changes")
names = {each["status"]["name"] for each in changes}
print(sorted(names), {each["user"]["username"] for each in changes[-3:]})
print(len(task["status_changes"]) == len(changes), task["status"]["name"])
