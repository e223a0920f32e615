"""Give each shot the status that the statuses of its tasks amount to."""

from collections import Counter

import ftrack_api


def rolled_up(states):
    """Return the name of the status for a shot whose tasks have *states*."""
    if all(state == "Done" for state in states):
        return "Completed"
    if any(state == "Blocked" for state in states):
        return "On Hold"
    if any(state in ("In progress", "Done") for state in states):
        return "In progress"
    return "Not started"


with ftrack_api.Session() as session:
    statuses = {each["name"]: each for each in session.query("select name from Status")}
    held = session.query('Task where name is "layout" and parent.name is "sh020"').all()
    for task in held:
        task["status"] = statuses["On Hold"]
    session.commit()

    for shot in session.query("select children[Task].status.state.name, status.name from Shot"):
        states = [task["status"]["state"]["name"] for task in shot["children"]]
        if shot["status"]["name"] != rolled_up(states):
            shot["status"] = statuses[rolled_up(states)]
    session.commit()

    for name in ("Not started", "In progress", "On Hold", "Completed"):
        found = session.query(f'select name from Shot where status.name is "{name}"')
        print(name, len(found), Counter(sorted(shot["name"] for shot in found)))
