"""Sort projects by scope, and find the projects of each scope."""

import ftrack_api

session = ftrack_api.Session()
for name in ("Feature", "Commercial"):
    session.ensure("Scope", {"name": name})
scopes = {each["name"]: each for each in session.query("Scope")}
for project in session.query("Project order by name"):
    name = (
        "Feature"
        if project["metadata"].get("client") and len(project["name"]) > 12
        else "Commercial"
    )
    project["scopes"].append(scopes[name])
session.commit()
for name in sorted(scopes):
    found = session.query(f'Project where scopes any (name is "{name}")')
    print(name, [project["name"] for project in found])
shot = session.query('Shot where name is "sh060"').one()
shot["scopes"].append(scopes["Commercial"])
session.commit()
print([scope["name"] for scope in shot["scopes"]], len(session.query("Scope")))
