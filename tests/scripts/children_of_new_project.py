"""Count the children of a project that was just created, at each step."""

import ftrack_api

with ftrack_api.Session() as session:
    schema = session.query("ProjectSchema").first()
    project = session.create("Project", {"name": "pilot", "project_schema": schema})
    session.commit()
    print(project["full_name"], len(project["children"]))
    for name in ("characters", "props"):
        session.create("Folder", {"name": name, "parent": project})
        session.commit()
        print(len(project["children"]), len(session.query('Folder where parent.name is "pilot"')))

with ftrack_api.Session() as session:
    project = session.query('Project where name is "pilot"').one()
    print(sorted(each["name"] for each in project["children"]), project["status"])
    for name, count in (("characters", 3), ("props", 2)):
        folder = session.query(f'Folder where name is "{name}" and project.name is "pilot"').one()
        for number in range(count):
            session.create("AssetBuild", {"name": f"{name}_{number}", "parent": folder})
    session.commit()
    for folder in project["children"]:
        print(folder["name"], len(folder["children"]))
