"""Do the work of a tool in a thread with a session of its own, as user interfaces do."""

import threading

import ftrack_api

results = []


def work(sequence_name):
    """Add a shot to the sequence."""
    with ftrack_api.Session() as session:
        sequence = session.query(
            f'Sequence where name is "{sequence_name}" and project.name is "salt_and_ember"'
        ).one()
        session.create("Shot", {"name": "sh500", "parent": sequence})
        session.commit()
        results.append(len(session.query(f'Shot where parent_id is "{sequence["id"]}"')))


main = ftrack_api.Session()
for name in ("sq010", "sq020"):
    thread = threading.Thread(target=work, args=(name,))
    thread.start()
    thread.join()
print(results)
found = main.query('Shot where name is "sh500" order by parent.name').all()
print([shot["parent"]["name"] for shot in found])
for shot in found:
    shot["description"] = "from a thread"
main.commit()
print(len(main.query('Shot where description is "from a thread"')))
