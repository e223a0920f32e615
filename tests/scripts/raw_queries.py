"""Ask several raw queries in one call, as a dashboard does, after a change."""

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "brightwater"').one()
sequence = session.create("Sequence", {"name": "spot60", "parent": project})
for number in range(3):
    session.create("Shot", {"name": f"sh{number:03}", "parent": sequence})
session.commit()

results = session.call(
    [
        {"action": "query", "expression": expression}
        for expression in (
            'select name from Shot where parent.name is "spot60" order by name desc',
            'select name, status.name from Task where parent.name is "sh060" order by name',
            'select name from Sequence where project.name is "brightwater" limit 1',
        )
    ]
)
for result in results:
    print(result["action"], [row["name"] for row in result["data"]])
print(results[1]["data"][0]["status"]["name"], results[2]["metadata"]["next"]["offset"])
