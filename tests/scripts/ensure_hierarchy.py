"""Build a sequence with shots from a list, and find it again when run a second time."""

import ftrack_api

SHOTS = {"sq700": ["sh010", "sh020", "sh030"], "sq710": ["sh010"]}


def build(session):
    """Ensure every sequence and shot, and return how many there are of each."""
    project = session.query('Project where name is "salt_and_ember"').one()
    for sequence_name, shot_names in SHOTS.items():
        sequence = session.ensure("Sequence", {"name": sequence_name, "parent_id": project["id"]})
        for shot_name in shot_names:
            session.ensure("Shot", {"name": shot_name, "parent_id": sequence["id"]})
    sequences = session.query('Sequence where name like "sq7%" order by name').all()
    return {each["name"]: len(each["children"]) for each in sequences}


with ftrack_api.Session() as session:
    print("first:", build(session))
    print("second:", build(session))
    print(len(session.query('Shot where parent.name is "sq700"')), "shots in sq700")
