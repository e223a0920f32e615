"""Omit shots with their tasks, bring one back, and count what is left to do."""

import ftrack_api

session = ftrack_api.Session()


def set_status(shot, name):
    """Set the status of *shot* and of all of its tasks."""
    status = session.query(f'Status where name is "{name}"').one()
    shot["status"] = status
    for task in session.query(f'Task where parent_id is "{shot["id"]}"').all():
        task["status"] = status
    shot["metadata"]["omitted"] = "yes" if name == "Omitted" else "no"
    session.commit()


def left():
    """Return how many shots and tasks are not omitted."""
    return [
        len(session.query(f'{kind} where status.name is_not "Omitted"'))
        for kind in ("Shot", "Task")
    ]


print(left())
for shot in session.query('Shot where parent.name is "sq030" order by name').all():
    set_status(shot, "Omitted")
print(left())
back = session.query('Shot where status.name is "Omitted" order by name').first()
set_status(back, "Not started")
print(left(), back["name"])
found = session.query('Shot where metadata any (key is "omitted" and value is "yes") order by name')
print([shot["name"] for shot in found])
