"""Set the task that follows a finished one in the order of types to ready to start."""

import ftrack_api

ORDER = ["layout", "animation", "lighting", "compositing"]


def next_task(session, task):
    """Return the task that follows *task* in its shot, or None."""
    for name in ORDER[ORDER.index(task["name"]) + 1 :]:
        found = session.query(
            f'Task where name is "{name}" and parent_id is "{task["parent_id"]}"'
        ).first()
        if found:
            return found
    return None


session = ftrack_api.Session()
done = session.query('Status where name is "Completed"').one()
ready = session.query('Status where name is "Ready to start"').one()
finished = session.query(
    'Task where status.name is "In progress" and parent.parent.name is "sq010" '
    'and project.name is "salt_and_ember" order by parent.name, name'
).all()
for task in finished:
    task["status"] = done
session.commit()

for task in session.query(
    'Task where status.name is "Completed" and parent.parent.name is "sq010" '
    "order by parent.name, name"
):
    following = next_task(session, task)
    if following is not None and following["status"]["name"] == "Not started":
        following["status"] = ready
session.commit()

for task in session.query('Task where status.name is "Ready to start" order by parent.name, name'):
    print(task["parent"]["parent"]["name"], task["parent"]["name"], task["name"])
print(len(session.query('Task where status.name is "In progress"')), "in progress")
