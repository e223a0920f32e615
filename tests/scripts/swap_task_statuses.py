"""Set the statuses of tasks by a mapping of old ones to new ones, and count the changes."""

from collections import Counter

import ftrack_api

RENAMED = {"Pending review": "Completed", "Changes requested": "In progress"}

with ftrack_api.Session() as session:
    statuses = {each["name"]: each for each in session.query("Status")}
    changed = Counter()
    for task in session.query("select status.name from Task").all():
        former = task["status"]["name"]
        if former in RENAMED:
            task["status"] = statuses[RENAMED[former]]
            changed[former, task["status"]["name"]] += 1
    session.commit()
    for (former, name), count in sorted(changed.items()):
        print(former, "->", name, count)
