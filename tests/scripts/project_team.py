"""Give a project managers and allocate a group to it, and list its team."""

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "brightwater"').one()
user = session.query('User where username is "kemi.balogun"').one()
role = session.query('ManagerType where name is "Coordinator"').one()
session.create("Manager", {"context": project, "user": user, "type": role})
group = session.query('Group where name is "Finishing"').one()
session.create("Appointment", {"context": project, "resource": group, "type": "allocation"})
session.commit()

managers = session.query(f'Manager where context_id is "{project["id"]}" order by type.name')
print([(each["type"]["name"], each["user"]["username"]) for each in managers])
allocated = session.query(
    f'Appointment where context_id is "{project["id"]}" and type is "allocation"'
)
print([each["resource"]["name"] for each in allocated], len(project["managers"]))
session.delete(managers[0])
session.commit()
print(len(session.query(f'Manager where context_id is "{project["id"]}"')), "managers left")
