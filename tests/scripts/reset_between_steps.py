"""Reset the session between the steps of a long tool, so that each reads afresh."""

import ftrack_api

session = ftrack_api.Session()
shot = session.query('Shot where name is "sh020" and parent.name is "sq030"').one()
shot["description"] = "step one"
task = session.create("Task", {"name": "cleanplate", "parent": shot})
session.commit()
session.reset()

shot = session.query('Shot where name is "sh020" and parent.name is "sq030"').one()
print(shot["description"], "cleanplate" in [each["name"] for each in shot["children"]])
task = session.query('Task where name is "cleanplate"').one()
print(task["type"]["name"], task["status"]["name"], task["bid"], task["object_type"]["name"])
task["name"] = "plate"
session.commit()
session.reset()
print(
    len(session.query('Task where name is "cleanplate"')),
    len(session.query('Task where name is "plate"')),
)
task = session.query('Task where name is "plate"').one()
print([each["name"] for each in task["link"]][1:], task["created_by"]["username"])
