"""Run a job of an action: tell what it does, and how it ended."""

import json

import ftrack_api

session = ftrack_api.Session()
user = session.query('User where username is "bruno.castellan"').one()
job = session.create(
    "Job", {"user": user, "status": "running", "data": json.dumps({"description": "Set frames"})}
)
session.commit()
print([each["status"] for each in session.query(f'Job where user_id is "{user["id"]}"')])

shots = session.query('Shot where parent.name is "sq010" order by name').all()
for done, shot in enumerate(shots, 1):
    shot["custom_attributes"]["fstart"] = 993
    job["data"] = json.dumps({"description": f"Set frames ({done})"})
    session.commit()
job["status"] = "done"
session.commit()

found = ftrack_api.Session().query('Job where user.username is "bruno.castellan"').one()
print(found["status"], json.loads(found["data"])["description"], found["type"])
print(len(session.query('Job where status is "running"')))
