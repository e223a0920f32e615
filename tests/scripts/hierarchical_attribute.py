"""Set an attribute that is handed down on the levels of a project, and read it below."""

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "brightwater"').one()
sequence = session.query('Sequence where name is "spot30"').one()
shot = session.query('Shot where name is "sh010" and parent.name is "spot30"').one()


def show(title):
    """Print the frame rate at each level, as a new session reads it."""
    fresh = ftrack_api.Session()
    values = []
    for each in (project, sequence, shot):
        found = fresh.query(
            f'select custom_attributes from Context where id is "{each["id"]}"'
        ).one()
        values.append(found["custom_attributes"]["fps"])
    print(title, values)


show("at first")
project["custom_attributes"]["fps"] = 48
session.commit()
show("project")
sequence["custom_attributes"]["fps"] = 50
session.commit()
show("sequence")
value = session.query(
    f'CustomAttributeValue where configuration.key is "fps" and entity_id is "{sequence["id"]}"'
).one()
session.delete(value)
session.commit()
show("back")
stored = session.query(
    'CustomAttributeValue where configuration.key is "fps" and entity_id is_not None'
)
print(sorted(each["value"] for each in stored))
