"""Hand the open tasks of one person to another, and say what both have."""

import ftrack_api

session = ftrack_api.Session()


def open_tasks(username):
    """Return the names of the open tasks of the user, with their shots."""
    found = session.query(
        f'Task where assignments any (resource[User].username is "{username}") '
        'and status.state.short != "DONE"'
    )
    return sorted(f"{task['parent']['name']}/{task['name']}" for task in found)


leaving, taking = "ines.duarte", "jonas.achterberg"
user = session.query(f'User where username is "{taking}"').one()
for task in session.query('Task where name is "compositing" and parent.name is "sh020"').all():
    person = session.query(f'User where username is "{leaving}"').one()
    session.create("Appointment", {"context": task, "resource": person, "type": "assignment"})
session.commit()
before = open_tasks(leaving)
print(len(before), "of", leaving)
for appointment in session.query(
    f'Appointment where resource[User].username is "{leaving}" and type is "assignment" '
    'and context[Task].status.state.short != "DONE"'
).all():
    task_id = appointment["context_id"]
    session.delete(appointment)
    session.create(
        "Appointment", {"context_id": task_id, "resource_id": user["id"], "type": "assignment"}
    )
session.commit()
print(open_tasks(leaving), set(before) <= set(open_tasks(taking)))
