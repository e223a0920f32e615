"""Sum the bids of the tasks of each shot into the shot, and push them back when they change."""

import ftrack_api

session = ftrack_api.Session()
WHERE = 'parent.name is "sq030" and project.name is "salt_and_ember"'
HOUR = 3600.0


def total(shot):
    tasks = session.query(f'select bid from Task where parent_id is "{shot["id"]}"')
    return sum(task["bid"] for task in tasks)


shots = session.query(f"Shot where {WHERE} order by name").all()
for place, shot in enumerate(shots):
    for number, task in enumerate(sorted(shot["children"], key=lambda each: each["name"])):
        task["bid"] = HOUR * (place + number + 1)
session.commit()

for shot in shots:
    shot["metadata"]["bid"] = str(total(shot))
session.commit()

lighting = session.query(f'Task where name is "lighting" and parent[Shot] has ({WHERE})').all()
for task in lighting:
    task["bid"] = task["bid"] * 2
session.commit()

for shot in session.query(f"select metadata from Shot where {WHERE} order by name"):
    print(shot["name"], "was", shot["metadata"]["bid"], "is", total(shot))
print(
    len(session.query(f"Task where bid > {3 * HOUR} and parent[Shot] has ({WHERE})")), "long tasks"
)
