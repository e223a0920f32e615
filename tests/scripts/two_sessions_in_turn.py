"""Open a session for each department, one after the other, each on what the last one left."""

import ftrack_api

DEPARTMENTS = ("Layout", "Animation", "Lighting")


def start(department):
    """Create the shot or find it, and add the task of *department*."""
    with ftrack_api.Session() as session:
        sequence = session.query(
            'Sequence where name is "sq010" and project.name is "salt_and_ember"'
        ).one()
        shot = session.query(
            f'Shot where name is "sh990" and parent_id is "{sequence["id"]}"'
        ).first()
        if shot is None:
            shot = session.create("Shot", {"name": "sh990", "parent": sequence})
            print(department, "creates the shot")
        kind = session.query(f'Type where name is "{department}"').one()
        session.create("Task", {"name": department.lower(), "type": kind, "parent": shot})
        session.commit()
        return len(session.query('Task where parent.name is "sh990"'))


print([start(each) for each in DEPARTMENTS])
with ftrack_api.Session() as session:
    shot = session.query('Shot where name is "sh990"').one()
    print(sorted(task["name"] for task in shot["children"]), shot["status"]["name"])
