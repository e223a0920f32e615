"""Raise the priority of what the client waits for, and list the work of a day by priority."""

import ftrack_api

session = ftrack_api.Session()
for name, where in (
    ("Urgent", 'parent.name is "sh010" and name is "compositing"'),
    ("High", 'parent.name is "sh020" and name in ("lighting", "compositing")'),
):
    priority = session.query(f'Priority where name is "{name}"').one()
    for task in session.query(f'Task where project.name is "salt_and_ember" and {where}').all():
        task["priority"] = priority
session.commit()

work = session.query(
    'Task where priority.value > 0 and status.state.short is_not "DONE" '
    "order by priority.value desc, parent.parent.name, parent.name, name limit 8"
)
for task in work:
    print(
        task["priority"]["name"],
        task["parent"]["parent"]["name"],
        task["parent"]["name"],
        task["name"],
    )
high = session.query('Priority where name is "High"').one()
print(len(session.query(f'Task where priority_id is "{high["id"]}"')), "high")
