"""Report the shots whose frame range is too short, without changing anything."""

import argparse

import ftrack_api

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--shortest", type=int, default=60)
options = parser.parse_args()

with ftrack_api.Session() as session:
    short = 0
    for shot in session.query(
        "select name, parent.name, project.name, custom_attributes from Shot "
        "order by project.name, parent.name, name"
    ):
        values = shot["custom_attributes"]
        frames = int(values["fend"]) - int(values["fstart"]) + 1
        if frames < options.shortest:
            short += 1
            print("/".join((shot["project"]["name"], shot["parent"]["name"], shot["name"])), frames)
    session.commit()
print(short, "short shots")
