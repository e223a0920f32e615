"""Move shots to another sequence, and count what both have before and after."""

import ftrack_api

session = ftrack_api.Session()


def count(name):
    """Return how many shots and tasks the sequence *name* has."""
    where = f'project.name is "salt_and_ember" and parent.name is "{name}"'
    shots = session.query(f"Shot where {where}")
    tasks = session.query(
        f'Task where project.name is "salt_and_ember" and parent.parent.name is "{name}"'
    )
    return len(shots), len(tasks)


print("sq010", count("sq010"), "sq900", count("sq900"))
project = session.query('Project where name is "salt_and_ember"').one()
target = session.create("Sequence", {"name": "sq900", "parent": project})
session.commit()
for name in ("sh030", "sh040"):
    shot = session.query(
        f'Shot where name is "{name}" and parent.name is "sq010" '
        'and project.name is "salt_and_ember"'
    ).one()
    shot["parent"] = target
    session.commit()
print("sq010", count("sq010"), "sq900", count("sq900"))
print(sorted(each["name"] for each in target["children"]))
moved = session.query('Task where name is "layout" and ancestors any (name is "sq900")')
print(sorted(task["parent"]["name"] for task in moved))
