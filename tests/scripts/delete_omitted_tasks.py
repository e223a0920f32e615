"""Omit the tasks of a type, then delete the omitted ones that nobody is working on."""

import ftrack_api

session = ftrack_api.Session()
omitted = session.query('Status where name is "Omitted"').one()
for task in session.query('Task where type.name is "Rigging"').all():
    task["status"] = omitted
session.commit()
print(len(session.query('Task where status.name is "Omitted"')), "omitted")

for task in session.query(
    'Task where status.name is "Omitted" and parent.name in ("bottle", "orchard", "lantern")'
).all():
    session.delete(task)
session.commit()
left = session.query('Task where status.name is "Omitted" order by parent.name')
print([task["parent"]["name"] for task in left])
for build in session.query('AssetBuild where name in ("keeper", "lantern") order by name'):
    print(build["name"], [task["name"] for task in build["children"]])
