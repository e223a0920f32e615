"""Load what a report needs in few requests, after a round of changes."""

import ftrack_api

session = ftrack_api.Session()
tasks = session.query('Task where parent.parent.name is "sq010" and name is "animation"').all()
user = session.query('User where username is "emil.sorokin"').one()
for task in tasks:
    task["bid"] = 8.0 * 3600
    session.create("Appointment", {"context": task, "resource": user, "type": "assignment"})
session.commit()

with session.auto_populating(False):
    fresh = ftrack_api.Session()
    found = fresh.query('Task where parent.parent.name is "sq010" and name is "animation"').all()
    fresh.populate(found, "bid, status.name, assignments.resource.username, parent.name")
    with fresh.auto_populating(False):
        for task in sorted(found, key=lambda each: each["parent"]["name"]):
            people = sorted(each["resource"]["username"] for each in task["assignments"])
            print(task["parent"]["name"], task["bid"], task["status"]["name"], people)
    print(session.query('select name from Task where name is "animation"').first()["name"])
