"""Keep a list of the hard shots of a project up to date, in the order in which they come."""

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "brightwater"').one()


def refresh():
    """Fill the list with what is hard now; return the names."""
    heroes = session.query('TypedContextList where name is "hard shots"').first()
    if heroes is None:
        category = session.query('ListCategory where name is "General"').one()
        heroes = session.create(
            "TypedContextList", {"name": "hard shots", "project": project, "category": category}
        )
    hard = session.query(
        'Shot where project.name is "brightwater" and '
        'custom_attributes any (key is "complexity" and value is "hard") order by name'
    ).all()
    heroes["items"] = hard
    session.commit()
    objects = session.query(f'ListObject where list_id is "{heroes["id"]}"')
    return [shot["name"] for shot in heroes["items"]], len(objects)


print(refresh())
for shot in session.query(
    'Shot where project.name is "brightwater" and name in ("sh010", "sh020")'
):
    shot["custom_attributes"]["complexity"] = ["hard"]
session.commit()
print(refresh())
print(len(session.query('TypedContextList where name is "hard shots"')), "list")
