"""Assign the tasks of a type to the people of a group in turn, and report the load."""

from collections import Counter

import ftrack_api

session = ftrack_api.Session()
people = [
    each["user"]
    for each in session.query('Membership where group.name is "Finishing" order by user.username')
]
for appointment in session.query('Appointment where context[Task].type.name is "Lighting"').all():
    if appointment["resource"]["username"] == "goro.tanabe":
        session.delete(appointment)
session.commit()
tasks = session.query(
    'Task where type.name is "Lighting" and project.name is "salt_and_ember" '
    "and not assignments any () order by parent.parent.name, parent.name"
).all()
print(len(tasks), "tasks are not assigned")
for number, task in enumerate(tasks):
    session.create(
        "Appointment",
        {"context": task, "resource": people[number % len(people)], "type": "assignment"},
    )
session.commit()

load = Counter()
for appointment in session.query(
    'select resource.id from Appointment where type is "assignment" '
    'and context[Task].type.name is "Lighting"'
):
    load[session.get("User", appointment["resource_id"])["username"]] += 1
print(sorted(load.items()))
print(
    len(session.query('Task where type.name is "Lighting" and not assignments any ()')), "left over"
)
