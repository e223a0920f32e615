"""Apply rows that may be wrong, and roll back the ones that are, without losing the others."""

import ftrack_api

ROWS = [("sh010", "1001"), ("sh020", "none"), ("sh030", "1005"), ("sh990", "1001")]

session = ftrack_api.Session()
for name, start in ROWS:
    shot = session.query(f'Shot where name is "{name}" and parent.name is "sq030"').first()
    try:
        if shot is None:
            raise LookupError(f"no shot {name}")
        shot["description"] = f"starts at {start}"
        shot["custom_attributes"]["fstart"] = int(start)
    except (LookupError, ValueError) as error:
        session.rollback()
        print("skipped", name, type(error).__name__)
    else:
        session.commit()
for shot in session.query('Shot where parent.name is "sq030" order by name'):
    print(shot["name"], shot["description"], shot["custom_attributes"]["fstart"])
print(len(session.query('Shot where description like "starts at%"')))
