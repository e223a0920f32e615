"""Delete a sequence with all that is below it, and create it again, empty."""

import ftrack_api

session = ftrack_api.Session()
WHERE = 'name is "sq030" and project.name is "salt_and_ember"'


def report():
    sequence = session.query(f"Sequence where {WHERE}").first()
    shots = session.query('Shot where parent.name is "sq030"')
    versions = session.query('AssetVersion where asset.parent[Shot].parent.name is "sq030"')
    print(sequence["name"] if sequence else None, len(shots), len(versions))


report()
sequence = session.query(f"Sequence where {WHERE}").one()
project = sequence["parent"]
session.delete(sequence)
session.commit()
report()
sequence = session.create("Sequence", {"name": "sq030", "parent": project})
session.create("Shot", {"name": "sh010", "parent": sequence})
session.commit()
report()
print(len(session.query("Shot")), len(session.query("Task")), len(session.query("Note")))
