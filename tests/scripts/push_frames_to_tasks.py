"""Push the frame range of every shot of a sequence to the metadata of its tasks."""

import argparse

import ftrack_api

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("sequence", nargs="?", default="sq020")
options = parser.parse_args()

session = ftrack_api.Session()
shots = session.query(
    f'select custom_attributes, children from Shot where parent.name is "{options.sequence}" '
    'and project.name is "salt_and_ember" order by name'
).all()
for shot in shots:
    values = shot["custom_attributes"]
    for task in shot["children"]:
        task["metadata"]["frames"] = f"{values['fstart']}-{values['fend']}"
session.commit()

tagged = session.query(
    f'Task where parent.parent.name is "{options.sequence}" and metadata any (key is "frames") '
    "order by parent.name, name"
)
print(len(tagged), "tasks have a frame range")
for task in tagged:
    if task["name"] == "animation":
        print(task["parent"]["name"], task["name"], task["metadata"]["frames"])
