"""Rename the shots of a sequence to steps of a hundred, and say which tasks came along."""

import ftrack_api

session = ftrack_api.Session()
sequence = session.query(
    'Sequence where name is "sq020" and project.name is "salt_and_ember"'
).one()
for number, shot in enumerate(sorted(sequence["children"], key=lambda each: each["name"]), 1):
    shot["metadata"]["former_name"] = shot["name"]
    shot["name"] = f"sh{number * 100:04}"
session.commit()

print(session.query('Shot where name is "sh010" and parent.name is "sq020"').first())
for shot in session.query('Shot where parent.name is "sq020" order by name'):
    path = "/".join(each["name"] for each in shot["link"])
    print(path, shot["metadata"]["former_name"])
task = session.query('Task where parent.name is "sh0300" and name is "layout"').one()
print("/".join(each["name"] for each in task["link"]))
