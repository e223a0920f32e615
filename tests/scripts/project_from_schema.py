"""Create a project from a schema, with a sequence, a shot and the tasks that the schema allows."""

import datetime

import ftrack_api

session = ftrack_api.Session()
schema = session.query('ProjectSchema where name is "VFX"').one()
project = session.create(
    "Project",
    {
        "name": "tidewater",
        "full_name": "Tidewater",
        "project_schema": schema,
        "start_date": datetime.datetime(2024, 5, 1),
        "end_date": datetime.datetime(2024, 9, 30),
    },
)
types = schema.get_types("Task")
statuses = schema.get_statuses("Task", types[0]["id"])
for sequence_number in range(1, 3):
    sequence = session.create("Sequence", {"name": f"sq{sequence_number:03}", "parent": project})
    for shot_number in range(1, 4):
        shot = session.create("Shot", {"name": f"sh{shot_number:03}", "parent": sequence})
        for kind in types[:3]:
            session.create(
                "Task",
                {"name": kind["name"], "type": kind, "status": statuses[1], "parent": shot},
            )
session.commit()
print(len(project["children"]), len(project["descendants"]))

for name in ("Sequence", "Shot", "Task"):
    print(name, len(session.query(f'{name} where project.name is "tidewater"')))
task = session.query('Task where project.name is "tidewater"').first()
print(task["name"], task["status"]["name"], [each["name"] for each in task["link"]])
print([each["name"] for each in session.query("Project order by name")])
