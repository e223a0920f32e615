"""Move the dates of the tasks and milestones of a project by two weeks, past weekends."""

import datetime

import ftrack_api

session = ftrack_api.Session()
WHERE = 'project.name is "salt_and_ember"'
START = datetime.datetime(2024, 3, 4, 9)
tasks = session.query(
    f'Task where {WHERE} and parent.name is "sh010" order by parent.parent.name, name'
)
for number, task in enumerate(tasks.all()):
    task["start_date"] = START + datetime.timedelta(days=number)
    task["end_date"] = START + datetime.timedelta(days=number + 2)
session.commit()

by = datetime.timedelta(days=14)
for task in session.query(f'Task where {WHERE} and start_date > "2024-03-08"').all():
    task["start_date"], task["end_date"] = task["start_date"] + by, task["end_date"] + by
for milestone in session.query(f"Milestone where {WHERE}").all():
    milestone["end_date"] = milestone["end_date"] + by
session.commit()

for task in session.query(
    f'Task where {WHERE} and parent.name is "sh010" order by start_date, name'
):
    print(task["start_date"].format("MMM D"), task["end_date"].format("MMM D"), task["name"])
milestone = session.query(f"Milestone where {WHERE}").one()
print(milestone["name"], milestone["end_date"].format("YYYY-MM-DD"))
print(len(session.query(f'Task where {WHERE} and end_date >= "2024-03-24"')), "end late")
