"""Link the tasks of each shot in the order of work, and find what waits for what."""

import itertools

import ftrack_api

session = ftrack_api.Session()
ORDER = ("layout", "animation", "lighting", "compositing")
for shot in session.query('Shot where parent.name is "spot30"').all():
    tasks = {task["name"]: task for task in shot["children"]}
    for former, later in itertools.pairwise(ORDER):
        session.create("TypedContextLink", {"from": tasks[former], "to": tasks[later]})
session.commit()

waiting = session.query(
    'Task where project.name is "brightwater" and status.name is "Not started" '
    'and incoming_links any (from.status.state.short != "DONE") order by parent.name, name'
)
print([f"{task['parent']['name']}/{task['name']}" for task in waiting])
task = session.query('Task where name is "lighting" and parent.name is "sh060"').one()
print([link["from"]["name"] for link in task["incoming_links"]])
print([link["to"]["name"] for link in task["outgoing_links"]])
for link in session.query('TypedContextLink where to.name is "compositing"').all():
    session.delete(link)
session.commit()
print(len(session.query('TypedContextLink where from.project.name is "brightwater"')), "links")
