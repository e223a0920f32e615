"""Write with one session and read with another, as two departments do in one tool."""

import ftrack_api

editorial = ftrack_api.Session()
layout = ftrack_api.Session()
sequence = editorial.query('Sequence where name is "sq020"').one()
seen = layout.query('Shot where parent.name is "sq020" and name is "sh010"').one()
print(seen["description"], len(layout.query('Shot where parent.name is "sq020"')))

shot = editorial.create("Shot", {"name": "sh015", "parent": sequence})
editorial.get("Shot", seen["id"])["description"] = "Cut in half"
editorial.commit()

found = layout.query('Shot where parent.name is "sq020" and name is "sh015"').one()
print(
    found["name"], found["parent"]["name"], len(layout.query('Shot where parent.name is "sq020"'))
)
kind = layout.query('Type where name is "Layout"').one()
layout.create("Task", {"name": "layout", "type": kind, "parent": found})
layout.commit()
print([task["name"] for task in editorial.query(f'Task where parent_id is "{shot["id"]}"')])
fresh = ftrack_api.Session()
print(fresh.get("Shot", seen["id"])["description"])
