"""Build the folders of a new episode from a template, level by level."""

import ftrack_api

TEMPLATE = {
    "production": {"schedules": {}, "contracts": {}},
    "editorial": {"cuts": {"offline": {}, "online": {}}, "turnovers": {}},
    "reference": {},
}


def build(session, parent, template):
    """Create the folders of *template* below *parent*, unless they are there."""
    for name, below in template.items():
        folder = session.query(f'Folder where name is "{name}" and parent_id is "{parent["id"]}"')
        folder = folder.first() or session.create("Folder", {"name": name, "parent": parent})
        session.commit()
        build(session, folder, below)


def show(entity, depth=0):
    """Print the names of what is below *entity*."""
    for child in sorted(entity["children"], key=lambda each: each["name"]):
        print("  " * depth + child["name"], child["object_type"]["name"])
        show(child, depth + 1)


with ftrack_api.Session() as session:
    project = session.query('Project where name is "salt_and_ember"').one()
    episode = session.create("Episode", {"name": "ep101", "parent": project})
    session.commit()
    for _ in range(2):
        build(session, episode, TEMPLATE)
    show(session.query('Episode where name is "ep101"').one())
    print(len(session.query('Folder where ancestors any (name is "ep101")')), "folders")
