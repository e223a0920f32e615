"""Merge one sequence into another: move its shots, renumber them, delete what is left."""

import ftrack_api

with ftrack_api.Session() as session:
    project = session.query('Project where name is "salt_and_ember"').one()
    keep, drop = (
        session.query(f'Sequence where name is "{name}" and project_id is "{project["id"]}"').one()
        for name in ("sq020", "sq030")
    )
    number = max(int(shot["name"][2:]) for shot in keep["children"])
    for shot in session.query(f'Shot where parent_id is "{drop["id"]}" order by name').all():
        number += 10
        shot["name"], shot["parent_id"] = f"sh{number:03}", keep["id"]
    session.commit()

    if not len(session.query(f'TypedContext where parent_id is "{drop["id"]}"')):
        session.delete(drop)
        session.commit()

    print([each["name"] for each in session.query("Sequence order by name")])
    shots = session.query(f'Shot where parent_id is "{keep["id"]}" order by name')
    print([shot["name"] for shot in shots])
    print(len(session.query('Task where parent.parent.name is "sq020"')), "tasks")
    print(session.query('Sequence where name is "sq030"').first())
