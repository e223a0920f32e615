"""Change shots, and find them by every form of condition that a filter of a tool may use."""

import ftrack_api

session = ftrack_api.Session()
shots = session.query('Shot where parent.name is "sq010" order by name').all()
for number, shot in enumerate(shots):
    shot["description"] = None if number == 0 else f"Take {number}"
done = session.query('Status where name is "Completed"').one()
shots[1]["status"] = done
task = session.query(f'Task where name is "layout" and parent_id is "{shots[2]["id"]}"').one()
task["bid"] = 1000000
session.commit()

for condition in (
    'description like "Take%"',
    'description not_like "Take%"',
    "description is None",
    'description in ("Take 1", "Take 3")',
    'status.name is "Completed" and not name in ("sh020")',
    '(name is "sh010" or name is "sh020") and description is_not None',
    'children[Task] any (name is "layout" and bid > 999999)',
    "children[Task].bid > 999999",
    f'id in (select parent_id from Task where bid > 999999 or id is "{task["id"]}")',
    'status has (state.short is "DONE")',
    'parent[Sequence] has (name is "sq010" and children any (name is "sh050"))',
):
    found = session.query(f'Shot where parent.name is "sq010" and ({condition}) order by name')
    print([shot["name"] for shot in found], condition[:24])
