"""Copy the folders, sequences and asset builds of one project into a new one."""

import ftrack_api


def copy_below(session, source, target):
    """Copy what is below *source*, apart from shots and tasks, to *target*."""
    for child in source["children"]:
        if child.entity_type in ("Shot", "Task", "Milestone"):
            continue
        data = {"name": child["name"], "parent": target}
        if child.entity_type == "AssetBuild":
            data["type"] = child["type"]
        copy_below(session, child, session.create(child.entity_type, data))


with ftrack_api.Session() as session:
    source = session.query('Project where name is "salt_and_ember"').one()
    target = session.create(
        "Project",
        {
            "name": "salt_two",
            "full_name": "Salt and Ember Two",
            "project_schema": source["project_schema"],
        },
    )
    copy_below(session, source, target)
    session.commit()

with ftrack_api.Session() as session:
    target = session.query('Project where name is "salt_two"').one()
    print(target["full_name"], sorted(each["name"] for each in target["children"]))
    for kind in ("Folder", "Sequence", "AssetBuild", "Shot"):
        print(kind, len(session.query(f'{kind} where project.name is "salt_two"')))
    builds = session.query('AssetBuild where project.name is "salt_two" order by name')
    print([(each["name"], each["type"]["name"]) for each in builds])
