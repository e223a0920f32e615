"""Write into each sequence how much of it is done, and read it back."""

import ftrack_api

session = ftrack_api.Session()
approved = session.query('Status where name is "Completed"').one()
for task in session.query('Task where type.name is "Layout" and project.name is "brightwater"'):
    task["status"] = approved
session.commit()

for sequence in session.query("Sequence").all():
    tasks = session.query(f'Task where parent.parent_id is "{sequence["id"]}"')
    done = session.query(
        f'Task where parent.parent_id is "{sequence["id"]}" and status.state.short is "DONE"'
    )
    sequence["metadata"]["progress"] = f"{100 * len(done) // len(tasks)}%"
    sequence["description"] = f"{len(done)} of {len(tasks)} tasks done"
session.commit()

for sequence in session.query("select name, metadata, description from Sequence order by name"):
    print(sequence["name"], sequence["metadata"]["progress"], sequence["description"])
print(len(session.query('Sequence where description like "%tasks done"')))
