"""Set frame ranges, and find shots by them."""

import ftrack_api

session = ftrack_api.Session()


def longer_than(end):
    """Return the names of the shots that end after *end*."""
    found = session.query(
        f'select name from Shot where custom_attributes any (key is "fend" and value > {end}) '
        'and project.name is "salt_and_ember"'
    )
    return sorted(shot["name"] for shot in found)


print(longer_than(1120))
for shot in session.query('Shot where parent.name is "sq030"').all():
    shot["custom_attributes"]["fend"] = 1200
session.commit()
print(longer_than(1120), longer_than(1199))
for shot in session.query('Shot where parent.name is "sq030" and name is "sh010"'):
    shot["custom_attributes"]["fend"] = 1001
session.commit()
print(longer_than(1120))
short = session.query(
    'Shot where custom_attributes any (key is "fend" and value is 1001) '
    'or custom_attributes any (key is "slate" and value like "SQ030-%") order by parent.name, name'
)
print([f"{shot['parent']['name']}/{shot['name']}" for shot in short])
