"""Build a shot with tasks, people and frame range in one commit, and show what was made."""

import ftrack_api

session = ftrack_api.Session()
TASKS = {"Layout": "chidi.oyelaran", "Animation": "farah.nazari", "Compositing": "ines.duarte"}

sequence = session.query('Sequence where name is "sq030"').one()
shot = session.create("Shot", {"name": "sh045", "parent": sequence, "description": "New ending"})
shot["custom_attributes"]["fstart"] = 1001
shot["custom_attributes"]["fend"] = 1080
made = []
for type_name, username in TASKS.items():
    kind = session.query(f'Type where name is "{type_name}"').one()
    user = session.query(f'User where username is "{username}"').one()
    task = session.create("Task", {"name": type_name.lower(), "type": kind, "parent": shot})
    appointment = session.create(
        "Appointment", {"context": task, "resource": user, "type": "assignment"}
    )
    made.append((task, appointment))
session.commit()

print(shot["parent"]["name"], shot["name"], shot["description"], shot["status"]["name"])
print(shot["custom_attributes"]["fend"] - shot["custom_attributes"]["fstart"] + 1, "frames")
for task, appointment in made:
    print(task["name"], task["type"]["name"], task["status"]["name"], task["bid"])
    print("  ", appointment["type"], appointment["resource"]["username"])
